-- What has a time of its own: messages that expire, messages that are sent later, and how far devices have got.

-- Messages whose words go by themselves, by when. The row goes with the words.
CREATE TABLE messaging_expiring (
    due          BIGINT NOT NULL,
    conversation VARBINARY(16) NOT NULL,
    seq          BIGINT NOT NULL,
    PRIMARY KEY (due, conversation, seq)
) /* clustered */;

-- Messages that are to be sent later. The row goes when the message is in the log, or is cancelled.
CREATE TABLE messaging_scheduled (
    user_id      VARBINARY(16) NOT NULL,
    cmid         VARBINARY(16) NOT NULL,
    conversation VARBINARY(16) NOT NULL,
    state        SMALLINT NOT NULL,       -- 1 waits, 2 is being sent, 3 was refused
    send_at      BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    expires_in   BIGINT NOT NULL,         -- milliseconds; 0: it stays
    asked        VARBINARY(16) NOT NULL,  -- hash over what was asked for first: the content and the time
    code         VARCHAR(32) NOT NULL,    -- why it was refused
    failed_at    BIGINT NOT NULL,
    body         BLOB NOT NULL,           -- an encoded Content
    PRIMARY KEY (user_id, cmid, conversation)
) /* clustered */;
CREATE INDEX messaging_scheduled_due ON messaging_scheduled (state, send_at);

-- Up to where a device holds a conversation of few people; devices that were not heard of for long give way to others.
CREATE TABLE messaging_delivered (
    user_id       VARBINARY(16) NOT NULL,
    conversation  VARBINARY(16) NOT NULL,
    session       VARBINARY(16) NOT NULL,
    delivered_seq BIGINT NOT NULL,
    PRIMARY KEY (user_id, conversation, session)
) /* clustered */;
