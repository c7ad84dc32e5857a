//! One attempt to apply one migration, in the caller's transaction.

use super::{LOCK_WAIT, failed, step};
use crate::{
    error::{Error, Kind, Result},
    identity::Platform,
    ledger as rules,
    name::ModelName,
    postgres::{
        connections::{Call, Connection},
        identity,
        schema::{
            Layout,
            compiled::{Compiled, Statements},
            ddl::Step,
            ledger, search,
        },
        seal,
        site::Site,
        tables::{self, Form},
    },
};

/// One migration for one place.
pub(super) struct Attempt<'a> {
    pub(super) site: &'a Site,
    pub(super) statements: &'a Statements,
    pub(super) migration: &'a Compiled,
}

impl Attempt<'_> {
    /// Applies the migration with its ledger row. Returns false if the place has it already.
    pub(super) async fn run(&self, conn: &mut Connection, platform: &Platform) -> Result<bool> {
        let store = self.site.place.store.as_str();
        let key = identity::key(self.site, &store);
        let (identity, ledger) = (identity::question(self.site), ledger::question(self.site));
        let seal = seal::question(self.site);
        // The order is that of every migration; the place's rows come after the ledger's number.
        let calls = [
            Call::once(&identity, &key),
            Call::once(&seal, &[]),
            Call::once("LOCK TABLE _tenantry_place IN EXCLUSIVE MODE", &[]),
            Call::once(&ledger, &[]),
            Call::once(
                "SELECT EXISTS (SELECT FROM _tenantry_place WHERE store = $1 AND state <> 'open')",
                &key[1..],
            ),
        ];
        let answers = conn.calls_with(&settings(), &calls).await;
        let answers = answers.map_err(|failed| identity::not_ours(self.site, failed.into()))?;
        let mut standing = seal::standing(&answers[1], self.site);
        if identity::judge(&answers[0], self.site, platform)? == Form::Outdated {
            tables::upgrade(conn, self.site).await?;
            standing = seal::standing(&conn.once(&seal, &[]).await?, self.site);
        }
        let missing = rules::missing(&self.statements.of.loaded, &ledger::read(&answers[3], self.site))?;
        if !missing.iter().any(|missing| missing.id() == self.migration.loaded.id()) {
            return Ok(false);
        }
        // A database or schema that was moved away takes no more writes, including changes of its tables
        // (`fenced-generation`).
        if !self.site.is_pooled() && answers[4].first().is_some_and(|row| row.get(0)) {
            return Err(Error::new(Kind::Fenced, format!("{} is fenced: its rows have moved", self.site)));
        }
        let renewal = standing.and_then(|standing| standing.renewal(self.site, 1));
        self.apply(conn, renewal.as_deref()).await?;
        Ok(true)
    }

    /// Runs the steps of the migration, and what must follow them, and notes it in the ledger. `renewal` renews the seal.
    pub(super) async fn apply(&self, conn: &mut Connection, renewal: Option<&str>) -> Result<()> {
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
            let filled = self.fill_search(conn, model).await;
            filled.map_err(|error| failed::in_statement(loaded, None, error))?;
        }
        ledger::enter(conn, self.site, &self.migration.loaded, renewal).await
    }

    async fn fill_search(&self, conn: &mut Connection, model: &ModelName) -> Result<()> {
        let (state, pooled) = (&self.migration.state, self.statements.pooled);
        let Some(model) = state.model(model.as_str()) else { return Ok(()) };
        search::fill(conn, &Layout { model, state, pooled }, None).await
    }
}

/// Returns how many of the first steps go together: statements that follow one another, or any other step alone.
fn run_length(steps: &[Step]) -> usize {
    steps.iter().take_while(|step| step.sql().is_some()).count().max(1)
}

/// Settings of the transaction. Those of the server, the database or the role might read or write literals another way,
/// or end a long migration.
pub(super) fn settings() -> String {
    format!(
        "SET LOCAL lock_timeout = {}; SET LOCAL statement_timeout = 0; \
         SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL standard_conforming_strings = on; \
         SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL client_min_messages = warning",
        LOCK_WAIT.as_millis()
    )
}
