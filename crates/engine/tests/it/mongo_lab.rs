//! Places of the schema tests on MongoDB. The tests read and write stored documents without the engine.

use crate::{
    schema_lab::TENANT,
    schema_rows::{Cell, NOW, uuid},
};
use futures_util::TryStreamExt;
use mongodb::{
    Database,
    bson::{Bson, Document, doc},
};
use tenantry_engine::{MongoOptions, ServerSpec, Storage, name::ServerName, place::Place, schema::Plan};
use tenantry_testkit::mongodb::{self as testkit, Home};

/// Returns the spec of the deployment, with the name `mongo`.
pub(crate) fn spec(home: &Home) -> ServerSpec {
    let (url, prefix) = (testkit::url(), home.prefix().to_owned());
    ServerSpec::mongo(ServerName::parse("mongo").unwrap(), MongoOptions { url, prefix, most_connections: 12 })
}

/// The database of a place.
pub(crate) struct Documents {
    database: Database,
    pooled: bool,
}

impl Documents {
    pub(crate) async fn open(home: &Home, place: &Place) -> Self {
        let name = format!("{}{}", home.prefix(), place.physical);
        Self { database: testkit::client().await.database(&name), pooled: place.isolation.is_pooled() }
    }

    pub(crate) async fn all(&self, collection: &str) -> Vec<Document> {
        let collection = self.database.collection::<Document>(collection);
        let found = collection.find(doc! {}).sort(doc! { "_id": 1 }).await.unwrap();
        found.try_collect().await.unwrap()
    }

    /// Writes a document that no model describes.
    pub(crate) async fn put(&self, collection: &str) {
        self.database.collection(collection).insert_one(doc! { "of": "another program" }).await.unwrap();
    }

    /// Writes a document with these values in the stored form, for the test's tenant.
    pub(crate) async fn insert(&self, plan: &Plan, id: i64, values: &[(&str, Cell<'_>)]) {
        let id = match plan.column("id").unwrap().storage {
            Storage::Uuid => Bson::String(uuid(id)),
            _ => Bson::Int64(id),
        };
        let mut row = match self.pooled {
            true => doc! { "_id": { "t": TENANT, "i": id }, "tenant_id": TENANT },
            false => doc! { "_id": id },
        };
        for (name, cell) in values {
            let value = match (plan.column(name).unwrap().storage, cell) {
                (_, Cell::Null) => continue,
                (Storage::Boolean, Cell::Integer(value)) => Bson::Boolean(*value != 0),
                (Storage::Datetime, Cell::Text(text)) => micros(text),
                (_, Cell::Integer(number)) => Bson::Int64(*number),
                (_, Cell::Text(text)) => Bson::String((*text).into()),
            };
            row.insert(*name, value);
        }
        row.extend(doc! { "created_at": micros(NOW), "updated_at": micros(NOW), "version": 1_i64 });
        if plan.model().search_fields().next().is_some() {
            row.extend(doc! { "_search": [], "_texts": [] });
        }
        self.database.collection(plan.model().name.as_str()).insert_one(row).await.unwrap();
    }

    /// Returns the values of these fields in the stored form, row by row in order of the ids; null is `∅`.
    pub(crate) async fn values(&self, plan: &Plan, fields: &[&str]) -> Vec<Vec<String>> {
        let text = |row: &Document, field: &str| match (plan.column(field).unwrap().storage, row.get(field)) {
            (_, None) => "∅".to_owned(),
            (_, Some(Bson::Boolean(value))) => i64::from(*value).to_string(),
            (Storage::Datetime, Some(Bson::Int64(micros))) => {
                format!("{:.6}", jiff::Timestamp::from_microsecond(*micros).unwrap())
            }
            (_, Some(Bson::Int64(number))) => number.to_string(),
            (_, Some(Bson::String(text))) => text.clone(),
            other => panic!("{field}: {other:?}"),
        };
        let rows = self.all(plan.model().name.as_str()).await;
        rows.iter().map(|row| fields.iter().map(|field| text(row, field)).collect()).collect()
    }

    /// Returns all validators and indexes, and true if the place is closed.
    pub(crate) async fn catalog(&self) -> Vec<Vec<String>> {
        let all = self.database.list_collections().await.unwrap().try_collect::<Vec<_>>().await.unwrap();
        let mut out = vec![];
        for one in all {
            out.push(vec![format!("{} {:?}", one.name, one.options.validator)]);
            let indexes = self.database.run_command(doc! { "listIndexes": &one.name }).await.unwrap();
            out.push(vec![format!("{} {:?}", one.name, indexes.get_document("cursor"))]);
        }
        let places = self.all("_tenantry").await;
        out.extend(
            places.iter().map(|place| vec![format!("{:?} {:?}", place.get("ledger"), place.get("closed"))]),
        );
        out.sort();
        out
    }

    /// Returns the number of migrations in the ledger.
    pub(crate) async fn applied(&self) -> usize {
        let ledgers = self.all("_tenantry").await;
        ledgers.iter().filter_map(|ledger| ledger.get_array("applied").ok()).map(Vec::len).sum()
    }
}

fn micros(text: &str) -> Bson {
    Bson::Int64(text.parse::<jiff::Timestamp>().unwrap().as_microsecond())
}
