//! Restores of a tenant: the request for a restore, the staged restore and the changes that it would make.

use crate::wire::{AsText, Instant, Limit, Name, absent_or};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use tenantry::{
    backups::{BackupId, Difference, ModelChange, restores},
    name::{FieldName, StoreName},
    records::{Differences, Differing, TakenBack},
    row::json::write_owned,
    value,
};

requests! {
    /// A backup to stage for the tenant.
    struct StartRestore {
        /// Id of the backup.
        backup: String,
        /// Stores to restore; all stores of the backup if absent.
        #[serde(default, deserialize_with = "absent_or")]
        #[schemars(with = "Vec<Name>")]
        stores: Option<Vec<Name>>,
    }
}

requests! {
    /// Query of the records that differ from the staged backup.
    struct DifferencesQuery {
        /// Name of the model.
        model: Name,
        /// Cursor `next` of the previous page.
        after: Option<String>,
        #[serde(default)]
        limit: Limit,
    }

    /// Records to take back from the staged backup.
    struct TakeBack {
        /// Name of the model.
        model: Name,
        /// Ids of the records, at most 100.
        ids: Vec<RecordKey>,
    }
}

/// Id of a record: a number or a UUID.
#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum RecordKey {
    /// A number.
    Number(i64),
    /// A UUID, or a number as text.
    Text(String),
}

impl RecordKey {
    /// Returns the id in the form that URLs have.
    pub(crate) fn into_text(self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text,
        }
    }
}

/// A page of records that differ from the staged backup.
#[derive(Serialize, JsonSchema)]
pub(crate) struct DifferencesPage {
    /// Records in the order of their ids. A page may be empty and still not be the last.
    pub(crate) items: Vec<DifferingRecord>,
    /// Cursor of the next page; null on the last page.
    pub(crate) next: Option<String>,
}

/// A record that differs from the staged backup.
#[derive(Serialize, JsonSchema)]
pub(crate) struct DifferingRecord {
    /// Id of the record.
    pub(crate) id: Value,
    /// Names of the fields whose values differ; empty if only one of the two states has the record.
    pub(crate) fields: Vec<String>,
    /// The record as it is now; null if it was deleted since the backup.
    pub(crate) now: Option<Map<String, Value>>,
    /// The record as it is in the backup; null if it was created since.
    pub(crate) then: Option<Map<String, Value>>,
}

impl From<Differences> for DifferencesPage {
    fn from(page: Differences) -> Self {
        let record = |differing: Differing| {
            let object = |values: Vec<value::Value>| object(&page.columns, &values);
            DifferingRecord {
                id: differing.id.to_json(),
                fields: differing.fields.iter().map(ToString::to_string).collect(),
                now: differing.now.map(object),
                then: differing.then.map(object),
            }
        };
        let items = page.records.into_iter().map(record).collect();
        Self { items, next: page.next.map(|id| id.to_string()) }
    }
}

/// Returns a record in the form of the record routes.
fn object(columns: &[FieldName], values: &[value::Value]) -> Map<String, Value> {
    let json = |value: &value::Value| {
        let mut bytes = vec![];
        write_owned(&mut bytes, value);
        serde_json::from_slice(&bytes).unwrap_or_default()
    };
    columns.iter().map(ToString::to_string).zip(values.iter().map(json)).collect()
}

/// A staged restore, with the changes that swapping it in would make.
#[derive(Serialize, JsonSchema)]
pub(crate) struct StagedRestore {
    /// Id of the backup.
    pub(crate) backup: AsText<BackupId>,
    pub(crate) state: AsText<restores::State>,
    /// Time since which the restore is in this state.
    pub(crate) at: Instant,
    /// Time at which the platform discards the restore if it is still staged; null for never.
    pub(crate) expires_at: Option<Instant>,
    pub(crate) stores: Vec<StoreDifference>,
}

impl From<(restores::Restore, Vec<Difference>)> for StagedRestore {
    fn from((restore, differences): (restores::Restore, Vec<Difference>)) -> Self {
        Self {
            backup: AsText(restore.backup),
            state: AsText(restore.state),
            at: Instant(restore.at_us),
            expires_at: restore.expires_at_us.map(Instant),
            stores: differences.into_iter().map(StoreDifference::from).collect(),
        }
    }
}

answers! {
    /// Result of taking records back.
    struct TookBack from taken: TakenBack {
        /// Number of deleted records that exist again.
        created: u64 = taken.created,
        /// Number of records that have their earlier values again.
        changed: u64 = taken.changed,
        /// Number of files that are no longer stored. The fields that named them are empty.
        files_lost: u64 = taken.files_lost,
    }

    /// Changes that a swap would make in one store.
    struct StoreDifference from difference: Difference {
        store: AsText<StoreName> = AsText(difference.store),
        /// Changes by model; null if the live database is lost.
        models: Option<Vec<ModelDifference>> =
            difference.models.map(|models| models.into_iter().map(ModelDifference::from).collect()),
    }

    /// Numbers of rows of one model that a swap would change.
    struct ModelDifference from change: ModelChange {
        model: String = change.model,
        added: u64 = change.added,
        changed: u64 = change.changed,
        removed: u64 = change.removed,
    }
}
