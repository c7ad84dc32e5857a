-- See 029_sizes.sql.

CREATE TABLE sizes (
  tenant bigint NOT NULL,
  store text NOT NULL,
  day bigint NOT NULL,
  bytes bigint NOT NULL,
  grown bigint NOT NULL,
  PRIMARY KEY (tenant, store, day)
);
CREATE INDEX sizes_day ON sizes (day, tenant, store, grown);
