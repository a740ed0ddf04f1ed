-- 1: the account is closed, and nothing else is left here.
ALTER TABLE user_profile ADD COLUMN closed SMALLINT NOT NULL DEFAULT 0;
