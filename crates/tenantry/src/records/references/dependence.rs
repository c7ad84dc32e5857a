//! The rules of dependent references, derived from the models: if a record refers to a city and to a region, and every
//! city refers to a region, the two regions must agree.
//!
//! The rules are derived when the apps are loaded. `agreement` checks the rows of one write; `tenantry check` checks
//! all rows.

use crate::Result;
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};
use tenantry_engine::{
    engine::Session,
    model::{Field, FieldKind, Model},
    name::{FieldName, ModelName},
    query::RecordId,
    row::Collect,
    value::Value,
};

/// One rule of a model: the record that `field` refers to must have the same reference in `through` as the row has in
/// `with`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependence {
    /// Dependent reference, for example `city`.
    pub field: FieldName,
    /// Model that it refers to, for example `cities`.
    pub to: ModelName,
    /// Reference of that model, for example `region` of `cities`.
    pub through: FieldName,
    /// Other reference of the row, for example `region`.
    pub with: FieldName,
}

/// Derives the rules from the references of a model. A rule exists only if it is unambiguous: the model has exactly one
/// reference to each of the two other models, and the target of the dependent reference is required to have exactly one
/// reference to the other model. References of a model to itself make no rule.
pub fn depends_on(model: &Model, models: &[Arc<Model>]) -> Vec<Dependence> {
    let mut found = Vec::new();
    for (field, to) in references(model).filter(|(field, to)| field.consistent && **to != model.name) {
        let Some(target) = models.iter().find(|target| target.name == *to) else { continue };
        if only(model, to).is_none() {
            continue;
        }
        for (through, via) in references(target).filter(|(through, _)| through.required) {
            let itself = *via == model.name || *via == target.name;
            let Some(with) = only(model, via).filter(|_| !itself && only(target, via).is_some()) else {
                continue;
            };
            found.push(Dependence {
                field: field.name.clone(),
                to: to.clone(),
                through: through.name.clone(),
                with: with.name.clone(),
            });
        }
    }
    found
}

fn references(model: &Model) -> impl Iterator<Item = (&Field, &ModelName)> {
    model.fields.iter().filter_map(|field| match &field.kind {
        FieldKind::Ref { to, .. } => Some((field, to)),
        _ => None,
    })
}

/// Returns the model's reference to another model if it has exactly one.
fn only<'m>(model: &'m Model, to: &ModelName) -> Option<&'m Field> {
    let mut all = references(model).filter(|(_, target)| *target == to);
    let (first, _) = all.next()?;
    all.next().is_none().then_some(first)
}

/// Returns, for each of these records, its value in the rule's field `through`.
pub(crate) async fn owners(
    session: &Session,
    rule: &Dependence,
    ids: impl Iterator<Item = &RecordId>,
) -> Result<HashMap<RecordId, RecordId>> {
    let ids: Vec<RecordId> = ids.cloned().collect::<BTreeSet<_>>().into_iter().collect();
    let fields = [FieldName::parse("id")?, rule.through.clone()];
    let rows = session.by_ids(rule.to.as_str(), &ids, &fields, Collect::default()).await?.rows;
    Ok(rows.iter().filter_map(|row| Some((record_id(row.first()?)?, record_id(row.get(1)?)?))).collect())
}

pub(crate) fn record_id(value: &Value) -> Option<RecordId> {
    match value {
        Value::Integer(id) => Some(RecordId::Integer(*id)),
        Value::Uuid(id) => Some(RecordId::Uuid(*id)),
        _ => None,
    }
}
