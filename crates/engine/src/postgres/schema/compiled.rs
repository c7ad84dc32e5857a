//! The statements of all migrations of a store, for one layout.

use super::{
    ddl::{Step, Steps, steps},
    migrate::Usual,
    recount,
};
use crate::{error::Result, ledger::Loaded, migration::State, name::ModelName, schema::Migrations};
use std::{collections::BTreeSet, sync::Arc};

/// The statements of a script for databases of one layout. They are compiled once and run on every database of a fleet.
#[derive(Debug)]
pub(crate) struct Statements {
    pub(super) of: Arc<Migrations>,
    /// Whether tenants share the tables.
    pub(super) pooled: bool,
    pub(super) migrations: Vec<Compiled>,
    pub(super) wanted: super::inspect::Wanted,
    pub(super) usual: Usual,
}

/// One migration.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) loaded: Loaded,
    pub(super) steps: Vec<Step>,
    /// Statements that set the counters for the models after this migration; empty if the migration cannot have changed
    /// rows.
    pub(super) counts: Vec<String>,
    /// Models whose search words must be collected again.
    pub(super) search: BTreeSet<ModelName>,
    /// The models after this migration.
    pub(super) state: State,
}

impl Compiled {
    /// Returns the statements of the migration if they need no answer from each other and may be sent as one text; `None` if
    /// they must be run step by step.
    pub(super) fn straight(&self) -> Option<Vec<&str>> {
        let steps = self.steps.iter().map(Step::sql);
        let all: Vec<&str> =
            steps.chain(self.counts.iter().map(|sql| Some(&**sql))).collect::<Option<_>>()?;
        // PostgreSQL reads the whole text before it runs the setting that makes a backslash a plain character.
        (self.search.is_empty() && all.iter().all(|sql| !sql.contains('\\'))).then_some(all)
    }
}

impl Statements {
    /// Compiles the statements of all migrations, in order.
    ///
    /// # Errors
    /// Returns [`crate::Kind::Statement`] if an operation has no statement.
    pub(crate) fn new(of: &Arc<Migrations>, pooled: bool) -> Result<Self> {
        let migrations = of.compile(
            |all, op, before, after| steps(all, op, before, after, pooled),
            |all: Steps, loaded, state| {
                let mut counts = vec![];
                if all.recount {
                    counts.push(recount::recount(state, &of.store, pooled));
                }
                if all.renumber {
                    counts.extend(recount::renumber(state, &of.store, pooled));
                }
                let (steps, search) = (deferring(all.list), all.search);
                Ok(Compiled { loaded: loaded.clone(), steps, counts, search, state: state.clone() })
            },
        )?;
        Ok(Self {
            of: of.clone(),
            pooled,
            migrations,
            wanted: super::inspect::Wanted::default(),
            usual: Usual::default(),
        })
    }

    /// Returns the models after all migrations.
    pub(crate) fn state(&self) -> &State {
        &self.of.state
    }
}

/// Defers the check of references until after consecutive statements of an author, instead of after each one.
/// PostgreSQL cannot alter a table that has pending checks.
fn deferring(steps: Vec<Step>) -> Vec<Step> {
    let mut out = Vec::with_capacity(steps.len());
    let mut deferred = false;
    for step in steps {
        let raw = matches!(step, Step::Raw(_));
        if raw != deferred {
            out.push(Step::Sql(constraints(raw)));
            deferred = raw;
        }
        out.push(step);
    }
    if deferred {
        out.push(Step::Sql(constraints(false)));
    }
    out
}

fn constraints(deferred: bool) -> String {
    format!("SET CONSTRAINTS ALL {}", if deferred { "DEFERRED" } else { "IMMEDIATE" })
}
