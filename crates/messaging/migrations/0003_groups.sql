-- Groups grow up: announcement, rules, mutes, names within a group, links, consent, and each person's own settings.

ALTER TABLE messaging_conversation ADD COLUMN announcement VARCHAR(4096) NOT NULL DEFAULT '';
ALTER TABLE messaging_conversation ADD COLUMN approval SMALLINT NOT NULL DEFAULT 0;      -- 1: joining needs consent
ALTER TABLE messaging_conversation ADD COLUMN inviters SMALLINT NOT NULL DEFAULT 1;      -- 1 members, 2 admins
ALTER TABLE messaging_conversation ADD COLUMN history SMALLINT NOT NULL DEFAULT 1;       -- 1 from joining, 2 all
ALTER TABLE messaging_conversation ADD COLUMN muted_until BIGINT NOT NULL DEFAULT 0;
ALTER TABLE messaging_conversation ADD COLUMN dismissed_at BIGINT NOT NULL DEFAULT 0;

ALTER TABLE messaging_member ADD COLUMN nickname VARCHAR(64) NOT NULL DEFAULT '';
ALTER TABLE messaging_member ADD COLUMN muted_until BIGINT NOT NULL DEFAULT 0;
-- The entry of joining, where what they may read begins before it; 0: it begins there.
ALTER TABLE messaging_member ADD COLUMN joined_seq BIGINT NOT NULL DEFAULT 0;

CREATE TABLE messaging_join_link (
    link_id      VARBINARY(16) NOT NULL PRIMARY KEY,
    code         VARBINARY(32) NOT NULL,
    conversation VARBINARY(16) NOT NULL,
    created_by   VARBINARY(16) NOT NULL,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,         -- 0: never
    uses         BIGINT NOT NULL,
    most_uses    BIGINT NOT NULL          -- 0: without bound
) /* clustered */;
CREATE UNIQUE INDEX messaging_join_link_code ON messaging_join_link (code);
CREATE INDEX messaging_join_link_of ON messaging_join_link (conversation, link_id);

-- Who waits for an admin's consent.
CREATE TABLE messaging_join_request (
    conversation VARBINARY(16) NOT NULL,
    user_id      VARBINARY(16) NOT NULL,
    message      VARCHAR(200) NOT NULL,
    invited_by   VARBINARY(16) NOT NULL,  -- empty: by a link
    created_at   BIGINT NOT NULL,
    PRIMARY KEY (conversation, user_id)
) /* clustered */;
CREATE INDEX messaging_join_request_by ON messaging_join_request (user_id);

-- What a person has set about a conversation. No row: nothing.
CREATE TABLE messaging_setting (
    user_id        VARBINARY(16) NOT NULL,
    conversation   VARBINARY(16) NOT NULL,
    pinned_at      BIGINT NOT NULL,
    muted_until    BIGINT NOT NULL,
    archived       SMALLINT NOT NULL,
    hidden_seq     BIGINT NOT NULL,       -- out of the list while the head is not beyond it; 0: not hidden
    unread_mark    BIGINT NOT NULL,       -- marked unread when the read cursor stood there; -1: not marked
    draft          TEXT NOT NULL,
    changed_at     BIGINT NOT NULL,
    version        BIGINT NOT NULL,
    PRIMARY KEY (user_id, conversation)
) /* clustered */;
CREATE INDEX messaging_setting_since ON messaging_setting (user_id, version);

-- How often something moved in a person's settings.
ALTER TABLE messaging_person ADD COLUMN version BIGINT NOT NULL DEFAULT 0;
