-- How far the journal stands in its index, messaging_extent, and in messaging_cursor. What comes after `through` is
-- found in memory, which is read again from the journal at start. One row.
--
-- While run_end is not 0, the rows of the entries after `through` up to and with `run_end` are being moved, and `done`
-- of them have been.

CREATE TABLE messaging_indexed (
    id      SMALLINT NOT NULL PRIMARY KEY,
    through BIGINT NOT NULL,
    run_end BIGINT NOT NULL,
    done    BIGINT NOT NULL
);
INSERT INTO messaging_indexed (id, through, run_end, done)
    SELECT 1, COALESCE(MAX(position), 0), 0, 0 FROM messaging_entry;
