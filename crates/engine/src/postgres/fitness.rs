//! What a server lacks before an installation can use it, and how full it is. Callers check this before they begin work
//! there. Work that begins without the check fails with the same obstacle as its own error.

use super::{names::quoted, server::Server};
use crate::error::{Error, Kind, Result};

/// The oldest supported version, in the numbering of the server.
const OLDEST: i32 = 150_000;

const SQL: &str = "SELECT current_setting('server_version_num')::int, current_setting('server_version'), \
    rolcreatedb OR rolsuper, rolcreaterole OR rolsuper, pg_is_in_recovery(), current_user::text, \
    (SELECT datdba = pg_roles.oid FROM pg_database WHERE datname = current_database()) \
    FROM pg_roles WHERE rolname = current_user";

impl Server {
    /// Returns what the server or the role of its URL lacks, each item with its remedy. Empty if nothing is missing.
    ///
    /// # Errors
    /// Returns [`Kind::Unreachable`] if the server does not answer, and [`Kind::NoAccess`] if it refuses the role.
    pub(crate) async fn shortcomings(&self) -> Result<Vec<String>> {
        let mut lease = self.home().await?;
        let rows = lease.connection()?.once(SQL, &[]).await?;
        let row = rows.first().ok_or_else(|| Error::new(Kind::Internal, "a role that is not in pg_roles"))?;
        if self.is_sole {
            // An attached database is not made, and gets no roles.
            return Ok(vec![]);
        }
        let (role, home) = (quoted(row.get(5)), quoted(&self.home));
        let may = |right: &str| format!("its role lacks a right: ALTER ROLE {role} {right}");
        let lacking = [
            (row.get::<_, i32>(0) < OLDEST).then(|| {
                format!("it is version {}: 15 is the oldest that is supported", row.get::<_, &str>(1))
            }),
            row.get::<_, bool>(4).then(|| "it is a standby: name the primary".to_owned()),
            (!row.get::<_, bool>(2)).then(|| may("CREATEDB")),
            (!row.get::<_, bool>(3)).then(|| may("CREATEROLE")),
            (!row.get::<_, bool>(6)).then(|| {
                format!("another role owns the database of its URL: ALTER DATABASE {home} OWNER TO {role}")
            }),
        ];
        Ok(lacking.into_iter().flatten().collect())
    }

    /// Returns the bytes of the databases that the role may connect to.
    ///
    /// # Errors
    /// Returns the errors of [`Server::shortcomings`].
    pub(crate) async fn used_bytes(&self) -> Result<u64> {
        let sql = "SELECT coalesce(sum(pg_database_size(oid)), 0)::bigint FROM pg_database \
            WHERE has_database_privilege(oid, 'CONNECT')";
        let mut lease = self.home().await?;
        let rows = lease.connection()?.once(sql, &[]).await?;
        Ok(rows.first().and_then(|row| u64::try_from(row.get::<_, i64>(0)).ok()).unwrap_or(0))
    }
}
