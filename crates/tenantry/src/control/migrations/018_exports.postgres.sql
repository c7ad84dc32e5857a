-- See 018_exports.sql.

CREATE TABLE exports (
  tenant bigint PRIMARY KEY,
  owner text NOT NULL,
  until bigint NOT NULL
);
