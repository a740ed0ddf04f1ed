-- Messages name files, which are the file service's: here stands which message holds which.

-- The row comes with the message and goes with its words.
CREATE TABLE messaging_object (
    file_id      VARBINARY(16) NOT NULL,
    conversation VARBINARY(16) NOT NULL,
    seq          BIGINT NOT NULL,
    PRIMARY KEY (file_id, conversation, seq)
) /* clustered */;
CREATE INDEX messaging_object_of ON messaging_object (conversation, seq);

-- Files that began to be held or perhaps ceased to be, until the file service was told how it is; not before `due`.
CREATE TABLE messaging_object_untold (
    file_id VARBINARY(16) NOT NULL PRIMARY KEY,
    due     BIGINT NOT NULL
) /* clustered */;
CREATE INDEX messaging_object_untold_due ON messaging_object_untold (due);

-- The file of a message that is sent later; NULL: it names none.
ALTER TABLE messaging_scheduled ADD COLUMN file_id VARBINARY(16);
CREATE INDEX messaging_scheduled_file ON messaging_scheduled (file_id);
