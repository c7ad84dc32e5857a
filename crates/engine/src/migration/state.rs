//! The models after migrations, computed from the operations of the migrations and never read from a database.

use super::{Invalid, Migration, Op};
use crate::{
    cell::Storage,
    model::{Field, FieldKind, IdKind, Index, Model, Permissions},
    name::{AppName, FieldName, ModelName, StoreName},
};
use std::collections::BTreeMap;

/// All models of a platform after some migrations, reduced to what databases know.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct State {
    models: BTreeMap<ModelName, Model>,
}

impl Model {
    /// Returns this model without what databases do not know: labels, permissions, display, audit, overrides, workflow. Two
    /// models with the same schema need no migration.
    pub fn schema(&self) -> Model {
        Model {
            label: String::new(),
            display: None,
            permissions: Permissions::default(),
            overrides: None,
            audit: false,
            reads: None,
            workflow: None,
            fields: self.fields.iter().map(Field::schema).collect(),
            ..self.clone()
        }
    }
}

impl Field {
    /// Returns this field without what databases do not know.
    pub(crate) fn schema(&self) -> Field {
        Field { label: String::new(), personal: false, consistent: true, ..self.clone() }
    }
}

type Outcome<T = ()> = Result<T, Invalid>;

fn invalid<T>(message: String) -> Outcome<T> {
    Err(Invalid(message))
}

impl State {
    /// Returns the state of declared models, as if all their migrations had run.
    pub fn of(models: &[Model]) -> Self {
        Self { models: models.iter().map(|m| (m.name.clone(), m.schema())).collect() }
    }

    /// Computes the state after these migrations, in this order, starting without models.
    ///
    /// # Errors
    /// Returns the first operation that contradicts the models before it.
    pub fn replay<'m>(migrations: impl IntoIterator<Item = &'m Migration>) -> Outcome<Self> {
        let mut state = Self::default();
        for migration in migrations {
            state.apply_all(migration)?;
        }
        Ok(state)
    }

    /// Applies all operations of a migration.
    ///
    /// # Errors
    /// Returns the first operation that contradicts the models before it.
    pub fn apply_all(&mut self, migration: &Migration) -> Outcome {
        for op in &migration.ops {
            self.apply(&migration.app, op)
                .map_err(|Invalid(why)| Invalid(format!("migration {}: {why}", migration.id())))?;
        }
        Ok(())
    }

    /// Returns the model with this name.
    pub fn model(&self, name: &str) -> Option<&Model> {
        self.models.get(name)
    }

    /// Returns the model that `model` refers to by the name `to`, which may be `model` itself.
    ///
    /// # Errors
    /// Fails if no earlier migration creates the model.
    pub(crate) fn referred<'s>(&'s self, model: &'s Model, to: &str) -> Outcome<&'s Model> {
        if to == model.name.as_str() {
            return Ok(model);
        }
        self.model(to).ok_or_else(|| {
            Invalid(format!(
                "model `{}` refers to `{to}`, which no migration before this one creates; add the \
                 migration that does to `depends`",
                model.name
            ))
        })
    }

    /// Returns the model that a field of `model` refers to, if it is in the same store. Such a reference is a foreign
    /// key.
    ///
    /// # Errors
    /// Returns the errors of [`State::referred`].
    pub(crate) fn target<'s>(&'s self, model: &'s Model, kind: &FieldKind) -> Outcome<Option<&'s Model>> {
        let FieldKind::Ref { to, .. } = kind else { return Ok(None) };
        let target = self.referred(model, to.as_str())?;
        Ok((target.store == model.store).then_some(target))
    }

    /// Returns the storage of a field of `model`.
    ///
    /// # Errors
    /// Returns the errors of [`State::referred`].
    pub(crate) fn storage(&self, model: &Model, kind: &FieldKind) -> Outcome<Storage> {
        let id = match kind {
            FieldKind::Ref { to, .. } => self.referred(model, to.as_str())?.id,
            _ => IdKind::Integer,
        };
        Ok(Storage::of(kind, id))
    }

    /// Returns all models, by name.
    pub fn models(&self) -> impl Iterator<Item = &Model> {
        self.models.values()
    }

    /// Returns the models of one store, by name.
    pub fn of_store<'s>(&'s self, store: &'s StoreName) -> impl Iterator<Item = &'s Model> {
        self.models.values().filter(move |m| m.store == *store)
    }

    /// Applies one operation of an app. Fails if it contradicts the current models.
    pub fn apply(&mut self, app: &AppName, op: &Op) -> Outcome {
        match op {
            Op::CreateModel { model } => self.create(app, model),
            Op::DropModel { store, model } => self.drop_model(store, model),
            Op::RenameModel { store, from, to } => self.rename_model(store, from, to),
            Op::AddField { store, model, field, .. } => self.add_field(store, model, field),
            Op::AlterField { store, model, field, .. } => {
                *self.field_mut(store, model, &field.name)? = field.schema();
                Ok(())
            }
            Op::RenameField { store, model, from, to } => self.rename_field(store, model, from, to),
            Op::DropField { store, model, field } => self.drop_field(store, model, field),
            Op::AddIndex { store, model, index } => {
                let found = self.model_mut(store, model)?;
                if found.indexes.contains(index) {
                    return invalid(format!("model `{model}` has this index already"));
                }
                found.indexes.push(index.clone());
                Ok(())
            }
            Op::DropIndex { store, model, index } => self.drop_index(store, model, index),
            Op::Raw { .. } | Op::Data { .. } => Ok(()),
        }
    }

    fn create(&mut self, app: &AppName, model: &Model) -> Outcome {
        if self.models.contains_key(&model.name) {
            return invalid(format!("model `{}` exists already", model.name));
        }
        let mut schema = model.schema();
        schema.app = app.clone();
        self.models.insert(model.name.clone(), schema);
        Ok(())
    }

    fn drop_model(&mut self, store: &StoreName, name: &ModelName) -> Outcome {
        self.model_mut(store, name)?;
        let refers = |m: &&Model| m.name != *name && m.fields.iter().any(|f| refers_to(f, name));
        if let Some(other) = self.models.values().find(refers) {
            return invalid(format!("model `{name}` cannot go while `{}` refers to it", other.name));
        }
        self.models.remove(name);
        Ok(())
    }

    fn rename_model(&mut self, store: &StoreName, from: &ModelName, to: &ModelName) -> Outcome {
        self.model_mut(store, from)?;
        if self.models.contains_key(to) {
            return invalid(format!("model `{to}` exists already"));
        }
        if let Some(mut model) = self.models.remove(from) {
            model.name = to.clone();
            self.models.insert(to.clone(), model);
        }
        for field in self.models.values_mut().flat_map(|m| &mut m.fields) {
            if let FieldKind::Ref { to: target, .. } = &mut field.kind
                && target == from
            {
                *target = to.clone();
            }
        }
        Ok(())
    }

    fn add_field(&mut self, store: &StoreName, model: &ModelName, field: &Field) -> Outcome {
        let found = self.model_mut(store, model)?;
        if found.field(field.name.as_str()).is_some() {
            return invalid(format!("field `{model}.{}` exists already", field.name));
        }
        found.fields.push(field.schema());
        Ok(())
    }

    fn rename_field(
        &mut self,
        store: &StoreName,
        model: &ModelName,
        from: &FieldName,
        to: &FieldName,
    ) -> Outcome {
        if self.model_mut(store, model)?.field(to.as_str()).is_some() {
            return invalid(format!("field `{model}.{to}` exists already"));
        }
        self.field_mut(store, model, from)?.name = to.clone();
        for name in self.model_mut(store, model)?.indexes.iter_mut().flat_map(|i| &mut i.fields) {
            if name == from {
                *name = to.clone();
            }
        }
        Ok(())
    }

    fn drop_field(&mut self, store: &StoreName, model: &ModelName, field: &FieldName) -> Outcome {
        self.field_mut(store, model, field)?;
        let found = self.model_mut(store, model)?;
        if found.indexes.iter().any(|i| i.fields.contains(field)) {
            return invalid(format!("field `{model}.{field}` cannot go while an index contains it"));
        }
        found.fields.retain(|f| f.name != *field);
        Ok(())
    }

    fn drop_index(&mut self, store: &StoreName, model: &ModelName, index: &Index) -> Outcome {
        let found = self.model_mut(store, model)?;
        let before = found.indexes.len();
        found.indexes.retain(|i| i != index);
        if found.indexes.len() == before {
            return invalid(format!("model `{model}` has no such index"));
        }
        Ok(())
    }

    fn model_mut(&mut self, store: &StoreName, name: &ModelName) -> Outcome<&mut Model> {
        match self.models.get_mut(name) {
            None => invalid(format!("there is no model `{name}`")),
            Some(m) if m.store != *store => {
                invalid(format!("model `{name}` lives in store `{}`, not `{store}`", m.store))
            }
            Some(m) => Ok(m),
        }
    }

    fn field_mut(&mut self, store: &StoreName, model: &ModelName, field: &FieldName) -> Outcome<&mut Field> {
        let found = self.model_mut(store, model)?;
        let index = found.fields.iter().position(|f| f.name == *field);
        match index {
            Some(index) => Ok(&mut found.fields[index]),
            None => invalid(format!("there is no field `{model}.{field}`")),
        }
    }
}

/// Returns true if the field is a reference to that model.
pub(crate) fn refers_to(field: &Field, model: &ModelName) -> bool {
    matches!(&field.kind, FieldKind::Ref { to, .. } if to == model)
}
