-- The control store, internal migration 13: invitations end with their maker's membership; letters to one address are slowed.

ALTER TABLE invitations ADD COLUMN made_by INTEGER REFERENCES users (id);  -- null: the operator, or made before this migration
ALTER TABLE mails ADD COLUMN charged INTEGER NOT NULL DEFAULT 0;           -- 1: counts against the rate of its address
