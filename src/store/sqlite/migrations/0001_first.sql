-- "RELA" in the file's first page: what it is, for whoever can't read its tables any more.
PRAGMA application_id = 0x52454c41;

-- Times are microseconds since the epoch, ids of webhooks and effects are 16 bytes.

-- Single values, each as text: the hash key, the accepting clock, how far payloads were pruned.
CREATE TABLE meta (
    key TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Numbers that operators watch, changed by the transactions that change what they count.
CREATE TABLE counters (
    name TEXT NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO counters (name, value) VALUES ('pending', 0), ('dead', 0), ('parked', 0);

-- Webhooks as received. A row outlives its body, so that the same bytes stay known.
CREATE TABLE inbox (
    seq INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    -- Of source, owner and body: the same bytes of another source or owner are another webhook. It begins
    -- with the second of a GrowSurf webhook, so that the index grows at its end.
    sha256 BLOB NOT NULL UNIQUE,
    received_at INTEGER NOT NULL,
    -- Who sent it. It alone selects the reader of the body.
    source TEXT NOT NULL,
    -- The campaign that is verified to be the sender's; NULL if none is.
    owner TEXT,
    -- The campaign it was planned in where it names none, '-' for no campaign; NULL if it names one, or
    -- wasn't planned yet.
    campaign TEXT,
    event TEXT,
    -- Why it is parked, wholly or in part; NULL if it isn't.
    parked TEXT,
    -- NULL once pruned. Last, because it is long.
    body BLOB
) STRICT;

CREATE INDEX inbox_parked ON inbox (id) WHERE parked IS NOT NULL;
CREATE INDEX inbox_prunable ON inbox (received_at) WHERE body IS NOT NULL AND parked IS NULL;

-- One Customer.io profile each. The state is a document, because only the plan looks into it.
CREATE TABLE people (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- 'email:...' or 'id:...'.
    identifier TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL
) STRICT;

-- Finds the person that a participant is.
CREATE TABLE participants (
    campaign TEXT NOT NULL,
    growsurf_id TEXT NOT NULL,
    person INTEGER NOT NULL REFERENCES people (id),
    PRIMARY KEY (campaign, growsurf_id)
) STRICT, WITHOUT ROWID;

-- Every effect ever planned, and the webhook that led to it. Hashes and ids only: it outlives payloads and
-- people.
CREATE TABLE effects (
    id BLOB NOT NULL PRIMARY KEY,
    -- The id of a row of the inbox.
    webhook BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- One row a person with calls: whose turn it is, and when.
CREATE TABLE lanes (
    id INTEGER PRIMARY KEY REFERENCES people (id),
    -- That of the most urgent pending call; when nothing is pending, 2, or 3 of a lane to GrowSurf.
    class INTEGER NOT NULL,
    -- NULL when nothing is pending; while leased, when the lease ends.
    due_at INTEGER,
    next_seq INTEGER NOT NULL,
    token INTEGER NOT NULL DEFAULT 0,
    leased INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Each claim asks it for the lanes that are due, and a relay that takes over for those that are leased. Every
-- accept, claim and settle changes it, at its ends.
CREATE INDEX lanes_due ON lanes (class, due_at, leased) WHERE due_at IS NOT NULL;

CREATE TABLE deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    lane INTEGER NOT NULL REFERENCES lanes (id),
    seq INTEGER NOT NULL,
    webhook INTEGER REFERENCES inbox (seq),
    -- 0 pending, 1 delivered, 2 dead.
    state INTEGER NOT NULL DEFAULT 0,
    -- To Customer.io: 0 live, 1 history, 2 page; to GrowSurf 3.
    class INTEGER NOT NULL,
    planned_at INTEGER NOT NULL,
    -- A track's own time; NULL for an identify.
    event_at INTEGER,
    attempts INTEGER NOT NULL DEFAULT 0,
    -- The accepting clock at the first failure.
    failing_since INTEGER,
    delivered_at INTEGER,
    call TEXT NOT NULL,
    -- The identify that goes out before the row's own call; NULL if there is none, or none any more.
    -- So a row is up to two deliveries: the identify is number 2 * id, the call 2 * id + 1.
    identify TEXT,
    -- 1 if the identify is a dead letter, and the call went on without it.
    identify_dead INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX deliveries_pending ON deliveries (lane, seq, event_at) WHERE state = 0;
CREATE INDEX deliveries_planned ON deliveries (planned_at) WHERE state = 0;
-- For pruning, erasing and showing what a webhook led to. It isn't touched when a call is delivered.
CREATE INDEX deliveries_webhook ON deliveries (webhook) WHERE webhook IS NOT NULL;

-- What is known of the deliveries in state 2, and only of them.
CREATE TABLE dead_letters (
    delivery INTEGER PRIMARY KEY,
    died_at INTEGER NOT NULL,
    reason TEXT NOT NULL,
    field TEXT,
    attempts INTEGER NOT NULL
) STRICT;

-- Attempts that didn't deliver.
CREATE TABLE attempts (
    id INTEGER PRIMARY KEY,
    delivery INTEGER NOT NULL,
    at INTEGER NOT NULL,
    took INTEGER NOT NULL,
    http_status INTEGER,
    outcome TEXT NOT NULL,
    reason TEXT NOT NULL
) STRICT;

CREATE INDEX attempts_delivery ON attempts (delivery);

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

-- What is remembered from one question to GrowSurf to the next, by name.
CREATE TABLE notes (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO notes (name, value)
SELECT 'made_at', CAST(MIN(applied_at) AS TEXT) FROM schema_migrations;

-- What happened to messages that effects led to. Names nobody; goes when it is old.
CREATE TABLE messages (
    -- The effect.
    event BLOB NOT NULL,
    -- Customer.io's id of the message.
    delivery TEXT NOT NULL,
    metric TEXT NOT NULL,
    channel TEXT NOT NULL,
    -- What sent it, such as 'campaign', and its id.
    sender TEXT,
    sender_id TEXT,
    -- The earliest of the times told.
    at INTEGER NOT NULL,
    PRIMARY KEY (event, delivery, metric)
) STRICT, WITHOUT ROWID;

CREATE INDEX messages_at ON messages (at);

-- Finds the person whose participant a referral link names by something else than the id. A code that
-- the participant gave up stays until somebody else takes it, so whoever asks looks whether it is theirs.
CREATE TABLE links (
    campaign TEXT NOT NULL,
    code TEXT NOT NULL,
    person INTEGER NOT NULL,
    PRIMARY KEY (campaign, code)
) STRICT, WITHOUT ROWID;

CREATE INDEX links_person ON links (person);
