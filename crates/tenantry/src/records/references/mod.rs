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
pub(super) mod turn;

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
    overrides::is_added,
    query::{Change, RecordId},
    value::Value,
    write::WriteCondition,
};
use turn::Turn;

/// Rows of other stores that a set of changes refers to, by model. They are sorted, so that guards are always taken in
/// the same order.
#[derive(Clone)]
pub(super) struct Claims<'a> {
    rows: BTreeMap<&'a str, Claim<'a>>,
    /// The turn in which the changes are written, if they need one.
    turn: Option<&'a Turn>,
}

#[derive(Clone)]
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
        Self { rows: claims, turn: None }
    }

    /// Returns the claims of changes that refer to no rows, but are written only while their task has its turn.
    pub(super) fn held(turn: &'a Turn) -> Self {
        Self { rows: BTreeMap::new(), turn: Some(turn) }
    }

    /// Returns true if the changes are written in a turn.
    pub(super) fn are_held(&self) -> bool {
        self.turn.is_some()
    }

    /// Returns these claims for changes that are written in this turn.
    pub(super) fn in_turn<'t>(&self, turn: &'t Turn) -> Claims<'t>
    where
        'a: 't,
    {
        Claims { turn: Some(turn), ..self.clone() }
    }

    /// Adds a row that the changes name in a field that is not a reference.
    pub(super) fn and(mut self, entry: &'a ModelEntry, field: &'a str, id: RecordId) -> Self {
        let claim = || Claim { entry, ids: BTreeMap::new() };
        self.rows.entry(entry.model.name.as_str()).or_insert_with(claim).ids.entry(id).or_insert(field);
        self
    }

    /// Checks that every referred row exists and is not being deleted. Returns the condition under which this still
    /// holds when the changes are written, or `None` if there are no such references.
    pub(super) async fn check(&self, records: &Records<'_>) -> Result<Option<WriteCondition>> {
        // The earlier view decides, so that nothing was committed since both were looked at.
        let held = match self.turn {
            Some(turn) => Some(turn.view().await?),
            None => None,
        };
        if self.rows.is_empty() {
            return Ok(held.map(View::condition));
        }
        records.inner.be_member().await?;
        let view = self.none_leaves(records).await?;
        let mut wrong = Wrong::default();
        for (to, claim) in &self.rows {
            for id in &claim.missing(records).await? {
                let reason = format!("there is no record {id} of {to}");
                let field = claim.ids.get(id).copied().unwrap_or(to);
                wrong.add(FieldError::new(field, Rule::NoSuchRecord, reason));
            }
        }
        wrong.finish()?;
        Ok(Some(held.unwrap_or(view).condition()))
    }

    /// Waits until none of the rows is being deleted any more.
    async fn none_leaves(&self, records: &Records<'_>) -> Result<View> {
        let rows = self.rows.values().flat_map(|claim| claim.ids.keys().map(|id| claim.row(records, id)));
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
                if let (Some(mine), Some(claim)) = (leaving.mark(row).await?, self.rows.get(row.model())) {
                    match records.adding_of(claim.entry).filter(|_| row.is_added()) {
                        Some(entry) => drop(records.settled_in(entry).await?),
                        None => delete::settle_taken(records.inner, claim.entry).await?,
                    }
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

impl Claim<'_> {
    /// Returns the key of the mark on a row.
    fn row(&self, records: &Records<'_>, id: &RecordId) -> SharedRow {
        let model = self.entry.model.name.as_str();
        match records.tenant_id().filter(|_| is_added(id)) {
            Some(tenant) => SharedRow::added(model, tenant, id),
            None => SharedRow::new(model, id),
        }
    }

    /// Returns the referred ids that no row has: neither a shared row nor, for their ids, an entry that the tenant added.
    async fn missing(&self, records: &Records<'_>) -> Result<Vec<RecordId>> {
        let adding = records.adding_of(self.entry);
        let ids = self.ids.keys().cloned();
        let (added, shared): (Vec<_>, Vec<_>) = ids.partition(|id| adding.is_some() && is_added(id));
        let mut missing = match shared.is_empty() {
            true => vec![],
            false => {
                let session = records.session_of(self.entry).await?;
                session.exists(self.entry.model.name.as_str(), &shared).await?
            }
        };
        if let (Some(entry), false) = (adding, added.is_empty()) {
            missing.extend(records.missing_entries(entry, &added).await?);
        }
        Ok(missing)
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
