-- The control store, internal migration 27: which document of a shared database became which row.

CREATE TABLE imported_rows (
  -- Server and database of the source.
  source TEXT NOT NULL,
  -- The tenant of the row; 0 for shared rows.
  tenant INTEGER NOT NULL,
  model TEXT NOT NULL,
  -- Field of the source by which references find the document; empty for its id.
  field TEXT NOT NULL,
  value TEXT NOT NULL,
  -- Id of the row. It is recorded before the row is written.
  record TEXT NOT NULL,
  -- 1 once the row is stored.
  done INTEGER NOT NULL,
  PRIMARY KEY (source, tenant, model, field, value)
) STRICT;
CREATE INDEX imported_rows_record ON imported_rows (tenant, source, model, record);
