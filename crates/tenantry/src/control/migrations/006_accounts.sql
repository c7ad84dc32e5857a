-- The control store, internal migration 6: addresses that are proven, invitations, and mail that waits to be sent.

-- `email` is what a person signs in with. An account whose address is not confirmed signs in with its address and its
-- tenant; its `email` is then a name that no address can be, so that no look-up by address finds it.
ALTER TABLE users ADD COLUMN address TEXT NOT NULL DEFAULT '';  -- the e-mail address, lower case
ALTER TABLE users ADD COLUMN verified_at INTEGER;              -- when it was proven or vouched for; null: never
UPDATE users SET address = email;
UPDATE users SET verified_at = created_at WHERE is_superuser = 1 OR is_staff = 1;
CREATE INDEX users_address ON users (address);

CREATE TABLE invitations (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant INTEGER NOT NULL REFERENCES tenants (id),
  email TEXT NOT NULL,                           -- lower case
  role TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open','accepted','refused','revoked')),
  closed_at INTEGER
) STRICT;
CREATE UNIQUE INDEX invitations_open ON invitations (tenant, email) WHERE state = 'open';

-- Letters: the outbox, and the one link that each carries. A token exists in clear only in the letter itself.
CREATE TABLE mails (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL CHECK (kind IN ('invitation','verify','reset')),
  address TEXT NOT NULL,
  user INTEGER,                                  -- verify, reset: whose
  invitation INTEGER,                            -- invitation: which
  tenant INTEGER,
  state TEXT NOT NULL CHECK (state IN ('waiting','sent','failed','dropped')),
  attempts INTEGER NOT NULL DEFAULT 0,
  next_at INTEGER NOT NULL,                      -- not tried before
  created_at INTEGER NOT NULL,
  error TEXT,                                    -- why the last attempt failed
  token_hash TEXT UNIQUE,                        -- hex SHA-256; made when the letter is sent
  expires_at INTEGER,                            -- of the link
  used_at INTEGER                                -- a link works once
) STRICT;
CREATE INDEX mails_waiting ON mails (next_at) WHERE state = 'waiting';
CREATE INDEX mails_user ON mails (user) WHERE user IS NOT NULL;
CREATE INDEX mails_invitation ON mails (invitation) WHERE invitation IS NOT NULL;
CREATE INDEX mails_tenant ON mails (tenant) WHERE tenant IS NOT NULL;
