-- The control store, internal migration 24: results of proofs of isolation.

CREATE TABLE proofs (
  id INTEGER PRIMARY KEY,
  -- End of the proof, in microseconds since 1970, UTC.
  at INTEGER NOT NULL,
  -- The proven tenant; null if all were proven.
  tenant INTEGER,
  actor TEXT NOT NULL,
  -- Number of violated rules.
  findings INTEGER NOT NULL,
  -- Number of places that could not be checked.
  unchecked INTEGER NOT NULL,
  -- BLAKE3 of the report, in hex. The row of the audit log has it too.
  digest TEXT NOT NULL,
  audit INTEGER NOT NULL,
  report TEXT NOT NULL CHECK (json_valid(report))
) STRICT;
CREATE INDEX proofs_tenant ON proofs (tenant, id);
