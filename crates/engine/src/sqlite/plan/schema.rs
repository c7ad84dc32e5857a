//! All models of one store compiled together, so that each knows who refers to it.

use super::{Plan, Referrer};
use crate::error::{Error, Kind, Result};
use crate::model::{Field, FieldKind, IdKind, Model, OnDelete};
use crate::name::{ModelName, StoreName};
use std::collections::HashMap;
use std::sync::Arc;

/// All models of one store.
#[derive(Debug)]
pub struct Schema {
    store: StoreName,
    plans: HashMap<ModelName, Plan>,
}

impl Schema {
    /// Compiles the models of `store`. Models of other stores may be given too: they are not compiled,
    /// but tell the kind of key that references to them hold (without them it is taken to be integer).
    pub fn new(store: StoreName, models: Vec<Arc<Model>>) -> Result<Self> {
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
        Ok(Self { store, plans })
    }

    /// The store.
    pub fn store(&self) -> &StoreName {
        &self.store
    }

    /// The model of that name, if it is of this store.
    pub fn model(&self, name: &str) -> Option<&Plan> {
        self.plans.get(name)
    }

    /// All models of the store.
    pub fn plans(&self) -> impl Iterator<Item = &Plan> {
        self.plans.values()
    }

    pub(crate) fn require(&self, name: &str) -> Result<&Plan> {
        self.model(name)
            .ok_or_else(|| Error::new(Kind::NotFound, format!("no model {name} in store {}", self.store)))
    }
}

/// Fields of a model that refer to another, with what a delete there does.
pub(crate) fn refs(model: &Model) -> impl Iterator<Item = (&Field, &ModelName, OnDelete)> {
    model.fields.iter().filter_map(|field| match &field.kind {
        FieldKind::Ref { to, on_delete } => Some((field, to, *on_delete)),
        _ => None,
    })
}
