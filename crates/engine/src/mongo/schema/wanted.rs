//! The collection that a model requires: its validator and its indexes.
//!
//! Every index ends with the id, except unique indexes and that of the search, so that a list reads rows with equal
//! values in the order in which it returns them. A unique index contains only documents that have all its fields,
//! because MongoDB treats two absent fields as equal values. In a pool, every index starts with the tenant.

use super::names;
use crate::{
    cell::Storage,
    error::{Error, Kind, Result},
    migration::{Invalid, State},
    model::{Index, Model},
    mongo::{
        cells::type_name,
        records::{
            custom,
            search::{TEXTS, WORDS},
        },
    },
    schema::custom::documents::DOCUMENT,
};
use mongodb::bson::{Bson, Document, doc};

/// A collection in the form in which migrations make it.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::mongo) struct Wanted {
    pub(super) name: String,
    pub(super) validator: Document,
    /// Indexes, in the form that `createIndexes` takes.
    pub(super) indexes: Vec<Document>,
}

/// Returns the collection of a model.
///
/// # Errors
/// Returns [`Kind::Statement`] if the model refers to a model that does not exist.
pub(super) fn wanted(model: &Model, state: &State, pooled: bool) -> Result<Wanted> {
    Ok(Wanted {
        name: model.name.to_string(),
        validator: validator(model, state, pooled)?,
        indexes: indexes(model, pooled),
    })
}

/// Returns how the values of a field are stored.
///
/// # Errors
/// Returns the errors of [`wanted`].
pub(super) fn storage(model: &Model, state: &State, field: &str) -> Result<Storage> {
    let kind = match field {
        "id" => return Ok(Storage::of_id(model.id)),
        "created_at" | "updated_at" => return Ok(Storage::Datetime),
        "version" => return Ok(Storage::Integer),
        field => model.field(field).map(|field| &field.kind),
    };
    let kind = kind.ok_or_else(|| statement(format!("there is no field `{}.{field}`", model.name)))?;
    state.storage(model, kind).map_err(|Invalid(why)| statement(why))
}

pub(super) fn statement(detail: String) -> Error {
    Error::new(Kind::Statement(detail.clone()), detail)
}

/// Returns the validator of a collection. It does not contain lengths, ranges and choices: writes check those, and
/// changing one of them must not touch every tenant's collection.
fn validator(model: &Model, state: &State, pooled: bool) -> Result<Document> {
    let id = type_name(Storage::of_id(model.id));
    let (mut required, mut properties) = (vec![Bson::from("_id")], doc! {});
    match pooled {
        false => properties.insert("_id", doc! { "bsonType": id }),
        true => properties.insert(
            "_id",
            doc! {
                "bsonType": "object", "required": ["t", "i"], "additionalProperties": false,
                "properties": { "t": { "bsonType": "long" }, "i": { "bsonType": id } },
            },
        ),
    };
    if pooled {
        required.push(model.tenant_field.as_str().into());
        properties.insert(model.tenant_field.as_str(), doc! { "bsonType": "long" });
    }
    for field in &model.fields {
        let storage = storage(model, state, field.name.as_str())?;
        properties.insert(field.name.as_str(), doc! { "bsonType": type_name(storage) });
        if field.required {
            required.push(field.name.as_str().into());
        }
    }
    for name in ["created_at", "updated_at", "version"] {
        properties.insert(name, doc! { "bsonType": "long" });
        required.push(name.into());
    }
    if model.has_custom_fields() {
        properties.insert(DOCUMENT, custom::schema());
    }
    if model.search_fields().next().is_some() {
        for name in [WORDS, TEXTS] {
            properties.insert(name, doc! { "bsonType": "array", "items": { "bsonType": "string" } });
            required.push(name.into());
        }
    }
    Ok(doc! { "$jsonSchema": {
        "bsonType": "object", "required": required, "properties": properties, "additionalProperties": false,
    } })
}

fn indexes(model: &Model, pooled: bool) -> Vec<Document> {
    let tenant = pooled.then_some(model.tenant_field.as_str());
    let mut out: Vec<Document> = names::all(model).map(|index| one(&index, tenant)).collect();
    if model.search_fields().next().is_some() {
        out.push(doc! { "name": names::SEARCH, "key": keys(tenant, &[WORDS]) });
    }
    out
}

fn one(index: &Index, tenant: Option<&str>) -> Document {
    let mut fields: Vec<&str> = index.fields.iter().map(|field| of_documents(field.as_str())).collect();
    let name = names::index(index);
    if index.unique {
        let there = fields.iter().map(|field| ((*field).to_owned(), doc! { "$exists": true }.into()));
        let there: Document = there.collect();
        return doc! {
            "name": name, "key": keys(tenant, &fields), "unique": true, "partialFilterExpression": there,
        };
    }
    if !fields.contains(&"_id") {
        fields.push("_id");
    }
    doc! { "name": name, "key": keys(tenant, &fields) }
}

fn keys(tenant: Option<&str>, fields: &[&str]) -> Document {
    tenant.into_iter().chain(fields.iter().copied()).map(|field| (field.to_owned(), Bson::from(1))).collect()
}

/// Returns the name of the field that a column has in documents.
pub(super) fn of_documents(column: &str) -> &str {
    if column == "id" { "_id" } else { column }
}
