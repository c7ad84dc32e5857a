-- The control store, internal migration 1. Instants are integer microseconds since 1970, UTC.
-- Never edit a migration that was released: add one.

CREATE TABLE tenants (
  id INTEGER PRIMARY KEY AUTOINCREMENT,          -- never reused
  slug TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  email TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('creating','active','suspended','cancelled','purging','gone')),
  state_reason TEXT,
  created_at INTEGER NOT NULL,
  state_at INTEGER NOT NULL,
  maintenance TEXT,                              -- why only staff may enter now; null: everybody may
  cancelled_at INTEGER,                          -- asked to end; null: it stays
  closes_at INTEGER,                             -- works until then
  purges_at INTEGER,                             -- kept until then (`staged-deletion`)
  closed_from TEXT CHECK (closed_from IN ('active','suspended')), -- what it goes back to when taken back
  settings TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(settings)),
  CHECK ((cancelled_at IS NULL) = (closes_at IS NULL) AND (cancelled_at IS NULL) = (purges_at IS NULL))
) STRICT;
CREATE INDEX tenants_state ON tenants (state, id);
-- What tokens of other issuers call a tenant; nobody else may be called the same.
CREATE UNIQUE INDEX tenants_external ON tenants (settings ->> 'external_id') WHERE settings ->> 'external_id' IS NOT NULL;
CREATE INDEX tenants_closing ON tenants (closes_at) WHERE closes_at IS NOT NULL AND state IN ('active','suspended');
CREATE INDEX tenants_purging ON tenants (purges_at) WHERE state = 'cancelled';

-- Names that must not name another tenant: former slugs (tenant set) and those of purged tenants.
CREATE TABLE retired_slugs (
  slug TEXT PRIMARY KEY,
  tenant INTEGER,
  retired_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Where each (tenant, store) lies: the only source of routing (`catalog-placement`). Tenant 0 is the platform itself.
-- Rows stay after the database is gone, so that no physical name is ever used twice (`no-reuse`).
CREATE TABLE placements (
  id INTEGER PRIMARY KEY,
  tenant INTEGER NOT NULL,
  store TEXT NOT NULL,
  server TEXT NOT NULL,
  isolation TEXT NOT NULL CHECK (isolation IN ('pooled','database')),
  provision TEXT NOT NULL CHECK (provision IN ('managed','external','on_demand')),
  base TEXT NOT NULL,                            -- the human name; physical is base _ generation, or what the owner chose
  physical TEXT NOT NULL,
  generation INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('planned','ready','beside','kept','gone')),
  schema_version TEXT,                           -- fingerprint of the applied migrations, null before the first
  migration_error TEXT,                          -- why the last migration failed here, null when it did not
  source_version TEXT,                           -- beside: schema_version of the ready one when this was recorded
  until INTEGER,                                 -- kept: when its database may be removed; null: when released
  kept_at INTEGER                                -- kept: since when it is out of use; null: it never was in use
) STRICT;
-- Routed to: at most one. Copies (beside) and old databases (kept) are not.
CREATE UNIQUE INDEX placements_live ON placements (tenant, store) WHERE state IN ('planned','ready');
CREATE UNIQUE INDEX placements_generation ON placements (tenant, store, generation);
CREATE INDEX placements_kept ON placements (until) WHERE state = 'kept';
CREATE UNIQUE INDEX placements_name ON placements (server, base, generation) WHERE isolation = 'database';
CREATE INDEX placements_version ON placements (store, schema_version, provision, tenant) WHERE state = 'ready';

CREATE TABLE users (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  email TEXT NOT NULL UNIQUE,                    -- lower case
  name TEXT NOT NULL,
  password_hash TEXT,                            -- PHC string; null: cannot log in with a password
  is_superuser INTEGER NOT NULL DEFAULT 0 CHECK (is_superuser IN (0,1)),
  is_staff INTEGER NOT NULL DEFAULT 0 CHECK (is_staff IN (0,1)),
  is_active INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0,1)),
  created_at INTEGER NOT NULL,
  last_login_at INTEGER,
  failed_logins INTEGER NOT NULL DEFAULT 0,
  locked_until INTEGER,
  credentials_at INTEGER NOT NULL                -- sessions older than this are void
) STRICT;

-- Identities at other issuers (JWT sub) that stand for a user.
CREATE TABLE identities (
  issuer TEXT NOT NULL,
  subject TEXT NOT NULL,
  user INTEGER NOT NULL REFERENCES users (id),
  created_at INTEGER NOT NULL,
  PRIMARY KEY (issuer, subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX identities_user ON identities (user);

CREATE TABLE memberships (
  user INTEGER NOT NULL REFERENCES users (id),
  tenant INTEGER NOT NULL REFERENCES tenants (id),
  role TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (user, tenant)
) STRICT, WITHOUT ROWID;
CREATE INDEX memberships_tenant ON memberships (tenant, role);

CREATE TABLE plans (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  code TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  position INTEGER NOT NULL,
  trial_days INTEGER NOT NULL,
  price TEXT NOT NULL,                           -- shown to people; the platform does not bill
  limits TEXT NOT NULL CHECK (json_valid(limits)),
  features TEXT NOT NULL CHECK (json_valid(features)),
  archived INTEGER NOT NULL DEFAULT 0 CHECK (archived IN (0,1))
) STRICT;

CREATE TABLE subscriptions (
  tenant INTEGER PRIMARY KEY REFERENCES tenants (id),
  plan INTEGER NOT NULL REFERENCES plans (id),
  state TEXT NOT NULL CHECK (state IN ('trial','active','past_due','cancelled','expired')),
  started_at INTEGER NOT NULL,
  ends_at INTEGER,                               -- of the trial or paid period; null: open-ended
  updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX subscriptions_end ON subscriptions (state, ends_at);

CREATE TABLE sessions (
  id INTEGER PRIMARY KEY AUTOINCREMENT,          -- to list and revoke by
  token_hash TEXT NOT NULL UNIQUE,               -- hex SHA-256 of the token; the token itself is nowhere
  user INTEGER NOT NULL REFERENCES users (id),
  tenant INTEGER,                                -- chosen tenant, if any
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  seen_at INTEGER NOT NULL,
  impersonator INTEGER REFERENCES users (id),    -- who acts as this user
  reason TEXT,                                   -- why; set with impersonator
  address TEXT,
  agent TEXT,
  CHECK ((impersonator IS NULL) = (reason IS NULL))
) STRICT;
CREATE INDEX sessions_user ON sessions (user);
CREATE INDEX sessions_tenant ON sessions (tenant) WHERE tenant IS NOT NULL;
CREATE INDEX sessions_impersonator ON sessions (impersonator) WHERE impersonator IS NOT NULL;
CREATE INDEX sessions_expiry ON sessions (expires_at);

CREATE TABLE api_keys (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant INTEGER NOT NULL REFERENCES tenants (id),
  name TEXT NOT NULL,
  prefix TEXT NOT NULL,                          -- first characters, to recognise it by
  hash TEXT NOT NULL UNIQUE,                     -- hex SHA-256 of the key
  role TEXT NOT NULL,
  created_by INTEGER REFERENCES users (id),
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  seen_at INTEGER,
  revoked_at INTEGER
) STRICT;
CREATE INDEX api_keys_tenant ON api_keys (tenant);

CREATE TABLE settings (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL CHECK (json_valid(value)),
  updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Append-only, hash-chained (`audited-commit`). hash = SHA-256(prev_hash, every other column), see audit/chain.rs.
CREATE TABLE audit (
  id INTEGER PRIMARY KEY,                        -- gapless from 1
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  impersonator TEXT,
  tenant INTEGER,
  action TEXT NOT NULL,
  detail TEXT NOT NULL,
  prev_hash TEXT NOT NULL,
  hash TEXT NOT NULL
) STRICT;
CREATE INDEX audit_tenant ON audit (tenant, id) WHERE tenant IS NOT NULL;

-- The journal: one row an operation; cursor is the first step not known to be done.
CREATE TABLE operations (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL,
  what TEXT NOT NULL,                            -- for people, in a few words
  tenant INTEGER,
  state TEXT NOT NULL CHECK (state IN ('running','unwinding','done','undone')),
  cursor INTEGER NOT NULL,
  data TEXT NOT NULL,                            -- what the steps need; emptied when the operation ends
  by_actor TEXT NOT NULL,
  by_impersonator TEXT,
  progress TEXT CHECK (json_valid(progress)),    -- of the step at work: done, total, unit; null: it tells none
  cancel_requested INTEGER NOT NULL DEFAULT 0 CHECK (cancel_requested IN (0,1)),
  result TEXT CHECK (json_valid(result)),        -- what came of it, public; kept after the end
  error TEXT,                                    -- why it went back or rests; private detail
  error_public TEXT,                             -- the same, as anybody may read it
  attempts INTEGER NOT NULL DEFAULT 1,
  lease_owner TEXT,
  lease_until INTEGER,
  started_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;
-- The open operations: one a tenant (`two-workers`), any number without.
CREATE UNIQUE INDEX operations_open ON operations (tenant) WHERE state IN ('running','unwinding');
CREATE INDEX operations_tenant ON operations (tenant, id) WHERE tenant IS NOT NULL;

-- Databases that a migration run has in hand: no operation begins there. See operations/claims.rs.
CREATE TABLE migrating (
  key TEXT PRIMARY KEY,                          -- tenant:ID or pool:SERVER/DATABASE
  owner TEXT NOT NULL,
  until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What other processes must drop from their caches, in order. Pruned; who is behind the oldest row drops all.
CREATE TABLE invalidations (
  seq INTEGER PRIMARY KEY,                       -- gapless: the newest rows are never removed
  kind TEXT NOT NULL,
  key TEXT NOT NULL
) STRICT;

-- What backups there are. Their manifests say the same where they lie: from them this table is made
-- again when it is lost.
CREATE TABLE backups (
  id TEXT PRIMARY KEY,
  tenant INTEGER,                                -- null: the platform's own stores
  slug TEXT,                                     -- the tenant's slug at that time
  state TEXT NOT NULL CHECK (state IN ('running','good','failed','damaged')),
  reason TEXT NOT NULL CHECK (reason IN ('manual','scheduled','final')),
  schedule TEXT,
  run INTEGER,                                   -- of backup_runs, if it was made by one
  at INTEGER NOT NULL,                           -- of its state; while it runs: of its begin
  rows INTEGER NOT NULL DEFAULT 0,
  bytes INTEGER NOT NULL DEFAULT 0,
  stored_bytes INTEGER NOT NULL DEFAULT 0,       -- compressed
  by_actor TEXT NOT NULL,
  error TEXT,                                    -- why it failed, or how it is damaged
  verified_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX backups_tenant ON backups (tenant, state, at);
CREATE INDEX backups_run ON backups (run, tenant) WHERE run IS NOT NULL;
CREATE INDEX backups_trouble ON backups (at) WHERE state IN ('failed','damaged','running');

-- Backups of many at once.
CREATE TABLE backup_runs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  schedule TEXT,                                 -- null: somebody asked
  slot INTEGER,                                  -- instant of the schedule that it serves
  by_actor TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  finished_at INTEGER,
  good INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0
) STRICT;
-- No slot is served twice.
CREATE UNIQUE INDEX backup_runs_slot ON backup_runs (schedule, slot) WHERE slot IS NOT NULL;

-- Schedules of the configuration, since when they are known: earlier slots are nobody's.
CREATE TABLE backup_schedules (
  name TEXT PRIMARY KEY,
  since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Restores beside a live tenant, and what became of them.
CREATE TABLE restores (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant INTEGER NOT NULL,
  backup TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('beside','swapped','undone','discarded')),
  places TEXT NOT NULL CHECK (json_valid(places)), -- for each store where it is and what it stands beside
  at INTEGER NOT NULL
) STRICT;
-- One at a time beside a tenant.
CREATE UNIQUE INDEX restores_beside ON restores (tenant) WHERE state = 'beside';
