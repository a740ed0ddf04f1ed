-- What two people decided about each other, once for both. `version` counts the decisions; messaging has been told of
-- them up to `applied_version`; settled = 0 while it has not been told of the last. conversation_id is empty until
-- messaging named it.
CREATE TABLE contact_pair (
    user_lo         VARBINARY(16) NOT NULL,
    user_hi         VARBINARY(16) NOT NULL,
    friends         SMALLINT NOT NULL,
    since_at        BIGINT NOT NULL,
    version         BIGINT NOT NULL,
    applied_version BIGINT NOT NULL,
    settled         SMALLINT NOT NULL,
    conversation_id VARBINARY(16) NOT NULL,
    PRIMARY KEY (user_lo, user_hi)
);
CREATE INDEX contact_pair_lo ON contact_pair (user_lo, friends);
CREATE INDEX contact_pair_hi ON contact_pair (user_hi, friends);
CREATE INDEX contact_pair_settled ON contact_pair (settled);
-- What each of them sees of it. Removed ones stay, so that a device that was away learns of it.
CREATE TABLE contact_friend (
    user_id         VARBINARY(16) NOT NULL,
    friend_id       VARBINARY(16) NOT NULL,
    conversation_id VARBINARY(16) NOT NULL,
    since_at        BIGINT NOT NULL,
    removed         SMALLINT NOT NULL,
    changed_version BIGINT NOT NULL,
    PRIMARY KEY (user_id, friend_id)
);
CREATE INDEX contact_friend_changed ON contact_friend (user_id, changed_version);
-- state 1 pending, 2 accepted, 3 rejected, 4 expired, 5 accepted but messaging does not know yet (seen as pending).
-- from_version and to_version: each side's contact version when the request last changed.
CREATE TABLE contact_request (
    request_id      VARBINARY(16) NOT NULL PRIMARY KEY,
    from_user       VARBINARY(16) NOT NULL,
    to_user         VARBINARY(16) NOT NULL,
    message         VARCHAR(200) NOT NULL,
    state           SMALLINT NOT NULL,
    created_at      BIGINT NOT NULL,
    expires_at      BIGINT NOT NULL,
    conversation_id VARBINARY(16) NOT NULL,
    from_version    BIGINT NOT NULL,
    to_version      BIGINT NOT NULL
);
CREATE INDEX contact_request_sent ON contact_request (from_user, request_id);
CREATE INDEX contact_request_received ON contact_request (to_user, request_id);
CREATE INDEX contact_request_pair ON contact_request (from_user, to_user, state);
CREATE INDEX contact_request_made ON contact_request (from_user, created_at);
CREATE INDEX contact_request_open ON contact_request (state, expires_at);
CREATE INDEX contact_request_from ON contact_request (from_user, from_version);
CREATE INDEX contact_request_to ON contact_request (to_user, to_version);
-- How often something moved in a person's requests and friends.
CREATE TABLE contact_version (
    user_id VARBINARY(16) NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL
);
