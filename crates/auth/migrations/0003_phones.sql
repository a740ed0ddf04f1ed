-- The account's phone number in E.164; NULL: none. phone_told 0: the profile does not show it yet as it is here.
ALTER TABLE auth_account ADD COLUMN phone VARCHAR(16) NULL;
ALTER TABLE auth_account ADD COLUMN phone_told SMALLINT NOT NULL DEFAULT 1;
CREATE UNIQUE INDEX auth_account_phone ON auth_account (phone);
CREATE INDEX auth_account_untold ON auth_account (phone_told);
-- Codes that were sent and not used yet. `mac` is over everything that a code is good for, and the code; numbers stand
-- here as MACs too. user_id: whose code to change the number it is; empty: nobody's.
CREATE TABLE auth_code (
    code_id    VARBINARY(16) NOT NULL PRIMARY KEY,
    phone_mac  VARBINARY(32) NOT NULL,
    purpose    SMALLINT NOT NULL,
    user_id    VARBINARY(16) NOT NULL,
    mac        VARBINARY(32) NOT NULL,
    tries      BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX auth_code_expiry ON auth_code (expires_at);
CREATE INDEX auth_code_phone ON auth_code (phone_mac);
-- How many codes a number got since when, and when it may get the next.
CREATE TABLE auth_code_pace (
    phone_mac VARBINARY(32) NOT NULL PRIMARY KEY,
    sent      BIGINT NOT NULL,
    since_at  BIGINT NOT NULL,
    next_at   BIGINT NOT NULL
);
CREATE INDEX auth_code_pace_since ON auth_code_pace (since_at);
-- How many codes were sent on a day (UTC, counted since 1970).
CREATE TABLE auth_code_day (
    day  BIGINT NOT NULL PRIMARY KEY,
    sent BIGINT NOT NULL
);
-- kind 1: a session with an access and a refresh token; 2: with one opaque token, which stands in auth_opaque, hashed.
ALTER TABLE auth_session ADD COLUMN kind SMALLINT NOT NULL DEFAULT 1;
CREATE TABLE auth_opaque (
    token_hash VARBINARY(32) NOT NULL PRIMARY KEY,
    session_id VARBINARY(16) NOT NULL
);
CREATE UNIQUE INDEX auth_opaque_session ON auth_opaque (session_id);
