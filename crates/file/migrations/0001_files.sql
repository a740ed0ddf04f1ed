-- What is stored, once for each content. `files`: how many name it; with none it goes at the next sweep.
-- thumbnail: 0 there is none, 1 it is to be made (tries: how often that was begun), 2 it is there.
-- thumbnail_bytes, small_bytes: how large the variants are; 0: not there.
CREATE TABLE file_blob (
    sha256          VARBINARY(32) NOT NULL PRIMARY KEY,
    size            BIGINT NOT NULL,
    crc32           BIGINT NOT NULL,
    media_type      VARCHAR(64) NOT NULL,
    kind            SMALLINT NOT NULL,
    width           BIGINT NOT NULL,
    height          BIGINT NOT NULL,
    duration_ms     BIGINT NOT NULL,
    thumbnail       SMALLINT NOT NULL,
    tries           SMALLINT NOT NULL,
    thumbnail_bytes BIGINT NOT NULL,
    small_bytes     BIGINT NOT NULL,
    files           BIGINT NOT NULL
);
CREATE INDEX file_blob_thumbnail ON file_blob (thumbnail, tries);
CREATE INDEX file_blob_files ON file_blob (files);
-- Whose a complete file is, and what they call it. expires_at: when it goes unless a message names it; 0: it stays.
CREATE TABLE file_file (
    file_id    VARBINARY(16) NOT NULL PRIMARY KEY,
    owner_id   VARBINARY(16) NOT NULL,
    name       VARCHAR(255) NOT NULL,
    sha256     VARBINARY(32) NOT NULL,
    size       BIGINT NOT NULL,
    purpose    SMALLINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX file_file_owner ON file_file (owner_id, expires_at);
CREATE INDEX file_file_expires ON file_file (expires_at);
-- What is still coming. Its id becomes the file's. size = -1: not known before it ends. sha256: what the client says it
-- is, or empty. at_once = 1: it comes with one request, and nobody goes on with it after that.
CREATE TABLE file_upload (
    upload_id  VARBINARY(16) NOT NULL PRIMARY KEY,
    owner_id   VARBINARY(16) NOT NULL,
    name       VARCHAR(255) NOT NULL,
    size       BIGINT NOT NULL,
    sha256     VARBINARY(32) NOT NULL,
    part_bytes BIGINT NOT NULL,
    parts      BIGINT NOT NULL,
    at_once    SMALLINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX file_upload_owner ON file_upload (owner_id, at_once, upload_id);
CREATE INDEX file_upload_expires ON file_upload (expires_at);
-- The parts that are there: whole, and on stable storage.
CREATE TABLE file_part (
    upload_id VARBINARY(16) NOT NULL,
    part      BIGINT NOT NULL,
    size      BIGINT NOT NULL,
    PRIMARY KEY (upload_id, part)
);
-- What somebody's complete files come to.
CREATE TABLE file_usage (
    user_id VARBINARY(16) NOT NULL PRIMARY KEY,
    bytes   BIGINT NOT NULL,
    files   BIGINT NOT NULL
);
