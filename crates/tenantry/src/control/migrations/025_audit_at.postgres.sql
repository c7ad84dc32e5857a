-- The control store, internal migration 25: the audit log of a time.

CREATE INDEX audit_at ON audit (at, id);
