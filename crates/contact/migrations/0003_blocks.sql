-- Since when one of a pair blocks the other; 0: does not. Part of what the two decided, as friendship is.
ALTER TABLE contact_pair ADD COLUMN lo_blocked_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE contact_pair ADD COLUMN hi_blocked_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX contact_pair_lo_blocked ON contact_pair (user_lo, lo_blocked_at);
CREATE INDEX contact_pair_hi_blocked ON contact_pair (user_hi, hi_blocked_at);
-- Whom a person blocks, as they see it. Removed ones stay, so that a device that was away learns of it.
CREATE TABLE contact_block (
    user_id         VARBINARY(16) NOT NULL,
    blocked_id      VARBINARY(16) NOT NULL,
    since_at        BIGINT NOT NULL,
    removed         SMALLINT NOT NULL,
    changed_version BIGINT NOT NULL,
    PRIMARY KEY (user_id, blocked_id)
);
CREATE INDEX contact_block_changed ON contact_block (user_id, changed_version);
