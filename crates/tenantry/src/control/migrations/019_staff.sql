-- The control store, internal migration 19: plans that staff changed, imports that happen once, comparisons that end.

-- 1: staff changed the plan, so the configuration no longer does.
ALTER TABLE plans ADD COLUMN kept INTEGER NOT NULL DEFAULT 0 CHECK (kept IN (0,1));

-- Imports that were sent with a key, so that the same form sent again imports nothing.
CREATE TABLE imports (
  tenant INTEGER NOT NULL,                       -- 0: records of the platform's own stores
  key TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (tenant, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX imports_at ON imports (at);

-- When a staged restore is discarded by the platform; null: never.
ALTER TABLE restores ADD COLUMN expires_at INTEGER;
CREATE INDEX restores_expiry ON restores (expires_at) WHERE state = 'beside' AND expires_at IS NOT NULL;

-- Lists of staff.
CREATE INDEX subscriptions_plan ON subscriptions (plan, tenant);
CREATE INDEX subscriptions_renewal ON subscriptions (coalesce(ends_at, 9223372036854775807), tenant);
CREATE INDEX mails_state ON mails (state, id);
CREATE INDEX placements_ready ON placements (tenant, store) WHERE state = 'ready';
