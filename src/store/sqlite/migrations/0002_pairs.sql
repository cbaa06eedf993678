-- The identify that goes out before the row's own call; NULL if there is none, or none any more.
-- So a row is up to two deliveries: the identify is number 2 * id, the call 2 * id + 1.
ALTER TABLE deliveries ADD COLUMN identify TEXT;
-- Whether the identify is a dead letter, and the call went on without it.
ALTER TABLE deliveries ADD COLUMN identify_dead INTEGER NOT NULL DEFAULT 0;

-- Both refer to deliveries now, and no more to rows.
ALTER TABLE dead_letters RENAME TO dead_rows;
CREATE TABLE dead_letters (
    delivery INTEGER PRIMARY KEY,
    died_at INTEGER NOT NULL,
    reason TEXT NOT NULL,
    field TEXT,
    attempts INTEGER NOT NULL
) STRICT;
INSERT INTO dead_letters
SELECT 2 * delivery + 1, died_at, reason, field, attempts
FROM dead_rows JOIN deliveries ON deliveries.id = dead_rows.delivery;
DROP TABLE dead_rows;

ALTER TABLE attempts RENAME TO row_attempts;
DROP INDEX attempts_delivery;
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
INSERT INTO attempts
SELECT id, 2 * delivery + 1, at, took, http_status, outcome, reason FROM row_attempts;
DROP TABLE row_attempts;
