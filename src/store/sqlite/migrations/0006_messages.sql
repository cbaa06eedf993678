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
