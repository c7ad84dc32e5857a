-- See 031_usage.sql.

ALTER TABLE licences ADD COLUMN quotas text NOT NULL DEFAULT '{}'; -- JSON object
CREATE TABLE usage_counts (
  tenant bigint NOT NULL REFERENCES tenants (id),
  feature text NOT NULL,
  period text NOT NULL,
  used bigint NOT NULL,
  PRIMARY KEY (tenant, feature, period)
);
CREATE INDEX usage_counts_period ON usage_counts (period);
CREATE TABLE usage_keys (
  tenant bigint NOT NULL REFERENCES tenants (id),
  request_key text NOT NULL,
  feature text NOT NULL,
  amount bigint NOT NULL,
  at bigint NOT NULL,
  PRIMARY KEY (tenant, request_key)
);
CREATE INDEX usage_keys_at ON usage_keys (at);
