//! The MongoDB deployment of the test run, and separate databases on it for each test.

use mongodb::Client;
pub use mongodb::bson::{self, Document, doc};
use std::{
    process,
    sync::atomic::{AtomicU32, Ordering},
};

/// Environment variable with the URL of a replica set. `cargo xtask test` sets it.
const VARIABLE: &str = "TENANTRY_TEST_MONGODB_URL";

/// Returns the URL of the deployment on which the tests must pass.
///
/// # Panics
/// Panics if no deployment is named: a suite without a server must not pass.
pub fn url() -> String {
    let named = std::env::var(VARIABLE).unwrap_or_default();
    assert!(!named.is_empty(), "no MongoDB: run `cargo xtask test`, or name a replica set in {VARIABLE}");
    named
}

/// A prefix of names. Dropping this value removes every database whose name begins with the prefix.
#[derive(Debug)]
pub struct Home {
    prefix: String,
}

impl Home {
    /// Returns a prefix that no other test has, and removes the databases that an earlier run left under it.
    ///
    /// # Panics
    /// Panics if the deployment refuses.
    pub async fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let prefix = format!("t{:x}x{}_", process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        clear(&prefix).await;
        Self { prefix }
    }

    /// Returns the names of the databases with the prefix.
    ///
    /// # Panics
    /// Panics if the deployment refuses.
    pub async fn databases(&self) -> Vec<String> {
        databases(&client().await, &self.prefix).await
    }

    /// Returns the prefix.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let prefix = self.prefix.clone();
        let removed = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(clear(&prefix));
        });
        removed.join().ok();
    }
}

/// Returns a client of the deployment.
///
/// # Panics
/// Panics if the URL is wrong.
pub async fn client() -> Client {
    Client::with_uri_str(url()).await.expect("a client")
}

async fn databases(client: &Client, prefix: &str) -> Vec<String> {
    let own = doc! { "name": { "$regex": format!("^{prefix}") } };
    client.list_database_names().filter(own).await.expect("names")
}

async fn clear(prefix: &str) {
    let client = client().await;
    for name in databases(&client, prefix).await {
        client.database(&name).drop().await.expect("a database that can be dropped");
    }
}

/// Returns the names of the collections of a database, in order.
///
/// # Panics
/// Panics if the server at `url` refuses.
pub async fn collections(url: &str, database: &str) -> Vec<String> {
    let client = Client::with_uri_str(url).await.expect("a client");
    let mut names = client.database(database).list_collection_names().await.expect("names");
    names.sort();
    names
}

/// Returns the documents of a collection in the order of their ids, and the names of its indexes.
///
/// # Panics
/// Panics if the server at `url` refuses.
pub async fn contents(url: &str, database: &str, collection: &str) -> (Vec<Document>, Vec<String>) {
    let client = Client::with_uri_str(url).await.expect("a client");
    let collection = client.database(database).collection::<Document>(collection);
    let mut cursor = collection.find(doc! {}).sort(doc! { "_id": 1 }).await.expect("documents");
    let mut documents = vec![];
    while cursor.advance().await.expect("a document") {
        documents.push(cursor.deserialize_current().expect("a document"));
    }
    (documents, collection.list_index_names().await.expect("indexes"))
}
