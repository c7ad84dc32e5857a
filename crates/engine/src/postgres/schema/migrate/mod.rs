//! Runs migrations on one place, each in one transaction together with its ledger row. A crash at any point leaves
//! every migration either whole or absent, and the next run applies the rest.
//!
//! A migration locks `_tenantry_place` against writers and other migrations. A write locks the row of its place before
//! anything else, so it runs either entirely before the migration or entirely after it. A migration never waits for long, because all other transactions would wait behind it: it gives up, lets them continue, and
//! tries again.

mod attempt;
mod failed;
mod index;
mod lacking;
mod patience;
mod step;
mod straight;
mod survey;

use super::{
    compiled::{Compiled, Statements},
    ledger,
};
use crate::{
    error::{Kind, Result},
    ledger::{Applied, MigrateReport},
    place::Place,
    postgres::{
        connections::Connection,
        identity,
        seal::{self, Seal},
        server::Server,
        site::Site,
        tables::Form,
    },
    schema::Script,
};
use attempt::{Attempt, Begun};
use lacking::Lacking;
pub(super) use lacking::Usual;
pub(in crate::postgres) use patience::Patience;
use std::{collections::HashSet, sync::Arc, time::Duration};

/// Longest time that a migration waits for a lock before it lets others continue.
const LOCK_WAIT: Duration = Duration::from_millis(800);

impl Server {
    /// Applies the migrations of a script that a place lacks. Safe while other processes do the same.
    ///
    /// # Errors
    /// Returns [`Kind::Statement`] if the database refuses a migration, or the place has unknown migrations of an app
    /// for which it lacks others. Returns [`Kind::Fenced`] if the rows of the place have moved, and [`Kind::Busy`] if
    /// its tables stay in use.
    pub(crate) async fn migrate_with(&self, place: &Place, script: &Script) -> Result<MigrateReport> {
        let site = self.site(place)?;
        self.migrate_site(&site, script.postgres(place.isolation)?).await
    }

    /// Applies the missing migrations of `statements` to the tables at `site`.
    pub(in crate::postgres) async fn migrate_site(
        &self,
        site: &Site,
        statements: &Statements,
    ) -> Result<MigrateReport> {
        let mut report = MigrateReport { applied: vec![], unknown: vec![] };
        let mut done = Done { expected: statements.usual.of(site), ..Done::default() };
        loop {
            let next = self.next(site, statements, &mut done).await?;
            report.unknown = next.unknown;
            report.applied.extend(next.applied);
            if next.is_last {
                return Ok(report);
            }
        }
    }

    /// Applies the first migration that the place lacks, once its tables can be locked.
    async fn next<'s>(&self, site: &Site, statements: &'s Statements, done: &mut Done<'s>) -> Result<Next> {
        let mut patience = Patience::new();
        loop {
            let tried = match self.try_expected(site, statements, done).await {
                Ok(None) => self.try_next(site, statements, done).await,
                tried => tried,
            };
            match tried {
                Err(error) if *error.kind() == Kind::Busy => patience.wait(site, error).await?,
                Ok(None) => {}
                Ok(Some(next)) => return Ok(next),
                Err(error) => return Err(error),
            }
        }
    }

    /// Applies the migration that the place is expected to lack, without reading the place; `None` if nothing is expected
    /// or the place is in another state.
    async fn try_expected<'s>(
        &self,
        site: &Site,
        statements: &'s Statements,
        done: &mut Done<'s>,
    ) -> Result<Option<Next>> {
        let Some(lacking) = done.expected.take() else { return Ok(None) };
        let Some(migration) = statements.first(&lacking) else { return Ok(None) };
        let seals = lacking.seals(site, self.platform.id(), &migration.loaded);
        let (Some((from, to)), Some(steps)) = (seals, migration.straight()) else { return Ok(None) };
        let mut lease = self.lease(site).await?;
        match straight::apply(lease.connection()?, site, (&from, &to), migration, &steps).await {
            Err(error) if straight::is_unexpected(&error) => Ok(None),
            Err(error) if straight::is_refused(&error) => {
                done.straight.insert(&*migration.loaded.name);
                Ok(None)
            }
            Err(error) => {
                done.expected = Some(lacking);
                Err(error)
            }
            Ok(()) => Ok(Some(done.applied(site, migration, &lacking, Some(to)))),
        }
    }

    /// Reads what the place lacks and applies the first of it; `None` if it was only prepared, or must be tried step by
    /// step, which `done` then contains.
    async fn try_next<'s>(
        &self,
        site: &Site,
        statements: &'s Statements,
        done: &mut Done<'s>,
    ) -> Result<Option<Next>> {
        let mut begun = Begun::new(self, site, statements).await?;
        let lacking = begun.found.lacking.clone();
        if !std::mem::replace(&mut done.is_read, true) {
            statements.usual.learn(site, &lacking);
        }
        let Some(migration) = statements.first(&lacking) else {
            return Ok(Some(Next { applied: None, is_last: true, unknown: lacking.unknown.clone() }));
        };
        let name = &*migration.loaded.name;
        if index::goes_ahead(migration) && done.ahead.insert(name) {
            drop(begun);
            index::ahead(self, site, migration).await?;
            return Ok(None);
        }
        let seals = lacking.seals(site, self.platform.id(), &migration.loaded);
        let seal = match (migration.straight(), seals) {
            (Some(steps), Some((from, to)))
                if begun.found.form == Form::Current && !done.straight.contains(name) =>
            {
                let applied = begun.apply((&from, &to), migration, &steps).await;
                if applied.as_ref().is_err_and(straight::is_refused) {
                    done.straight.insert(name);
                    return Ok(None);
                }
                applied?;
                Some(to)
            }
            _ => {
                self.step_by_step(begun, statements, migration).await?;
                None
            }
        };
        Ok(Some(done.applied(site, migration, &lacking, seal)))
    }

    /// Applies a migration whose steps need answers of the database.
    async fn step_by_step(
        &self,
        mut begun: Begun<'_>,
        statements: &Statements,
        migration: &Compiled,
    ) -> Result<()> {
        let applied = async {
            let site = begun.site;
            begun.lock().await?;
            let conn = begun.connection()?;
            Attempt { site, statements, migration }.apply(conn).await?;
            let renewal = seal::find(conn, site).await?.renewal(site, 1);
            conn.commit_batch(&renewal.iter().map(|sql| &**sql).collect::<Vec<_>>()).await
        };
        let applied = applied.await;
        if applied.is_err() {
            // The rollback may fail: the connection may be lost, and a failed commit has already ended the
            // transaction.
            drop(begun.end().await);
        }
        applied
    }

    /// Applies the missing migrations in one transaction and rolls it back, to check whether the database refuses one
    /// of them.
    ///
    /// # Errors
    /// Returns the errors of [`Server::migrate_with`].
    pub(crate) async fn rehearse(&self, place: &Place, script: &Script) -> Result<()> {
        let site = self.site(place)?;
        let statements = script.postgres(place.isolation)?;
        let mut patience = Patience::new();
        loop {
            match self.try_all(&site, statements).await {
                Err(error) if *error.kind() == Kind::Busy => patience.wait(&site, error).await?,
                tried => return tried,
            }
        }
    }

    /// Applies the missing migrations and rolls them back.
    async fn try_all(&self, site: &Site, statements: &Statements) -> Result<()> {
        let mut begun = Begun::new(self, site, statements).await?;
        let lacking = begun.found.lacking.clone();
        let pending = &lacking.pending;
        let tried = async {
            if !pending.is_empty() {
                begun.lock().await?;
            }
            for migration in statements.migrations.iter().filter(|m| pending.contains(&m.loaded.id())) {
                let attempt = Attempt { site, statements, migration };
                attempt.apply(begun.connection()?).await?;
            }
            Ok(())
        };
        let tried = tried.await;
        // The rollback fails if the connection was lost.
        let rolled_back = begun.end().await;
        tried.and(rolled_back)
    }

    /// Returns the migrations that a place lacks, as `app/name`, and the migrations that it has but that are not known
    /// here.
    pub(super) async fn pending(
        &self,
        site: &Site,
        statements: &Statements,
    ) -> Result<(Vec<String>, Vec<String>)> {
        statements.of.pending(&self.applied(site).await?)
    }

    /// Returns the migrations in the ledger of a place, as [`Server::applied`] does, in the caller's transaction as the
    /// owner.
    pub(super) async fn applied_in(&self, conn: &mut Connection, site: &Site) -> Result<Applied> {
        identity::check(conn, site, &self.platform).await?;
        ledger::applied(conn, site).await
    }
}

/// What was done already for a place.
#[derive(Default)]
struct Done<'s> {
    /// What the place is expected to lack; `None` if it must be read.
    expected: Option<Arc<Lacking>>,
    /// Whether the place was read, or a migration was applied to it.
    is_read: bool,
    /// Migrations whose indexes were created ahead.
    ahead: HashSet<&'s str>,
    /// Migrations that the database refused to apply in one round trip.
    straight: HashSet<&'s str>,
}

impl Done<'_> {
    /// Notes that the first migration that a place lacked was applied. `seal` is the seal of the place then, if it is known.
    fn applied(&mut self, site: &Site, migration: &Compiled, lacking: &Lacking, seal: Option<Seal>) -> Next {
        let (is_last, unknown) = (lacking.pending.len() <= 1, lacking.unknown.clone());
        self.is_read = true;
        if let (false, true, Some(seal)) = (is_last, lacking::is_alone(site), seal) {
            self.expected = Some(Arc::new(lacking.after(&migration.loaded, seal, &site.place.store)));
        }
        Next { applied: Some(migration.loaded.id()), is_last, unknown }
    }
}

/// Result of applying the first migration that a place lacked.
struct Next {
    /// Id of the migration; `None` if the place lacked none.
    applied: Option<String>,
    /// Whether the place lacks no other migration.
    is_last: bool,
    /// Migrations that the place has and that are not known here.
    unknown: Vec<String>,
}

impl Statements {
    /// Returns the first migration that a place lacks.
    fn first(&self, lacking: &Lacking) -> Option<&Compiled> {
        let first = lacking.pending.first()?;
        self.migrations.iter().find(|migration| migration.loaded.id() == *first)
    }

    /// Applies all migrations to tables that no other transaction can see yet, in the caller's transaction as the
    /// owner. Call this after the row of the place was written.
    ///
    /// # Errors
    /// Returns the errors of [`Server::migrate_with`].
    pub(in crate::postgres) async fn apply_new(&self, conn: &mut Connection, site: &Site) -> Result<()> {
        conn.batch(&attempt::settings()).await?;
        for migration in &self.migrations {
            Attempt { site, statements: self, migration }.apply(conn).await?;
        }
        let raised = i64::try_from(self.migrations.len()).unwrap_or(i64::MAX);
        seal::renew(conn, site, raised).await
    }
}
