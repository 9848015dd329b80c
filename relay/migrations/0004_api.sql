-- Keys of the API. Times are Unix seconds.
CREATE TABLE api_keys (
    name TEXT PRIMARY KEY,
    -- The SHA-256 of the key, in base64url. The key itself is kept nowhere.
    digest TEXT NOT NULL UNIQUE,
    -- Names of scopes, joined by blanks.
    scopes TEXT NOT NULL,
    made BIGINT NOT NULL,
    -- The last use, to the minute.
    used BIGINT,
    revoked BIGINT
);

-- Subscribers entered by the API. Rates are bits per second.
CREATE TABLE subscribers (
    username TEXT PRIMARY KEY,
    customer TEXT,
    package TEXT,
    download BIGINT,
    upload BIGINT,
    -- What else the provider knows of the customer: a JSON array of pairs, each a name and a text.
    further TEXT,
    -- The version of the topic "subscribers" that entered or changed the row: relays read only what is newer than their copy.
    changed BIGINT NOT NULL
);

CREATE INDEX subscribers_by_change ON subscribers (changed);

-- Usernames whose rows were removed of late.
CREATE TABLE removed_subscribers (
    username TEXT PRIMARY KEY,
    changed BIGINT NOT NULL
);

CREATE INDEX removed_subscribers_by_change ON removed_subscribers (changed);

INSERT INTO versions (topic, version) VALUES ('api_keys', 0);
INSERT INTO versions (topic, version) VALUES ('subscribers', 0);
