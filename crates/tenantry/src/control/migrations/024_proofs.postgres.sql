-- See 024_proofs.sql.

CREATE TABLE proofs (
  id bigint PRIMARY KEY,
  at bigint NOT NULL,
  tenant bigint,
  actor text NOT NULL,
  findings bigint NOT NULL,
  unchecked bigint NOT NULL,
  digest text NOT NULL,
  audit bigint NOT NULL,
  report text NOT NULL
);
CREATE INDEX proofs_tenant ON proofs (tenant, id);
