//! Creates the database or schema of a place. Every step may be repeated after a crash, or run by two processes at
//! once, and no step overwrites anything.
//!
//! A new database is a copy of a template (see [`super::template`]) whose row in `_tenantry_place` belongs to no place.
//! One transaction then gives the database its identity, its roles and its comment. If a database has no identity yet,
//! the next call finishes it, and that row shows that the database is ours. A schema is created in a single
//! transaction.

use super::{How, begin_as_owner, blank::Blank, roles, template};
use crate::{
    error::{Error, Kind, Result},
    place::{Isolation, Place},
    postgres::{
        connections::{Call, Connection, Lease},
        identity::{self, key},
        names::{literal, quoted},
        place_state,
        seal::{self, Standing},
        server::Server,
        site::Site,
        tables,
    },
    schema::Template,
};
use tokio_postgres::{Row, types::Type};

/// Builder of a store's tables at one state of its schema.
pub(crate) trait Build: Sync {
    /// Returns the text that identifies the result.
    fn fingerprint(&self) -> &str;

    /// Creates the tables of the store's models in the first schema of the search path, inside the caller's
    /// transaction.
    fn run(&self, conn: &mut Connection, site: &Site) -> impl Future<Output = Result<()>> + Send;

    /// Returns the script that makes the tables, if there is one.
    fn script(&self) -> Option<&crate::schema::Script> {
        None
    }
}

/// Contents of a new place besides its tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rows {
    /// No rows will follow: the place is open at once.
    None,
    /// Rows will follow: the place is *filling* until all rows of a copy are there.
    Follow,
}

/// Builder of the platform's own tables only.
pub(crate) struct Bare;

impl Build for Bare {
    fn fingerprint(&self) -> &str {
        "bare"
    }

    async fn run(&self, _: &mut Connection, _: &Site) -> Result<()> {
        Ok(())
    }
}

impl Build for crate::schema::Script {
    fn fingerprint(&self) -> &str {
        crate::schema::Script::fingerprint(self)
    }

    fn script(&self) -> Option<&crate::schema::Script> {
        Some(self)
    }

    async fn run(&self, conn: &mut Connection, site: &Site) -> Result<()> {
        self.postgres(site.place.isolation)?.apply_new(conn, site).await
    }
}

impl Server {
    /// Creates the database or schema of `place`: a tenant, a system store, or a pool. Idempotent; never overwrites.
    ///
    /// # Errors
    /// Returns the errors of [`Server::create_system`].
    pub(crate) async fn provision(&self, place: &Place, template: &Template) -> Result<()> {
        match template.script() {
            Some(script) => self.make(place, script).await,
            None => self.create_system(place).await,
        }
    }

    /// Creates a system store, or a pool for tenants, with the platform's own tables only. Idempotent.
    ///
    /// # Errors
    /// Returns `WrongIdentity` if another database, schema or role has the name.
    pub(crate) async fn create_system(&self, place: &Place) -> Result<()> {
        self.make(place, &Bare).await
    }

    /// Creates the database or schema of `place`. Idempotent; never overwrites.
    ///
    /// # Errors
    /// Returns the errors of [`Server::create_system`].
    pub(crate) async fn make(&self, place: &Place, build: &impl Build) -> Result<()> {
        self.make_in(place, build, Rows::None).await
    }

    /// Creates the database or schema of `place`, which gets rows afterwards as `rows` specifies. Idempotent; never
    /// overwrites.
    ///
    /// # Errors
    /// Returns the errors of [`Server::make`].
    pub(crate) async fn make_in(&self, place: &Place, build: &impl Build, rows: Rows) -> Result<()> {
        let site = self.site(place)?;
        if self.is_sole {
            return self.make_sole(&site, build.script(), rows).await;
        }
        if place.isolation.is_pooled() && place.tenant.is_some() {
            return Err(Error::new(Kind::Internal, format!("{place} is a pooled tenant: enrol it")));
        }
        match place.isolation {
            Isolation::Database => self.make_database(&site, build, rows).await,
            Isolation::Schema | Isolation::Pooled => self.make_schema(&site, build, rows).await,
        }
    }

    async fn make_database(&self, site: &Site, build: &impl Build, rows: Rows) -> Result<()> {
        let name = |base| template::name(&self.prefix, &site.place.store, build.fingerprint(), base);
        let (base, plain, based) = (template::base(&self.prefix), name(false), name(true));
        let found = self.databases(&[&site.name, &base, &plain, &based]).await?;
        let base = found.iter().any(|database| database.name == base).then_some(&*base);
        let template = if base.is_some() { based } else { plain };
        match found.iter().find(|database| *database.name == *site.name) {
            Some(database) if !database.is_owned => {
                return Err(Error::new(
                    Kind::WrongIdentity,
                    format!("{site}: another role has a database there"),
                ));
            }
            Some(_) => {}
            None => {
                let source = found.iter().find(|database| database.name == template);
                if source.is_none() {
                    self.make_template(&template, base, site, build).await?;
                }
                self.copy_template(&template, site).await?;
                let blank = source.and_then(Blank::of);
                if rows == Rows::None
                    && let Some(blank) = blank
                    && self.name_copy(site, &blank).await?
                {
                    return Ok(());
                }
            }
        }
        self.name_database(site, rows).await
    }

    /// Copies the template. Another process may do the same at the same time.
    async fn copy_template(&self, template: &str, site: &Site) -> Result<()> {
        let sql = format!(
            "CREATE DATABASE {} TEMPLATE {} STRATEGY {}",
            quoted(&site.name),
            quoted(template),
            template::STRATEGY
        );
        match self.run_home(&sql).await {
            Ok(()) => Ok(()),
            Err(error) => match self.databases(&[&site.name]).await?.is_empty() {
                true => Err(error),
                false => Ok(()),
            },
        }
    }

    /// Gives a new copy of a template its identity and its roles in one round trip, without reading what the template is
    /// known to contain. Returns false, and changes nothing, if the database has its identity already or is not as expected.
    async fn name_copy(&self, site: &Site, blank: &Blank) -> Result<bool> {
        let (tenant, generation) = (site.tenant.to_string(), site.generation.to_string());
        let (store, id) = (literal(site.place.store.as_str()), literal(self.platform.id()));
        let (claim, numbers) = claim(site, [&tenant, &store, &generation, &id]);
        // A division by zero ends the transaction if the database has its identity already.
        let claim = format!("WITH claimed AS ({claim}) SELECT 1 / count(*) FROM claimed");
        let seal = blank.standing(site, &self.platform);
        let naming = self.naming(site, seal, (&[], blank.models.as_deref()))?;
        let begin = begin_as_owner(site, How::Write);
        let statements: Vec<&str> =
            [&begin, &claim, &numbers].into_iter().chain(&naming).map(|sql| &**sql).collect();
        let mut lease = self.lease(site).await?;
        let conn = lease.connection()?;
        match conn.commit_batch(&statements).await {
            Ok(()) => Ok(true),
            Err(error) if matches!(error.kind(), Kind::Unreachable | Kind::InDoubt) => Err(error),
            Err(_) => conn.roll_back_if_open().await.map(|()| false),
        }
    }

    /// Gives a database that was copied from a template its identity and its roles, in two round trips.
    async fn name_database(&self, site: &Site, rows: Rows) -> Result<()> {
        let (claim, numbers) = claim(site, ["$1", "$2", "$3", "$4"]);
        let (identity, seal) = (identity::question(site), seal::question(site));
        let (reader, models) = (roles::reader(site), roles::models(site));
        let (store, id) = (site.place.store.as_str(), self.platform.id());
        let [tenant, of] = key(site, &store);
        let row = [tenant.clone(), of.clone(), (&site.generation, Type::INT8), (&id, Type::TEXT)];
        let (key, reader) = ([tenant, of], [(&reader as _, Type::TEXT)]);
        let calls = [
            Call::once(&claim, &row),
            Call::once(&numbers, &row[..1]),
            Call::once(&identity, &key),
            Call::once(&seal, &[]),
            Call::once(roles::ROLE, &reader),
            Call::once(&models, &[]),
        ];
        let (mut transaction, answers) = self.as_owner_with(site, How::Write, &calls).await?;
        let naming = answers.map_err(|error| identity::not_ours(site, error));
        let naming = match naming.and_then(|answers| self.naming_by(site, &answers)) {
            Ok(Some(naming)) => naming,
            done => return self.finish(transaction, site, done.map(drop)).await,
        };
        if rows == Rows::None {
            let statements: Vec<&str> = naming.iter().map(|sql| &**sql).collect();
            return transaction.commit_batch(&statements).await;
        }
        let named = async {
            let conn = transaction.connection()?;
            conn.batch(&naming.join("; ")).await?;
            self.announce(conn, site, rows).await
        };
        let named = named.await;
        self.finish(transaction, site, named).await
    }

    /// Returns [`Server::naming`]; `None` if the database has its identity already. Takes the answers of
    /// [`Server::name_database`].
    fn naming_by(&self, site: &Site, answers: &[Vec<Row>]) -> Result<Option<Vec<String>>> {
        let [claimed, _, identity, seal, reader, models] = answers else {
            return Err(Error::new(Kind::Internal, "answers are missing"));
        };
        identity::judge(identity, site, &self.platform)?;
        if claimed.is_empty() {
            return Ok(None);
        }
        let seal = seal::standing(seal, site);
        self.naming(site, seal, (reader, roles::named(models))).map(Some)
    }

    /// Returns the statements that give a database everything but its row. Takes its seal, and what [`roles::opening`]
    /// takes.
    fn naming(
        &self,
        site: &Site,
        seal: Option<Standing>,
        (reader, models): (&[Row], Option<&str>),
    ) -> Result<Vec<String>> {
        let seal = seal.and_then(|standing| standing.renewal(site, 0));
        let mut naming: Vec<String> = seal.into_iter().chain([roles::close_database(site)]).collect();
        if site.place.tenant.is_some() {
            naming.extend(roles::opening(site, &self.prefix, &self.platform, (reader, models))?);
        }
        naming.push(comment("DATABASE", &site.name));
        Ok(naming)
    }

    async fn make_schema(&self, site: &Site, build: &impl Build, rows: Rows) -> Result<()> {
        if self.has_schema(site).await? {
            return self.identify(site).await;
        }
        self.prepare_home().await?;
        let mut transaction = self.as_owner(site, How::Write).await?;
        match self.fill_schema(transaction.connection()?, site, build, rows).await {
            Ok(()) => transaction.commit().await,
            Err(error) => {
                drop(transaction.roll_back().await);
                match self.has_schema(site).await? {
                    // Another process created it in the meantime, or its name is taken.
                    true => self.identify(site).await,
                    false => Err(error),
                }
            }
        }
    }

    async fn fill_schema(
        &self,
        conn: &mut Connection,
        site: &Site,
        build: &impl Build,
        rows: Rows,
    ) -> Result<()> {
        conn.batch(&format!("CREATE SCHEMA {}; {}", site.quoted, comment("SCHEMA", &site.name))).await?;
        roles::make_role(conn, site, &self.platform).await?;
        conn.batch(tables::CREATE).await?;
        conn.batch(&roles::confine_platform_tables(site).join("; ")).await?;
        roles::open_models(conn, site, &self.prefix, &self.platform).await?;
        // Enrol first, because migrations count the rows that they create.
        identity::enrol(conn, site, &self.platform).await?;
        build.run(conn, site).await?;
        self.announce(conn, site, rows).await
    }

    /// Marks a new place whose rows are still to come.
    async fn announce(&self, conn: &mut Connection, site: &Site, rows: Rows) -> Result<()> {
        match rows {
            Rows::None => Ok(()),
            Rows::Follow => place_state::take_over(conn, site, &self.platform).await.map(drop),
        }
    }

    /// Leases a connection to the home database.
    pub(in crate::postgres) async fn home(&self) -> Result<Lease> {
        self.connections.lease(&self.home).await
    }
}

/// Returns the statements that give a database that belongs to no place the identity of the place of `site`. Takes the
/// expressions of tenant, store, generation and installation. The first statement returns a row if it did.
fn claim(site: &Site, [tenant, store, generation, platform]: [&str; 4]) -> (String, String) {
    let (schema, blank) = (&site.quoted, template::BLANK);
    let place = format!(
        "UPDATE {schema}._tenantry_place SET tenant = {tenant}, generation = {generation}, platform = {platform}, \
         state = 'open', made_at = now() WHERE tenant = {blank} AND store = {store} RETURNING 1"
    );
    (place, format!("UPDATE {schema}._tenantry_seq SET tenant = {tenant} WHERE tenant = {blank}"))
}

/// Returns a statement that records when a database or schema was created, which PostgreSQL does not do.
pub(super) fn comment(what: &str, name: &str) -> String {
    let now = jiff::Timestamp::now();
    format!("COMMENT ON {what} {} IS 'Tenantry {now}'", quoted(name))
}

/// Returns the time in a [`comment`].
pub(super) fn made_at(comment: &str) -> Option<jiff::Timestamp> {
    comment.strip_prefix("Tenantry ")?.parse().ok()
}
