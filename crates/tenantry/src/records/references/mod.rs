//! References between stores. No database can enforce them, so the platform does, for all processes of the installation
//! and without a lock that is local to one of them.
//!
//! A delete of a shared row first marks the row as *leaving* in the control store (`leaving`). Then it waits, for one
//! tenant after the other, until the writes that have begun are over, and looks for references (`delete`). A write that
//! refers to shared rows checks that they exist and are not leaving. Under the lock of its place, the write is refused
//! if anything was committed in the control store since that check, and then checks again. So the write either commits
//! before the delete looks for references, and is seen, or it comes after the mark and is refused.
//!
//! `dependence` has the rules for references that must agree, and `agreement` checks them. Databases enforce the
//! references inside a store.

pub(super) mod agreement;
mod delete;
pub(crate) mod dependence;
pub(crate) mod impact;
pub(crate) mod leaving;

use super::Records;
use crate::{
    Error, Result,
    control::View,
    error::{FieldError, Rule, Wrong},
    platform::loaded::{Loaded, ModelEntry},
};
use delete::PAUSE;
use leaving::SharedRow;
use std::{collections::BTreeMap, time::Instant};
use tenantry_engine::{
    model::{FieldKind, Model},
    query::{Change, RecordId},
    value::Value,
    write::WriteCondition,
};

/// Rows of other stores that a set of changes refers to, by model. They are sorted, so that guards are always taken in
/// the same order.
pub(super) struct Claims<'a>(BTreeMap<&'a str, Claim<'a>>);

struct Claim<'a> {
    entry: &'a ModelEntry,
    /// Referred ids, each with the first field that names it.
    ids: BTreeMap<RecordId, &'a str>,
}

impl<'a> Claims<'a> {
    /// Collects the references of these changes to rows outside the model's store.
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

    /// Adds a row that the changes name in a field that is not a reference.
    pub(super) fn and(mut self, entry: &'a ModelEntry, field: &'a str, id: RecordId) -> Self {
        let claim = || Claim { entry, ids: BTreeMap::new() };
        self.0.entry(entry.model.name.as_str()).or_insert_with(claim).ids.entry(id).or_insert(field);
        self
    }

    /// Checks that every referred row exists and is not being deleted. Returns the condition under which this still
    /// holds when the changes are written, or `None` if there are no such references.
    pub(super) async fn check(&self, records: &Records<'_>) -> Result<Option<WriteCondition>> {
        if self.0.is_empty() {
            return Ok(None);
        }
        records.inner.be_member().await?;
        let view = self.none_leaves(records).await?;
        let mut wrong = Wrong::default();
        for (to, claim) in &self.0 {
            let ids: Vec<_> = claim.ids.keys().cloned().collect();
            for id in &records.session_of(claim.entry).await?.exists(to, &ids).await? {
                let reason = format!("there is no record {id} of {to}");
                let field = claim.ids.get(id).copied().unwrap_or(to);
                wrong.add(FieldError::new(field, Rule::NoSuchRecord, reason));
            }
        }
        wrong.finish()?;
        Ok(Some(view.condition()))
    }

    /// Waits until none of the rows is being deleted any more.
    async fn none_leaves(&self, records: &Records<'_>) -> Result<View> {
        let rows = self.0.iter().flat_map(|(to, claim)| claim.ids.keys().map(|id| SharedRow::new(to, id)));
        let rows: Vec<_> = rows.collect();
        let leaving = &records.inner.leaving;
        let until = records.inner.write_deadline();
        loop {
            let (view, found) = leaving.among(&rows).await?;
            if found.is_empty() {
                return Ok(view);
            }
            let now_us = records.inner.control.now_us();
            for (row, _) in found.iter().filter(|(_, leaving)| leaving.is_abandoned(now_us)) {
                // If another worker takes the mark over first, the next iteration sees the result.
                if let (Some(mine), Some(claim)) = (leaving.mark(row).await?, self.0.get(row.model())) {
                    delete::settle_taken(records.inner, claim.entry).await?;
                    leaving.remove(mine).await?;
                }
            }
            if Instant::now() >= until {
                return Err(Error::Unavailable("a record that this one refers to is being deleted".into()));
            }
            tokio::time::sleep(PAUSE).await;
        }
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
