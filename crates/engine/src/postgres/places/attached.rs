//! Databases that owners attached: what they contain before that, taking them over, and leaving them again.
//!
//! The platform's own tables are the only objects that it creates there, unless the attachment grants it the schema. It
//! makes no roles and changes no rights.

use super::{How, Rows};
use crate::{
    engine::Survey,
    error::{Error, Kind, Result},
    identity::Resident,
    place::Place,
    postgres::{
        connections::Connection,
        identity::{self, key},
        names::{SCHEMA_NAMED, quoted, relations_of},
        place_state,
        schema::{Layout, fill_search, ledger, recounted},
        seal,
        server::Server,
        site::Site,
        tables,
    },
    schema::Script,
};
use tokio_postgres::types::Type;

/// Query for the number of objects that only an installation's own servers have: pools, schemas of tenants, secrets.
const OF_INSTALLATIONS: &str = "SELECT count(*) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace \
    WHERE (c.relname = '_tenantry_meta' AND n.nspname <> $1) OR (c.relname = 'secret' AND n.nspname LIKE '%.platform')";

impl Connection {
    /// Returns what identifies the database of the connection: its cluster, and its number there.
    pub(crate) async fn database_identity(&mut self) -> Result<String> {
        let sql = "SELECT (SELECT system_identifier FROM pg_control_system())::text, oid::text \
            FROM pg_database WHERE datname = current_database()";
        let rows = self.once(sql, &[]).await?;
        let row = rows.first().ok_or_else(|| Error::new(Kind::Internal, "a database without a number"))?;
        Ok(format!("postgres:{}:{}", row.get::<_, &str>(0), row.get::<_, &str>(1)))
    }
}

impl Server {
    /// See [`crate::Engine::database_identity`].
    pub(crate) async fn database_identity(&self) -> Result<String> {
        self.home().await?.connection()?.database_identity().await
    }

    /// See [`crate::Engine::survey`].
    pub(crate) async fn survey_attached(&self, place: &Place, script: &Script) -> Result<Survey> {
        let site = self.site(place)?;
        let mut transaction = self.as_owner(&site, How::Snapshot).await?;
        let found = surveyed(transaction.connection()?, &site, script).await;
        let mut found = self.finish(transaction, &site, found).await?;
        (found.missing, found.drift) = self.compared(&site, script).await?;
        Ok(found)
    }

    /// See [`crate::Engine::adopt_schema`].
    pub(crate) async fn adopt_schema(&self, place: &Place, script: &Script) -> Result<()> {
        let site = self.site(place)?;
        let mut transaction = self.as_owner(&site, How::Write).await?;
        let done = async {
            let conn = transaction.connection()?;
            self.enrol_again(conn, &site).await?;
            enter_all(conn, &site, script).await
        };
        let done = done.await;
        self.finish(transaction, &site, done).await
    }

    /// Makes an attached database a place whose rows follow: gives it the identity, and the tables of the models that
    /// it lacks. Idempotent. Refuses a database with rows.
    pub(super) async fn make_sole(&self, site: &Site, script: Option<&Script>, rows: Rows) -> Result<()> {
        let Some(script) = script else {
            return Err(Error::new(Kind::Internal, format!("{site}: an attached database is not made")));
        };
        let mut transaction = self.as_owner(site, How::Write).await?;
        let done = async {
            let conn = transaction.connection()?;
            if is_known(conn, site).await? && identity::check(conn, site, &self.platform).await.is_ok() {
                return Ok(());
            }
            self.enrol_again(conn, site).await?;
            let (there, filled) = models(conn, site, script).await?;
            if let Some(table) = filled.first() {
                let why = format!("table {table} of the attached database has rows");
                return Err(Error::new(Kind::Statement(why.clone()), why));
            }
            match there.is_empty() {
                true => script.postgres(site.place.isolation)?.apply_new(conn, site).await?,
                false => enter_all(conn, site, script).await?,
            }
            match rows {
                Rows::None => Ok(()),
                Rows::Follow => place_state::take_over(conn, site, &self.platform).await.map(drop),
            }
        };
        let done = done.await;
        self.finish(transaction, site, done).await
    }

    /// See [`crate::Engine::empty_attached`].
    pub(crate) async fn empty_attached(&self, place: &Place, script: &Script) -> Result<()> {
        let site = self.site(place)?;
        let mut transaction = self.as_owner(&site, How::Write).await?;
        let done = async {
            let conn = transaction.connection()?;
            if !is_known(conn, &site).await? || identity::check(conn, &site, &self.platform).await.is_err() {
                return Ok(());
            }
            conn.batch("SET CONSTRAINTS ALL DEFERRED").await?;
            for model in models(conn, &site, script).await?.1 {
                conn.batch(&format!("DELETE FROM {}.{}", site.quoted, quoted(&model))).await?;
            }
            Ok(())
        };
        let done = done.await;
        self.finish(transaction, &site, done).await
    }

    /// Removes the platform's own tables from an attached database. Its other tables stay as they are. Idempotent.
    ///
    /// # Errors
    /// Returns `WrongIdentity` if the database belongs to another place.
    pub(super) async fn leave_sole(&self, site: &Site) -> Result<()> {
        let mut transaction = self.as_owner(site, How::Write).await?;
        let done = async {
            let conn = transaction.connection()?;
            if !is_known(conn, site).await? {
                return Ok(());
            }
            match identity::check(conn, site, &self.platform).await {
                Ok(_) => {}
                // The database was attached again meanwhile, or is no longer ours.
                Err(error) if matches!(error.kind(), Kind::Fenced | Kind::WrongIdentity) => return Ok(()),
                Err(error) => return Err(error),
            }
            let relations = relations_of(SCHEMA_NAMED);
            let sql = format!(
                "SELECT relname::text FROM {relations} AS c WHERE relkind = 'r' AND starts_with(relname, '_tenantry_')"
            );
            let rows = conn.query(&sql, &[(&&*site.schema, Type::TEXT)]).await?;
            let tables: Vec<String> =
                rows.iter().map(|row| format!("{}.{}", site.quoted, quoted(row.get(0)))).collect();
            conn.batch(&format!("DROP TABLE {}", tables.join(", "))).await
        };
        let done = done.await;
        self.finish(transaction, site, done).await
    }

    /// Gives the database the identity of the place. An identity of an earlier generation of the same place is raised:
    /// the operator attaches it on purpose.
    pub(super) async fn enrol_again(&self, conn: &mut Connection, site: &Site) -> Result<()> {
        if !is_known(conn, site).await? {
            conn.batch(tables::CREATE).await?;
        }
        let raise = format!(
            "UPDATE {}._tenantry_place SET generation = $3, state = 'open', holder = NULL, recorder = NULL \
             WHERE tenant = $1 AND store = $2 AND platform = $4 AND generation < $3",
            site.quoted
        );
        let (store, id) = (site.place.store.as_str(), self.platform.id());
        let [tenant, of] = key(site, &store);
        conn.query(&raise, &[tenant, of, (&site.generation, Type::INT8), (&id, Type::TEXT)]).await?;
        place_state::mark(conn, site).await?;
        identity::enrol(conn, site, &self.platform).await.map(drop)
    }
}

/// Enters all migrations into the ledger of tables that already have their effect, and counts the rows.
async fn enter_all(conn: &mut Connection, site: &Site, script: &Script) -> Result<()> {
    let applied = ledger::applied(conn, site).await?;
    let (pending, _) = script.migrations().pending(&applied)?;
    for migration in script.migrations().loaded.iter().filter(|loaded| pending.contains(&loaded.id())) {
        ledger::enter(conn, site, migration).await?;
    }
    if !pending.is_empty() {
        // The owner's rows have no search words yet.
        for model in script.state().of_store(script.store()) {
            let layout = Layout { model, state: script.state(), pooled: false };
            if layout.is_searched() {
                fill_search(conn, &layout, None).await?;
            }
        }
    }
    for statement in recounted(script, site) {
        conn.batch(&statement).await?;
    }
    seal::renew(conn, site, 1).await
}

async fn is_known(conn: &mut Connection, site: &Site) -> Result<bool> {
    let table = format!("{}._tenantry_meta", site.quoted);
    let rows = conn.query("SELECT to_regclass($1) IS NOT NULL", &[(&table.as_str(), Type::TEXT)]).await?;
    Ok(rows.first().is_some_and(|row| row.get(0)))
}

/// Returns the tables of the store's models that are there, and those of them with rows.
async fn models(conn: &mut Connection, site: &Site, script: &Script) -> Result<(Vec<String>, Vec<String>)> {
    let (mut there, mut filled) = (vec![], vec![]);
    for model in script.state().of_store(script.store()) {
        let table = format!("{}.{}", site.quoted, quoted(model.name.as_str()));
        let rows = conn.query("SELECT to_regclass($1) IS NOT NULL", &[(&table.as_str(), Type::TEXT)]).await?;
        if !rows.first().is_some_and(|row| row.get(0)) {
            continue;
        }
        there.push(model.name.to_string());
        if !conn.once(&format!("SELECT 1 FROM {table} LIMIT 1"), &[]).await?.is_empty() {
            filled.push(model.name.to_string());
        }
    }
    Ok((there, filled))
}

async fn surveyed(conn: &mut Connection, site: &Site, script: &Script) -> Result<Survey> {
    let mut found = Survey::default();
    let own = conn.once(OF_INSTALLATIONS, &[(&&*site.schema, Type::TEXT)]).await?;
    found.is_of_an_installation = own.first().is_some_and(|row| row.get::<_, i64>(0) > 0);
    if is_known(conn, site).await? {
        let sql = format!(
            "SELECT platform, tenant, store, generation FROM {}._tenantry_place ORDER BY tenant, store LIMIT 2",
            site.quoted
        );
        let rows = conn.once(&sql, &[]).await.map_err(|error| identity::not_ours(site, error))?;
        found.residents.extend(rows.iter().map(|row| Resident {
            platform: row.get(0),
            tenant: row.get(1),
            store: row.get(2),
            generation: row.get(3),
        }));
    }
    found.grants = grants(conn, site, script).await?;
    found.tables = models(conn, site, script).await?.0;
    found.has_rows = match found.grants.is_empty() {
        true => !models(conn, site, script).await?.1.is_empty(),
        false => false,
    };
    Ok(found)
}

/// Returns the statements that give the role the rights that it lacks.
async fn grants(conn: &mut Connection, site: &Site, script: &Script) -> Result<Vec<String>> {
    let (schema, mut missing) = (&site.quoted, vec![]);
    let rows = conn
        .once(
            "SELECT quote_ident(current_user), (SELECT has_schema_privilege(n.oid, 'CREATE') FROM pg_namespace AS n \
             WHERE n.nspname = $1)",
            &[(&&*site.schema, Type::TEXT)],
        )
        .await?;
    let row = rows.first().ok_or_else(|| Error::new(Kind::Internal, "a role without a name"))?;
    let (role, may_create): (String, Option<bool>) = (row.get(0), row.get(1));
    if may_create.is_none() {
        missing.push(format!("CREATE SCHEMA {schema}"));
    }
    if may_create != Some(true) {
        missing.push(format!("GRANT USAGE, CREATE ON SCHEMA {schema} TO {role}"));
    }
    for model in script.state().of_store(script.store()) {
        let table = format!("{schema}.{}", quoted(model.name.as_str()));
        let sql = "SELECT bool_and(has_table_privilege(to_regclass($1), needed)) \
            FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS needed";
        let rows = conn.once(sql, &[(&table.as_str(), Type::TEXT)]).await?;
        if rows.first().is_some_and(|row| row.get::<_, Option<bool>>(0) == Some(false)) {
            missing.push(format!("GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {role}"));
        }
    }
    Ok(missing)
}
