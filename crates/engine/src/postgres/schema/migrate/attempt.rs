//! One attempt on a place. First it reads, without locks, what the place lacks. Then one transaction locks the place and
//! applies it.

use super::{LOCK_WAIT, failed, step, straight, survey::Found};
use crate::{
    error::{Error, Kind, Result},
    model::Model,
    postgres::{
        connections::{Call, Connection, Lease},
        places::{How, begin_as_owner},
        schema::{
            Layout,
            compiled::{Compiled, Statements},
            ddl::Step,
            ledger, search,
        },
        seal::{self, Seal},
        server::Server,
        site::Site,
        tables::{self, Form},
    },
};
use tokio_postgres::types::Type;

/// Statement that lets no write of the place begin until the transaction ends, and waits for those under way.
const HOLD_WRITERS: &str = "LOCK TABLE _tenantry_place IN EXCLUSIVE MODE";
/// [`HOLD_WRITERS`], which the database refuses if the place is not open.
const HOLD_WRITERS_IF_OPEN: &str = "LOCK TABLE _tenantry_place, _tenantry_open IN EXCLUSIVE MODE";

/// Returns the statement that holds the writers of a place before a migration. A database or schema that was moved away
/// accepts no more changes (`fenced-generation`). A pool does, whatever its tenants do.
pub(super) fn hold_writers(site: &Site) -> &'static str {
    if site.is_pooled() { HOLD_WRITERS } else { HOLD_WRITERS_IF_OPEN }
}

/// A place whose ledger was read, with a connection to it. It holds no locks yet.
pub(super) struct Begun<'a> {
    lease: Lease,
    pub(super) site: &'a Site,
    pub(super) found: Found,
}

impl<'a> Begun<'a> {
    /// Reads what the place lacks.
    ///
    /// # Errors
    /// Returns the errors of [`Server::survey`].
    pub(super) async fn new(server: &Server, site: &'a Site, statements: &Statements) -> Result<Self> {
        let (lease, found) = server.survey(site, statements).await?;
        Ok(Self { lease, site, found })
    }

    /// Begins a transaction, locks the place against writers and other migrations, and upgrades the platform's tables.
    ///
    /// # Errors
    /// Returns [`Kind::Busy`] if another process holds the lock or has migrated the place since, and [`Kind::Fenced`]
    /// if the rows of the place have moved.
    pub(super) async fn lock(&mut self) -> Result<()> {
        let (site, form) = (self.site, self.found.form);
        let store = site.place.store.as_str();
        let (standing, key) = (seal::question(site), [(&store as _, Type::TEXT)]);
        let calls = [
            Call::once(HOLD_WRITERS, &[]),
            Call::once(&standing, &[]),
            Call::once(
                "SELECT EXISTS (SELECT FROM _tenantry_place WHERE store = $1 AND state <> 'open')",
                &key,
            ),
        ];
        let begin = format!("{}; {}", begin_as_owner(site, How::Write), settings());
        let conn = self.lease.connection()?;
        let answers = conn.begin_with(&begin, &calls).await?;
        if seal::standing(&answers[1], site).and_then(|standing| standing.found) != self.found.lacking.seal {
            return Err(Error::new(Kind::Busy, format!("{site}: another process migrates it")));
        }
        // A database or schema that was moved away accepts no more writes, including changes of its tables
        // (`fenced-generation`).
        if !site.is_pooled() && answers[2].first().is_some_and(|row| row.get(0)) {
            return Err(Error::new(Kind::Fenced, format!("{site} is fenced: its rows have moved")));
        }
        if form == Form::Outdated {
            tables::upgrade(conn, site).await?;
        }
        Ok(())
    }

    /// Returns the connection, in the transaction if it has begun.
    pub(super) fn connection(&mut self) -> Result<&mut Connection> {
        self.lease.connection()
    }

    /// Applies a migration that needs no answers on the way, in one round trip with everything around it.
    ///
    /// # Errors
    /// Returns the errors of [`straight::apply`].
    pub(super) async fn apply(
        &mut self,
        seals: (&Seal, &Seal),
        migration: &Compiled,
        steps: &[&str],
    ) -> Result<()> {
        straight::apply(self.lease.connection()?, self.site, seals, migration, steps).await
    }

    /// Ends the transaction without a change, if it has begun.
    pub(super) async fn end(mut self) -> Result<()> {
        self.lease.connection()?.roll_back_if_open().await
    }
}

/// One migration for one place.
pub(super) struct Attempt<'a> {
    pub(super) site: &'a Site,
    pub(super) statements: &'a Statements,
    pub(super) migration: &'a Compiled,
}

impl Attempt<'_> {
    /// Applies the migration and adds it to the ledger, in the caller's transaction. The caller renews the seal.
    pub(super) async fn apply(&self, conn: &mut Connection) -> Result<()> {
        let loaded = &self.migration.loaded;
        let (steps, mut from) = (&self.migration.steps, 0);
        while from < steps.len() {
            let to = from + run_length(&steps[from..]);
            let done = step::run_all(conn, self.site, &steps[from..to]).await;
            done.map_err(|(at, error)| failed::in_step(loaded, &steps[from + at], error))?;
            from = to;
        }
        for sql in &self.migration.counts {
            conn.batch(sql).await.map_err(|error| failed::in_statement(loaded, Some(sql), error))?;
        }
        for model in &self.migration.search {
            let filled = match self.migration.state.model(model.as_str()) {
                Some(model) => self.fill_search(conn, model).await,
                None => Ok(()),
            };
            filled.map_err(|error| failed::in_statement(loaded, None, error))?;
        }
        ledger::enter(conn, self.site, loaded).await
    }

    async fn fill_search(&self, conn: &mut Connection, model: &Model) -> Result<()> {
        let (state, pooled) = (&self.migration.state, self.statements.pooled);
        search::fill(conn, &Layout { model, state, pooled }, None).await
    }
}

/// Returns the number of first steps that are sent together: consecutive statements, or a single other step.
fn run_length(steps: &[Step]) -> usize {
    steps.iter().take_while(|step| step.sql().is_some()).count().max(1)
}

/// Returns the settings of the transaction. With those of the server, the database or the role, PostgreSQL might parse
/// or print literals in another way, or end a long migration.
pub(super) fn settings() -> String {
    format!(
        "SET LOCAL lock_timeout = {}; SET LOCAL statement_timeout = 0; \
         SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL standard_conforming_strings = on; \
         SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL client_min_messages = warning",
        LOCK_WAIT.as_millis()
    )
}
