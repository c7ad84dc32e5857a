//! The rights of roles, read from the catalog of the server: what others may do in a place, and what the roles of a place
//! may do elsewhere.

use crate::{
    error::Result,
    identity::proof::{Proof, Rule},
    postgres::{
        connections::Connection,
        names::{SCHEMA_NAMED, relations_of},
        site::Site,
    },
};
use tokio_postgres::types::Type;

/// Query for the rights that roles other than the owner and `$2` have in the schema `$1`: object, role, right. A role
/// with the name `PUBLIC` is every role. `RELATIONS` stands for the relations of the schema.
const HERE: &str = "
WITH objects AS (
  SELECT 'schema ' || nspname AS object, nspowner AS owner, coalesce(nspacl, acldefault('n', nspowner)) AS acl
  FROM pg_namespace WHERE nspname = $1
  UNION ALL
  SELECT 'table ' || c.relname, c.relowner, coalesce(c.relacl, acldefault('r', c.relowner))
  FROM RELATIONS AS c WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
  UNION ALL
  SELECT 'column ' || c.relname || '.' || a.attname, c.relowner, a.attacl
  FROM RELATIONS AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attacl IS NOT NULL
  UNION ALL
  SELECT 'new objects of schema ' || $1, defaclrole, defaclacl
  FROM pg_default_acl WHERE defaclnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1)
  UNION ALL
  SELECT 'database ' || datname, datdba, coalesce(datacl, acldefault('d', datdba))
  FROM pg_database WHERE datname = current_database() AND $3)
SELECT object, CASE grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(grantee)::text END, privilege_type, grantee = 0
FROM objects, aclexplode(acl)
WHERE grantee <> owner AND (grantee = 0 OR pg_get_userbyid(grantee) <> ALL($2) AND pg_get_userbyid(grantee) <> current_user)
ORDER BY 1, 2, 3 LIMIT 20";

/// Query for the number of tables that [`HERE`] reads.
const COUNT: &str = "SELECT count(*) FROM RELATIONS AS c WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')";

/// Checks that only the owner and these roles have rights in the schema of the site and, if the place has its own
/// database, on the database.
pub(super) async fn granted_here(
    conn: &mut Connection,
    site: &Site,
    roles: &[String],
    proof: &mut Proof,
) -> Result<()> {
    let (schema, own) = (&*site.schema, !site.shares_database());
    let relations = relations_of(SCHEMA_NAMED);
    let counted = conn.once(&COUNT.replace("RELATIONS", &relations), &[(&schema, Type::TEXT)]).await?;
    let tables = counted.first().map_or(0, |row| u64::try_from(row.get::<_, i64>(0)).unwrap_or(0));
    proof.check(Rule::Rights, tables + 1);
    if own {
        proof.check(Rule::Connect, 1);
    }
    let params = [(&schema as _, Type::TEXT), (&roles as _, Type::TEXT_ARRAY), (&own as _, Type::BOOL)];
    for row in conn.once(&HERE.replace("RELATIONS", &relations), &params).await? {
        let (object, role, right) = (row.get::<_, &str>(0), row.get::<_, &str>(1), row.get::<_, &str>(2));
        let rule = match row.get::<_, bool>(3) && right == "CONNECT" {
            true => Rule::Connect,
            false => Rule::Rights,
        };
        proof.breach(rule, format!("role {role} has {right} on {object}"));
    }
    Ok(())
}

/// Checks that not every role of the server may connect to this database.
pub(super) async fn connect(conn: &mut Connection, database: &str, proof: &mut Proof) -> Result<()> {
    let sql = "SELECT EXISTS (SELECT FROM pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba))) \
        WHERE datname = $1 AND grantee = 0 AND privilege_type = 'CONNECT')";
    let rows = conn.once(sql, &[(&database, Type::TEXT)]).await?;
    let open = rows.first().is_some_and(|row| row.get(0));
    proof.judge(Rule::Connect, open.then(|| format!("role PUBLIC has CONNECT on database {database}")));
    Ok(())
}

/// Query for the special rights of the role `$1`, the roles other than `$2` whose member it is, and its members other
/// than the owner and superusers.
const ROLE: &str = "
SELECT concat_ws(', ', CASE WHEN rolsuper THEN 'SUPERUSER' END, CASE WHEN rolbypassrls THEN 'BYPASSRLS' END,
    CASE WHEN rolcreaterole THEN 'CREATEROLE' END, CASE WHEN rolcreatedb THEN 'CREATEDB' END,
    CASE WHEN rolreplication THEN 'REPLICATION' END, CASE WHEN rolcanlogin AND $3 THEN 'LOGIN' END),
  (SELECT string_agg(pg_get_userbyid(roleid)::text, ', ') FROM pg_auth_members
   WHERE member = r.oid AND pg_get_userbyid(roleid) <> ALL($2)),
  (SELECT string_agg(u.rolname::text, ', ') FROM pg_auth_members AS m JOIN pg_roles AS u ON u.oid = m.member
   WHERE m.roleid = r.oid AND NOT u.rolsuper AND u.rolname <> current_user)
FROM pg_roles AS r WHERE rolname = $1";

/// Checks that a role has no special rights, is a member of no role but `allowed`, and has no members but the owner.
pub(super) async fn role(
    conn: &mut Connection,
    role: &str,
    never_signs_in: bool,
    allowed: &[String],
    proof: &mut Proof,
) -> Result<()> {
    let params =
        [(&role as _, Type::TEXT), (&allowed as _, Type::TEXT_ARRAY), (&never_signs_in as _, Type::BOOL)];
    for row in conn.once(ROLE, &params).await? {
        proof.check(Rule::Roles, 1);
        let special = row.get::<_, &str>(0);
        if !special.is_empty() {
            proof.breach(Rule::Roles, format!("role {role} has {special}"));
        }
        if let Some(of) = row.get::<_, Option<&str>>(1) {
            proof.breach(Rule::Roles, format!("role {role} is a member of {of}"));
        }
        if let Some(members) = row.get::<_, Option<&str>>(2) {
            proof.breach(Rule::Roles, format!("{members} may act as role {role}"));
        }
    }
    Ok(())
}

/// Query for the objects on which the role `$1` has rights, or which it owns, without those of its own schema `$2` or, if
/// that is null, of the current database. PostgreSQL records the objects of all databases by role, with an index.
const ELSEWHERE: &str = "
WITH here AS (SELECT oid FROM pg_database WHERE datname = current_database()),
  own AS (SELECT oid FROM pg_namespace WHERE nspname = $2),
  used AS (
    SELECT d.*, CASE d.dbid WHEN 0 THEN NULL WHEN (SELECT oid FROM here) THEN CASE d.classid
        WHEN 'pg_namespace'::regclass THEN d.objid
        WHEN 'pg_class'::regclass THEN (SELECT relnamespace FROM pg_class WHERE oid = d.objid)
        WHEN 'pg_default_acl'::regclass THEN (SELECT defaclnamespace FROM pg_default_acl WHERE oid = d.objid) END
      END AS namespace
    FROM pg_shdepend AS d
    WHERE refclassid = 'pg_authid'::regclass AND refobjid = (SELECT oid FROM pg_roles WHERE rolname = $1)
      AND d.classid <> 'pg_auth_members'::regclass)
SELECT CASE deptype WHEN 'o' THEN 'owns ' ELSE 'has rights on ' END || CASE
    WHEN classid = 'pg_database'::regclass
      THEN 'database ' || coalesce((SELECT datname::text FROM pg_database WHERE oid = objid), '?')
    WHEN dbid = 0 THEN classid::regclass::text || ' ' || objid
    WHEN dbid <> (SELECT oid FROM here)
      THEN 'an object in database ' || coalesce((SELECT datname::text FROM pg_database WHERE oid = dbid), '?')
    WHEN namespace IS NOT NULL AND classid = 'pg_class'::regclass THEN 'table ' || objid::regclass::text
    WHEN namespace IS NOT NULL
      THEN 'schema ' || coalesce((SELECT nspname::text FROM pg_namespace WHERE oid = namespace), '?')
    ELSE classid::regclass::text || ' ' || objid END
FROM used
WHERE deptype = 'o' OR NOT CASE
    WHEN classid = 'pg_database'::regclass THEN $2 IS NULL AND objid = (SELECT oid FROM here)
    WHEN dbid <> (SELECT oid FROM here) THEN false
    WHEN $2 IS NULL THEN true
    ELSE coalesce(namespace = (SELECT oid FROM own), false) END
ORDER BY 1 LIMIT 20";

/// Checks that a role of a place has rights on nothing but the place, in any database of the server, and owns nothing.
pub(super) async fn granted_elsewhere(
    conn: &mut Connection,
    site: &Site,
    role: &str,
    proof: &mut Proof,
) -> Result<()> {
    let schema = site.role().map(|_| &*site.schema);
    proof.check(Rule::Rights, 1);
    for row in conn.once(ELSEWHERE, &[(&role, Type::TEXT), (&schema, Type::TEXT)]).await? {
        proof.breach(Rule::Rights, format!("role {role} {}", row.get::<_, &str>(0)));
    }
    Ok(())
}
