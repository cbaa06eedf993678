-- "RELA" in the file's first page: what it is, for whoever can't read its tables any more.
PRAGMA application_id = 0x52454c41;

-- Times are microseconds since the epoch, ids of webhooks and effects are 16 bytes. Ids of webhooks grow with
-- the time of receipt.
--
-- A comment on a table or an index names the statements that ask for it, and what a webhook costs there. That is
-- a new participant with a referrer: two people, two effects, two rows of deliveries, each claimed and settled
-- once.

-- Single values, each as text: the hash key, the accepting clock, how far payloads were pruned, and what syncs and
-- jobs remember from one run to the next. Each plan reads one, and each settle writes the accepting clock, however many webhooks are in it.
CREATE TABLE meta (
    key TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO meta (key, value)
SELECT 'made_at', CAST(MIN(applied_at) AS TEXT) FROM schema_migrations;

-- Numbers that operators watch and the books, changed by the transactions that change what they count: one
-- statement an accept and one a settle, however many webhooks are in it.
CREATE TABLE counters (
    name TEXT NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO counters (name, value) VALUES ('dead', 0), ('delivered', 0), ('discarded', 0), ('erased', 0),
    ('mapped', 0), ('parked', 0), ('pending', 0), ('planned', 0), ('received', 0), ('replaced', 0), ('unmapped', 0);

-- Webhooks as received, one row each at the end. A row outlives its body, so that the same bytes stay known.
CREATE TABLE inbox (
    id BLOB NOT NULL,
    -- Of source, owner and body: the same bytes of another source or owner are another webhook. Each accept asks
    -- for it. It begins with the second of a GrowSurf webhook, so that its index grows at its end.
    sha256 BLOB NOT NULL PRIMARY KEY,
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
    -- 1 if at least a part of it was ever planned.
    mapped INTEGER NOT NULL DEFAULT 1,
    -- NULL once pruned. Last, because it is long.
    body BLOB
) STRICT;

-- Finds a webhook whose body is kept, pages of them, and what can be pruned. One entry a webhook at the end, and
-- none once the body is pruned.
CREATE UNIQUE INDEX inbox_kept ON inbox (id) WHERE body IS NOT NULL;
-- The same of those that are parked, for their pages and their pruning. A webhook that is mapped doesn't touch it.
CREATE INDEX inbox_parked ON inbox (id) WHERE parked IS NOT NULL;

-- One Customer.io profile each. The state is a document, because only the plan looks into it. A plan reads each
-- person that it names by identifier or participant, and writes each that has changed: two rows a webhook, one of
-- them new, and one entry of the index of identifiers.
CREATE TABLE people (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- 'email:...' or 'id:...'.
    identifier TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL
) STRICT;

-- Finds the person that a participant is. A plan asks for each that it names; one row a new participant.
CREATE TABLE participants (
    campaign TEXT NOT NULL,
    growsurf_id TEXT NOT NULL,
    person INTEGER NOT NULL REFERENCES people (id),
    PRIMARY KEY (campaign, growsurf_id)
) STRICT, WITHOUT ROWID;

-- Every effect ever planned, and the webhook that led to it. Hashes and ids only: it outlives payloads and
-- people. A plan asks for each of its effects, and adds two rows at random places: a webhook's largest cost.
CREATE TABLE effects (
    id BLOB NOT NULL PRIMARY KEY,
    -- The id of a row of the inbox.
    webhook BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- One row a person with calls: whose turn it is, and when. Accept, claim and settle each write it once, so a
-- webhook writes two rows three times.
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

-- Each claim asks for the lanes that are due, each idle dispatcher for the first that will be, and a relay that
-- takes over for those that are leased. It moves with each of the six writes of a webhook's lanes, at its ends.
CREATE INDEX lanes_due ON lanes (class, due_at, leased) WHERE due_at IS NOT NULL;

-- The calls of lanes, in the order of `seq`. A webhook adds two rows at the end, and each is written once more
-- when it is settled.
CREATE TABLE deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    lane INTEGER NOT NULL REFERENCES lanes (id),
    seq INTEGER NOT NULL,
    -- The id of a row of the inbox. No reference that SQLite checks, because most rows there have no entry in an
    -- index of ids.
    webhook BLOB,
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

-- Claims and settles ask for the pending rows of a lane. Two entries a webhook, which go when it is settled: it is
-- as long as the backlog.
CREATE INDEX deliveries_pending ON deliveries (lane, seq) WHERE state = 0;
-- Health, metrics and the warning of late calls ask for the oldest pending row, often while the backlog is long: a
-- walk over a million pending rows took half a second instead. Two entries a webhook, at its ends.
CREATE INDEX deliveries_planned ON deliveries (planned_at) WHERE state = 0;
-- For pruning, erasing and showing what a webhook led to. Two entries a webhook at the end; it isn't touched when a
-- call is delivered.
CREATE INDEX deliveries_webhook ON deliveries (webhook) WHERE webhook IS NOT NULL;

-- What is known of the deliveries in state 2, and only of them. A webhook that is delivered doesn't touch it.
CREATE TABLE dead_letters (
    delivery INTEGER PRIMARY KEY,
    died_at INTEGER NOT NULL,
    reason TEXT NOT NULL,
    field TEXT,
    attempts INTEGER NOT NULL,
    -- The status answered to the last attempt.
    http_status INTEGER
) STRICT;

-- Attempts that didn't deliver. A webhook that is delivered at once doesn't touch it.
CREATE TABLE attempts (
    id INTEGER PRIMARY KEY,
    delivery INTEGER NOT NULL,
    at INTEGER NOT NULL,
    took INTEGER NOT NULL,
    http_status INTEGER,
    outcome TEXT NOT NULL,
    reason TEXT NOT NULL
) STRICT;

-- The attempts of a dead letter are shown, and go with their delivery. Pruning asks for those of each row.
CREATE INDEX attempts_delivery ON attempts (delivery);

-- The people whom a webhook names, so that erasing a person needs no walk through all bodies. Erasing and the
-- pruning of visitors ask for it. A row a person: two a webhook, at random places.
CREATE TABLE mentions (
    person INTEGER NOT NULL,
    webhook BLOB NOT NULL,
    PRIMARY KEY (person, webhook)
) STRICT, WITHOUT ROWID;

-- Erased people, as keyed hashes of their participants and addresses. While there are any, each plan asks for
-- those that it names.
CREATE TABLE tombstones (
    hash BLOB NOT NULL PRIMARY KEY,
    forgotten_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What happened to messages that effects led to. Names nobody; goes when it is old. Only Customer.io's reports
-- write it, one row each; an effect that is shown asks for its own.
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

-- Pruning asks for the oldest.
CREATE INDEX messages_at ON messages (at);

-- Finds the person whose participant a referral link names by something else than the id. A code that
-- the participant gave up stays until somebody else takes it, so a plan looks whether it is theirs. A plan asks
-- for the link of a referrer; one row a participant with a code of their own.
CREATE TABLE links (
    campaign TEXT NOT NULL,
    code TEXT NOT NULL,
    person INTEGER NOT NULL,
    PRIMARY KEY (campaign, code)
) STRICT, WITHOUT ROWID;

-- Erasing a person asks for all of theirs. It is written with the row.
CREATE INDEX links_person ON links (person);

-- Acts of operators. No webhook touches it; no row holds an address.
CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    -- The name that the actor gave.
    name TEXT NOT NULL,
    -- 'operate', 'view' or 'none'.
    role TEXT NOT NULL,
    -- The client's address, or 'cli'.
    origin TEXT NOT NULL,
    act TEXT NOT NULL,
    -- The thing that the act is on, by its number or id.
    subject TEXT NOT NULL,
    outcome TEXT NOT NULL
) STRICT;

-- Webhooks and attempts by outcome, summed by the hour. Each relay adds to it once a minute.
CREATE TABLE traffic (
    -- Hours since the epoch.
    hour INTEGER NOT NULL,
    -- Such as 'webhook accepted'.
    what TEXT NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (hour, what)
) STRICT, WITHOUT ROWID;
