-- The days behind a line, in columns of five minutes. Lines have numbers here, so that a column of a line is some ten bytes.
CREATE TABLE past_lines (
    id BIGINT PRIMARY KEY,
    username TEXT NOT NULL UNIQUE,
    -- When the line last had a column, to a day, in Unix milliseconds.
    seen BIGINT NOT NULL
);

-- One column of the lines of a shard: those whose numbers leave the same rest. A week of a line is read from one shard.
CREATE TABLE past (
    shard BIGINT NOT NULL,
    -- When the column begins, in Unix milliseconds.
    at BIGINT NOT NULL,
    -- Who wrote it: each run of each relay has its own lines, and a run may end within a column.
    writer BIGINT NOT NULL,
    columns BLOB NOT NULL,
    PRIMARY KEY (shard, at, writer)
);

INSERT INTO versions (topic, version) VALUES ('past', 0);
