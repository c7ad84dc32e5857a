-- The control store, internal migration 2: credentials are numbered, so that no clock decides whether a session is void.

ALTER TABLE users ADD COLUMN credentials INTEGER NOT NULL DEFAULT 0;    -- raised by every change that ends the sessions
ALTER TABLE sessions ADD COLUMN credentials INTEGER NOT NULL DEFAULT 0; -- the user's number when the session was made
ALTER TABLE sessions ADD COLUMN impersonator_credentials INTEGER;       -- the impersonator's number at that time

DELETE FROM sessions WHERE created_at < (SELECT credentials_at FROM users WHERE users.id = sessions.user)
  OR created_at < (SELECT credentials_at FROM users WHERE users.id = sessions.impersonator);
UPDATE sessions SET impersonator_credentials = 0 WHERE impersonator IS NOT NULL;
