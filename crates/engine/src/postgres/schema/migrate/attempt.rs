//! One transaction on a place. First it reads, without locks, what the place lacks. Then it locks the place and applies
//! it.

use super::{LOCK_WAIT, failed, step};
use crate::{
    error::{Error, Kind, Result},
    ledger as rules,
    model::Model,
    postgres::{
        connections::{Call, Connection},
        identity,
        places::{How, Transaction},
        schema::{
            Layout,
            compiled::{Compiled, Statements},
            ddl::Step,
            ledger, search,
        },
        seal::{self, Standing},
        server::Server,
        site::Site,
        tables::{self, Form},
    },
};
use tokio_postgres::types::Type;

/// A transaction on a place whose ledger it has read. It holds no locks yet.
pub(super) struct Begun<'a> {
    transaction: Transaction,
    site: &'a Site,
    form: Form,
    /// Position of the ledger when it was read.
    ledger: i64,
    /// Migrations that the place lacks, as `app/name`.
    pub(super) pending: Vec<String>,
    /// Migrations that the place has and that are not known here.
    pub(super) unknown: Vec<String>,
}

impl<'a> Begun<'a> {
    /// Begins a transaction, verifies the identity of the place and reads its ledger, in one round trip.
    ///
    /// # Errors
    /// Returns `Missing`, `WrongIdentity` or `Fenced` if the place is not there at its generation, and the errors of
    /// [`rules::refuse_newer`].
    pub(super) async fn new(server: &Server, site: &'a Site, statements: &Statements) -> Result<Self> {
        let store = site.place.store.as_str();
        let key = identity::key(site, &store);
        let (identity, ledger) = (identity::question(site), ledger::question(site));
        let calls = [Call::once(&identity, &key), Call::once(&ledger, &[])];
        let (transaction, answers) = server.as_owner_with(site, How::Write, &settings(), &calls).await?;
        let answers = answers.map_err(|error| identity::not_ours(site, error));
        let read = answers.and_then(|answers| {
            let form = identity::judge(&answers[0], site, &server.platform)?;
            let (pending, unknown) = statements.of.pending(&ledger::read(&answers[1], site))?;
            rules::refuse_newer(&pending, &unknown)?;
            Ok((form, identity::position(&answers[0]), pending, unknown))
        });
        match read {
            Ok((form, ledger, pending, unknown)) => {
                Ok(Self { transaction, site, form, ledger, pending, unknown })
            }
            Err(error) => {
                // The rollback fails if the connection was lost.
                drop(transaction.roll_back().await);
                Err(server.or_missing(site, error).await)
            }
        }
    }

    /// Locks the place against writers and other migrations, and upgrades the platform's tables. Every migration takes
    /// the locks in the same order; the rows of places come after the ledger's position.
    ///
    /// # Errors
    /// Returns [`Kind::Busy`] if another process holds the lock or has migrated the place since, and [`Kind::Fenced`]
    /// if the rows of the place have moved.
    pub(super) async fn lock(&mut self) -> Result<Standing> {
        let site = self.site;
        let store = site.place.store.as_str();
        let (expected, key) = (seal::expected(site, self.ledger), [(&store as _, Type::TEXT)]);
        let calls = [
            Call::once(&expected, &[]),
            Call::once("LOCK TABLE _tenantry_place IN EXCLUSIVE MODE", &[]),
            Call::once(
                "SELECT EXISTS (SELECT FROM _tenantry_place WHERE store = $1 AND state <> 'open')",
                &key,
            ),
        ];
        let conn = self.transaction.connection()?;
        let answers = conn.calls(&calls).await?;
        let standing = seal::as_expected(&answers[0], site);
        if answers[0].first().map(|row| row.get::<_, i64>(0)) != Some(self.ledger) {
            return Err(Error::new(Kind::Busy, format!("{site}: another process migrates it")));
        }
        // A database or schema that was moved away accepts no more writes, including changes of its tables
        // (`fenced-generation`).
        if !site.is_pooled() && answers[2].first().is_some_and(|row| row.get(0)) {
            return Err(Error::new(Kind::Fenced, format!("{site} is fenced: its rows have moved")));
        }
        if self.form == Form::Outdated {
            tables::upgrade(conn, site).await?;
        }
        match standing.filter(|_| self.form == Form::Current) {
            Some(standing) => Ok(standing),
            None => seal::find(conn, site).await,
        }
    }

    /// Returns the connection of the open transaction.
    pub(super) fn connection(&mut self) -> Result<&mut Connection> {
        self.transaction.connection()
    }

    /// Ends the transaction without a change.
    pub(super) async fn end(self) -> Result<()> {
        self.transaction.roll_back().await
    }
}

/// One migration for one place.
pub(super) struct Attempt<'a> {
    pub(super) site: &'a Site,
    pub(super) statements: &'a Statements,
    pub(super) migration: &'a Compiled,
}

impl Attempt<'_> {
    /// Applies the migration and adds it to the ledger, in the caller's transaction. `renewal` renews the seal. With
    /// `commit`, also commits the transaction.
    pub(super) async fn apply(
        &self,
        conn: &mut Connection,
        renewal: Option<&str>,
        commit: bool,
    ) -> Result<()> {
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
        ledger::enter(conn, self.site, loaded, renewal, commit).await
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
