//! Template databases, of which new databases of a store are copies. A template refuses connections, so it cannot
//! change once it has its final name.
//!
//! It is created under a temporary name and renamed when it is complete. When a template is created later, what a crash
//! left behind is removed.

use super::{How, blank::Blank, make::Build, roles};
use crate::{
    error::Result,
    name::StoreName,
    place::{Isolation, Place},
    postgres::{
        names::{Prefix, quoted},
        server::Server,
        site::{OWN_SCHEMA, Site},
        tables,
    },
};
use tokio_postgres::types::Type;
use uuid::Uuid;

/// Tenant number in `_tenantry_place` that stands for a tenant that is not decided yet.
pub(super) const BLANK: i64 = -1;
/// Strategy with which PostgreSQL copies a template. `FILE_COPY` would write a checkpoint for each database.
pub(super) const STRATEGY: &str = "WAL_LOG";
/// Seconds after which an unfinished template is removed, because no process works on it any more.
const ABANDONED_SECONDS: u64 = 3600;
/// Maximum length of the part of a template's name that comes from its store's name.
const STORE: usize = 20;

/// Name suffix of the database that templates are copied from. An administrator may create it with extensions that only
/// a superuser can install.
const BASE: &str = "base";

/// Returns the name of the database that templates are copied from, if an administrator has created it.
pub(super) fn base(prefix: &Prefix) -> String {
    prefix.own(BASE)
}

/// Returns the name of the template of a store at one state of its schema. `base` is true if it is copied from
/// [`base`].
pub(super) fn name(prefix: &Prefix, store: &StoreName, fingerprint: &str, base: bool) -> String {
    let base = if base { "\nbase" } else { "" };
    let made_of = format!("{}\n{}\n{fingerprint}{base}", store, tables::CREATE);
    let hash = blake3::hash(made_of.as_bytes()).to_hex();
    let cut = &store.as_str()[..store.as_str().len().min(STORE)];
    prefix.own(&format!("tpl.{cut}.{}", &hash[..16]))
}

/// Returns a name for an unfinished template. It contains the time when its creation began.
fn unfinished(prefix: &Prefix) -> String {
    prefix.own(&format!("new.{}", Uuid::now_v7().simple()))
}

/// Returns true for the name of an unfinished template that is abandoned.
fn is_abandoned(prefix: &Prefix, name: &str) -> bool {
    let id = name.strip_prefix(&prefix.own("new.")).and_then(|id| Uuid::parse_str(id).ok());
    let began = id.and_then(|id| id.get_timestamp()).map(|began| began.to_unix().0);
    began.is_some_and(|began| {
        let now = u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or(0);
        now.saturating_sub(began) > ABANDONED_SECONDS
    })
}

/// A database of the server.
pub(super) struct Database {
    pub(super) name: String,
    /// Whether its owner is the role of the configuration.
    pub(super) is_owned: bool,
    /// Its comment; a template's says what it contains.
    pub(super) comment: Option<String>,
}

impl Server {
    /// Returns the databases with these names that exist.
    pub(super) async fn databases(&self, names: &[&str]) -> Result<Vec<Database>> {
        let sql = "SELECT datname::text, pg_get_userbyid(datdba) = current_user, \
            shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = ANY($1)";
        let mut lease = self.home().await?;
        let rows = lease.connection()?.query(sql, &[(&names, Type::TEXT_ARRAY)]).await?;
        Ok(rows
            .iter()
            .map(|row| Database { name: row.get(0), is_owned: row.get(1), comment: row.get(2) })
            .collect())
    }

    /// Creates the template `name` for places like `site`, as a copy of the database `base` if there is one. If another
    /// process creates it at the same time, that template is used.
    pub(super) async fn make_template(
        &self,
        name: &str,
        base: Option<&str>,
        site: &Site,
        build: &impl Build,
    ) -> Result<()> {
        self.remove_abandoned().await?;
        let unfinished = unfinished(&self.prefix);
        let made = self.build_template(&unfinished, base, site, build).await;
        let named = match made {
            Ok(()) => {
                self.run_home(&format!("ALTER DATABASE {} RENAME TO {}", quoted(&unfinished), quoted(name)))
                    .await
            }
            Err(error) => Err(error),
        };
        match named {
            Ok(()) => Ok(()),
            Err(error) => {
                self.remove_template(&unfinished).await?;
                match self.databases(&[name]).await?.is_empty() {
                    true => Err(error),
                    false => Ok(()),
                }
            }
        }
    }

    /// Creates a database with everything but an identity, and closes it.
    async fn build_template(
        &self,
        unfinished: &str,
        base: Option<&str>,
        site: &Site,
        build: &impl Build,
    ) -> Result<()> {
        let (database, base) = (quoted(unfinished), quoted(base.unwrap_or("template0")));
        self.run_home(&format!(
            "CREATE DATABASE {database} TEMPLATE {base} ENCODING 'UTF8' LOCALE_PROVIDER libc LOCALE 'C'"
        ))
        .await?;
        let place = Place { isolation: Isolation::Database, ..site.place.clone() };
        let blank = Site::new(&place, unfinished.to_owned(), &self.home, OWN_SCHEMA)?;
        let mut transaction = self.as_owner(&blank, How::Write).await?;
        let conn = transaction.connection()?;
        conn.batch(&roles::close_schema(&blank)).await?;
        conn.batch(tables::CREATE).await?;
        let sql = format!(
            "INSERT INTO {}._tenantry_place(tenant, store, generation, state) VALUES ({BLANK}, $1, 0, 'closed')",
            blank.quoted
        );
        conn.query(&sql, &[(&site.place.store.as_str(), Type::TEXT)]).await?;
        // Insert the row first, because migrations count the rows that they create.
        build.run(conn, &blank).await?;
        Blank::record(conn, &blank).await?;
        transaction.commit_and_close().await?;
        self.run_home(&format!("ALTER DATABASE {database} WITH IS_TEMPLATE true ALLOW_CONNECTIONS false"))
            .await?;
        // A pooler keeps its connections open, and PostgreSQL does not copy a database that has connections.
        self.end_connections(unfinished).await
    }

    /// Removes unfinished templates that a crash left behind.
    async fn remove_abandoned(&self) -> Result<()> {
        let sql = "SELECT datname::text FROM pg_database WHERE starts_with(datname, $1)";
        let mut lease = self.home().await?;
        let begin = self.prefix.own("new.");
        let rows = lease.connection()?.query(sql, &[(&begin.as_str(), Type::TEXT)]).await?;
        drop(lease);
        for name in rows.iter().map(|row| row.get::<_, String>(0)) {
            if is_abandoned(&self.prefix, &name) {
                self.remove_template(&name).await?;
            }
        }
        Ok(())
    }

    /// Removes the templates of all stores, which are made again when they are needed.
    pub(super) async fn remove_templates(&self) -> Result<()> {
        let sql = "SELECT datname::text FROM pg_database \
            WHERE starts_with(datname, $1) AND pg_get_userbyid(datdba) = current_user";
        let begin = self.prefix.own("tpl.");
        let mut lease = self.home().await?;
        let rows = lease.connection()?.once(sql, &[(&begin.as_str(), Type::TEXT)]).await?;
        drop(lease);
        for row in rows {
            self.remove_template(row.get(0)).await?;
        }
        Ok(())
    }

    async fn remove_template(&self, name: &str) -> Result<()> {
        if self.databases(&[name]).await?.is_empty() {
            return Ok(());
        }
        self.run_home(&format!("ALTER DATABASE {} WITH IS_TEMPLATE false", quoted(name))).await?;
        self.remove_database(name).await
    }

    /// Runs one statement in the home database.
    pub(in crate::postgres) async fn run_home(&self, sql: &str) -> Result<()> {
        self.home().await?.connection()?.batch(sql).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_templates_are_no_names_of_places() {
        let prefix = Prefix::new("abcdefghijklmnopqrst").unwrap();
        let store = StoreName::parse(&"s".repeat(48)).unwrap();
        for name in [name(&prefix, &store, "x", false), unfinished(&prefix), base(&prefix)] {
            assert!(name.len() <= 63, "{name}");
            assert_eq!(prefix.physical(&name), None);
            assert!(!is_abandoned(&prefix, &name));
        }
        assert!(is_abandoned(&prefix, "abcdefghijklmnopqrst.new.018bcfe5680070008000000000000000"));
        assert_ne!(name(&prefix, &store, "x", false), name(&prefix, &store, "y", false));
        assert_ne!(name(&prefix, &store, "x", false), name(&prefix, &store, "x", true));
    }
}
