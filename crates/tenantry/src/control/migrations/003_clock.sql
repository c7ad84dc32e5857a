-- Internal migration 3. What servers last saw of their clocks; see control/witness.rs. One row.
CREATE TABLE clock (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  looked_at INTEGER NOT NULL,                    -- the system clock when a server last looked
  witnessed_at INTEGER NOT NULL,                 -- advances only while a server runs, by its monotonic clock
  steady_us INTEGER NOT NULL                     -- running time since the last jump, up to a day
) STRICT;
INSERT INTO clock (id, looked_at, witnessed_at, steady_us)
  SELECT 1, at, at, 0 FROM (SELECT coalesce(
    (SELECT at FROM audit ORDER BY id DESC LIMIT 1), CAST(unixepoch('subsec') * 1000000 AS INTEGER)) AS at);

-- Whether a subscription is over is computed from its end when it is asked for. Rows that a background pass had
-- marked get back the state that they had, as the audit log tells it.
UPDATE subscriptions AS s SET state = coalesce(
    (SELECT a.detail ->> 'state' FROM audit a WHERE a.tenant = s.tenant AND a.action = 'subscription.set_state'
     ORDER BY a.id DESC LIMIT 1),
    iif(ends_at IS NULL, 'active', 'trial'))
  WHERE state = 'expired' AND 'subscription.expire' =
    (SELECT a.action FROM audit a WHERE a.tenant = s.tenant
     AND a.action IN ('subscription.set_state', 'subscription.expire') ORDER BY a.id DESC LIMIT 1);
