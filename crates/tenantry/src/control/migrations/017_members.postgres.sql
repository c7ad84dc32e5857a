-- See 017_members.sql.

CREATE TABLE members (
  node text PRIMARY KEY,
  name text NOT NULL,
  servers text NOT NULL,
  kept text NOT NULL,
  version text NOT NULL,
  acked bigint NOT NULL,
  started_at bigint NOT NULL,
  seen_at bigint NOT NULL,
  beats bigint NOT NULL
);
