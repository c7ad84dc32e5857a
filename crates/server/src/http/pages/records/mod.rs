//! Pages of records, for every model: list, one record, its form, its deletion.
//!
//! Everything is derived from the model: columns, filters, inputs, choices, what refers to a record. The platform checks every
//! action again; a page only leaves out what the person may not do.

mod bulk;
mod cells;
mod choices;
mod columns;
mod conflict;
mod delete;
mod detail;
mod filters;
mod form;
mod import;
mod inputs;
mod links;
mod list;
mod own;
mod values;

pub(in crate::http) use bulk::{ask_change_all, ask_delete_all, change_all, delete_all};
pub(super) use cells::{cell, name, text};
pub(super) use choices::named;
pub(in crate::http) use delete::{ask as ask_delete, delete};
pub(in crate::http) use detail::show;
pub(super) use filters::condition;
pub(in crate::http) use form::{add, change, create, edit};
pub(in crate::http) use import::{choose as choose_import, import as import_file};
pub(super) use links::Params;
pub(in crate::http) use list::list;
pub(in crate::http) use own::{set as set_own_values, show as own_values};

use super::visit::Inside;
use crate::http::{
    App,
    problem::{Problem, Result},
};
use serde_json::{Map, Value as Json};
use std::sync::Arc;
use tenantry::{
    access::{
        Tenant,
        gates::{self, Verb},
    },
    config::Scope,
    model::{Field, FieldKind, Model},
    query::Select,
    records::{ListQuery, Records, Want},
};

/// A record as JSON.
pub(super) type Row = Map<String, Json>;

/// A model as one visitor sees it.
pub(super) struct Place<'a> {
    app: &'a App,
    inside: &'a Inside,
    models: Vec<Arc<Model>>,
    pub(super) model: Arc<Model>,
}

impl<'a> Place<'a> {
    /// Returns the model with this name.
    ///
    /// # Errors
    /// If there is none that the visitor may read.
    pub(super) fn of(app: &'a App, inside: &'a Inside, model: &str) -> Result<Self> {
        let model = app.platform().records(&inside.tenant, model)?.model().clone();
        let place = Self { app, inside, models: app.platform().models(), model };
        match place.may(Verb::Read) {
            true => Ok(place),
            // The platform's own refusal, as for a list.
            false => Err(tenantry::Error::Denied(format!("read {}", place.model.name)).into()),
        }
    }

    fn tenant(&self) -> &'a Tenant {
        &self.inside.tenant
    }

    pub(super) fn records(&self) -> Result<Records<'a>> {
        self.records_of(&self.model)
    }

    fn records_of(&self, model: &Model) -> Result<Records<'a>> {
        Ok(self.app.platform().records(self.tenant(), model.name.as_str())?)
    }

    /// Returns true if the visitor may do this with records of the model.
    pub(super) fn may(&self, verb: Verb) -> bool {
        self.may_on(&self.model, verb)
    }

    fn may_on(&self, model: &Model, verb: Verb) -> bool {
        gates::allows(self.tenant().actor(), &model.permissions, verb)
    }

    /// Returns true if the rows are in a store that all tenants share.
    fn is_shared(&self, model: &Model) -> bool {
        let store = self.app.platform().config().store(model.store.as_str());
        store.is_some_and(|store| store.scope == Scope::System)
    }

    /// Returns true if the visitor's company has, or may have, its own values of records of the model.
    fn has_own_values(&self) -> bool {
        self.model.overrides.is_some()
    }

    /// Returns the model that a field refers to, if the visitor may read it.
    pub(super) fn target(&self, field: &Field) -> Option<&Arc<Model>> {
        let FieldKind::Ref { to, .. } = &field.kind else { return None };
        self.models.iter().find(|model| model.name == *to).filter(|model| self.may_on(model, Verb::Read))
    }

    /// Returns the fields of models that refer to this model, and that the visitor may read.
    fn referrers(&self) -> Vec<(Arc<Model>, Field)> {
        let mut found = Vec::new();
        for model in self.models.iter().filter(|model| self.may_on(model, Verb::Read)) {
            for field in &model.fields {
                if matches!(&field.kind, FieldKind::Ref { to, .. } if *to == self.model.name) {
                    found.push((model.clone(), field.clone()));
                }
            }
        }
        found
    }

    /// Returns the names of the references among these fields whose records the visitor may read.
    fn expandable<'f>(&self, fields: impl Iterator<Item = &'f Field>) -> Vec<String> {
        // As many as the API expands at once.
        fields.filter(|field| self.target(field).is_some()).map(|f| f.name.to_string()).take(10).collect()
    }

    /// Returns one record with what it refers to, and its version.
    async fn row(&self, id: &str) -> Result<Row> {
        let expand = self.expandable(self.model.fields.iter());
        let document = self.records()?.get(id, &Want { fields: vec![], expand }).await?;
        serde_json::from_slice(&document.body)
            .map_err(|error| Problem::internal(format!("a record: {error}")))
    }

    /// Returns the rows of a list, and the position of the next page.
    async fn rows(
        &self,
        model: &Model,
        select: Select,
        expand: Vec<String>,
    ) -> Result<(Vec<Row>, Option<Vec<tenantry::value::Value>>)> {
        let page = self.records_of(model)?.list(&ListQuery { select, count: false, expand }).await?;
        Ok((parsed(&page.items)?, page.next))
    }

    /// Returns the address of the list of a model.
    pub(super) fn list_path(model: &Model) -> String {
        format!("/{}/", model.name)
    }

    /// Returns the address of a record of a model.
    pub(super) fn path(model: &Model, id: &str) -> String {
        format!("/{}/{id}/", model.name)
    }
}

/// Parses the rows of a list.
fn parsed(items: &[u8]) -> Result<Vec<Row>> {
    let text = [b"[", items, b"]"].concat();
    serde_json::from_slice(&text).map_err(|error| Problem::internal(format!("a list: {error}")))
}

/// Returns the id of a record as text.
fn id_of(row: &Row) -> String {
    match row.get("id") {
        Some(Json::String(id)) => id.clone(),
        Some(id) => id.to_string(),
        None => String::new(),
    }
}

fn version_of(row: &Row) -> Option<i64> {
    row.get("version").and_then(Json::as_i64)
}
