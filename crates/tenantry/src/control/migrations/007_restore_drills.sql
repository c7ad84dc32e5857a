-- Restores to scratch that were tried: when, of which backup, and why they failed. `slot` is the instant of the schedule
-- that a drill serves, so that two processes do not serve it twice.
CREATE TABLE restore_drills (
    id INTEGER PRIMARY KEY,
    slot INTEGER UNIQUE,
    backup TEXT,
    started_at INTEGER NOT NULL,
    finished_at INTEGER,
    error TEXT
) STRICT;
