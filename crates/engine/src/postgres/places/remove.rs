//! Removes databases and schemas, and moves lost ones away from their names.

use super::roles::{self, beside};
use crate::{
    error::{Error, Kind, Result},
    place::Place,
    postgres::{connections::Connection, names::quoted, server::Server, site::Site},
};
use tokio_postgres::types::Type;

/// Name suffix of a database or schema that was set aside.
pub(super) const ASIDE: &str = "aside";
/// Name suffix of another place's database or schema that was set aside.
pub(super) const ASIDE_OTHER: &str = "another";

/// Returns the name that a database or schema had before it was set aside. Returns other names unchanged.
pub(super) fn before_aside(name: &str) -> &str {
    let unnumbered = name.trim_end_matches(|digit: char| digit.is_ascii_digit());
    let end = |name: &'_ str, end: &str| {
        name.strip_suffix(end).and_then(|name| name.strip_suffix('.')).map(str::len)
    };
    let len = end(unnumbered, ASIDE).or_else(|| end(name, ASIDE_OTHER));
    len.map_or(name, |len| &name[..len])
}

impl Server {
    /// Removes the database or schema of a place for good, even if it was set aside, and its roles. Idempotent. Ends
    /// the statements that run there.
    ///
    /// # Errors
    /// Returns `Denied` if it belongs to another role.
    pub(crate) async fn drop_database(&self, place: &Place) -> Result<()> {
        let site = self.site(place)?;
        if self.is_sole {
            return self.leave_sole(&site).await;
        }
        for name in [site.name.to_string(), beside(&site.name, ASIDE)] {
            match site.shares_database() {
                true => self.run_home(&format!("DROP SCHEMA IF EXISTS {} CASCADE", quoted(&name))).await?,
                false => self.remove_database(&name).await?,
            }
        }
        self.drop_roles(&site).await
    }

    /// Removes a database, if it exists, and ends the statements that run there.
    pub(super) async fn remove_database(&self, name: &str) -> Result<()> {
        let drop = format!("DROP DATABASE IF EXISTS {}", quoted(name));
        match self.run_home(&format!("{drop} WITH (FORCE)")).await {
            // PostgreSQL's own autovacuum worker is active there, and FORCE may not terminate it. Without FORCE,
            // PostgreSQL ends the worker itself.
            Err(error) if matches!(error.kind(), Kind::Denied(_)) => {
                self.end_connections(name).await?;
                self.run_home(&drop).await
            }
            dropped => dropped,
        }
    }

    /// Removes the roles of a place that no longer exists.
    async fn drop_roles(&self, site: &Site) -> Result<()> {
        let mut lease = self.home().await?;
        for name in roles::names(site) {
            self.drop_role(lease.connection()?, &name).await?;
        }
        Ok(())
    }

    /// Removes a role of this installation. Does not remove a role of another program.
    async fn drop_role(&self, conn: &mut Connection, name: &str) -> Result<()> {
        let sql = "SELECT 1 FROM pg_roles WHERE rolname = $1 AND shobj_description(oid, 'pg_authid') = $2";
        let mark = roles::mark(&self.platform);
        let key = [(&name as _, Type::TEXT), (&mark.as_str() as _, Type::TEXT)];
        match conn.query(sql, &key).await?.is_empty() {
            true => Ok(()),
            false => conn.batch(&format!("DROP ROLE IF EXISTS {}", quoted(name))).await,
        }
    }

    /// Removes the objects that the installation has only once on the server: its templates, and the role, the schema
    /// and the views of shared data in the home database. Call this when no place is left there. The home database
    /// stays closed to other roles.
    pub(crate) async fn leave(&self) -> Result<()> {
        self.remove_templates().await?;
        let role = roles::home_readers(&self.prefix);
        let mut lease = self.home().await?;
        let conn = lease.connection()?;
        conn.begin("").await?;
        self.remove_views(conn).await?;
        conn.batch(&format!("DROP SCHEMA IF EXISTS {} CASCADE", quoted(&self.prefix.own("platform"))))
            .await?;
        let sql = "SELECT 1 FROM pg_roles WHERE rolname = $1";
        if !conn.query(sql, &[(&role.as_str(), Type::TEXT)]).await?.is_empty() {
            conn.batch(&format!("REVOKE ALL ON DATABASE {} FROM {}", quoted(&self.home), quoted(&role)))
                .await?;
            self.drop_role(conn, &role).await?;
        }
        conn.commit().await
    }

    /// Moves a tenant's own database or schema away from its name because it is lost, as `error` shows. From now on,
    /// statements of other processes find it missing. Another place's database gets a name that
    /// [`Server::drop_database`] does not remove. Idempotent.
    ///
    /// # Errors
    /// Returns `Busy` if statements that run there do not end.
    pub(crate) async fn set_aside(&self, place: &Place, error: &Error) -> Result<()> {
        let site = self.site(place)?;
        if self.is_sole {
            return Ok(());
        }
        let end = if *error.kind() == Kind::WrongIdentity { ASIDE_OTHER } else { ASIDE };
        self.rename(&site, &site.name, &beside(&site.name, end)).await
    }

    /// Renames the database of a system store to a name that is not used yet, and returns that name; `None` if there is
    /// no database.
    ///
    /// # Errors
    /// Returns `Busy` if statements that run there do not end, or another caller takes the name.
    pub(crate) async fn rename_aside(&self, place: &Place) -> Result<Option<String>> {
        let site = self.site(place)?;
        if !self.stands(&site, &site.name).await? {
            return Ok(None);
        }
        let mut number = 1_u32;
        let mut name = beside(&site.name, ASIDE);
        while self.stands(&site, &name).await? {
            number += 1;
            name = beside(&site.name, &format!("{ASIDE}{number}"));
        }
        self.rename(&site, &site.name, &name).await?;
        match self.stands(&site, &site.name).await? {
            false => Ok(Some(name)),
            true => Err(Error::new(Kind::Busy, format!("{name} was taken meanwhile"))),
        }
    }

    /// Undoes [`Server::set_aside`].
    ///
    /// # Errors
    /// Returns the errors of [`Server::set_aside`].
    pub(crate) async fn put_back(&self, place: &Place) -> Result<()> {
        let site = self.site(place)?;
        if self.is_sole {
            return Ok(());
        }
        self.rename(&site, &beside(&site.name, ASIDE_OTHER), &site.name).await?;
        self.rename(&site, &beside(&site.name, ASIDE), &site.name).await
    }

    /// Renames a database or schema. Does nothing if it does not exist or if the new name is taken.
    async fn rename(&self, site: &Site, from: &str, to: &str) -> Result<()> {
        if !self.stands(site, from).await? || self.stands(site, to).await? {
            return Ok(());
        }
        if site.shares_database() {
            return self.run_home(&format!("ALTER SCHEMA {} RENAME TO {}", quoted(from), quoted(to))).await;
        }
        let (old, new) = (quoted(from), quoted(to));
        self.run_home(&format!("ALTER DATABASE {old} ALLOW_CONNECTIONS false")).await?;
        self.end_connections(from).await?;
        self.run_home(&format!("ALTER DATABASE {old} RENAME TO {new}")).await?;
        // A database that is set aside stays closed.
        match to == &*site.name {
            true => self.run_home(&format!("ALTER DATABASE {new} ALLOW_CONNECTIONS true")).await,
            false => Ok(()),
        }
    }

    /// Ends the connections of this installation's processes to a database.
    pub(super) async fn end_connections(&self, database: &str) -> Result<()> {
        let sql = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity \
            WHERE datname = $1 AND backend_type = 'client backend' AND pg_has_role(usesysid, 'MEMBER')";
        let mut lease = self.home().await?;
        lease.connection()?.query(sql, &[(&database, Type::TEXT)]).await.map(drop)
    }

    /// Returns true if there is a database or schema with this name, for a place like `site`.
    pub(super) async fn stands(&self, site: &Site, name: &str) -> Result<bool> {
        if !site.shares_database() {
            return Ok(!self.databases(&[name]).await?.is_empty());
        }
        let mut lease = self.home().await?;
        let sql = "SELECT 1 FROM pg_namespace WHERE nspname = $1";
        Ok(!lease.connection()?.query(sql, &[(&name, Type::TEXT)]).await?.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_set_aside_is_known_by_its_former_name() {
        for (name, before) in [
            ("control", "control"),
            ("control.aside", "control"),
            ("control.aside2", "control"),
            ("control.aside12", "control"),
            ("tenant_acme_3.another", "tenant_acme_3"),
            ("tenant_acme_3", "tenant_acme_3"),
            ("aside", "aside"),
        ] {
            assert_eq!(before_aside(name), before);
        }
    }
}
