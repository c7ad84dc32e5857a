-- The tenant in which a user worked last: a sign-in that names none leads there while they belong to it.
ALTER TABLE users ADD COLUMN last_tenant INTEGER;
UPDATE users SET last_tenant = (SELECT s.tenant FROM sessions s WHERE s.user = users.id AND s.impersonator IS NULL
  AND s.tenant IS NOT NULL ORDER BY s.id DESC LIMIT 1);
UPDATE users SET last_tenant = (SELECT m.tenant FROM memberships m WHERE m.user = users.id)
  WHERE last_tenant IS NULL AND (SELECT count(*) FROM memberships m WHERE m.user = users.id) = 1;

-- Whether a registration may choose the plan; otherwise only staff assign it.
ALTER TABLE plans ADD COLUMN self_service INTEGER NOT NULL DEFAULT 1 CHECK (self_service IN (0,1));
