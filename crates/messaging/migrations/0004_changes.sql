-- Messages change after they were sent: edits, recalls, reactions, pins; and what one deletes for oneself.
--
-- A change is an entry of kind 3. The words of a message stand on its own row only, and in messaging_version while the
-- configuration keeps earlier ones.

ALTER TABLE messaging_entry ADD COLUMN edited_at BIGINT NOT NULL DEFAULT 0;

CREATE TABLE messaging_version (
    conversation VARBINARY(16) NOT NULL,
    seq          BIGINT NOT NULL,
    version      BIGINT NOT NULL,
    at           BIGINT NOT NULL,
    body         BLOB NOT NULL,
    PRIMARY KEY (conversation, seq, version)
) /* clustered */;

-- Countable entries that were recalled: subtracted from what is unread.
CREATE TABLE messaging_recalled (
    conversation VARBINARY(16) NOT NULL,
    seq          BIGINT NOT NULL,
    PRIMARY KEY (conversation, seq)
) /* clustered */;

-- What a person deleted for themselves: ranges that neither meet nor overlap.
CREATE TABLE messaging_deleted (
    user_id      VARBINARY(16) NOT NULL,
    conversation VARBINARY(16) NOT NULL,
    from_seq     BIGINT NOT NULL,
    to_seq       BIGINT NOT NULL,
    PRIMARY KEY (user_id, conversation, from_seq)
) /* clustered */;
-- When that changed last, in the versions of the person's settings.
CREATE TABLE messaging_deleted_since (
    user_id      VARBINARY(16) NOT NULL,
    conversation VARBINARY(16) NOT NULL,
    version      BIGINT NOT NULL,
    PRIMARY KEY (user_id, conversation)
) /* clustered */;
CREATE INDEX messaging_deleted_version ON messaging_deleted_since (user_id, version);

CREATE TABLE messaging_reaction (
    conversation VARBINARY(16) NOT NULL,
    seq          BIGINT NOT NULL,
    emoji        VARBINARY(64) NOT NULL,
    user_id      VARBINARY(16) NOT NULL,
    at           BIGINT NOT NULL,
    PRIMARY KEY (conversation, seq, emoji, user_id)
) /* clustered */;
-- The counts as they were last told.
CREATE TABLE messaging_reaction_count (
    conversation VARBINARY(16) NOT NULL,
    seq          BIGINT NOT NULL,
    emoji        VARBINARY(64) NOT NULL,
    count        BIGINT NOT NULL,
    PRIMARY KEY (conversation, seq, emoji)
) /* clustered */;
-- Messages whose reactions moved since they were last told.
CREATE TABLE messaging_reaction_untold (
    conversation VARBINARY(16) NOT NULL,
    seq          BIGINT NOT NULL,
    user_id      VARBINARY(16) NOT NULL,  -- who moved them last
    PRIMARY KEY (conversation, seq)
) /* clustered */;

CREATE TABLE messaging_pin (
    conversation VARBINARY(16) NOT NULL,
    seq          BIGINT NOT NULL,
    pinned_by    VARBINARY(16) NOT NULL,
    pinned_at    BIGINT NOT NULL,
    PRIMARY KEY (conversation, seq)
) /* clustered */;

-- Messages meant for somebody; user_id all zero: for everybody.
CREATE TABLE messaging_mention (
    conversation VARBINARY(16) NOT NULL,
    user_id      VARBINARY(16) NOT NULL,
    seq          BIGINT NOT NULL,
    PRIMARY KEY (conversation, user_id, seq)
) /* clustered */;
