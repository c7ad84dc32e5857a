-- See 019_staff.sql.

ALTER TABLE plans ADD COLUMN kept bigint NOT NULL DEFAULT 0 CHECK (kept IN (0,1));

CREATE TABLE imports (
  tenant bigint NOT NULL,
  key text NOT NULL,
  at bigint NOT NULL,
  PRIMARY KEY (tenant, key)
);
CREATE INDEX imports_at ON imports (at);

ALTER TABLE restores ADD COLUMN expires_at bigint;
CREATE INDEX restores_expiry ON restores (expires_at) WHERE state = 'beside' AND expires_at IS NOT NULL;

CREATE INDEX subscriptions_plan ON subscriptions (plan, tenant);
CREATE INDEX subscriptions_renewal ON subscriptions (coalesce(ends_at, 9223372036854775807), tenant);
CREATE INDEX mails_state ON mails (state, id);
CREATE INDEX placements_ready ON placements (tenant, store) WHERE state = 'ready';
