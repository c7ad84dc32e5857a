//! The compiled steps of all migrations of a store, for one layout.

use super::{
    steps::{Steps, steps},
    wanted::{Wanted, wanted},
};
use crate::{error::Result, ledger::Loaded, migration::State, name::StoreName, schema::Migrations};
use std::sync::Arc;

/// The steps of a script for databases of one layout. They are compiled once and run on every database of a fleet.
#[derive(Debug)]
pub(crate) struct Statements {
    pub(super) of: Arc<Migrations>,
    /// Whether tenants share the collections.
    pub(super) pooled: bool,
    pub(super) migrations: Vec<Compiled>,
}

/// One compiled migration.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) loaded: Loaded,
    pub(super) steps: Steps,
    /// The models after this migration.
    pub(super) state: State,
    /// The collections after this migration.
    pub(super) wanted: Vec<Wanted>,
}

impl Statements {
    /// Compiles the steps of all migrations, in order.
    ///
    /// # Errors
    /// Returns [`crate::Kind::Statement`] if an operation cannot be compiled.
    pub(crate) fn new(of: &Arc<Migrations>, pooled: bool) -> Result<Self> {
        let migrations = of.compile(
            |all, op, before, after| steps(all, op, before, after, pooled),
            |steps, loaded, state| {
                let wanted = all_wanted(state, &of.store, pooled)?;
                Ok(Compiled { loaded: loaded.clone(), steps, state: state.clone(), wanted })
            },
        )?;
        Ok(Self { of: of.clone(), pooled, migrations })
    }

    /// Returns the ledger entries of all migrations, in order.
    pub(in crate::mongo) fn loaded(&self) -> impl Iterator<Item = &Loaded> {
        self.migrations.iter().map(|migration| &migration.loaded)
    }

    /// Returns the models after all migrations.
    pub(super) fn state(&self) -> &State {
        &self.of.state
    }

    /// Returns the collections after all migrations.
    ///
    /// # Errors
    /// Returns the errors of [`wanted`].
    pub(in crate::mongo) fn wanted(&self) -> Result<Vec<Wanted>> {
        all_wanted(self.state(), &self.of.store, self.pooled)
    }

    /// Returns true if making the collections is enough to make a place without rows, because no migration has commands
    /// of its author.
    pub(in crate::mongo) fn is_plain(&self) -> bool {
        self.migrations.iter().all(|migration| !migration.steps.runs_commands())
    }
}

fn all_wanted(state: &State, store: &StoreName, pooled: bool) -> Result<Vec<Wanted>> {
    state.of_store(store).map(|model| wanted(model, state, pooled)).collect()
}
