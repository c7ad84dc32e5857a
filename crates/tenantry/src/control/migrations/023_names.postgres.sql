-- The control store, internal migration 23: a name of a database is looked up before it is given.

CREATE INDEX placements_physical ON placements (server, physical);
