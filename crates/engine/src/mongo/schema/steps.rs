//! Translates an operation of a migration to the steps that run it on the documents.

use super::{
    commands::parse,
    convert::{Check, converted},
    wanted::{of_documents, statement, storage},
};
use crate::{
    cell::stored,
    error::Result,
    migration::{Op, State, fill_value},
    model::{Field, FieldKind, Index, Model},
    mongo::cells,
    name::{FieldName, ModelName},
    value::Value,
};
use mongodb::bson::{Bson, Document, doc};
use serde_json::Value as Json;
use std::collections::BTreeSet;

/// One step of a migration. All steps run in one transaction.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// Fails if documents match a filter.
    Refuse(Check),
    /// Fails if a field refers to a missing document.
    Refers { model: String, field: String, target: String },
    /// Changes the documents of a model that match a filter.
    Update { model: String, filter: Document, change: Change },
    /// Runs a command of the migration's author.
    Command(Document),
    /// Gives the log entries and the last id of a model its new name.
    Renamed { from: String, to: String },
    /// Removes the last id of a dropped model.
    Dropped(String),
}

/// A change of documents.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Change {
    /// Update operators.
    Plain(Document),
    /// A pipeline stage with expressions over the document.
    Computed(Document),
}

/// A change of a whole collection. It follows the transaction that changes the documents.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Whole {
    Rename(String, String),
    Drop(String),
}

/// The steps of a migration, and what must follow them.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Steps {
    pub(super) list: Vec<Step>,
    pub(super) whole: Vec<Whole>,
    /// Whether the counters of the places must be set again, because rows or values may have changed.
    pub(super) recount: bool,
    /// Whether the last integer ids must be read from the rows, because there may be new rows.
    pub(super) renumber: bool,
    /// Models whose search words must be collected again or removed.
    pub(super) search: BTreeSet<ModelName>,
}

impl Steps {
    /// Returns true if the migration's author wrote commands for MongoDB.
    pub(super) fn runs_commands(&self) -> bool {
        self.list.iter().any(|step| matches!(step, Step::Command(_)))
    }

    fn update(&mut self, model: &Model, filter: Document, change: Document) {
        self.list.push(Step::Update { model: model.name.to_string(), filter, change: Change::Plain(change) });
    }
}

/// Appends the steps of an operation to those of the operations before it in the same migration, given the states
/// before and after it.
///
/// # Errors
/// Returns `Statement` if the operation contradicts the models, or one of its values cannot be stored.
pub(super) fn steps(out: &mut Steps, op: &Op, before: &State, after: &State, pooled: bool) -> Result<()> {
    let find = |state: &'_ State, name: &ModelName| {
        let found = state.model(name.as_str()).cloned();
        found.ok_or_else(|| statement(format!("there is no model `{name}`")))
    };
    match op {
        Op::CreateModel { .. } | Op::DropIndex { .. } => {}
        Op::DropModel { model, .. } => {
            out.list.push(Step::Dropped(model.to_string()));
            out.whole.push(Whole::Drop(model.to_string()));
            out.search.remove(model);
            out.recount = true;
        }
        Op::RenameModel { from, to, .. } => {
            out.list.push(Step::Renamed { from: from.to_string(), to: to.to_string() });
            out.whole.push(Whole::Rename(from.to_string(), to.to_string()));
            if out.search.remove(from) {
                out.search.insert(to.clone());
            }
        }
        Op::AddField { model, field, fill, .. } => {
            add_field(out, (&find(after, model)?, after), field, fill.as_ref())?;
        }
        Op::AlterField { model, field, fill, .. } => {
            let (old, new) = (find(before, model)?, find(after, model)?);
            alter_field(out, (&old, before), (&new, after), (field, fill.as_ref()), pooled)?;
        }
        Op::RenameField { model, from, to, .. } => {
            let rename = doc! { "$rename": { from.as_str(): to.as_str() } };
            out.update(&find(after, model)?, doc! { from.as_str(): { "$exists": true } }, rename);
        }
        Op::DropField { model, field, .. } => {
            let old = find(before, model)?;
            out.update(&old, doc! {}, doc! { "$unset": { field.as_str(): "" } });
            if old.field(field.as_str()).is_some_and(|field| field.search) {
                out.search.insert(model.clone());
            }
            out.recount = true;
        }
        Op::AddIndex { model, index, .. } => out.list.extend(duplicates(&find(after, model)?, index, pooled)),
        Op::Raw { store, statements, .. } | Op::Data { store, statements } => {
            for text in &statements.mongo {
                out.list.push(Step::Command(parse(text)?));
            }
            if !statements.mongo.is_empty() {
                (out.recount, out.renumber) = (true, true);
                for model in after.of_store(store) {
                    out.list.extend(referring(model, after));
                    if model.search_fields().next().is_some() {
                        out.search.insert(model.name.clone());
                    }
                }
            }
        }
    }
    Ok(())
}

fn add_field(
    out: &mut Steps,
    (model, state): (&Model, &State),
    field: &Field,
    fill: Option<&Json>,
) -> Result<()> {
    let name = field.name.as_str();
    let filled = match fill {
        Some(json) => Some(
            fill_value(&field.kind, json)
                .map_err(|why| statement(format!("{}.{name}: {why}", model.name)))?,
        ),
        None => field.default_value(),
    };
    match filled.map(|value| literal((model, state), name, &value)).transpose()? {
        Some(value) if value != Bson::Null => {
            out.update(model, doc! {}, doc! { "$set": { name: value } });
            out.recount = true;
        }
        _ if field.required => out.list.push(Step::Refuse(Check {
            model: model.name.to_string(),
            filter: doc! {},
            names_rows: false,
            message: format!("rows of `{}` would have no `{name}`, which is required", model.name),
        })),
        _ => {}
    }
    if field.search {
        out.search.insert(model.name.clone());
    }
    Ok(())
}

/// Returns a value of a field in the form in which documents store it.
fn literal((model, state): (&Model, &State), field: &str, value: &Value) -> Result<Bson> {
    let storage = storage(model, state, field)?;
    let stored =
        stored(storage, value).map_err(|rule| statement(format!("{}.{field} {rule}", model.name)))?;
    cells::bson(storage, &stored)
}

fn alter_field(
    out: &mut Steps,
    (old, before): (&Model, &State),
    (new, after): (&Model, &State),
    (field, fill): (&Field, Option<&Json>),
    pooled: bool,
) -> Result<()> {
    let name = field.name.as_str();
    let was = old.field(name);
    let was = was.ok_or_else(|| statement(format!("there is no field `{}.{name}`", new.name)))?;
    let stored = (storage(old, before, name)?, storage(new, after, name)?);
    let converted = converted(new, (was, field), stored, fill)?;
    out.list.extend(converted.checks.into_iter().map(Step::Refuse));
    let changes_values = converted.value.is_some() || converted.fill.is_some();
    if let Some(value) = converted.value {
        out.list.push(Step::Update {
            model: new.name.to_string(),
            filter: doc! { name: { "$ne": Bson::Null } },
            change: Change::Computed(doc! { "$set": { name: value } }),
        });
    }
    if let Some(fill) = converted.fill {
        let fill = literal((new, after), name, &fill)?;
        out.update(new, doc! { name: Bson::Null }, doc! { "$set": { name: fill } });
    }
    if field.unique && !was.unique {
        let index = Index { fields: vec![field.name.clone()], unique: true };
        out.list.extend(duplicates(new, &index, pooled));
    }
    if was.kind != field.kind {
        out.list.extend(
            referring(new, after).filter(|step| matches!(step, Step::Refers { field, .. } if field == name)),
        );
    }
    if was.search != field.search || (field.search && changes_values) {
        out.search.insert(new.name.clone());
    }
    out.recount = true;
    Ok(())
}

/// Returns the checks of all references of a model to models of the same store.
fn referring<'m>(model: &'m Model, state: &'m State) -> impl Iterator<Item = Step> + 'm {
    model.fields.iter().filter_map(move |field| {
        let FieldKind::Ref { to, .. } = &field.kind else { return None };
        let target = state.model(to.as_str()).filter(|target| target.store == model.store)?;
        Some(Step::Refers {
            model: model.name.to_string(),
            field: field.name.to_string(),
            target: target.name.to_string(),
        })
    })
}

/// Returns a check for rows that violate a new unique index.
fn duplicates(model: &Model, index: &Index, pooled: bool) -> Option<Step> {
    if !index.unique {
        return None;
    }
    let fields: Vec<&str> = index.fields.iter().map(FieldName::as_str).collect();
    Some(Step::Refuse(Check {
        model: model.name.to_string(),
        filter: twice(model, &fields, pooled),
        names_rows: true,
        message: format!(
            "values of ({}) occur more than once in `{}`, but must be unique",
            fields.join(", "),
            model.name
        ),
    }))
}

/// Key of a filter that stands for values that several documents have; see [`super::run`].
pub(super) const TWICE: &str = "$twice";

/// Returns the fields whose values must not occur twice, as a filter that only [`super::run`] understands.
fn twice(model: &Model, fields: &[&str], pooled: bool) -> Document {
    let tenant = pooled.then_some(model.tenant_field.as_str());
    let all: Vec<&str> = tenant.into_iter().chain(fields.iter().map(|field| of_documents(field))).collect();
    doc! { TWICE: all }
}
