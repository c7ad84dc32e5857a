//! The MongoDB side of [`crate::engine::mirror`]: documents that other programs read, and the position up to which they
//! are current.

use super::{
    error::{duplicate, is_transient},
    server::Server,
    tables::OWN,
    transaction::{NotCommitted, Transaction, again},
};
use crate::{
    engine::mirror::{MirrorChanges, MirrorFields, MirrorValue},
    error::{Error, Kind, Result},
    name::PhysicalName,
};
use mongodb::bson::{Bson, DateTime, Document, doc};
use serde_json::Value as Json;
use std::collections::BTreeSet;

/// Collection of the one document with the position.
const POSITIONS: &str = "_tenantry_mirror";
/// The `_id` of the document with the position.
const POSITION: &str = "position";
/// Maximum number of documents in one command.
const PORTION: usize = 500;

impl Server {
    /// See [`crate::Engine::mirrored`].
    pub(crate) async fn mirrored(&self, database: &PhysicalName) -> Result<Option<String>> {
        let name = self.database_name(database)?;
        let database = self.database(&name).await?;
        let positions = database.collection::<Document>(POSITIONS);
        let found = self.answer(async { positions.find_one(doc! { "_id": POSITION }).await }).await?;
        let Some(found) = found else {
            let names = self.answer(async { database.list_collection_names().await }).await?;
            return match names.iter().find(|own| *own != POSITIONS) {
                None => Ok(None),
                Some(other) => {
                    let owner =
                        if other.starts_with(OWN) { "a tenant or a store" } else { "another program" };
                    let why =
                        format!("the database {name} belongs to {owner}: choose another one for the mirror");
                    Err(Error::new(Kind::Statement(why.clone()), why))
                }
            };
        };
        if found.get_str("platform").unwrap_or_default() != self.platform.id() {
            return Err(Error::new(Kind::WrongIdentity, format!("another installation mirrors to {name}")));
        }
        let position =
            found.get_str("position").map_err(|error| Error::new(Kind::Corrupt, error.to_string()))?;
        Ok(Some(position.to_owned()))
    }

    /// See [`crate::Engine::index_mirror`].
    pub(crate) async fn index_mirror(&self, database: &PhysicalName, indexes: &[(&str, &str)]) -> Result<()> {
        let name = self.database_name(database)?;
        for (collection, field) in indexes {
            let index = doc! { "name": *field, "key": { *field: 1 } };
            self.run(&name, doc! { "createIndexes": *collection, "indexes": [index] }).await?;
        }
        Ok(())
    }

    /// See [`crate::Engine::mirror`].
    pub(crate) async fn mirror(
        &self,
        database: &PhysicalName,
        (from, next): (Option<&str>, &str),
        changes: &[MirrorChanges],
    ) -> Result<bool> {
        let name = self.database_name(database)?;
        let mut transaction = self.begin().await?;
        let written = async {
            if !self.take(&mut transaction, &name, from, next).await? {
                return Ok(false);
            }
            let collections: BTreeSet<&str> = changes.iter().map(|changes| changes.collection).collect();
            for collection in collections {
                let own: Vec<_> = changes.iter().filter(|changes| changes.collection == collection).collect();
                self.write_mirror(&mut transaction, (&name, collection), &own).await?;
            }
            Ok(true)
        };
        let done = match written.await {
            Ok(true) => transaction.commit().await.map(|()| true),
            Ok(false) => {
                transaction.roll_back().await;
                Ok(false)
            }
            Err(error) => {
                transaction.roll_back().await;
                Err(error)
            }
        };
        match done {
            // Another process wrote the same document at the same time.
            Err(NotCommitted::Transient(_)) => Ok(false),
            done => Ok(done?),
        }
    }

    /// Moves the position on. Returns false if it is not at `from`.
    async fn take(
        &self,
        transaction: &mut Transaction,
        name: &str,
        from: Option<&str>,
        next: &str,
    ) -> Result<bool, NotCommitted> {
        let positions =
            self.database(name).await.map_err(NotCommitted::Failed)?.collection::<Document>(POSITIONS);
        let session = &mut transaction.session;
        let Some(from) = from else {
            let first = doc! { "_id": POSITION, "platform": self.platform.id(), "position": next };
            let made = self.answer(async { positions.insert_one(first).session(session).await }).await;
            return match made {
                Err(error) if duplicate(&error).is_some() => Ok(false),
                made => again(made).map(|_| true),
            };
        };
        let here = doc! { "_id": POSITION, "position": from };
        let moved = doc! { "$set": { "position": next } };
        let done = self.answer(async { positions.update_one(here, moved).session(session).await }).await;
        Ok(again(done)?.matched_count == 1)
    }

    /// Writes the documents of a collection, in as few commands as possible.
    async fn write_mirror(
        &self,
        transaction: &mut Transaction,
        (name, collection): (&str, &str),
        changes: &[&MirrorChanges],
    ) -> Result<(), NotCommitted> {
        let gone = |MirrorChanges { documents, only: (after, upto), .. }: &&MirrorChanges| {
            let kept: Vec<i64> = documents.iter().map(|(id, _)| *id).collect();
            doc! { "q": { "_id": { "$gt": after, "$lte": upto, "$nin": kept } }, "limit": 0 }
        };
        let update = |(id, fields): &(i64, MirrorFields)| doc! { "q": { "_id": id }, "u": document(*id, fields), "upsert": true };
        for portion in changes.chunks(PORTION) {
            let gone: Vec<_> = portion.iter().map(gone).collect();
            self.run_in(transaction, name, doc! { "delete": collection, "deletes": gone }).await?;
        }
        let updates: Vec<_> = changes.iter().flat_map(|changes| &changes.documents).map(update).collect();
        for portion in updates.chunks(PORTION) {
            self.run_in(transaction, name, doc! { "update": collection, "updates": portion.to_vec() })
                .await?;
        }
        Ok(())
    }

    /// Runs a command that writes, in a transaction.
    async fn run_in(
        &self,
        transaction: &mut Transaction,
        name: &str,
        command: Document,
    ) -> Result<(), NotCommitted> {
        let database = self.database(name).await.map_err(NotCommitted::Failed)?;
        let session = &mut transaction.session;
        let answer = self.answer(async { database.run_command(command).session(session).await }).await;
        if answer.as_ref().is_err_and(is_transient) {
            return again(answer).map(drop);
        }
        let answer = again(answer)?;
        match answer.get_array("writeErrors") {
            Ok(errors) if !errors.is_empty() => {
                let why = format!("the mirror was not written: {}", errors[0]);
                Err(NotCommitted::Failed(Error::new(Kind::Statement(why.clone()), why)))
            }
            _ => Ok(()),
        }
    }
}

fn document(id: i64, fields: &MirrorFields) -> Document {
    let mut document = doc! { "_id": id };
    document.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), bson(value))));
    document
}

fn bson(value: &MirrorValue) -> Bson {
    match value {
        MirrorValue::Null => Bson::Null,
        MirrorValue::Boolean(value) => Bson::Boolean(*value),
        MirrorValue::Integer(value) => Bson::Int64(*value),
        MirrorValue::Text(value) => Bson::String(value.clone()),
        MirrorValue::Instant(us) => Bson::DateTime(DateTime::from_millis(us.div_euclid(1000))),
        MirrorValue::Json(value) if takes(value) => from_json(value),
        MirrorValue::Json(value) => Bson::String(value.to_string()),
        MirrorValue::List(values) => Bson::Array(values.iter().map(bson).collect()),
        MirrorValue::Document(fields) => {
            Bson::Document(fields.iter().map(|(name, value)| ((*name).to_owned(), bson(value))).collect())
        }
    }
}

/// Returns true if MongoDB takes the names of all members and holds all numbers.
fn takes(value: &Json) -> bool {
    match value {
        Json::Object(members) => members
            .iter()
            .all(|(name, value)| !name.starts_with('$') && !name.contains(['.', '\0']) && takes(value)),
        Json::Array(values) => values.iter().all(takes),
        Json::Number(number) => number.as_i64().is_some() || number.is_f64(),
        _ => true,
    }
}

fn from_json(value: &Json) -> Bson {
    match value {
        Json::Null => Bson::Null,
        Json::Bool(value) => Bson::Boolean(*value),
        Json::Number(number) => {
            number.as_i64().map_or_else(|| Bson::Double(number.as_f64().unwrap_or_default()), Bson::Int64)
        }
        Json::String(text) => Bson::String(text.clone()),
        Json::Array(values) => Bson::Array(values.iter().map(from_json).collect()),
        Json::Object(members) => {
            Bson::Document(members.iter().map(|(name, value)| (name.clone(), from_json(value))).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn json_becomes_a_document_only_if_mongodb_takes_its_names() {
        let plain = json!({"a": [1, 2.5, null, {"b": "x"}], "long": i64::MAX});
        assert_eq!(
            bson(&MirrorValue::Json(plain)),
            Bson::Document(doc! { "a": [1_i64, 2.5, Bson::Null, { "b": "x" }], "long": i64::MAX })
        );
        for odd in [json!({"$set": 1}), json!({"a": [{"b.c": 1}]}), json!({"n": u64::MAX})] {
            assert_eq!(bson(&MirrorValue::Json(odd.clone())), Bson::String(odd.to_string()));
        }
    }
}
