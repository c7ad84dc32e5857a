-- The control store, internal migration 20: language and time zone that a person has chosen for pages. Null: none.

ALTER TABLE users ADD COLUMN language TEXT;
ALTER TABLE users ADD COLUMN time_zone TEXT;
