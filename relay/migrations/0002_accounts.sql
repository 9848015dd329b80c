-- Accounts of the provider's staff. Times are Unix milliseconds. A hash is a SHA-256 in base64url, except for passwords.
INSERT INTO versions (topic, version) VALUES ('people', 0), ('sessions', 0), ('audit', 0);

CREATE TABLE people (
    name TEXT PRIMARY KEY,
    -- 'support' or 'admin'.
    role TEXT NOT NULL,
    -- Argon2id in the PHC string format. NULL before the invitation's use, and for people who sign in by the company's way alone.
    password TEXT,
    -- The secret of the second factor in base32; NULL without one.
    totp TEXT,
    -- The newest time step whose code was used: no code opens twice.
    totp_step BIGINT NOT NULL,
    made BIGINT NOT NULL,
    -- Written now and then, so that a request needs no write.
    last_seen BIGINT
);

-- Recovery codes of the second factor. A used code is deleted.
CREATE TABLE recovery_codes (
    name TEXT NOT NULL REFERENCES people (name) ON DELETE CASCADE,
    hash TEXT NOT NULL,
    PRIMARY KEY (name, hash)
);

-- Single-use addresses: invitations, and sign-ins made by a command.
CREATE TABLE tickets (
    hash TEXT PRIMARY KEY,
    name TEXT NOT NULL REFERENCES people (name) ON DELETE CASCADE,
    -- 'invitation' or 'sign-in'.
    kind TEXT NOT NULL,
    expires BIGINT NOT NULL,
    -- When it was used, or replaced by a newer one. Kept, so that a second use is told from a guess.
    used BIGINT
);

CREATE TABLE sessions (
    hash TEXT PRIMARY KEY,
    name TEXT NOT NULL REFERENCES people (name) ON DELETE CASCADE,
    -- 'password' or 'company'.
    way TEXT NOT NULL,
    -- 'code' before the second factor, 'in' behind it.
    step TEXT NOT NULL,
    made BIGINT NOT NULL,
    -- Written now and then.
    last_used BIGINT NOT NULL,
    -- A new second factor's secret before its first code.
    pending_totp TEXT
);

CREATE INDEX sessions_by_name ON sessions (name);

-- What people did. Entries outlive the people.
CREATE TABLE audit (
    -- The version of the topic 'audit'.
    id BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    who TEXT NOT NULL,
    role TEXT NOT NULL,
    address TEXT,
    what TEXT NOT NULL,
    line TEXT,
    detail TEXT NOT NULL
);

CREATE INDEX audit_by_time ON audit (at);
CREATE INDEX audit_by_who ON audit (who, id);
CREATE INDEX audit_by_line ON audit (line, id);
