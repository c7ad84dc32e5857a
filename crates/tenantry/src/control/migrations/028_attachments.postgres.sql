-- See 028_attachments.sql.

CREATE TABLE attachments (
  id bigint PRIMARY KEY,
  tenant bigint NOT NULL,
  store text NOT NULL,
  server text NOT NULL UNIQUE,
  engine text NOT NULL,
  address text NOT NULL,
  identity text NOT NULL,
  url text NOT NULL,
  key_id text,
  grants_schema bigint NOT NULL,
  attached_at bigint NOT NULL,
  detached_at bigint,
  health text NOT NULL,
  health_detail text,
  health_at bigint NOT NULL
);
CREATE UNIQUE INDEX attachments_identity ON attachments (identity) WHERE detached_at IS NULL;
CREATE INDEX attachments_tenant ON attachments (tenant, store);
CREATE INDEX attachments_unwell ON attachments (id) WHERE detached_at IS NULL AND health <> 'ok';
