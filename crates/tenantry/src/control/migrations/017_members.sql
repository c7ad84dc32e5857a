-- The control store, internal migration 17: processes that serve the installation, where several hosts may. On SQLite there
-- are none.

CREATE TABLE members (
  node TEXT PRIMARY KEY,
  name TEXT NOT NULL,                            -- host and process, for people
  servers TEXT NOT NULL,                         -- names of the servers it knows, one a line
  kept TEXT NOT NULL,                            -- what it keeps outside of them, one configuration key and place a line
  version TEXT NOT NULL,
  acked INTEGER NOT NULL,                        -- last invalidation that its caches have applied
  started_at INTEGER NOT NULL,
  seen_at INTEGER NOT NULL,
  beats INTEGER NOT NULL                         -- how often it has told that it lives
) STRICT;
