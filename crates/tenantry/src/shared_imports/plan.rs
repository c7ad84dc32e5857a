//! A mapping that was checked against the models: the collections in the order in which their rows can be written.

use super::mapping::{Mapping, Rules, wrong};
use crate::{
    Result,
    platform::loaded::{Loaded, ModelEntry},
};
use std::{collections::BTreeSet, sync::Arc};
use tenantry_engine::{
    model::{Field, FieldKind, IdKind, Model},
    name::FieldName,
};

/// A checked mapping.
pub(super) struct Plan {
    pub(super) mapping: Mapping,
    pub(super) time_zone: jiff::tz::TimeZone,
    /// Collections: those of shared models first, and none before the collections to which it refers.
    pub(super) collections: Vec<Planned>,
    /// Collections of organisations' own values of shared records.
    pub(super) own_values: Vec<Owned>,
}

/// A collection of organisations' own values of shared records.
pub(super) struct Owned {
    pub(super) collection: String,
    /// The shared model.
    pub(super) model: Arc<Model>,
    pub(super) rules: Rules,
    /// Fields that an organisation may change for itself.
    pub(super) fields: Vec<FieldName>,
    /// Field of the source that names the shared record.
    pub(super) record: String,
    /// Field of the other collection that `record` holds; empty for the id.
    pub(super) by: String,
}

impl Owned {
    /// Returns the shared model, and the kind of its ids.
    pub(super) fn shared(&self) -> (String, IdKind) {
        (self.model.name.to_string(), self.model.id)
    }

    /// Returns the name under which the origin of own values is recorded, and the kind of the ids of shared records.
    pub(super) fn stored_as(&self) -> (String, IdKind) {
        (format!("{}_overrides", self.model.name), self.model.id)
    }
}

/// A collection and the model whose rows its documents become.
pub(super) struct Planned {
    pub(super) collection: String,
    pub(super) model: Arc<Model>,
    /// True if the rows are shared by all tenants.
    pub(super) system: bool,
    pub(super) rules: Rules,
    /// Fields of the source whose value finds a document of this collection, besides its id.
    pub(super) named_by: BTreeSet<String>,
    /// Fields whose values may occur in only one row.
    pub(super) uniques: Vec<Vec<FieldName>>,
}

impl Plan {
    /// Checks a mapping against the models.
    ///
    /// # Errors
    /// Returns [`crate::Error::Invalid`] with the first rule that does not fit.
    pub(super) fn new(mapping: &Mapping, loaded: &Loaded) -> Result<Self> {
        let zone = mapping.time_zone.as_deref().unwrap_or("UTC");
        let time_zone = jiff::tz::TimeZone::get(zone)
            .map_err(|_| wrong(format!("time_zone: there is no time zone {zone}")))?;
        let used = mapping.collections.iter().filter(|(_, rules)| rules.skip.is_none());
        let (mut found, mut own_values) = (vec![], vec![]);
        for (collection, rules) in used {
            match &rules.own_values_of {
                Some(of) => own_values.push(owned(collection, rules, of, loaded)?),
                None => found.push(planned(collection, rules, loaded)?),
            }
        }
        let mut models = BTreeSet::new();
        if let Some(twice) = found.iter().find(|planned| !models.insert(planned.model.name.clone())) {
            return Err(wrong(format!("two collections become {}", twice.model.name)));
        }
        name_keys(&mut found)?;
        for owned in &own_values {
            let to = found.iter_mut().find(|planned| planned.model.name == owned.model.name);
            let to = to.ok_or_else(|| {
                let (collection, of) = (&owned.collection, &owned.model.name);
                wrong(format!("collections.{collection}.own_values_of: no collection becomes {of}"))
            })?;
            to.named_by.extend((!owned.by.is_empty()).then(|| owned.by.clone()));
        }
        let collections = in_order(found)?;
        Ok(Self { mapping: mapping.clone(), time_zone, collections, own_values })
    }

    /// Returns the collection that becomes a model.
    pub(super) fn of_model(&self, model: &str) -> Option<&Planned> {
        self.collections.iter().find(|planned| planned.model.name.as_str() == model)
    }

    /// Returns the collections that become shared rows, or those that become rows of tenants.
    pub(super) fn of_scope(&self, system: bool) -> impl Iterator<Item = &Planned> {
        self.collections.iter().filter(move |planned| planned.system == system)
    }

    /// Returns true if the mapping names a collection, even if only to leave it behind.
    pub(super) fn names(&self, collection: &str) -> bool {
        self.mapping.collections.contains_key(collection)
    }
}

impl Planned {
    /// Returns the field of the source that the references of `field` name; empty for the id.
    pub(super) fn refers_by(&self, field: &FieldName) -> &str {
        self.rules.refer_by.get(field.as_str()).map_or("", String::as_str)
    }
}

fn owned(collection: &str, rules: &Rules, of: &str, loaded: &Loaded) -> Result<Owned> {
    let model = loaded.models.get(of).map(|entry| &entry.model);
    let fields = model.and_then(|model| Some((model, &model.overrides.as_ref()?.fields)));
    let Some((model, fields)) = fields else {
        let why = format!("collections.{collection}.own_values_of: {of} is no shared model with own values");
        return Err(wrong(why));
    };
    require_name(collection)?;
    let by = rules.refer_by.get("record").cloned().unwrap_or_default();
    let record = rules.record.clone().unwrap_or_else(|| "record".into());
    let (collection, rules, fields) = (collection.to_owned(), rules.clone(), fields.clone());
    Ok(Owned { collection, model: model.clone(), rules, fields, record, by })
}

/// Refuses what cannot be the name of a collection.
fn require_name(collection: &str) -> Result<()> {
    let mut bytes = collection.bytes();
    let plain = bytes.all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
    match plain && !collection.is_empty() && !collection.starts_with('.') {
        true => Ok(()),
        false => Err(wrong(format!("collections.{collection}: is no name of a collection"))),
    }
}

fn planned(collection: &str, rules: &Rules, loaded: &Loaded) -> Result<Planned> {
    let name = rules.model.as_deref().unwrap_or(collection);
    let no_model = || wrong(format!("collections.{collection}: there is no model {name}"));
    let entry: &Arc<ModelEntry> =
        loaded.models.get(name).filter(|entry| !entry.automatic).ok_or_else(no_model)?;
    let model = entry.model.clone();
    require_name(collection)?;
    let field = |rule: &str, name: &str| -> Result<&Field> {
        let unknown =
            || wrong(format!("collections.{collection}.{rule}: {} has no field {name}", model.name));
        model.fields.iter().find(|field| field.name.as_str() == name).ok_or_else(unknown)
    };
    for to in rules.rename.values() {
        field("rename", to)?;
    }
    for name in rules.values.keys() {
        field("values", name)?;
    }
    if let Some(name) = &rules.keep_in
        && !matches!(field("keep_in", name)?.kind, FieldKind::Json | FieldKind::Custom)
    {
        return Err(wrong(format!("collections.{collection}.keep_in: {name} is no JSON field")));
    }
    for name in rules.refer_by.keys() {
        if !matches!(field("refer_by", name)?.kind, FieldKind::Ref { .. }) {
            return Err(wrong(format!("collections.{collection}.refer_by: {name} is no reference")));
        }
    }
    let single = model.fields.iter().filter(|field| field.unique).map(|field| vec![field.name.clone()]);
    let several = model.indexes.iter().filter(|index| index.unique).map(|index| index.fields.clone());
    let uniques = single.chain(several).collect();
    let (collection, rules) = (collection.to_owned(), rules.clone());
    Ok(Planned { collection, system: entry.system, rules, named_by: BTreeSet::new(), uniques, model })
}

/// Notes in each collection the fields by which other collections refer to it.
fn name_keys(found: &mut [Planned]) -> Result<()> {
    let mut wanted = vec![];
    for planned in &*found {
        for (field, by) in &planned.rules.refer_by {
            let to = planned.model.fields.iter().find(|of| of.name.as_str() == field).and_then(referred);
            wanted.push((planned.collection.clone(), field.clone(), to.map(str::to_owned), by.clone()));
        }
    }
    for (collection, field, to, by) in wanted {
        let to = found.iter_mut().find(|planned| Some(planned.model.name.as_str()) == to.as_deref());
        let to = to.ok_or_else(|| {
            wrong(format!("collections.{collection}.refer_by: no collection becomes the model of {field}"))
        })?;
        to.named_by.insert(by);
    }
    Ok(())
}

/// Returns the model that a field refers to.
pub(super) fn referred(field: &Field) -> Option<&str> {
    match &field.kind {
        FieldKind::Ref { to, .. } => Some(to.as_str()),
        _ => None,
    }
}

fn in_order(mut left: Vec<Planned>) -> Result<Vec<Planned>> {
    left.sort_by_key(|planned| !planned.system);
    let mut placed: Vec<Planned> = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let waits = |planned: &Planned| {
            let mut refers = planned.model.fields.iter().filter_map(referred);
            refers.any(|to| left.iter().any(|other| other.model.name.as_str() == to))
        };
        match left.iter().position(|planned| !waits(planned)) {
            Some(next) => placed.push(left.remove(next)),
            None => {
                let names: Vec<_> = left.iter().map(|planned| planned.collection.as_str()).collect();
                let names = names.join(", ");
                return Err(wrong(format!(
                    "records of {names} refer to one another in a circle: import them with a program through the API"
                )));
            }
        }
    }
    Ok(placed)
}
