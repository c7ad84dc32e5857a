-- The control store, internal migration 18: exports of tenants that are under way, at most one of each.

CREATE TABLE exports (
  tenant INTEGER PRIMARY KEY,
  owner TEXT NOT NULL,
  until INTEGER NOT NULL
) STRICT;
