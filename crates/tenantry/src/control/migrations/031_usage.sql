-- The control store, internal migration 31: quotas of licences, and uses of features.

ALTER TABLE licences ADD COLUMN quotas TEXT NOT NULL DEFAULT '{}'; -- JSON object
CREATE TABLE usage_counts (
  tenant INTEGER NOT NULL REFERENCES tenants (id),
  feature TEXT NOT NULL,
  period TEXT NOT NULL,                          -- 2026-12-31, 2026-12 or total
  used INTEGER NOT NULL,
  PRIMARY KEY (tenant, feature, period)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_counts_period ON usage_counts (period);
CREATE TABLE usage_keys (
  tenant INTEGER NOT NULL REFERENCES tenants (id),
  request_key TEXT NOT NULL,
  feature TEXT NOT NULL,
  amount INTEGER NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (tenant, request_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_keys_at ON usage_keys (at);
