-- The platform's own databases that were created. One that is recorded and missing is lost, and is not created again.
CREATE TABLE system_stores (
    store TEXT PRIMARY KEY,
    created_at INTEGER NOT NULL
) STRICT;
