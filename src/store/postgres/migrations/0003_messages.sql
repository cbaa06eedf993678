-- What happened to messages that effects led to. Names nobody; goes when it is old.
CREATE TABLE messages (
    -- The effect.
    event uuid NOT NULL,
    -- Customer.io's id of the message.
    delivery text COLLATE "C" NOT NULL,
    metric text COLLATE "C" NOT NULL,
    channel text NOT NULL,
    -- What sent it, such as 'campaign', and its id.
    sender text,
    sender_id text,
    -- The earliest of the times told.
    at bigint NOT NULL,
    PRIMARY KEY (event, delivery, metric)
);

CREATE INDEX messages_at ON messages (at);
