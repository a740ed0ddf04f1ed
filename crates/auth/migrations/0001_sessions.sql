-- A login name and who it belongs to. `name_key` is the name after NFKC and case folding.
-- state 0: claimed while its profile is being made; 1: an account.
CREATE TABLE auth_account (
    name_key      VARCHAR(64) NOT NULL PRIMARY KEY,
    user_id       VARBINARY(16) NOT NULL,
    state         SMALLINT NOT NULL,
    password_hash VARCHAR(255) NOT NULL,
    claimed_at    BIGINT NOT NULL
);
CREATE UNIQUE INDEX auth_account_user ON auth_account (user_id);
CREATE INDEX auth_account_state ON auth_account (state, claimed_at);
-- A login of one device. ended_at 0: open. Ended ones stay a while, so that gateways that were away can ask.
-- token_no: the number of the refresh token that is current.
CREATE TABLE auth_session (
    session_id         VARBINARY(16) NOT NULL PRIMARY KEY,
    user_id            VARBINARY(16) NOT NULL,
    device_id          VARCHAR(36) NOT NULL,
    device_name        VARCHAR(128) NOT NULL,
    platform           VARCHAR(32) NOT NULL,
    created_at         BIGINT NOT NULL,
    last_seen_at       BIGINT NOT NULL,
    refresh_expires_at BIGINT NOT NULL,
    token_no           BIGINT NOT NULL,
    ended_at           BIGINT NOT NULL,
    reason             VARCHAR(32) NOT NULL
);
CREATE INDEX auth_session_user ON auth_session (user_id, ended_at);
CREATE INDEX auth_session_end ON auth_session (ended_at, refresh_expires_at);
-- The refresh tokens of open sessions, hashed: the current one, the one before, and older ones by which theft is seen.
-- `salt` went into making this token from the one before. used_at 0: not used yet.
CREATE TABLE auth_refresh (
    token_hash VARBINARY(32) NOT NULL PRIMARY KEY,
    session_id VARBINARY(16) NOT NULL,
    token_no   BIGINT NOT NULL,
    salt       VARBINARY(32) NOT NULL,
    used_at    BIGINT NOT NULL,
    repeats    BIGINT NOT NULL
);
CREATE UNIQUE INDEX auth_refresh_session ON auth_refresh (session_id, token_no);
