//! Counts the rows of a place and the bytes of their stored values from its documents, in the same way as writes count
//! them.

use super::wanted::{of_documents, storage};
use crate::{
    cell::{DATE_BYTES, INSTANT_BYTES, NUMBER_BYTES, Storage, UUID_BYTES},
    error::Result,
    migration::State,
    model::Model,
};
use mongodb::bson::{Bson, Document, doc};

/// Returns the pipeline that counts the documents of a model. In a pool, it counts only those of the tenant `of`, if
/// that is given. Its results have the fields `_id` (in a pool the tenant, otherwise null), `rows`, `bytes` and `last`,
/// the largest id.
pub(super) fn counted(model: &Model, state: &State, pooled: bool, of: Option<i64>) -> Result<Vec<Document>> {
    let mut parts = vec![];
    let fields = model.fields.iter().map(|field| field.name.as_str());
    for column in ["id"].into_iter().chain(fields).chain(["created_at", "updated_at", "version"]) {
        let path = match (column, pooled) {
            ("id", true) => "$_id.i".into(),
            _ => format!("${}", of_documents(column)),
        };
        parts.push(bytes(&path, storage(model, state, column)?));
    }
    let tenant = pooled.then(|| format!("${}", model.tenant_field));
    let id = if pooled { "$_id.i" } else { "$_id" };
    let mut pipeline = vec![];
    if let Some(of) = of.filter(|_| pooled) {
        pipeline.push(doc! { "$match": { model.tenant_field.as_str(): of } });
    }
    pipeline.push(doc! { "$group": {
        "_id": tenant, "rows": { "$sum": 1_i64 }, "bytes": { "$sum": { "$add": parts } }, "last": { "$max": id },
    } });
    Ok(pipeline)
}

/// Returns the expression for the bytes that limits count for one value, which are those of its stored form. See
/// [`crate::value::ValueRef::bytes`].
fn bytes(path: &str, storage: Storage) -> Document {
    let size: Bson = match storage {
        Storage::Integer | Storage::Boolean | Storage::Decimal(_) => NUMBER_BYTES.into(),
        Storage::Date => DATE_BYTES.into(),
        Storage::Datetime => INSTANT_BYTES.into(),
        Storage::Uuid => UUID_BYTES.into(),
        Storage::Text | Storage::Json => doc! { "$toLong": { "$strLenBytes": path } }.into(),
    };
    doc! { "$cond": [{ "$gt": [path, Bson::Null] }, size, 0_i64] }
}
