-- The control store, internal migration 8: failed sign-ins are counted for each network, so that guesses from one
-- network close no account to another.

-- users.failed_logins and users.locked_until stay for servers of the previous release. This one does not read them.
UPDATE users SET failed_logins = 0, locked_until = NULL;
-- Raised by each unlocking and each new password: limits that servers keep in memory begin anew.
ALTER TABLE users ADD COLUMN unlocks INTEGER NOT NULL DEFAULT 0;

CREATE TABLE login_failures (
  user INTEGER NOT NULL,
  network TEXT NOT NULL,                         -- IPv4 address or IPv6 /64; empty: not known
  failed INTEGER NOT NULL,                       -- since the last sign-in from there, or a day without a failure
  locked_until INTEGER,                          -- no sign-in from there before this instant
  at INTEGER NOT NULL,                           -- of the last failure
  PRIMARY KEY (user, network)
) STRICT, WITHOUT ROWID;
CREATE INDEX login_failures_at ON login_failures (at);

-- Where a user signed in before: guesses from elsewhere do not slow sign-in from here.
CREATE TABLE known_networks (
  user INTEGER NOT NULL,
  network TEXT NOT NULL,
  at INTEGER NOT NULL,                           -- of the last sign-in
  PRIMARY KEY (user, network)
) STRICT, WITHOUT ROWID;
-- Sessions store addresses; an IPv4 address is a network of its own.
INSERT INTO known_networks (user, network, at)
  SELECT user, address, max(created_at) FROM sessions
  WHERE impersonator IS NULL AND address IS NOT NULL AND instr(address, ':') = 0 GROUP BY user, address;
