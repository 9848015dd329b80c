-- Files of the data directory that all relays of one server's database share. Each relay has a copy of its own.
CREATE TABLE shared_files (
    -- The topic's name.
    name TEXT PRIMARY KEY,
    content TEXT NOT NULL
);

INSERT INTO versions (topic, version) VALUES ('link_keys', 0);
INSERT INTO versions (topic, version) VALUES ('agents', 0);
