-- Who is named in which webhook, so that forgetting somebody needs no walk through all bodies.
CREATE TABLE mentions (
    person INTEGER NOT NULL,
    webhook INTEGER NOT NULL,
    PRIMARY KEY (person, webhook)
) STRICT, WITHOUT ROWID;

-- Whoever was forgotten, as keyed hashes of their participants and addresses.
CREATE TABLE tombstones (
    hash BLOB NOT NULL PRIMARY KEY,
    forgotten_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Webhooks whose body isn't what was received any more, with the SHA-256 of what it is now.
CREATE TABLE redactions (
    webhook INTEGER PRIMARY KEY,
    sha256 BLOB NOT NULL
) STRICT;

-- Webhooks up to this one have no mentions; forgetting somebody reads their bodies.
INSERT INTO meta (key, value) SELECT 'mentions_after', COALESCE(MAX(seq), 0) FROM inbox;
