-- The control store, internal migration 21: saved views of lists.

CREATE TABLE views (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant INTEGER NOT NULL REFERENCES tenants (id),
  model TEXT NOT NULL,
  owner INTEGER REFERENCES users (id),           -- null: the owner of a shared view has left the tenant
  name TEXT NOT NULL,
  query TEXT NOT NULL,                           -- as in the address of the list
  shared INTEGER NOT NULL CHECK (shared IN (0,1)),
  CHECK (owner IS NOT NULL OR shared = 1)
) STRICT;
CREATE UNIQUE INDEX views_name ON views (tenant, model, owner, name);
CREATE INDEX views_owner ON views (owner, tenant);

-- The view with which a user's list of a model opens.
CREATE TABLE view_defaults (
  tenant INTEGER NOT NULL,
  user_id INTEGER NOT NULL REFERENCES users (id),
  model TEXT NOT NULL,
  view INTEGER NOT NULL REFERENCES views (id),
  PRIMARY KEY (tenant, user_id, model)
) STRICT, WITHOUT ROWID;
CREATE INDEX view_defaults_view ON view_defaults (view);
CREATE INDEX view_defaults_user ON view_defaults (user_id);
