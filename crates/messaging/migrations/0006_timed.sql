-- What has a time of its own: messages that expire, messages that are sent later, and how far devices have got.

-- Messages whose words go by themselves, by when. The row goes with the words.
CREATE TABLE messaging_expiring (
    due          BIGINT NOT NULL,
    conversation VARBINARY(16) NOT NULL,
    seq          BIGINT NOT NULL,
    PRIMARY KEY (due, conversation, seq)
) /* clustered */;
