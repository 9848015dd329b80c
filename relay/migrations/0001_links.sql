-- What relays hold in memory. A change raises its topic's version in the same transaction, so that each relay reads the topic again.
CREATE TABLE versions (
    topic TEXT PRIMARY KEY,
    version BIGINT NOT NULL
);

INSERT INTO versions (topic, version) VALUES ('links', 0);

-- Links that the relay made, and revoked links of any maker. Times are Unix seconds.
CREATE TABLE links (
    username TEXT NOT NULL,
    -- The claim "jti", or a digest of a token without one.
    id TEXT NOT NULL,
    -- NULL for a link of another maker, such as a billing portal.
    made BIGINT,
    expires BIGINT NOT NULL,
    revoked BIGINT,
    PRIMARY KEY (username, id)
);

CREATE INDEX links_by_end ON links (expires);

-- Every link of a line that was made before this time opens nothing.
CREATE TABLE void_before (
    username TEXT PRIMARY KEY,
    before BIGINT NOT NULL
);
