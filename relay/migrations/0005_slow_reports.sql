-- What "It is slow now" pinned, and what the desk said to it. Times are Unix milliseconds.
CREATE TABLE slow_reports (
    -- The version of the topic when the report was entered, so that a later report has a higher number.
    number BIGINT PRIMARY KEY,
    username TEXT NOT NULL,
    made BIGINT NOT NULL,
    -- The member of staff who pinned the line; NULL for the subscriber.
    maker TEXT,
    words TEXT NOT NULL,
    -- The snapshot frame of that moment, as a viewer gets it.
    snapshot TEXT NOT NULL,
    answer TEXT,
    answered BIGINT,
    answered_by TEXT,
    closed BIGINT,
    closed_by TEXT
);

CREATE INDEX slow_reports_by_line ON slow_reports (username, number);
CREATE INDEX slow_reports_by_time ON slow_reports (made);

INSERT INTO versions (topic, version) VALUES ('slow_reports', 0);
