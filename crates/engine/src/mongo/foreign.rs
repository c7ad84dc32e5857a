//! Reads databases on a deployment that other programs made. The facade calls it. It only lists collections and finds
//! documents; nothing here writes.

use super::{error::within, server::Server};
use crate::{
    error::Result,
    input::foreign::{Foreign, ForeignDocument},
};
use mongodb::{
    Cursor,
    bson::{Binary, Bson, Document, doc, oid::ObjectId, spec::BinarySubtype},
};
use std::time::Duration;

/// Longest time for the next documents. Without an index on the field of a condition, the server reads the whole
/// collection.
const PATIENCE: Duration = Duration::from_secs(600);
/// Number of documents in one answer of the server.
const ANSWER: u32 = 500;

/// Documents of one collection, in order of `_id`.
#[derive(Debug)]
pub(crate) struct Documents(Cursor<Document>);

impl Server {
    /// Returns the names of the collections in a database, in order.
    pub(crate) async fn foreign_collections(&self, database: &str) -> Result<Vec<String>> {
        let database = self.database(database).await?;
        let mut names = self.answer(async { database.list_collection_names().await }).await?;
        names.retain(|name| !name.starts_with("system."));
        names.sort();
        Ok(names)
    }

    /// Begins to read a collection: all documents, or those whose `field` has one of the values.
    pub(crate) async fn foreign_documents(
        &self,
        database: &str,
        collection: &str,
        only: Option<(&str, &[Foreign])>,
    ) -> Result<Documents> {
        let collection = self.database(database).await?.collection::<Document>(collection);
        let filter = match only {
            Some((field, values)) => {
                let values: Vec<_> = values.iter().filter_map(bson).collect();
                doc! { field: { "$in": values } }
            }
            None => doc! {},
        };
        let find = collection.find(filter).sort(doc! { "_id": 1 }).batch_size(ANSWER);
        Ok(Documents(within(PATIENCE, async { find.await }).await?))
    }
}

impl Documents {
    /// Returns the next document; `None` after the last one.
    pub(crate) async fn next(&mut self) -> Result<Option<ForeignDocument>> {
        match within(PATIENCE, self.0.advance()).await? {
            true => Ok(Some(document(self.0.deserialize_current()?))),
            false => Ok(None),
        }
    }
}

fn document(document: Document) -> ForeignDocument {
    document.into_iter().map(|(name, value)| (name, foreign(value))).collect()
}

fn foreign(value: Bson) -> Foreign {
    match value {
        Bson::Null | Bson::Undefined => Foreign::Null,
        Bson::Boolean(value) => Foreign::Boolean(value),
        Bson::Int32(number) => Foreign::Integer(number.into()),
        Bson::Int64(number) => Foreign::Integer(number),
        Bson::Double(number) => Foreign::Double(number),
        Bson::Decimal128(number) => Foreign::Decimal(number.to_string()),
        Bson::DateTime(at) => Foreign::Instant(at.timestamp_millis()),
        Bson::String(text) => Foreign::Text(text),
        Bson::ObjectId(id) => Foreign::ObjectId(id.to_hex()),
        Bson::Array(values) => Foreign::List(values.into_iter().map(foreign).collect()),
        Bson::Document(inner) => Foreign::Object(document(inner)),
        Bson::Binary(binary) => match (binary.subtype, uuid::Uuid::from_slice(&binary.bytes)) {
            (BinarySubtype::Uuid, Ok(uuid)) => Foreign::Uuid(uuid),
            _ => Foreign::Other("binary"),
        },
        Bson::RegularExpression(_) => Foreign::Other("regular expression"),
        Bson::JavaScriptCode(_) | Bson::JavaScriptCodeWithScope(_) => Foreign::Other("code"),
        Bson::Timestamp(_) => Foreign::Other("timestamp of the server's log"),
        Bson::Symbol(_) => Foreign::Other("symbol"),
        Bson::MinKey | Bson::MaxKey => Foreign::Other("smallest or largest key"),
        Bson::DbPointer(_) => Foreign::Other("pointer to another database"),
    }
}

/// Returns a value of a condition. Values that are no keys have none.
fn bson(value: &Foreign) -> Option<Bson> {
    match value {
        Foreign::Integer(number) => Some(Bson::Int64(*number)),
        Foreign::Text(text) => Some(Bson::String(text.clone())),
        Foreign::ObjectId(hex) => ObjectId::parse_str(hex).ok().map(Bson::ObjectId),
        Foreign::Uuid(uuid) => {
            Some(Bson::Binary(Binary { subtype: BinarySubtype::Uuid, bytes: uuid.as_bytes().to_vec() }))
        }
        _ => None,
    }
}
