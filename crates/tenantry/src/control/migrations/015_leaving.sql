-- The control store, internal migration 15: rows of the platform's stores that a worker is deleting. While one is recorded,
-- no row begins to refer to it.

CREATE TABLE leaving (
    model TEXT NOT NULL,
    record TEXT NOT NULL,
    owner TEXT NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (model, record)
) STRICT, WITHOUT ROWID;
