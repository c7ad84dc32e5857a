//! A document as the row of a model: its key, its organisation, its values, and the references that are still keys of other
//! documents.

use super::{
    plan::{Plan, Planned, referred},
    values,
};
use serde_json::{Map, Value as Json};
use std::collections::HashSet;
use tenantry_engine::{
    input,
    input::foreign::{Foreign, ForeignDocument},
    model::{Field, FieldKind},
    name::FieldName,
    value::Value,
};

/// A document that was read, valid or not.
pub(super) struct Converted {
    /// Key of the document.
    pub(super) key: Option<String>,
    /// Id of the organisation; `None` for shared documents and for documents without one.
    pub(super) organisation: Option<String>,
    pub(super) values: Vec<(FieldName, Value)>,
    pub(super) references: Vec<Reference>,
    /// Values by which other documents refer to this one, by field of the source.
    pub(super) names: Vec<(String, String)>,
    /// Fields that the model does not have and no rule names.
    pub(super) unknown: Vec<String>,
    /// Fields and the reasons why their values are refused.
    pub(super) faults: Vec<(String, String)>,
}

/// A reference to another document.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Reference {
    pub(super) field: FieldName,
    /// Model of the other document.
    pub(super) to: String,
    /// Field of the source that the key belongs to; empty for the id.
    pub(super) by: String,
    pub(super) key: String,
}

/// Converts a document of a collection.
pub(super) fn converted(plan: &Plan, planned: &Planned, document: &ForeignDocument) -> Converted {
    let mut out = Converted {
        key: None,
        organisation: None,
        values: vec![],
        references: vec![],
        names: vec![],
        unknown: vec![],
        faults: vec![],
    };
    let (rules, model) = (&planned.rules, &planned.model);
    let tenant_field = (!planned.system).then(|| plan.mapping.tenant_field(rules));
    let mut kept: Map<String, Json> = Map::new();
    let mut set = HashSet::new();
    for (name, value) in document {
        if planned.named_by.contains(name)
            && let Some(key) = value.key()
        {
            out.names.push((name.clone(), key));
        }
        if name == "_id" {
            out.key = value.key();
            continue;
        }
        if Some(name.as_str()) == tenant_field {
            out.organisation = value.key();
            continue;
        }
        if rules.ignore.contains(name) {
            continue;
        }
        let target = rules.rename.get(name).unwrap_or(name);
        match model.fields.iter().find(|field| field.name.as_str() == target) {
            Some(_) if !set.insert(target) => out.fault(name, format!("{target} has a value already")),
            Some(field) if rules.keep_in.as_ref() == Some(target) => out.keep_all(&mut kept, field, value),
            Some(field) => out.field(plan, planned, field, value),
            None => match (&rules.keep_in, values::json(value)) {
                (None, _) => out.unknown.push(name.clone()),
                (Some(_), Ok(json)) if !kept.contains_key(name) => {
                    kept.insert(name.clone(), json);
                }
                (Some(to), Ok(_)) => out.fault(name, format!("{to} has a value of this name already")),
                (Some(_), Err(why)) => out.fault(name, why),
            },
        }
    }
    out.end(planned, kept);
    out
}

impl Converted {
    fn fault(&mut self, field: &str, reason: String) {
        self.faults.push((field.to_owned(), reason));
    }

    fn field(&mut self, plan: &Plan, planned: &Planned, field: &Field, value: &Foreign) {
        if let (Some(to), false) = (referred(field), *value == Foreign::Null) {
            match (plan.of_model(to), value.key()) {
                (Some(_), Some(key)) => {
                    let (field, by) = (field.name.clone(), planned.refers_by(&field.name).to_owned());
                    self.references.push(Reference { field, to: to.to_owned(), by, key });
                }
                (None, _) => {
                    self.fault(field.name.as_str(), format!("refers to {to}, which no collection becomes"));
                }
                (_, None) => self.fault(field.name.as_str(), "is no id of a document".into()),
            }
            return;
        }
        let names = planned.rules.values.get(field.name.as_str());
        match values::of_field(field, &plan.time_zone, names, value) {
            // A field that is null in the source is null in the row, even if the model has a default.
            Ok(value) => self.values.push((field.name.clone(), value)),
            Err(why) => self.fault(field.name.as_str(), why),
        }
    }

    /// Takes the members of the field that also takes what the model does not have.
    fn keep_all(&mut self, kept: &mut Map<String, Json>, field: &Field, value: &Foreign) {
        let name = field.name.as_str();
        match values::json(value) {
            Ok(Json::Null) => {}
            Ok(Json::Object(members)) => {
                for (member, value) in members {
                    match kept.contains_key(&member) {
                        true => self.fault(&member, format!("{name} has a value of this name already")),
                        false => drop(kept.insert(member, value)),
                    }
                }
            }
            Ok(_) => self.fault(name, "is no nested document, so it cannot take further fields".into()),
            Err(why) => self.fault(name, why),
        }
    }

    fn end(&mut self, planned: &Planned, kept: Map<String, Json>) {
        if self.key.is_none() {
            self.fault("_id", "is neither an object id, a text, a number nor a UUID".into());
        }
        if let (Some(name), false) = (&planned.rules.keep_in, kept.is_empty()) {
            let field = planned.model.fields.iter().find(|field| field.name.as_str() == name);
            match field.map(|field| (field.name.clone(), input::from_json(field, &Json::Object(kept)))) {
                Some((name, Ok(value))) => self.values.push((name, value)),
                Some((name, Err(error))) => self.fault(name.as_str(), error.to_string()),
                None => {}
            }
        }
        for field in planned.model.fields.iter().filter(|field| field.required && field.default.is_none()) {
            let is_set = self.values.iter().any(|(name, _)| *name == field.name)
                || self.references.iter().any(|reference| reference.field == field.name);
            let is_wrong = self.faults.iter().any(|(name, _)| name == field.name.as_str());
            if !is_set && !is_wrong {
                self.fault(field.name.as_str(), "is required".into());
            }
        }
        debug_assert!(planned.model.fields.iter().all(|field| !matches!(field.kind, FieldKind::File { .. })
            || self.values.iter().all(|(name, value)| *name != field.name || *value == Value::Null)));
    }
}
