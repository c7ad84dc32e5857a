-- See 027_imported_rows.sql.

CREATE TABLE imported_rows (
  source text NOT NULL,
  tenant bigint NOT NULL,
  model text NOT NULL,
  field text NOT NULL,
  value text NOT NULL,
  record text NOT NULL,
  done bigint NOT NULL,
  PRIMARY KEY (source, tenant, model, field, value)
);
CREATE INDEX imported_rows_record ON imported_rows (tenant, source, model, record);
