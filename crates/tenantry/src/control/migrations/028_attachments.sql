-- The control store, internal migration 28: databases that owners made, and that operators attached by URL.

CREATE TABLE attachments (
  -- Random number, which the name of the server contains.
  id INTEGER PRIMARY KEY,
  tenant INTEGER NOT NULL,
  store TEXT NOT NULL,
  -- Name of the server that stands for the database.
  server TEXT NOT NULL UNIQUE,
  engine TEXT NOT NULL,
  -- Address without credentials, for people.
  address TEXT NOT NULL,
  -- What identifies the database, whatever the URL.
  identity TEXT NOT NULL,
  -- The URL: sealed with the key, or as it is if key_id is null.
  url TEXT NOT NULL,
  key_id TEXT,
  -- 1 if the platform may create and migrate the tables of the models there.
  grants_schema INTEGER NOT NULL,
  attached_at INTEGER NOT NULL,
  detached_at INTEGER,
  -- Result of the last check that differed from the one before, and its time.
  health TEXT NOT NULL,
  health_detail TEXT,
  health_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX attachments_identity ON attachments (identity) WHERE detached_at IS NULL;
CREATE INDEX attachments_tenant ON attachments (tenant, store);
CREATE INDEX attachments_unwell ON attachments (id) WHERE detached_at IS NULL AND health <> 'ok';
