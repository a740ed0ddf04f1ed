-- Whether one of the two blocks the other: while it is so, neither may send, whatever else they are to each other.
ALTER TABLE messaging_direct ADD COLUMN blocked SMALLINT NOT NULL DEFAULT 0;
