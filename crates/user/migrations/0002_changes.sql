-- The number of a profile's last change, counted over all profiles: by it contact finds whose friends have to be told.
-- 0: never changed since it was made.
ALTER TABLE user_profile ADD COLUMN change_no BIGINT NOT NULL DEFAULT 0;
CREATE INDEX user_profile_change ON user_profile (change_no);
-- When the person may change their profile as often as ever again; see limit.rs.
ALTER TABLE user_profile ADD COLUMN changes_full_at BIGINT NOT NULL DEFAULT 0;
-- Who may do what about this person: 1 everyone, 2 friends, 3 nobody.
ALTER TABLE user_profile ADD COLUMN find_me SMALLINT NOT NULL DEFAULT 1;
ALTER TABLE user_profile ADD COLUMN request_me SMALLINT NOT NULL DEFAULT 1;
ALTER TABLE user_profile ADD COLUMN presence SMALLINT NOT NULL DEFAULT 2;
