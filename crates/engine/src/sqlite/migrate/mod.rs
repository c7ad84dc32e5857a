//! Migrations on one database: each with its ledger row in one transaction, so a crash at any point leaves
//! every migration either whole or absent, and running again finishes the rest.
//!
//! Called by the engine for one place at a time, on a connection of its own. It never decides which
//! migrations there are: they come ordered, with their operations, from the platform.

mod ledger;
mod recount;
mod step;

use super::ddl::{Step, Steps, steps};
use super::identity::META_SQL;
use super::inspect::Snapshot;
use crate::error::{Error, Kind, Result};
use crate::migration::{Invalid, Migration, State, fingerprint};
use crate::name::StoreName;
use crate::place::Isolation;
pub(crate) use ledger::ledger;
use rusqlite::{Connection, params};
use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use step::{check_references, run_step};

/// What a run did to one database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MigrateReport {
    /// Migrations that were applied now, as `app/name`, in order.
    pub applied: Vec<String>,
    /// Migrations the database has and the platform does not know: applied by a newer version of it.
    pub unknown: Vec<String>,
}

/// The statements of all migrations for one store and isolation. Made once, run on every database of a
/// fleet.
#[derive(Debug, Clone)]
pub struct Script {
    store: StoreName,
    isolation: Isolation,
    source: Arc<[Migration]>,
    /// The same for the other isolation, made when it is asked for.
    other: Arc<OnceLock<Box<Script>>>,
    migrations: Vec<Compiled>,
    /// The store's models after all of them.
    state: State,
    fingerprint: String,
    wanted: Snapshot,
}

#[derive(Debug, Clone)]
struct Compiled {
    app: String,
    name: String,
    checksum: String,
    steps: Steps,
    /// Sets the counters anew, for the models as they are after it; when rows may have changed.
    recount: Option<String>,
}

impl Compiled {
    fn id(&self) -> String {
        format!("{}/{}", self.app, self.name)
    }
}

/// Applies what is missing of ordered migrations to one database.
pub fn migrate(
    conn: &mut Connection,
    store: &StoreName,
    isolation: Isolation,
    migrations: &[Migration],
) -> Result<MigrateReport> {
    Script::new(store, isolation, migrations)?.run(conn)
}

impl Script {
    /// Translates all migrations of a platform, in order, for the databases of one store.
    /// Fails with [`Kind::Statement`] when they contradict each other.
    pub fn new(store: &StoreName, isolation: Isolation, migrations: &[Migration]) -> Result<Self> {
        let mut state = State::default();
        let mut compiled = Vec::new();
        for migration in migrations {
            let mut all = Steps::default();
            for op in &migration.ops {
                let before = state.clone();
                state.apply(&migration.app, op).map_err(|Invalid(why)| refusal(migration, &why))?;
                if op.store() == store {
                    let found =
                        steps(op, &before, &state, isolation).map_err(|e| refusal(migration, e.detail()))?;
                    all.append(found);
                }
            }
            if migration.touches(store) {
                let counts = all.recount.then(|| recount::recount(&state, store, isolation));
                compiled.push(Compiled {
                    recount: counts,
                    app: migration.app.to_string(),
                    name: migration.name.clone(),
                    checksum: migration.checksum(),
                    steps: all,
                });
            }
        }
        let fingerprint = fingerprint(migrations, store);
        let wanted = Snapshot::wanted(&state, store, isolation)?;
        Ok(Self {
            store: store.clone(),
            isolation,
            source: migrations.into(),
            other: Arc::default(),
            migrations: compiled,
            state,
            fingerprint,
            wanted,
        })
    }

    /// The same migrations for databases of this isolation: rows go from one to the other.
    pub(crate) fn laid_out(&self, isolation: Isolation) -> Result<&Script> {
        if self.isolation == isolation {
            return Ok(self);
        }
        if let Some(other) = self.other.get() {
            return Ok(other);
        }
        let other = Self::new(&self.store, isolation, &self.source)?;
        Ok(self.other.get_or_init(|| Box::new(other)))
    }

    /// Names the target schema; see [`fingerprint`].
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Models after all migrations.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The schema of databases that have them all.
    pub(crate) fn wanted(&self) -> &Snapshot {
        &self.wanted
    }

    /// The store it is for.
    pub fn store(&self) -> &StoreName {
        &self.store
    }

    /// How its databases are laid out.
    pub fn isolation(&self) -> Isolation {
        self.isolation
    }

    /// Migrations a database lacks, as `app/name`, and those it has that are not known here.
    /// Fails when an applied migration's file was changed afterwards.
    pub fn pending(&self, conn: &Connection) -> Result<(Vec<String>, Vec<String>)> {
        let done = self.ledger(conn)?;
        let missing = self.missing(&done)?.iter().map(|m| m.id()).collect();
        let known: BTreeSet<String> = self.migrations.iter().map(Compiled::id).collect();
        Ok((missing, done.into_keys().filter(|id| !known.contains(id)).collect()))
    }

    /// Models of the store as the migrations that a database has left them.
    ///
    /// # Errors
    /// [`Kind::SchemaAhead`] when it has migrations that are not known here; [`Kind::Statement`] when the file of one was
    /// changed afterwards, or they are not in the order of now.
    pub(crate) fn state_in(&self, conn: &Connection) -> Result<State> {
        let done = self.ledger(conn)?;
        let missing: BTreeSet<String> = self.missing(&done)?.iter().map(|m| m.id()).collect();
        let known: BTreeSet<String> = self.migrations.iter().map(Compiled::id).collect();
        if let Some(unknown) = done.keys().find(|id| !known.contains(*id)) {
            let detail = format!("the database has migration {unknown}, which is not known here");
            return Err(Error::new(Kind::SchemaAhead, detail));
        }
        let mut state = State::default();
        for migration in self.source.iter().filter(|migration| !missing.contains(&migration.id())) {
            for op in migration.ops.iter().filter(|op| *op.store() == self.store) {
                state.apply(&migration.app, op).map_err(|Invalid(why)| refusal(migration, &why))?;
            }
        }
        Ok(state)
    }

    /// Applies what is missing. Safe beside other processes doing the same: each migration takes the
    /// database's write lock and looks again before it starts.
    pub fn run(&self, conn: &mut Connection) -> Result<MigrateReport> {
        let (pending, unknown) = self.pending(conn)?;
        let mut report = MigrateReport { applied: Vec::new(), unknown };
        if pending.is_empty() {
            return Ok(report);
        }
        let app = |id: &str| id.split('/').next().map(str::to_owned);
        if let Some(newer) = report.unknown.iter().find(|u| pending.iter().any(|p| app(p) == app(u))) {
            return Err(statement(format!(
                "the database has migration {newer}, which is not known here, and lacks {}: bring the apps to the \
                 version that made it",
                pending.join(", ")
            )));
        }
        if !conn.is_autocommit() {
            return Err(Error::new(Kind::Internal, "migration inside a transaction"));
        }
        // A table rebuild drops the table that others refer to. The switch has no effect inside a
        // transaction; every migration checks all references before it commits.
        conn.pragma_update(None, "foreign_keys", false)?;
        let outcome = self.run_pending(conn, &mut report);
        conn.pragma_update(None, "foreign_keys", true)?;
        conn.pragma_update(None, "legacy_alter_table", false)?;
        outcome.map(|()| report)
    }

    fn run_pending(&self, conn: &mut Connection, report: &mut MigrateReport) -> Result<()> {
        for migration in &self.migrations {
            if self.apply(conn, migration)? {
                report.applied.push(migration.id());
            }
        }
        Ok(())
    }

    /// Applies one migration with its ledger row, unless it is there already.
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
        let done = self.ledger(conn)?;
        if !self.missing(&done)?.iter().any(|m| m.id() == migration.id()) {
            return Ok(false);
        }
        if done.is_empty() {
            conn.execute_batch(META_SQL)?;
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
        conn.execute(
            "INSERT INTO _tenantry_ledger(app, migration, checksum, applied_at) \
             VALUES (?1, ?2, ?3, strftime('%Y-%m-%dT%H:%M:%f000Z', 'now'))",
            params![migration.app, self.ledger_name(&migration.name), migration.checksum],
        )?;
        Ok(true)
    }

    /// `fenced-generation`: a database that was moved away takes no more writes, schema changes included.
    fn refuse_fenced(&self, conn: &Connection) -> Result<()> {
        let fenced: bool = conn.query_row(
            "SELECT EXISTS (SELECT 1 FROM _tenantry_place WHERE store = ?1 AND fenced <> 0)",
            [self.store.as_str()],
            |row| row.get(0),
        )?;
        if fenced && self.isolation == Isolation::Database {
            return Err(Error::new(Kind::Fenced, "the database is fenced: its rows have moved"));
        }
        Ok(())
    }
}

fn statement(detail: String) -> Error {
    Error::new(Kind::Statement(detail.clone()), detail)
}

fn refusal(migration: &Migration, why: &str) -> Error {
    statement(format!("migration {}: {why}", migration.id()))
}

fn named(migration: &Compiled, what: &str) -> String {
    format!("migration {}: {what}", migration.id())
}

/// Says which migration and statement failed. What the database lacks or refuses keeps its kind.
fn in_migration(migration: &Compiled, step: &Step, error: Error) -> Error {
    let why = match (error.kind(), std::error::Error::source(&error)) {
        (Kind::Denied(_), _) => {
            "it may not begin or end transactions, attach databases, set pragmas or touch the platform's tables".to_owned()
        }
        (_, Some(source)) => source.to_string(),
        (_, None) => error.detail().to_owned(),
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
