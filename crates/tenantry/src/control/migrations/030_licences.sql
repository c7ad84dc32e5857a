-- The control store, internal migration 30: licences of tenants, and the keys that are revoked.

CREATE TABLE licences (
  tenant INTEGER PRIMARY KEY REFERENCES tenants (id),
  -- Type of the licence, as the contract names it.
  license_type TEXT NOT NULL,
  -- active, suspended or revoked; a licence expires by its dates alone.
  status TEXT NOT NULL,
  starts_at INTEGER NOT NULL,
  -- NULL for a licence without an end.
  expires_at INTEGER,
  grace_days INTEGER NOT NULL,
  features TEXT NOT NULL,
  limits TEXT NOT NULL,
  -- Id of the key that was issued last.
  key_id TEXT NOT NULL UNIQUE,
  licence_key TEXT NOT NULL,
  issued_at INTEGER NOT NULL
) STRICT;
CREATE INDEX licences_status ON licences (status, tenant);
CREATE INDEX licences_type ON licences (license_type, tenant);

-- Keys that must not be accepted although their signature is valid. The rows name no tenant and outlive a purge.
CREATE TABLE revoked_keys (
  key_id TEXT PRIMARY KEY,
  revoked_at INTEGER NOT NULL,
  -- Time after which the key is refused without this row; NULL for a key without an end.
  expires_at INTEGER
) STRICT;
CREATE INDEX revoked_keys_expires_at ON revoked_keys (expires_at);
