//! All models of one store, compiled together, so that each model knows the models that refer to it.

use super::{
    known::Known,
    plan::{Plan, Referrer},
};
use crate::{
    error::{Error, Kind, Result},
    migration::Migration,
    model::{Field, FieldKind, IdKind, Model, OnDelete},
    name::{FieldName, ModelName, StoreName},
};
use std::{collections::HashMap, sync::Arc};

/// All models of one store, compiled.
#[derive(Debug)]
pub struct Schema {
    store: StoreName,
    plans: HashMap<ModelName, Arc<Plan>>,
    known: Known,
}

impl Schema {
    /// Compiles the models of `store`. `models` may include models of other stores. They are not compiled, but they
    /// determine which kind of key the references to them hold (without them, integer is assumed).
    ///
    /// `migrations` are the migrations of all stores that make the models. Only a database that has exactly the
    /// migrations of this store is read and written with this schema (`known-schema`).
    ///
    /// # Errors
    /// Returns `Internal` if a column's name is not valid.
    pub fn new(store: StoreName, models: Vec<Arc<Model>>, migrations: &[Migration]) -> Result<Self> {
        let keys: HashMap<ModelName, IdKind> = models.iter().map(|m| (m.name.clone(), m.id)).collect();
        let own: Vec<_> = models.into_iter().filter(|m| m.store == store).collect();
        let mut plans = HashMap::with_capacity(own.len());
        for model in &own {
            plans.insert(model.name.clone(), Plan::new(model.clone(), &keys)?);
        }
        for model in &own {
            for (field, to, on_delete) in refs(model) {
                if let Some(plan) = plans.get_mut(to) {
                    plan.referrers.push(Referrer {
                        model: model.name.clone(),
                        field: field.name.clone(),
                        on_delete,
                    });
                }
            }
        }
        let known = Known::new(&store, migrations);
        let plans = plans.into_iter().map(|(name, plan)| (name, Arc::new(plan))).collect();
        Ok(Self { store, plans, known })
    }

    /// Marks the schema as unmigrated: its models were changed and no migration makes that change, so no database can
    /// have the schema. Every database then refuses it with [`Kind::SchemaBehind`].
    #[must_use]
    pub fn unmigrated(mut self, why: impl Into<String>) -> Self {
        self.known.refuse(why.into());
        self
    }

    /// Returns the migrations that a database must have to be used with this schema.
    pub(crate) fn known(&self) -> &Known {
        &self.known
    }

    /// Returns the store whose models these are.
    pub fn store(&self) -> &StoreName {
        &self.store
    }

    /// Returns the model with this name, if this store has it.
    pub fn model(&self, name: &str) -> Option<&Plan> {
        self.plans.get(name).map(|plan| &**plan)
    }

    /// Returns the model of this store that a field refers to.
    ///
    /// # Errors
    /// Returns `Invalid` if the model has no such field, or the field is not a reference to a model of this store.
    pub(crate) fn referred(&self, plan: &Plan, field: &FieldName) -> Result<&Plan> {
        plan.require(field.as_str())?;
        let refuse = |rule: &str| Error::invalid(field.as_str(), rule);
        match plan.model.field(field.as_str()).map(|field| &field.kind) {
            Some(FieldKind::Ref { to, .. }) => {
                self.model(to.as_str()).ok_or_else(|| refuse("refers to another store"))
            }
            _ => Err(refuse("is not a reference")),
        }
    }

    /// Returns all models of the store.
    pub fn plans(&self) -> impl Iterator<Item = &Plan> {
        self.plans.values().map(|plan| &**plan)
    }

    /// Returns this schema with another plan of one of its models.
    pub(super) fn with(&self, plan: Plan) -> Self {
        let mut plans = self.plans.clone();
        plans.insert(plan.model.name.clone(), Arc::new(plan));
        Self { store: self.store.clone(), plans, known: self.known.clone() }
    }

    pub(crate) fn require(&self, name: &str) -> Result<&Plan> {
        self.model(name)
            .ok_or_else(|| Error::new(Kind::NotFound, format!("no model {name} in store {}", self.store)))
    }
}

/// Returns the reference fields of a model, each with the model that it refers to and the effect of deleting a record
/// there.
pub(crate) fn refs(model: &Model) -> impl Iterator<Item = (&Field, &ModelName, OnDelete)> {
    model.fields.iter().filter_map(|field| match &field.kind {
        FieldKind::Ref { to, on_delete } => Some((field, to, *on_delete)),
        _ => None,
    })
}
