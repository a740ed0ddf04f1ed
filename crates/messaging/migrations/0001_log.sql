-- The log, its keys and its index.
--
-- Entries of one conversation that one commit appends stand at consecutive positions, so one row of the index, an
-- extent, names them all; the last extent of a conversation is its head.

CREATE TABLE messaging_entry (
    position     INTEGER PRIMARY KEY,     -- 1, 2, 3 … over the whole store, in commit order
    conversation VARBINARY(16) NOT NULL,
    seq          BIGINT NOT NULL,
    sender       VARBINARY(16) NOT NULL,
    cmid         VARBINARY(16) NOT NULL,
    at           BIGINT NOT NULL,         -- server_ts, milliseconds
    kind         SMALLINT NOT NULL,       -- 1 message, 2 notice
    version      BIGINT NOT NULL,         -- 1, and one more for each change of the body
    countable_no BIGINT NOT NULL,         -- how many countable entries there are up to and with this one
    checksum     BIGINT NOT NULL,         -- CRC-32 over everything above but countable_no, and the body
    body         BLOB NOT NULL            -- an encoded Content
);

-- The idempotency of sends. The cmid comes first: ids that rise with time keep the inserts at the end of the tree.
CREATE TABLE messaging_key (
    cmid         VARBINARY(16) NOT NULL,
    conversation VARBINARY(16) NOT NULL,
    sender       VARBINARY(16) NOT NULL,
    position     BIGINT NOT NULL,
    payload_hash VARBINARY(16) NOT NULL,
    PRIMARY KEY (cmid, conversation, sender)
) /* clustered */;

CREATE TABLE messaging_extent (
    conversation   VARBINARY(16) NOT NULL,
    first_seq      BIGINT NOT NULL,
    first_position BIGINT NOT NULL,
    entries        BIGINT NOT NULL,
    countable      BIGINT NOT NULL,       -- countable entries up to and with the extent's last
    last_at        BIGINT NOT NULL,       -- server_ts of the extent's last
    PRIMARY KEY (conversation, first_seq)
) /* clustered */;

CREATE TABLE messaging_conversation (
    id           VARBINARY(16) NOT NULL PRIMARY KEY,
    kind         SMALLINT NOT NULL,       -- 1 direct, 2 group
    title        VARCHAR(256) NOT NULL,
    avatar       VARCHAR(256) NOT NULL,
    creator      VARBINARY(16) NOT NULL,
    created_at   BIGINT NOT NULL,
    member_count BIGINT NOT NULL
) /* clustered */;

-- What a person may read of a conversation: a row for each stay. to_seq NULL: is a member now.
CREATE TABLE messaging_member (
    conversation VARBINARY(16) NOT NULL,
    user_id      VARBINARY(16) NOT NULL,
    from_seq     BIGINT NOT NULL,         -- the entry of joining is the first they see
    to_seq       BIGINT,                  -- the entry of leaving or removal is the last
    role         SMALLINT NOT NULL,       -- 1 member, 2 admin, 3 owner
    joined_at    BIGINT NOT NULL,
    PRIMARY KEY (conversation, user_id, from_seq)
) /* clustered */;
CREATE INDEX messaging_member_user ON messaging_member (user_id, conversation);

-- Moves when a person reads or sends. moved_position: the log's last position at that time, so that a device that
-- was away finds the move. No row: nothing read since joining.
CREATE TABLE messaging_cursor (
    user_id        VARBINARY(16) NOT NULL,
    conversation   VARBINARY(16) NOT NULL,
    read_seq       BIGINT NOT NULL,
    moved_position BIGINT NOT NULL,
    PRIMARY KEY (user_id, conversation)
) /* clustered */;

-- The one direct conversation of a pair, and whether the two may talk: messaging's own copy of what contact decided.
CREATE TABLE messaging_direct (
    user_lo          VARBINARY(16) NOT NULL,
    user_hi          VARBINARY(16) NOT NULL,
    conversation     VARBINARY(16) NOT NULL,
    relation_version BIGINT NOT NULL,
    friends          SMALLINT NOT NULL,
    PRIMARY KEY (user_lo, user_hi)
) /* clustered */;

-- How many groups a person is in now. Direct conversations are bounded by the number of friends.
CREATE TABLE messaging_person (
    user_id VARBINARY(16) NOT NULL PRIMARY KEY,
    joined  BIGINT NOT NULL
) /* clustered */;

CREATE TABLE messaging_invitation (
    user_id      VARBINARY(16) NOT NULL,
    conversation VARBINARY(16) NOT NULL,
    invited_by   VARBINARY(16) NOT NULL,
    created_at   BIGINT NOT NULL,
    PRIMARY KEY (user_id, conversation)
) /* clustered */;
