//! Restores of a tenant: the one to start, the staged one and what it would change.

use crate::wire::{AsText, Instant, Name, absent_or};
use schemars::JsonSchema;
use serde::Serialize;
use tenantry::{
    backups::{BackupId, Difference, ModelChange, restores},
    name::StoreName,
};

requests! {
    /// A backup to stage for the tenant.
    struct StartRestore {
        /// Id of the backup.
        backup: String,
        /// All stores of the backup when it is absent.
        #[serde(default, deserialize_with = "absent_or")]
        #[schemars(with = "Vec<Name>")]
        stores: Option<Vec<Name>>,
    }
}

/// A restore, and what swapping it in would change.
#[derive(Serialize, JsonSchema)]
pub(crate) struct StagedRestore {
    /// Id of the backup.
    pub(crate) backup: AsText<BackupId>,
    pub(crate) state: AsText<restores::State>,
    /// It is in this state since then.
    pub(crate) at: Instant,
    pub(crate) stores: Vec<StoreDifference>,
}

impl From<(restores::Restore, Vec<Difference>)> for StagedRestore {
    fn from((restore, differences): (restores::Restore, Vec<Difference>)) -> Self {
        Self {
            backup: AsText(restore.backup),
            state: AsText(restore.state),
            at: Instant(restore.at_us),
            stores: differences.into_iter().map(StoreDifference::from).collect(),
        }
    }
}

answers! {
    /// What a swap would change in one store.
    struct StoreDifference from difference: Difference {
        store: AsText<StoreName> = AsText(difference.store),
        /// Null: the live database is lost.
        models: Option<Vec<ModelDifference>> =
            difference.models.map(|models| models.into_iter().map(ModelDifference::from).collect()),
    }

    /// Rows of one model that a swap would change.
    struct ModelDifference from change: ModelChange {
        model: String = change.model,
        added: u64 = change.added,
        changed: u64 = change.changed,
        removed: u64 = change.removed,
    }
}
