-- See 030_licences.sql.

CREATE TABLE licences (
  tenant bigint PRIMARY KEY REFERENCES tenants (id),
  license_type text NOT NULL,
  status text NOT NULL,
  starts_at bigint NOT NULL,
  expires_at bigint,
  grace_days bigint NOT NULL,
  features text NOT NULL,
  limits text NOT NULL,
  key_id text NOT NULL UNIQUE,
  licence_key text NOT NULL,
  issued_at bigint NOT NULL
);
CREATE INDEX licences_status ON licences (status, tenant);
CREATE INDEX licences_type ON licences (license_type, tenant);

CREATE TABLE revoked_keys (
  key_id text PRIMARY KEY,
  revoked_at bigint NOT NULL,
  expires_at bigint
);
CREATE INDEX revoked_keys_expires_at ON revoked_keys (expires_at);
