//! Pages of records, for every model: list, record, form, deletion.
//!
//! Everything is derived from the model: columns, filters, inputs, choices, references to a record. The platform checks
//! every action again; a page only hides what the visitor may not do.

mod bulk;
mod cells;
mod choices;
mod clock;
mod columns;
mod conditions;
mod conflict;
mod delete;
mod detail;
mod form;
mod import;
mod inputs;
mod links;
mod list;
mod one;
mod own;
mod values;
mod views;

pub(in crate::http) use bulk::{ask_change_all, ask_delete_all, change_all, delete_all};
pub(super) use cells::{cell, name, text};
pub(super) use choices::named;
pub(super) use conditions::in_words;
pub(in crate::http) use delete::{ask as ask_delete, delete};
pub(in crate::http) use detail::show;
pub(in crate::http) use form::{add, change, create, edit};
pub(in crate::http) use import::{choose as choose_import, import as import_file};
pub(super) use links::Params;
pub(in crate::http) use list::list;
use one::files;
pub(in crate::http) use one::{download_file, history, transit};
pub(in crate::http) use own::{set as set_own_values, show as own_values};
pub(in crate::http) use views::{change as change_view, save as save_view, show as views};

use super::{
    frame,
    visit::{Inside, Oneself, Site},
    words::Words,
};
use crate::http::{
    App,
    problem::{Problem, Result},
    query,
};
use serde_json::{Map, Value as Json};
use std::sync::Arc;
use tenantry::{
    access::{
        Actor, Positions,
        gates::{self, Verb},
    },
    config::Scope,
    model::{Field, FieldKind, Model, custom},
    name::ModelName,
    query::Select,
    records::{CustomField, ListQuery, Records, Scope as Whole, Want},
};
use tenantry_console::Frame;

/// A record as JSON.
pub(super) type Row = Map<String, Json>;

/// The visitor on whose pages a model appears.
#[derive(Clone, Copy)]
pub(super) enum Whose<'a> {
    Company(&'a Inside),
    Staff(&'a Oneself, &'a Positions),
}

impl<'a> From<&'a Inside> for Whose<'a> {
    fn from(inside: &'a Inside) -> Self {
        Self::Company(inside)
    }
}

impl<'a> From<&'a Site> for Whose<'a> {
    fn from(site: &'a Site) -> Self {
        match site {
            Site::Company(inside) => Self::Company(inside),
            Site::Staff(of, positions) => Self::Staff(of, positions),
        }
    }
}

/// A model as one visitor may see it.
pub(super) struct Place<'a> {
    app: &'a App,
    whose: Whose<'a>,
    models: Vec<Arc<Model>>,
    pub(super) model: Arc<Model>,
}

impl<'a> Place<'a> {
    /// Returns the model with this name.
    ///
    /// # Errors
    /// Returns an error if there is no such model for this visitor, or if the visitor's role may not read it.
    pub(super) async fn of(app: &'a App, whose: impl Into<Whose<'a>>, model: &str) -> Result<Self> {
        let whose = whose.into();
        let records = records_of(app, whose, model)?;
        let mut place = Self { app, whose, models: vec![], model: records.model().clone() };
        let labels = &place.words().labels;
        place.model = labels.labelled(&place.model);
        place.models = labels.models().to_vec();
        if let Whose::Staff(..) = whose {
            // Staff see no rows of tenants, so they see no models of theirs either.
            let models = std::mem::take(&mut place.models);
            place.models = models.into_iter().filter(|model| place.is_shared(model)).collect();
        }
        if !place.may(Verb::Read) {
            // Refuse as the platform itself refuses a list.
            return Err(tenantry::Error::Denied(format!("read {}", place.model.name)).into());
        }
        if place.model.has_custom_fields() {
            place.model = Arc::new(whole(&place.model, &records.with_custom_fields().await?));
        }
        Ok(place)
    }

    /// Returns how the page writes values.
    pub(super) fn words(&self) -> &'a Words {
        match self.whose {
            Whose::Company(inside) => &inside.visit.words,
            Whose::Staff(of, _) => &of.visit.words,
        }
    }

    fn actor(&self) -> &'a Actor {
        match self.whose {
            Whose::Company(inside) => inside.tenant.actor(),
            Whose::Staff(of, _) => &of.actor,
        }
    }

    /// Returns the frame of the page.
    fn frame(&self, title: impl Into<String>) -> Frame {
        match self.whose {
            Whose::Company(inside) => frame::of_company(inside, title),
            Whose::Staff(of, _) => frame::of_staff(of, title),
        }
    }

    pub(super) fn records(&self) -> Result<Records<'a>> {
        self.records_of(&self.model)
    }

    /// Returns the records of the model, with which conditions, orders and CSV may name the company's own fields.
    async fn whole_records(&self) -> Result<Records<'a>> {
        Ok(self.records()?.with_custom_fields().await?)
    }

    fn records_of(&self, model: &Model) -> Result<Records<'a>> {
        records_of(self.app, self.whose, model.name.as_str())
    }

    /// Returns true if the visitor may perform the verb on records of the model.
    pub(super) fn may(&self, verb: Verb) -> bool {
        self.may_on(&self.model, verb)
    }

    fn may_on(&self, model: &Model, verb: Verb) -> bool {
        gates::allows(self.actor(), &model.permissions, verb)
    }

    /// Returns true if the visitor may create a record: for a company, also an entry of its own among shared records.
    pub(super) fn may_add(&self) -> bool {
        self.may_add_to(&self.model)
    }

    fn may_add_to(&self, model: &Model) -> bool {
        self.records_of(model).is_ok_and(|records| records.may_add())
    }

    /// Returns true if the visitor may perform the verb on this record.
    fn may_on_record(&self, id: &str, verb: Verb) -> bool {
        self.records().is_ok_and(|records| records.may_on(id, verb))
    }

    /// Returns true if the visitor's company added this record to the shared ones.
    fn is_added(&self, id: &str) -> bool {
        self.records().is_ok_and(|records| records.is_added(id))
    }

    /// Returns true if the rows are in a store that all tenants share.
    fn is_shared(&self, model: &Model) -> bool {
        let store = self.app.platform().config().store(model.store.as_str());
        store.is_some_and(|store| store.scope == Scope::System)
    }

    /// Returns true on pages of staff.
    fn is_of_staff(&self) -> bool {
        matches!(self.whose, Whose::Staff(..))
    }

    /// Returns true if the visitor's company can have overrides of the record.
    fn has_own_values(&self, id: &str) -> bool {
        let overrides = self.model.overrides.as_ref().filter(|overrides| !overrides.fields.is_empty());
        overrides.is_some() && matches!(self.whose, Whose::Company(_)) && !self.is_added(id)
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
        // The API expands at most ten references.
        fields.filter(|field| self.target(field).is_some()).map(|f| f.name.to_string()).take(10).collect()
    }

    /// Returns one record with the records of its references, and its version.
    async fn row(&self, id: &str) -> Result<Row> {
        let expand = self.expandable(self.model.fields.iter());
        let document = self.records()?.get(id, &Want { fields: vec![], expand }).await?;
        let row = serde_json::from_slice(&document.body);
        let row = row.map_err(|error| Problem::internal(format!("a record: {error}")))?;
        Ok(flat(&self.model, row))
    }

    /// Returns the rows of a list, and the cursor of the next page.
    async fn rows(
        &self,
        model: &Model,
        select: Select,
        expand: Vec<String>,
    ) -> Result<(Vec<Row>, Option<Vec<tenantry::value::Value>>)> {
        let records = self.records_of(model)?.with_custom_fields().await?;
        let page = records.list(&ListQuery { select, count: false, expand }).await?;
        Ok((parsed(model, &page.items)?, page.next))
    }

    /// Returns the address of the list of a model.
    pub(super) fn list_path(&self, model: &Model) -> String {
        match self.whose {
            Whose::Company(_) => format!("/{}/", model.name),
            Whose::Staff(..) => format!("/admin/data/{}/", model.name),
        }
    }

    /// Returns the address of a record of a model.
    pub(super) fn path(&self, model: &Model, id: &str) -> String {
        format!("{}{id}/", self.list_path(model))
    }

    /// Returns the address of the export of the model. Staff have their own: their session may be bound to a company,
    /// and the API would then export that company's view.
    fn export_path(&self) -> String {
        match self.whose {
            Whose::Company(_) => format!("/api/records/{}/export", self.model.name),
            Whose::Staff(..) => format!("{}export/", self.list_path(&self.model)),
        }
    }

    /// Returns the address of the list of companies that would notice a change of a record. Empty outside the pages of
    /// staff.
    fn impact_path(&self, id: &str) -> String {
        match self.whose {
            Whose::Company(_) => String::new(),
            Whose::Staff(..) => format!("{}impact/", self.path(&self.model, id)),
        }
    }
}

fn records_of<'a>(app: &'a App, whose: Whose<'a>, model: &str) -> Result<Records<'a>> {
    let platform = app.platform();
    match whose {
        Whose::Company(inside) => Ok(platform.records(&inside.tenant, model)?),
        Whose::Staff(of, positions) => {
            Ok(platform.records(Whole::Staff(&of.actor), model)?.following(positions))
        }
    }
}

impl query::Models for Place<'_> {
    fn listed(&self) -> &Model {
        &self.model
    }

    fn readable(&self, name: &ModelName) -> Option<Arc<Model>> {
        let found = self.models.iter().find(|model| model.name == *name);
        found.filter(|model| self.may_on(model, Verb::Read)).cloned()
    }

    fn time_zone(&self) -> jiff::tz::TimeZone {
        self.words().zone.clone()
    }

    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::from_microsecond(self.app.platform().now_us()).unwrap_or_default()
    }
}

/// Returns the model with the company's own fields in the place of the field that holds their values.
fn whole(model: &Model, records: &Records<'_>) -> Model {
    let mut whole = model.clone();
    whole.fields.retain(|field| field.kind != FieldKind::Custom);
    whole.fields.extend(records.custom_fields().iter().map(CustomField::as_field));
    whole
}

/// Returns a row whose members include the values of own fields, each as `custom.NAME`.
pub(super) fn flat(model: &Model, mut row: Row) -> Row {
    let has_own = model.has_custom_fields() || model.fields.iter().any(|f| f.name.of_custom().is_some());
    if has_own && let Some(Json::Object(values)) = row.remove(custom::FIELD) {
        row.extend(values.into_iter().map(|(name, value)| (format!("{}.{name}", custom::FIELD), value)));
    }
    row
}

/// Returns the field that the path of a column sets: of `city.name` it is `city`.
fn field_of(path: &str) -> &str {
    match path.split_once('.') {
        Some((custom::FIELD, _)) | None => path,
        Some((field, _)) => field,
    }
}

/// Parses the rows of a list.
fn parsed(model: &Model, items: &[u8]) -> Result<Vec<Row>> {
    let text = [b"[", items, b"]"].concat();
    let rows = serde_json::from_slice(&text);
    let rows: Vec<Row> = rows.map_err(|error| Problem::internal(format!("a list: {error}")))?;
    Ok(rows.into_iter().map(|row| flat(model, row)).collect())
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
