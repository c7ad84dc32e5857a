//! The migrations of one store, and the statements that run them, whatever the database.

#[cfg(feature = "mongodb")]
use crate::mongo::schema::Statements as MongoStatements;
use crate::{
    error::{Error, Kind, Result},
    ledger::{self, Applied, Loaded},
    migration::{Invalid, Migration, Op, State, fingerprint},
    name::StoreName,
    place::Isolation,
    postgres::schema::Statements as PostgresStatements,
    sqlite::schema::Statements as SqliteStatements,
};
use std::sync::{Arc, OnceLock};

/// All migrations of a platform, for the databases of one store. It is made once and runs on every database of a fleet.
/// The statements for each kind of database are compiled on first use. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Script(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    facts: Arc<Migrations>,
    sqlite: Compiled<SqliteStatements>,
    postgres: Compiled<PostgresStatements>,
    #[cfg(feature = "mongodb")]
    mongo: Compiled<MongoStatements>,
}

/// Statements for databases in which tenants share tables, and for those in which they do not.
#[derive(Debug)]
struct Compiled<T> {
    pooled: OnceLock<T>,
    own: OnceLock<T>,
}

impl<T> Default for Compiled<T> {
    fn default() -> Self {
        Self { pooled: OnceLock::new(), own: OnceLock::new() }
    }
}

impl<T> Compiled<T> {
    /// Returns the statements for this isolation.
    fn get(&self, isolation: Isolation, compile: impl FnOnce(Isolation) -> Result<T>) -> Result<&T> {
        let (slot, layout) = match isolation {
            Isolation::Pooled => (&self.pooled, Isolation::Pooled),
            Isolation::Schema | Isolation::Database => (&self.own, Isolation::Database),
        };
        if let Some(found) = slot.get() {
            return Ok(found);
        }
        let compiled = compile(layout)?;
        Ok(slot.get_or_init(|| compiled))
    }
}

/// The part that is the same in every database: the migrations of a store, and the models after them.
#[derive(Debug)]
pub(crate) struct Migrations {
    pub(crate) store: StoreName,
    /// All migrations of the platform, in order.
    pub(crate) source: Box<[Migration]>,
    /// Migrations that touch the store, in order.
    pub(crate) loaded: Vec<Loaded>,
    /// The models after all migrations.
    pub(crate) state: State,
    pub(crate) fingerprint: String,
}

impl Script {
    /// Reads all migrations of a platform, in order, for the databases of one store.
    ///
    /// # Errors
    /// Returns [`Kind::Statement`] if the migrations contradict each other.
    pub fn new(store: &StoreName, migrations: &[Migration]) -> Result<Self> {
        let mut state = State::default();
        for migration in migrations {
            for op in &migration.ops {
                state.apply(&migration.app, op).map_err(|Invalid(why)| refusal(migration, &why))?;
            }
        }
        let own = migrations.iter().filter(|migration| migration.touches(store));
        let loaded = own.map(|migration| Loaded {
            app: migration.app.to_string(),
            name: migration.name.clone(),
            checksum: migration.checksum(),
        });
        let facts = Migrations {
            store: store.clone(),
            source: migrations.into(),
            loaded: loaded.collect(),
            state,
            fingerprint: fingerprint(migrations, store),
        };
        let script = Self(Arc::new(Inner {
            facts: Arc::new(facts),
            sqlite: Compiled::default(),
            postgres: Compiled::default(),
            #[cfg(feature = "mongodb")]
            mongo: Compiled::default(),
        }));
        // Every copy has this layout. Compile it now, so that migrations without statements for it are refused early.
        script.sqlite(Isolation::Database)?;
        Ok(script)
    }

    /// Returns the text that identifies the schema after all migrations; see [`fingerprint`].
    pub fn fingerprint(&self) -> &str {
        &self.0.facts.fingerprint
    }

    /// Returns the models after all migrations.
    pub fn state(&self) -> &State {
        &self.0.facts.state
    }

    /// Returns the store that the script is for.
    pub fn store(&self) -> &StoreName {
        &self.0.facts.store
    }

    /// Returns the migrations and the models after them.
    pub(crate) fn migrations(&self) -> &Arc<Migrations> {
        &self.0.facts
    }

    /// Returns the statements for SQLite databases of this isolation.
    ///
    /// # Errors
    /// Returns [`Kind::Statement`] if an operation has no statement for this layout.
    pub(crate) fn sqlite(&self, isolation: Isolation) -> Result<&SqliteStatements> {
        self.0.sqlite.get(isolation, |layout| SqliteStatements::new(&self.0.facts, layout))
    }

    /// Returns the statements for places of this isolation on PostgreSQL.
    ///
    /// # Errors
    /// Returns [`Kind::Statement`] if an operation has no statement for this layout, or one of its values cannot be
    /// stored there.
    pub(crate) fn postgres(&self, isolation: Isolation) -> Result<&PostgresStatements> {
        let compile = |layout: Isolation| PostgresStatements::new(&self.0.facts, layout.is_pooled());
        self.0.postgres.get(isolation, compile)
    }

    /// Returns the steps for places of this isolation on MongoDB.
    ///
    /// # Errors
    /// Returns [`Kind::Statement`] if an operation has no steps for this layout, or one of its values cannot be stored
    /// there.
    #[cfg(feature = "mongodb")]
    pub(crate) fn mongo(&self, isolation: Isolation) -> Result<&MongoStatements> {
        let compile = |layout: Isolation| MongoStatements::new(&self.0.facts, layout.is_pooled());
        self.0.mongo.get(isolation, compile)
    }

    /// Returns the script with only the migrations in the ledger `applied` of a database. Its models are those of the
    /// database.
    ///
    /// # Errors
    /// Returns [`Kind::SchemaAhead`] if the database has migrations that are not known here, and [`Kind::Statement`] if
    /// the file of a migration was changed after it was applied, or the order of the migrations has changed.
    pub(crate) fn as_applied(&self, applied: &Applied) -> Result<Self> {
        let (missing, unknown) = self.0.facts.pending(applied)?;
        ledger::refuse_unknown(&unknown, "the database")?;
        if missing.is_empty() {
            return Ok(self.clone());
        }
        let mut source = self.0.facts.source.to_vec();
        // The other stores stay complete, because models of this store may refer to theirs.
        for migration in source.iter_mut().filter(|migration| missing.contains(&migration.id())) {
            migration.ops.retain(|op| *op.store() != self.0.facts.store);
        }
        Self::new(&self.0.facts.store, &source)
    }
}

impl Migrations {
    /// Returns the migrations that a database lacks, as `app/name`, and the migrations that it has but that are not
    /// known here.
    ///
    /// # Errors
    /// Returns [`Kind::Statement`] if the file of an applied migration was changed afterwards.
    pub(crate) fn pending(&self, applied: &Applied) -> Result<(Vec<String>, Vec<String>)> {
        let missing = ledger::missing(&self.loaded, applied)?.into_iter().map(Loaded::id).collect();
        Ok((missing, ledger::unknown(&self.loaded, applied)))
    }

    /// Compiles the migrations of the store, in order. `add` adds the steps of one operation, given the models before
    /// and after it. `end` makes the result from the steps of a migration, its entry in ledgers, and the models after
    /// it.
    ///
    /// # Errors
    /// Returns [`Kind::Statement`] if the migrations contradict each other or `add` fails, and the errors of `end`.
    pub(crate) fn compile<S: Default, C>(
        &self,
        mut add: impl FnMut(&mut S, &Op, &State, &State) -> Result<()>,
        mut end: impl FnMut(S, &Loaded, &State) -> Result<C>,
    ) -> Result<Vec<C>> {
        let mut state = State::default();
        let mut compiled = vec![];
        for migration in &self.source {
            let mut steps = S::default();
            for op in &migration.ops {
                let before = state.clone();
                state.apply(&migration.app, op).map_err(|Invalid(why)| refusal(migration, &why))?;
                if *op.store() == self.store {
                    add(&mut steps, op, &before, &state)
                        .map_err(|error| refusal(migration, error.detail()))?;
                }
            }
            if migration.touches(&self.store) {
                compiled.push(end(steps, &self.loaded[compiled.len()], &state)?);
            }
        }
        Ok(compiled)
    }

    /// Refuses a database that does not have exactly these migrations. `what` names the database in the error.
    ///
    /// # Errors
    /// Returns [`Kind::SchemaAhead`], [`Kind::SchemaBehind`], and the errors of [`Self::pending`].
    pub(crate) fn require_all(&self, applied: &Applied, what: &str) -> Result<()> {
        let (missing, unknown) = self.pending(applied)?;
        ledger::require_all(&missing, &unknown, what)
    }
}

/// Returns the error of a migration that cannot be compiled or run.
fn refusal(migration: &Migration, why: &str) -> Error {
    let detail = format!("migration {}: {why}", migration.id());
    Error::new(Kind::Statement(detail.clone()), detail)
}
