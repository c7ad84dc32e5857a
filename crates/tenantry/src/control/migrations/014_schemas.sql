-- The control store, internal migration 14: placements may be schemas of a PostgreSQL database. The table is copied,
-- because SQLite cannot change a CHECK.

ALTER TABLE placements RENAME TO placements_before;
CREATE TABLE placements (
  id INTEGER PRIMARY KEY,
  tenant INTEGER NOT NULL,
  store TEXT NOT NULL,
  server TEXT NOT NULL,
  isolation TEXT NOT NULL CHECK (isolation IN ('pooled','schema','database')),
  provision TEXT NOT NULL CHECK (provision IN ('managed','external','on_demand')),
  base TEXT NOT NULL,                            -- the human name; physical is base _ generation, or what the owner chose
  physical TEXT NOT NULL,
  generation INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('planned','ready','beside','kept','gone')),
  schema_version TEXT,                           -- fingerprint of the applied migrations, null before the first
  migration_error TEXT,                          -- why the last migration failed here, null when it did not
  source_version TEXT,                           -- beside: schema_version of the ready one when this was recorded
  until INTEGER,                                 -- kept: when its database may be removed; null: when released
  kept_at INTEGER                                -- kept: since when it is out of use; null: it never was in use
) STRICT;
INSERT INTO placements SELECT id, tenant, store, server, isolation, provision, base, physical, generation, state,
  schema_version, migration_error, source_version, until, kept_at FROM placements_before;
DROP TABLE placements_before;
-- Routed to: at most one. Copies (beside) and old databases (kept) are not.
CREATE UNIQUE INDEX placements_live ON placements (tenant, store) WHERE state IN ('planned','ready');
CREATE UNIQUE INDEX placements_generation ON placements (tenant, store, generation);
CREATE INDEX placements_kept ON placements (until) WHERE state = 'kept';
CREATE UNIQUE INDEX placements_name ON placements (server, base, generation) WHERE isolation <> 'pooled';
CREATE INDEX placements_version ON placements (store, schema_version, provision, tenant) WHERE state = 'ready';
