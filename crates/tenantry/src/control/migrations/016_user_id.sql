-- The control store, internal migration 16: `user` is a reserved word of PostgreSQL, where it means the role that is
-- signed in.

ALTER TABLE identities RENAME COLUMN user TO user_id;
ALTER TABLE memberships RENAME COLUMN user TO user_id;
ALTER TABLE sessions RENAME COLUMN user TO user_id;
ALTER TABLE mails RENAME COLUMN user TO user_id;
ALTER TABLE login_failures RENAME COLUMN user TO user_id;
ALTER TABLE known_networks RENAME COLUMN user TO user_id;
