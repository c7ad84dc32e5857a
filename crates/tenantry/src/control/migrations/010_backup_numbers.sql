-- The order in which backups were begun, which no clock decides: of two backups the one with the larger number is the
-- newer one; of the same number, the one with the larger name.
ALTER TABLE backups ADD COLUMN number INTEGER NOT NULL DEFAULT 0;
UPDATE backups SET number = ordered.number
  FROM (SELECT id, row_number() OVER (ORDER BY id) AS number FROM backups) AS ordered WHERE ordered.id = backups.id;
CREATE INDEX backups_number ON backups (number);
CREATE INDEX backups_newest ON backups (tenant, number);
