-- What the engine itself keeps. Made where missing at every start; changed only by adding.
CREATE TABLE IF NOT EXISTS engine_migration (
    service    VARCHAR(32) NOT NULL,
    number     BIGINT NOT NULL,
    applied_at BIGINT NOT NULL,
    PRIMARY KEY (service, number)
);
-- One row. `epoch` names this store: a resume point of another store is foreign.
CREATE TABLE IF NOT EXISTS engine_store (
    id     SMALLINT NOT NULL PRIMARY KEY,
    epoch  VARBINARY(16) NOT NULL,
    starts BIGINT NOT NULL
);
INSERT OR IGNORE INTO engine_store (id, epoch, starts) VALUES (1, randomblob(16), 0);
-- Events that wait for, or were told to, the gateways. Kept for a while after.
CREATE TABLE IF NOT EXISTS engine_outbox (
    position INTEGER PRIMARY KEY,
    service  VARCHAR(32) NOT NULL,
    at       BIGINT NOT NULL,
    event    BLOB NOT NULL
);
-- Answers of calls that carried an idempotency key: ids only, 24 hours.
CREATE TABLE IF NOT EXISTS engine_once (
    user_id   VARBINARY(16) NOT NULL,
    route     VARCHAR(64) NOT NULL,
    once_key  VARCHAR(64) NOT NULL,
    body_hash VARBINARY(32) NOT NULL,
    answer    BLOB NOT NULL,
    at        BIGINT NOT NULL,
    PRIMARY KEY (user_id, route, once_key)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS engine_once_at ON engine_once (at);
