-- The control store, internal migration 26: the labels of the servers on which the tenants of a plan are placed.

ALTER TABLE plans ADD COLUMN servers TEXT NOT NULL DEFAULT '{}'; -- JSON object
