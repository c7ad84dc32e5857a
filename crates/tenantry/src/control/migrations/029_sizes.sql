-- The control store, internal migration 29: sizes of databases, day by day.

CREATE TABLE sizes (
  tenant INTEGER NOT NULL,                       -- 0: all tenants together
  store TEXT NOT NULL,
  day INTEGER NOT NULL,                          -- days since 1970, UTC
  bytes INTEGER NOT NULL,
  grown INTEGER NOT NULL,                        -- bytes more than at the point before
  PRIMARY KEY (tenant, store, day)
) STRICT, WITHOUT ROWID;
CREATE INDEX sizes_day ON sizes (day, tenant, store, grown);
