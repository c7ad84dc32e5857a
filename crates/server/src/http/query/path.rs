//! Columns of a list, including columns across references: `name`, `city.name`, `city.region.name`.
//!
//! Used for conditions, sort keys and cursors. A path leads only through models that the caller may read. The names and
//! types of other models are not revealed.

use super::{
    pairs::pairs,
    text::{self, Kind},
};
use jiff::{Timestamp, tz::TimeZone};
use std::sync::Arc;
use tenantry::{
    model::{FieldKind, Model, custom::FIELD as CUSTOM},
    name::{FieldName, ModelName},
    query::{Filter, SortBy},
    records::Records,
};

/// Maximum number of references in a path.
pub(super) const MAX_REFERENCES: usize = 3;

/// The listed model, and the models that its references can lead to.
pub trait Models {
    /// Returns the listed model.
    fn listed(&self) -> &Model;

    /// Returns a model that the caller may read.
    fn readable(&self, name: &ModelName) -> Option<Arc<Model>>;

    /// Returns the time zone of the days that conditions on instants name, if the query names none.
    fn time_zone(&self) -> TimeZone {
        TimeZone::UTC
    }

    /// Returns the time of the request, for conditions such as `today`.
    fn now(&self) -> Timestamp;
}

/// Models, and the time zone that a query names.
pub(super) struct Zoned<'a> {
    models: &'a dyn Models,
    zone: TimeZone,
}

/// Name of the parameter that names a time zone.
pub(super) const TIME_ZONE: &str = "time_zone";

impl<'a> Zoned<'a> {
    /// Reads the time zone of a query. The caller refuses one that does not exist.
    pub(super) fn of(models: &'a dyn Models, query: &str) -> Self {
        let named = pairs(query).flatten().find(|(name, _)| name == TIME_ZONE);
        let zone = named.and_then(|(_, name)| TimeZone::get(&name).ok());
        Self { models, zone: zone.unwrap_or_else(|| models.time_zone()) }
    }
}

impl Models for Zoned<'_> {
    fn listed(&self) -> &Model {
        self.models.listed()
    }

    fn readable(&self, name: &ModelName) -> Option<Arc<Model>> {
        self.models.readable(name)
    }

    fn time_zone(&self) -> TimeZone {
        self.zone.clone()
    }

    fn now(&self) -> Timestamp {
        self.models.now()
    }
}

/// Refuses what is no time zone.
///
/// # Errors
/// If there is no such time zone.
pub(super) fn check_zone(name: &str) -> Result<(), String> {
    TimeZone::get(name).map(drop).map_err(|_| "must be the name of a time zone such as Asia/Baku".into())
}

impl Models for Records<'_> {
    fn listed(&self) -> &Model {
        self.whole_model()
    }

    fn readable(&self, name: &ModelName) -> Option<Arc<Model>> {
        Records::readable(self, name)
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_microsecond(self.now_us()).unwrap_or_default()
    }
}

/// A column, and the references that lead to its row.
pub(super) struct Column {
    pub(super) via: Vec<FieldName>,
    pub(super) field: FieldName,
    pub(super) kind: Kind,
    /// Model of the column; `None` for the listed model.
    target: Option<Arc<Model>>,
}

impl Column {
    /// Returns the column that a path leads to.
    ///
    /// # Errors
    /// Returns an error if there is no such column. The text lists the existing columns.
    pub(super) fn of(models: &dyn Models, path: &str) -> Result<Self, String> {
        let (references, name) = match path.rsplit_once('.') {
            // The values of own fields are a part of the listed record, not of another one.
            Some((CUSTOM, _)) | None => (None, path),
            Some((references, name)) => (Some(references), name),
        };
        let mut via = vec![];
        let mut target: Option<Arc<Model>> = None;
        for reference in references.into_iter().flat_map(|references| references.split('.')) {
            if via.len() == MAX_REFERENCES {
                return Err(format!("at most {MAX_REFERENCES} references deep"));
            }
            let model = target.as_deref().unwrap_or_else(|| models.listed());
            let field = model.field(reference);
            let Some((field, FieldKind::Ref { to, .. })) = field.map(|field| (field, &field.kind)) else {
                let known = super::references(model);
                return Err(format!(
                    "{} is no reference of {}; {known}",
                    text::quoted(reference),
                    model.name
                ));
            };
            let next = models.readable(to);
            let next = next.ok_or_else(|| format!("{reference} refers to records that you may not read"))?;
            via.push(field.name.clone());
            target = Some(next);
        }
        let (field, kind) = text::column(target.as_deref().unwrap_or_else(|| models.listed()), name)?;
        Ok(Self { via, field, kind, target })
    }

    /// Returns the model of the column.
    pub(super) fn model<'m>(&'m self, models: &'m dyn Models) -> &'m Model {
        self.target.as_deref().unwrap_or_else(|| models.listed())
    }

    /// Converts a condition on the column to a condition on the listed model.
    pub(super) fn condition(&self, filter: Filter) -> Filter {
        let references = self.via.iter().rev();
        references.fold(filter, |filter, field| Filter::Through(field.clone(), Box::new(filter)))
    }
}

/// Returns the name of a sort key in a URL.
pub(super) fn sorted_by(by: &SortBy) -> String {
    let parts: Vec<_> = by.via.iter().chain([&by.field]).map(FieldName::as_str).collect();
    parts.join(".")
}
