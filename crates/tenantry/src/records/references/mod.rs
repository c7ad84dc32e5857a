//! References between stores. No database can enforce them, so the platform does: a row that is referred to is held
//! while the referring transaction commits, and a shared row is deleted only after every tenant was checked.
//!
//! Inside one process the guard below makes check and commit one step. Between processes, `locks` does. `dependence` has
//! the rules for references that must agree, and `agreement` checks them. References inside a store are the database's.

mod agreement;
pub(crate) mod dependence;
pub(crate) mod leaving;
pub(crate) mod locks;

use super::Records;
use crate::{
    Error, Result,
    error::{FieldError, Rule, Wrong},
    platform::loaded::{Loaded, ModelEntry},
};
use futures_util::{StreamExt, TryStreamExt, stream};
use leaving::Referrer;
use locks::Referring;
use std::collections::{BTreeMap, BTreeSet};
use tenantry_engine::{
    Kind,
    model::{FieldKind, Model},
    query::{Change, RecordId},
    value::Value,
    write::WriteGuard,
};
use tokio::sync::OwnedRwLockReadGuard;

/// Guard: the referred rows of other stores cannot be deleted while it lives.
struct Stay {
    _gates: Vec<OwnedRwLockReadGuard<()>>,
    _lock: Referring,
}

/// Rows of other stores that a set of changes refers to, by model. Sorted, so that guards are always taken in the same
/// order.
pub(super) struct Claims<'a>(BTreeMap<&'a str, Claim<'a>>);

struct Claim<'a> {
    entry: &'a ModelEntry,
    /// Referred ids, each with the first field that names it.
    ids: BTreeMap<RecordId, &'a str>,
}

impl<'a> Claims<'a> {
    /// Collects what these changes of a model refer to outside its store.
    pub(super) fn of(loaded: &'a Loaded, model: &'a Model, changes: &[Change]) -> Self {
        let mut claims = BTreeMap::new();
        for field in &model.fields {
            let FieldKind::Ref { to, .. } = &field.kind else { continue };
            let found = loaded.entry(to.as_str()).ok();
            let Some(entry) = found.filter(|e| e.model.store != model.store) else { continue };
            for id in changes.iter().filter_map(|change| referred(change, field.name.as_str())) {
                let claim = || Claim { entry, ids: BTreeMap::new() };
                let claim = claims.entry(to.as_str()).or_insert_with(claim);
                claim.ids.entry(id).or_insert(field.name.as_str());
            }
        }
        Self(claims)
    }

    /// Checks that every referred row exists, and returns a guard that prevents its deletion. `None` if there are no
    /// such references.
    pub(super) async fn hold(&self, records: &Records<'_>) -> Result<Option<WriteGuard>> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let lock = records.inner.reference_locks.refer().await?;
        let mut gates = Vec::with_capacity(self.0.len());
        let mut wrong = Wrong::default();
        for (to, claim) in &self.0 {
            gates.push(claim.entry.leaving.stay().await);
            let ids: Vec<_> = claim.ids.keys().cloned().collect();
            // Checked before the rows are read: if a delete ends in between, the read finds the row gone.
            let mut missing: Vec<_> = ids.iter().filter(|id| claim.entry.leaving.has(id)).cloned().collect();
            missing.extend(records.session_of(claim.entry).await?.exists(to, &ids).await?);
            for id in &missing {
                let reason = format!("there is no record {id} of {to}");
                let field = claim.ids.get(id).copied().unwrap_or(to);
                wrong.add(FieldError::new(field, Rule::NoSuchRecord, reason));
            }
        }
        wrong.finish()?;
        Ok(Some(Box::new(Stay { _gates: gates, _lock: lock })))
    }
}

fn referred(change: &Change, field: &str) -> Option<RecordId> {
    let values = match change {
        Change::Insert { values, .. } | Change::Update { values, .. } => values,
        Change::Delete { .. } => return None,
    };
    match &values.iter().find(|(name, _)| name.as_str() == field)?.1 {
        Value::Integer(id) => Some(RecordId::Integer(*id)),
        Value::Uuid(id) => Some(RecordId::Uuid(*id)),
        _ => None,
    }
}

impl Records<'_> {
    /// Deletes a shared row after checking every tenant. The cost grows with the number of tenants; staff do this
    /// rarely.
    pub(super) async fn delete_protected(&self, id: &RecordId, change: Change) -> Result<()> {
        let leaving = self.entry.leaving.mark(id).await?;
        let lock = self.inner.reference_locks.delete().await?;
        self.refuse_if_referred(id).await?;
        let held: WriteGuard = Box::new((leaving, lock));
        let session = self.session().await?;
        session.write_holding(vec![change], &self.options_for(&self.entry), Some(held)).await?;
        Ok(())
    }

    async fn refuse_if_referred(&self, id: &RecordId) -> Result<()> {
        let mut asked = BTreeSet::new();
        for referrer in &self.entry.referrers {
            let entry = self.loaded.entry(referrer.model.as_str())?;
            asked.insert(entry.model.store.clone());
            let places = self.inner.places_of_store(entry).await?;
            stream::iter(places)
                .map(Ok)
                .try_for_each_concurrent(8, |place| async move {
                    let session = self.inner.engine.session(&place, &entry.schema, None).await?;
                    match session.refers(referrer.model.as_str(), referrer.field.as_str(), id).await? {
                        // The error must not reveal which tenant refers to it.
                        true => Err(in_use(referrer)),
                        false => Ok(()),
                    }
                })
                .await?;
        }
        Ok(())
    }
}

fn in_use(referrer: &Referrer) -> Error {
    let kind = Kind::Reference(referrer.model.to_string());
    tenantry_engine::Error::new(kind, "shared row is referred to by a tenant").into()
}
