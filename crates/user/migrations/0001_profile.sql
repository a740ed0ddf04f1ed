-- What people see of each other. `version` counts the changes of one profile, from 1.
CREATE TABLE user_profile (
    user_id    VARBINARY(16) NOT NULL PRIMARY KEY,
    username   VARCHAR(64) NOT NULL,
    nickname   VARCHAR(64) NOT NULL,
    avatar     VARCHAR(1024) NOT NULL,
    signature  VARCHAR(1024) NOT NULL,
    created_at BIGINT NOT NULL,
    version    BIGINT NOT NULL
);
