-- What a person notes about a friend for themselves. A category that was deleted may still be named here: it counts
-- only while it stands in contact_category, whose ids are never used again.
ALTER TABLE contact_friend ADD COLUMN remark VARCHAR(255) NOT NULL DEFAULT '';
ALTER TABLE contact_friend ADD COLUMN category_id VARBINARY(16) NOT NULL DEFAULT x'';
CREATE TABLE contact_category (
    user_id     VARBINARY(16) NOT NULL,
    category_id VARBINARY(16) NOT NULL,
    name        VARCHAR(255) NOT NULL,
    PRIMARY KEY (user_id, category_id)
);
-- The person's version at which their categories changed last.
ALTER TABLE contact_version ADD COLUMN categories_version BIGINT NOT NULL DEFAULT 0;
