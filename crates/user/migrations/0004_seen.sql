-- When the person was last online; 0: not known. Noted when they come and when they go, many in one transaction.
ALTER TABLE user_profile ADD COLUMN last_seen_at BIGINT NOT NULL DEFAULT 0;
