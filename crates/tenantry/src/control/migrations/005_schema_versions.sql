-- Which migrations each version of a tenant store's schema has: tells a database that is behind from one ahead.
CREATE TABLE schema_versions (
  store TEXT NOT NULL,
  version TEXT NOT NULL,                         -- as placements.schema_version has it
  migrations TEXT NOT NULL,                      -- JSON array of app/name, in the order they run
  PRIMARY KEY (store, version)
) STRICT, WITHOUT ROWID;
