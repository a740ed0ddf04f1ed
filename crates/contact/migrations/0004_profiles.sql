-- How far friends have been told of changed profiles: of all changes through `through`, and of the change `at_no`
-- those friends whose ids are not after friend_after. One row.
CREATE TABLE contact_profile_cursor (
    id           SMALLINT NOT NULL PRIMARY KEY,
    through      BIGINT NOT NULL,
    at_no        BIGINT NOT NULL,
    friend_after VARBINARY(16) NOT NULL
);
INSERT INTO contact_profile_cursor (id, through, at_no, friend_after) VALUES (1, 0, 0, x'');
