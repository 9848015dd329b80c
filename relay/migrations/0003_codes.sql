-- What a link was made for ('support', 'personal', 'code', 'command'), and by whom; NULL for links of before and of other makers.
ALTER TABLE links ADD COLUMN kind TEXT;
ALTER TABLE links ADD COLUMN maker TEXT;

-- Eight-digit codes that support reads aloud. Times are Unix seconds.
CREATE TABLE codes (
    -- The SHA-256 of the code, in base64url.
    hash TEXT PRIMARY KEY,
    -- The code's first three digits: a wrong code counts as a try for the codes that begin like it.
    beginning TEXT NOT NULL,
    username TEXT NOT NULL,
    maker TEXT NOT NULL,
    expires BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    used BIGINT
);

CREATE INDEX codes_by_beginning ON codes (beginning);
CREATE INDEX codes_by_username ON codes (username);

-- The wallboard's address: one row at most.
CREATE TABLE wall (
    id BIGINT PRIMARY KEY,
    hash TEXT NOT NULL,
    maker TEXT NOT NULL,
    made BIGINT NOT NULL
);

INSERT INTO versions (topic, version) VALUES ('wall', 0);
