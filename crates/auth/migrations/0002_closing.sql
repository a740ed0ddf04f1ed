-- state 2: closing, what is the person's own is being erased; 3: closed. Neither has a password, and the name stays
-- taken. closing_at: since when.
ALTER TABLE auth_account ADD COLUMN closing_at BIGINT NOT NULL DEFAULT 0;
