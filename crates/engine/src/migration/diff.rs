//! Compares the declared models with the state after all migrations, and returns the operations of the next migration.
//!
//! `migrate make` calls it. Before it returns the operations, it has applied them to a copy of the state without error,
//! and they produce exactly the declared schema. It asks the developer about what it cannot know.

use super::{
    Invalid, Op, State, convertible_in, fill_value,
    overrides::{overrides_of, rename_override},
    rename::{Answers, Origin, Undecided, ask_fill, field_origin, model_origin},
};
use crate::{
    model::{Field, FieldKind, Index, Model},
    name::{AppName, ModelName},
};
use serde_json::Value as Json;
use std::collections::BTreeSet;

struct Diff<'a> {
    app: &'a AppName,
    /// The state after all operations so far.
    state: State,
    /// All declared models.
    declared: &'a [Model],
    answers: &'a Answers,
    ops: Vec<Op>,
    undecided: Undecided,
    /// Fields, as `model.field`, that may prove to be renamed. No other question about them is asked yet.
    asked: BTreeSet<String>,
}

/// Returns the operations that change the models of `app` from `old` to `new`. Ignores models of other apps in `new`.
/// Empty if there is no difference.
///
/// # Errors
/// Returns the open questions, and the changes that no migration can make.
pub fn diff(app: &AppName, old: &State, new: &[Model], answers: &Answers) -> Result<Vec<Op>, Undecided> {
    let wanted: Vec<Model> =
        new.iter().filter(|m| m.app == *app && m.is_migrated()).map(Model::schema).collect();
    let mut diff = Diff {
        app,
        state: old.clone(),
        declared: new,
        answers,
        ops: Vec::new(),
        undecided: Undecided::default(),
        asked: BTreeSet::new(),
    };
    let created = diff.rename_models(&wanted);
    let kept: Vec<&Model> = wanted.iter().filter(|m| !created.contains(&m.name)).collect();
    for model in &kept {
        diff.rename_fields(model);
    }
    let late = diff.create_models(wanted.iter().filter(|m| created.contains(&m.name)).collect());
    for model in &kept {
        diff.change_model(model);
    }
    for (model, field) in late {
        diff.add_field(&model, &field);
    }
    // Add new indexes last, because some contain fields that are added late.
    for model in &wanted {
        diff.add_indexes(model);
    }
    diff.drop_models(&wanted);
    if diff.undecided.is_empty() { Ok(diff.ops) } else { Err(diff.undecided) }
}

impl Diff<'_> {
    fn push(&mut self, op: Op) {
        match self.state.apply(self.app, &op) {
            Ok(()) => self.ops.push(op),
            Err(Invalid(why)) => self.undecided.refusals.push(why),
        }
    }

    /// Returns the models of this app that are no longer declared.
    fn removed(&self, wanted: &[Model]) -> Vec<Model> {
        let gone = |m: &&Model| m.app == *self.app && !wanted.iter().any(|w| w.name == m.name);
        self.state.models().filter(gone).cloned().collect()
    }

    /// Renames the models that were renamed. Returns the names of the models to create.
    fn rename_models(&mut self, wanted: &[Model]) -> Vec<ModelName> {
        let mut created = Vec::new();
        for model in wanted {
            if self.state.model(model.name.as_str()).is_some() {
                continue;
            }
            let removed = self.removed(wanted);
            match model_origin(model, &removed, self.answers, &mut self.undecided) {
                Origin::RenamedFrom(from) => {
                    self.push(Op::RenameModel { store: model.store.clone(), from, to: model.name.clone() });
                }
                Origin::New | Origin::Asked => created.push(model.name.clone()),
            }
        }
        created
    }

    fn current(&self, name: &ModelName) -> Option<Model> {
        self.state.model(name.as_str()).cloned()
    }

    fn rename_fields(&mut self, wanted: &Model) {
        let Some(now) = self.current(&wanted.name) else { return };
        let is_gone = |f: &&Field| wanted.field(f.name.as_str()).is_none();
        let mut removed: Vec<Field> = now.fields.iter().filter(is_gone).cloned().collect();
        for field in wanted.fields.iter().filter(|f| now.field(f.name.as_str()).is_none()) {
            let origin = field_origin(&wanted.name, field, &removed, self.answers, &mut self.undecided);
            if matches!(origin, Origin::Asked) {
                self.asked.insert(format!("{}.{}", wanted.name, field.name));
            }
            if let Origin::RenamedFrom(from) = origin {
                removed.retain(|f| f.name != from);
                let (store, model) = (wanted.store.clone(), wanted.name.clone());
                let follow = rename_override(self.declared, &self.state, &model, &from, &field.name);
                self.push(Op::RenameField { store, model, from, to: field.name.clone() });
                self.ops.extend(follow);
            }
        }
    }

    /// Creates models, referenced models first. If references form a cycle, some fields are added late.
    fn create_models(&mut self, mut rest: Vec<&Model>) -> Vec<(Model, Field)> {
        let mut late = Vec::new();
        while !rest.is_empty() {
            let waits = |m: &Model| m.fields.iter().filter(|f| refers_to_any(f, &rest, &m.name)).count();
            let Some(at) = (0..rest.len()).min_by_key(|i| waits(rest[*i])) else { break };
            let mut model = rest.remove(at).clone();
            let whole = model.clone();
            let (later, now): (Vec<Field>, Vec<Field>) =
                model.fields.into_iter().partition(|f| refers_to_any(f, &rest, &model.name));
            model.fields = now;
            model.indexes.retain(|i| !i.fields.iter().any(|n| later.iter().any(|f| f.name == *n)));
            self.push(Op::CreateModel { model: Box::new(model) });
            late.extend(later.into_iter().map(|f| (whole.clone(), f)));
        }
        late
    }

    fn change_model(&mut self, wanted: &Model) {
        let Some(now) = self.current(&wanted.name) else { return };
        if let Some(what) = fixed_difference(&now, wanted) {
            self.undecided.refusals.push(what);
            return;
        }
        let (store, model) = (&wanted.store, &wanted.name);
        for index in now.indexes.iter().filter(|i| !wanted.indexes.contains(i)) {
            self.push(Op::DropIndex { store: store.clone(), model: model.clone(), index: index.clone() });
        }
        for field in now.fields.iter().filter(|f| wanted.field(f.name.as_str()).is_none()) {
            self.push(Op::DropField {
                store: store.clone(),
                model: model.clone(),
                field: field.name.clone(),
            });
        }
        for field in &wanted.fields {
            match now.field(field.name.as_str()) {
                None => self.add_field(wanted, field),
                Some(was) if was != field => self.alter_field(wanted, was, field),
                Some(_) => {}
            }
        }
    }

    fn add_indexes(&mut self, wanted: &Model) {
        let Some(now) = self.current(&wanted.name) else { return };
        let fresh: Vec<Index> = wanted.indexes.iter().filter(|i| !now.indexes.contains(i)).cloned().collect();
        for index in fresh {
            self.push(Op::AddIndex { store: wanted.store.clone(), model: wanted.name.clone(), index });
        }
    }

    fn add_field(&mut self, model: &Model, field: &Field) {
        let place = format!("{}.{}", model.name, field.name);
        if self.asked.contains(&place) {
            return;
        }
        let created_here =
            self.ops.iter().any(|op| matches!(op, Op::CreateModel { model: m } if m.name == model.name));
        let fill = self.fill(&place, field);
        if field.unique && (fill.is_some() || field.default.is_some()) && !created_here {
            self.undecided.refusals.push(format!(
                "`{place}` is unique, but every row that exists would get the same value: add it without \
                 default and not required, fill it, then make it required"
            ));
            return;
        }
        if field.required && field.default.is_none() && fill.is_none() && !created_here {
            self.undecided.questions.push(ask_fill(&place, false));
            return;
        }
        let (store, model) = (model.store.clone(), model.name.clone());
        self.push(Op::AddField { store, model, field: field.clone(), fill });
    }

    fn alter_field(&mut self, model: &Model, was: &Field, field: &Field) {
        let place = format!("{}.{}", model.name, field.name);
        if !convertible_in(&self.state, &was.kind, &field.kind) {
            self.undecided.refusals.push(format!(
                "`{place}` cannot change its type so without losing values: add a field of the new type, move \
                 the values with a data migration, then drop the old field"
            ));
            return;
        }
        if was.kind != field.kind
            && overrides_of(self.declared, &self.state, &model.name, &field.name).is_some()
        {
            self.undecided.refusals.push(format!(
                "`{place}` changes its type while tenants may have own values of it: take it out of `overrides` in a \
                 migration before, or, if tenants add entries, add a field of the new type"
            ));
            return;
        }
        let becomes_required = field.required && !was.required;
        let fill = if becomes_required { self.fill(&place, field) } else { None };
        if becomes_required
            && fill.is_none()
            && field.default.is_none()
            && !self.answers.checked.contains(&place)
        {
            self.undecided.questions.push(ask_fill(&place, true));
            return;
        }
        let (store, model) = (model.store.clone(), model.name.clone());
        self.push(Op::AlterField { store, model, field: field.clone(), fill });
    }

    fn fill(&mut self, place: &str, field: &Field) -> Option<Json> {
        let json = self.answers.fill(place)?.clone();
        match fill_value(&field.kind, &json) {
            Ok(_) => Some(json),
            Err(why) => {
                self.undecided.refusals.push(format!("--fill {place}: {why}"));
                None
            }
        }
    }

    /// Drops models, referring models first.
    fn drop_models(&mut self, wanted: &[Model]) {
        // A name with an open question may be the new name of one of these models.
        if !self.undecided.questions.is_empty() {
            return;
        }
        let mut rest = self.removed(wanted);
        while !rest.is_empty() {
            let is_free = |m: &Model| !rest.iter().any(|o| o.name != m.name && refers(o, &m.name));
            let at = rest.iter().position(is_free);
            let model = rest.remove(at.unwrap_or(0));
            if at.is_none() {
                self.cut_circle(&model, &rest);
            }
            self.push(Op::DropModel { store: model.store, model: model.name });
        }
    }

    /// Drops the fields of other models that refer to a model, so that the model can be dropped.
    fn cut_circle(&mut self, model: &Model, others: &[Model]) {
        for other in others {
            for field in other.fields.iter().filter(|f| super::state::refers_to(f, &model.name)) {
                let containing = other.indexes.iter().filter(|i| i.fields.contains(&field.name));
                for index in containing {
                    let (store, model) = (other.store.clone(), other.name.clone());
                    self.push(Op::DropIndex { store, model, index: index.clone() });
                }
                let (store, model) = (other.store.clone(), other.name.clone());
                self.push(Op::DropField { store, model, field: field.name.clone() });
            }
        }
    }
}

fn refers(model: &Model, to: &ModelName) -> bool {
    model.fields.iter().any(|f| super::state::refers_to(f, to))
}

fn refers_to_any(field: &Field, models: &[&Model], own: &ModelName) -> bool {
    matches!(&field.kind, FieldKind::Ref { to, .. } if to != own && models.iter().any(|m| m.name == *to))
}

/// Describes a difference that no migration can make.
fn fixed_difference(now: &Model, wanted: &Model) -> Option<String> {
    let what = if now.store != wanted.store {
        format!("cannot move from store `{}` to `{}`", now.store, wanted.store)
    } else if now.id != wanted.id {
        "cannot change its kind of id".to_owned()
    } else if now.tenant_field != wanted.tenant_field {
        format!("cannot rename its tenant column `{}` to `{}`", now.tenant_field, wanted.tenant_field)
    } else {
        return None;
    };
    Some(format!(
        "model `{}` {what}: declare a new model, copy the rows with export and import, then drop this one",
        wanted.name
    ))
}
