//! Runs migrations on one database, each in one transaction together with its ledger row. A crash at any point leaves
//! every migration either whole or absent, and the next run applies the rest.
//!
//! The engine calls it for one place at a time, on a separate connection. The caller chooses the migrations: the
//! platform passes them in order, with their operations.

mod applied;
mod recount;
mod step;

use super::{
    ddl::{Step, Steps, steps},
    inspect::{self, Snapshot},
};
use crate::{
    error::{Error, Kind, Result},
    ledger::{self, Loaded, MigrateReport},
    migration::Migration,
    name::StoreName,
    place::Isolation,
    refused::RefusedRows,
    schema::{Drift, Inspection, Migrations, Script},
    sqlite::tables,
};
use rusqlite::Connection;
use std::sync::Arc;
use step::{check_references, run_step};

pub(crate) use applied::{applied, as_applied, ledger};
pub(crate) use recount::bytes as bytes_of;

/// The statements of a script for the databases of one isolation.
#[derive(Debug)]
pub(crate) struct Statements {
    of: Arc<Migrations>,
    isolation: Isolation,
    migrations: Vec<Compiled>,
    wanted: Snapshot,
}

#[derive(Debug)]
struct Compiled {
    loaded: Loaded,
    steps: Steps,
    /// SQL that sets the counters for the models after this migration; `None` if the migration cannot have changed
    /// rows.
    recount: Option<String>,
}

/// Applies the migrations that one database lacks, in order.
///
/// # Errors
/// Returns `Statement` if the migrations contradict each other, or the database refuses one.
pub fn migrate(
    conn: &mut Connection,
    store: &StoreName,
    isolation: Isolation,
    migrations: &[Migration],
) -> Result<MigrateReport> {
    Script::new(store, migrations)?.sqlite(isolation)?.run(conn)
}

/// Compares a database with the schema that these migrations produce.
///
/// # Errors
/// Returns `Statement` if the migrations contradict each other.
pub fn inspect(
    conn: &Connection,
    store: &StoreName,
    isolation: Isolation,
    migrations: &[Migration],
) -> Result<Inspection> {
    Script::new(store, migrations)?.sqlite(isolation)?.inspect(conn)
}

/// Recounts the rows and bytes of every tenant in a database that has all of these migrations.
///
/// # Errors
/// Returns `Statement` if the migrations contradict each other.
pub fn count_again(
    conn: &Connection,
    store: &StoreName,
    isolation: Isolation,
    migrations: &[Migration],
) -> Result<()> {
    Ok(conn.execute_batch(&Script::new(store, migrations)?.sqlite(isolation)?.recount())?)
}

impl Statements {
    /// Compiles the statements of all migrations, in order.
    ///
    /// # Errors
    /// Returns [`Kind::Statement`] if an operation has no statement.
    pub(crate) fn new(of: &Arc<Migrations>, isolation: Isolation) -> Result<Self> {
        let store = &of.store;
        let compiled = of.compile(
            |all: &mut Steps, op, before, after| {
                steps(op, before, after, isolation).map(|more| all.append(more))
            },
            |steps: Steps, loaded, state| {
                let recount = steps.recount.then(|| recount::recount(state, store, isolation));
                Ok(Compiled { loaded: loaded.clone(), steps, recount })
            },
        )?;
        let wanted = Snapshot::wanted(&of.state, store, isolation)?;
        Ok(Self { of: of.clone(), isolation, migrations: compiled, wanted })
    }

    /// Returns the schema of a database that has all migrations.
    pub(crate) fn wanted(&self) -> &Snapshot {
        &self.wanted
    }

    /// Returns the store that the statements are for.
    pub(crate) fn store(&self) -> &StoreName {
        &self.of.store
    }

    /// Returns the migrations that a database lacks, as `app/name`, and the migrations that it has but that are not
    /// known here.
    ///
    /// # Errors
    /// Returns [`Kind::Statement`] if an applied migration's file was changed afterwards.
    pub(crate) fn pending(&self, conn: &Connection) -> Result<(Vec<String>, Vec<String>)> {
        self.of.pending(&applied(conn, self.store())?)
    }

    /// Compares a database with the schema that the migrations produce.
    ///
    /// # Errors
    /// Returns the errors of [`Self::pending`].
    pub(crate) fn inspect(&self, conn: &Connection) -> Result<Inspection> {
        inspect::inspect(conn, self)
    }

    /// Compares a database with the schema that the migrations produce, whatever its ledger says. Returns the tables
    /// that are missing, and the differences of the others.
    ///
    /// # Errors
    /// Returns SQLite's error if the schema cannot be read.
    pub(crate) fn compared(&self, conn: &Connection) -> Result<(Vec<String>, Vec<Drift>)> {
        let drift = Snapshot::read(conn)?.drift(self.wanted());
        Ok(Drift::missing_tables(drift))
    }

    /// Enters all migrations into the ledger of tables that already have their effect.
    ///
    /// # Errors
    /// Returns the errors of [`Self::pending`].
    pub(crate) fn enter_all(&self, conn: &Connection) -> Result<()> {
        let (pending, _) = self.pending(conn)?;
        for migration in self.of.loaded.iter().filter(|loaded| pending.contains(&loaded.id())) {
            applied::enter(conn, self.store(), migration)?;
        }
        Ok(())
    }

    /// Returns the statement that recounts the rows and bytes of every tenant of the store.
    pub(crate) fn recount(&self) -> String {
        recount::recount(&self.of.state, &self.of.store, self.isolation)
    }

    /// Returns a query that compares the counters of every tenant with its rows. See [`recount::compared`].
    pub(crate) fn counts(&self) -> String {
        recount::compared(&self.of.state, &self.of.store, self.isolation)
    }

    /// Applies the missing migrations. Safe while other processes do the same: each migration takes the write lock of
    /// the database and reads the ledger again before it starts.
    ///
    /// # Errors
    /// Returns [`Kind::Statement`] if a migration is refused, or the database has unknown migrations of an app for
    /// which it lacks others, and [`Kind::Fenced`] if the database was moved away.
    pub(crate) fn run(&self, conn: &mut Connection) -> Result<MigrateReport> {
        let (pending, unknown) = self.pending(conn)?;
        let mut report = MigrateReport { applied: Vec::new(), unknown };
        if is_due(conn, &pending, &report.unknown)? {
            without_references(conn, |conn| self.run_pending(conn, &mut report))?;
        }
        Ok(report)
    }

    /// Applies the missing migrations in one transaction and rolls it back, to check whether the database refuses one
    /// of them.
    ///
    /// # Errors
    /// Returns the errors of [`Statements::run`].
    pub(crate) fn rehearse(&self, conn: &mut Connection) -> Result<()> {
        let (pending, unknown) = self.pending(conn)?;
        if !is_due(conn, &pending, &unknown)? {
            return Ok(());
        }
        without_references(conn, |conn| {
            conn.execute_batch("BEGIN IMMEDIATE")?;
            let mut all = self.migrations.iter();
            let tried = all.try_for_each(|migration| self.apply_locked(conn, migration).map(drop));
            if !conn.is_autocommit() {
                conn.execute_batch("ROLLBACK")?;
            }
            tried
        })
    }

    fn run_pending(&self, conn: &mut Connection, report: &mut MigrateReport) -> Result<()> {
        for migration in &self.migrations {
            if self.apply(conn, migration)? {
                report.applied.push(migration.loaded.id());
            }
        }
        Ok(())
    }

    /// Applies one migration with its ledger row. Returns false if the database already has it.
    fn apply(&self, conn: &mut Connection, migration: &Compiled) -> Result<bool> {
        conn.execute_batch("BEGIN IMMEDIATE")?;
        let outcome = self.apply_locked(conn, migration).and_then(|applied| {
            conn.execute_batch("COMMIT")?;
            Ok(applied)
        });
        if !conn.is_autocommit() {
            conn.execute_batch("ROLLBACK")?;
        }
        outcome
    }

    fn apply_locked(&self, conn: &mut Connection, migration: &Compiled) -> Result<bool> {
        let applied = applied(conn, self.store())?;
        if !ledger::missing(&self.of.loaded, &applied)?
            .iter()
            .any(|missing| missing.id() == migration.loaded.id())
        {
            return Ok(false);
        }
        if applied.is_empty() {
            tables::ensure(conn)?;
        }
        self.refuse_fenced(conn)?;
        for step in &migration.steps.list {
            run_step(conn, step).map_err(|e| in_migration(migration, step, e))?;
        }
        if migration.steps.references {
            check_references(conn).map_err(|e| Error::new(e.kind().clone(), named(migration, e.detail())))?;
        }
        if let Some(sql) = &migration.recount {
            conn.execute_batch(sql)?;
        }
        applied::enter(conn, self.store(), &migration.loaded)?;
        Ok(true)
    }

    /// Refuses a fenced database (`fenced-generation`): a database that was moved away accepts no more writes,
    /// including schema changes.
    fn refuse_fenced(&self, conn: &Connection) -> Result<()> {
        let fenced: bool = conn.query_row(
            "SELECT EXISTS (SELECT 1 FROM _tenantry_place WHERE store = ?1 AND state <> 'open')",
            [self.store().as_str()],
            |row| row.get(0),
        )?;
        if fenced && self.isolation == Isolation::Database {
            return Err(Error::new(Kind::Fenced, "the database is fenced: its rows have moved"));
        }
        Ok(())
    }
}

/// Returns true if there are migrations to apply.
///
/// # Errors
/// Returns [`Kind::Statement`] if a newer version of one of their apps has migrated the database.
fn is_due(conn: &Connection, pending: &[String], unknown: &[String]) -> Result<bool> {
    ledger::refuse_newer(pending, unknown)?;
    if !pending.is_empty() && !conn.is_autocommit() {
        return Err(Error::new(Kind::Internal, "migration inside a transaction"));
    }
    Ok(!pending.is_empty())
}

/// Runs `work` without checks of foreign keys, because a table rebuild drops a table that others refer to. The pragma
/// has no effect inside a transaction. Every migration checks all references before it commits.
fn without_references<T>(
    conn: &mut Connection,
    work: impl FnOnce(&mut Connection) -> Result<T>,
) -> Result<T> {
    conn.pragma_update(None, "foreign_keys", false)?;
    let outcome = work(conn);
    conn.pragma_update(None, "foreign_keys", true)?;
    conn.pragma_update(None, "legacy_alter_table", false)?;
    outcome
}

fn named(migration: &Compiled, what: &str) -> String {
    format!("migration {}: {what}", migration.loaded.id())
}

/// Adds the migration and the statement to the error. Keeps the kind of the error if its cause is not the statement,
/// such as a busy database or a full disk.
fn in_migration(migration: &Compiled, step: &Step, error: Error) -> Error {
    let why = match (error.kind(), std::error::Error::source(&error)) {
        (Kind::Denied(_), _) => {
            "it may not begin or end transactions, attach databases, set pragmas or touch the platform's tables".to_owned()
        }
        (_, Some(source)) if !source.is::<RefusedRows>() => source.to_string(),
        _ => error.detail().to_owned(),
    };
    let text = match step {
        Step::Sql(sql) | Step::Raw(sql) => format!("{why}: in `{}`", sql.lines().next().unwrap_or_default()),
        Step::Refuse { .. } => why,
    };
    let detail = named(migration, &text);
    let kind = match error.kind() {
        kind @ (Kind::Busy
        | Kind::Io
        | Kind::DiskFull
        | Kind::NoAccess
        | Kind::Corrupt
        | Kind::Limit(_)
        | Kind::Deadline) => kind.clone(),
        _ => Kind::Statement(detail.clone()),
    };
    Error::with_source(kind, detail, error)
}
