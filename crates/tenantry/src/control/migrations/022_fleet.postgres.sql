-- The control store, internal migration 22: lists of operators.

-- Databases whose last migration failed.
CREATE INDEX placements_failed ON placements (store, tenant) WHERE state = 'ready' AND migration_error IS NOT NULL;

-- Filters of the audit log.
CREATE INDEX audit_actor ON audit (actor, id);
CREATE INDEX audit_impersonator ON audit (impersonator, id) WHERE impersonator IS NOT NULL;
CREATE INDEX audit_action ON audit (action, id);
