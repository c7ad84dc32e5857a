//! Helpers that tests of all kinds use on a platform: tenants and rows, operations, and checks of the whole state.

use crate::test_platform::{TestPlatform, confirmed, operator, slug};
use futures_util::{TryStreamExt, stream};
use serde_json::Value;
use std::{path::PathBuf, sync::Arc, time::Duration};
use tenantry::{
    Error, Result,
    access::Tenant,
    internals::Subject,
    migrations::fleet::{Options, Report},
    name::StoreName,
    operations::{Filter, Listed, State},
    records::Upload,
    tenants::{NewTenant, Terms, provision::Created},
};
use tenantry_engine::{place::Place, schema::Schema};

/// Helpers for tenants and their rows.
impl TestPlatform {
    /// Creates a tenant on the last plan of the configuration, which is the largest.
    pub(crate) async fn create(&self, name: &str) -> Created {
        let plan = self.config().plans.last().unwrap().name.to_string();
        let email = format!("mail@{}.test", name.replace('_', "-"));
        let tenant = NewTenant { slug: slug(name), name: name.into(), email };
        self.tenants().create(&operator(), tenant, Some(&plan), None).await.unwrap()
    }

    pub(crate) async fn enter(&self, name: &str) -> Tenant {
        self.try_enter(name).await.unwrap()
    }

    async fn try_enter(&self, name: &str) -> Result<Tenant> {
        self.refresh().await?;
        self.tenants().enter(&operator(), &slug(name)).await
    }

    pub(crate) async fn add(&self, name: &str, model: &str, row: Value) -> Value {
        self.try_add(name, model, row).await.unwrap()
    }

    pub(crate) async fn try_add(&self, name: &str, model: &str, row: Value) -> Result<Value> {
        let tenant = self.try_enter(name).await?;
        let made = self.records(&tenant, model)?.create(row.as_object().unwrap()).await?;
        Ok(serde_json::from_slice(&made.body).unwrap())
    }

    /// Stores a file in a field of a record: model, id and field.
    pub(crate) async fn upload(&self, name: &str, [model, id, field]: [&str; 3], text: &str) {
        let tenant = self.enter(name).await;
        let bytes = stream::iter([Ok(bytes::Bytes::from(text.to_owned()))]);
        let upload = Upload { name: "file.txt".into(), media_type: "text/plain".into(), bytes };
        self.records(&tenant, model).unwrap().put_file(id, field, upload).await.unwrap();
    }

    pub(crate) async fn download(&self, name: &str, [model, id, field]: [&str; 3]) -> Result<String> {
        let tenant = self.enter(name).await;
        let (_, bytes) = self.records(&tenant, model).unwrap().get_file(id, field).await?;
        let all: Vec<_> = bytes.try_collect().await.map_err(|e| Error::Internal(e.to_string()))?;
        Ok(String::from_utf8(all.concat()).unwrap())
    }

    /// Returns the place of the tenant's first store.
    pub(crate) async fn place(&self, name: &str) -> Place {
        self.tenants().show(&slug(name)).await.unwrap().placements.remove(0).place
    }

    /// Returns the file of the tenant's first store.
    pub(crate) async fn database_file(&self, name: &str) -> PathBuf {
        let place = self.place(name).await;
        let root = self.config().server(place.server.as_str()).unwrap().path().unwrap();
        root.join(format!("{}.db", place.physical))
    }

    /// Cancels the tenant without a grace period and starts its purge.
    pub(crate) async fn start_purge(&self, name: &str) -> Result<i64> {
        let id = self.tenants().id_of(&slug(name)).await?;
        let now = Terms { grace_days: 0, retention_days: 0 };
        self.tenants().cancel(&operator(), id, Some(now), None).await?;
        self.purges().start(&confirmed(self).await, &slug(name), id, true).await
    }

    /// Migrates every tenant of the only store that has some.
    pub(crate) async fn migrate(&self) -> Report {
        let mut reports =
            self.migrations().run(&operator(), None, Options::default(), |_, _| {}).await.unwrap();
        assert_eq!(reports.len(), 1);
        reports.remove(0).1
    }
}

/// Helpers for operations and background work.
impl TestPlatform {
    /// Waits for an operation that must succeed.
    pub(crate) async fn done(&self, operation: i64) -> Listed {
        let over = self.operations.wait(operation).await.unwrap();
        assert_eq!((over.state, &over.reason), (State::Done, &None), "{over:?}");
        over
    }

    /// Waits for an operation that must fail and leave nothing; returns the public reason.
    pub(crate) async fn refused(&self, started: Result<i64>) -> String {
        let operation = match started {
            Ok(operation) => operation,
            Err(error) => return error.public_title(),
        };
        let over = self.operations.wait(operation).await.unwrap();
        assert_eq!(over.state, State::Undone, "{over:?}");
        over.reason.unwrap_or_default()
    }

    pub(crate) async fn unfinished(&self) -> Vec<Listed> {
        self.operations.list(&Filter { open: true, ..Filter::default() }).await.unwrap()
    }

    /// Runs the background work once: each start runs a pass at once.
    pub(crate) async fn pass(&self) {
        let background = self.start_background();
        tokio::time::sleep(Duration::from_millis(300)).await;
        background.stop().await;
    }

    /// Runs the background work once, and waits for the operations that it started.
    pub(crate) async fn full_pass(&self) {
        self.pass().await;
        while !self.unfinished().await.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Helpers for the whole state.
impl TestPlatform {
    /// Returns the schema of a store, for using the engine without the platform.
    pub(crate) fn schema(&self, store: &StoreName) -> Arc<Schema> {
        let apps = self.apps();
        Arc::new(Schema::new(store.clone(), apps.models().to_vec(), apps.migrations()).unwrap())
    }

    /// Changes the catalog without the platform's verbs, and returns the number of rows.
    pub(crate) async fn catalog(&self, sql: &str) -> u64 {
        let mut write = self.control.begin().await.unwrap();
        let changed = write.execute(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        write.invalidate(&Subject::Everything).await.unwrap();
        write.commit_unaudited().await.unwrap();
        self.control.refresh().await.unwrap();
        changed
    }

    /// Returns the findings of a check of all databases.
    pub(crate) async fn found(&self) -> Vec<String> {
        let mut found = Vec::new();
        self.check(None, true, |finding| found.push(finding.to_string()), |_, _| ()).await.unwrap();
        found
    }

    /// Asserts that no operation is stuck, no file is left over, and every database matches the catalog.
    pub(crate) async fn whole(&self) {
        assert_eq!(self.unfinished().await, vec![], "stuck operations");
        assert_eq!(self.found().await, Vec::<String>::new());
        assert_eq!(self.migrations().behind().await.unwrap(), 0);
        assert_eq!(self.audit().verify().await.unwrap().faults, Vec::<String>::new());
        let scratch = self.config().platform.data_dir.join("scratch");
        assert_eq!(std::fs::read_dir(scratch).map_or(0, Iterator::count), 0, "scratch is not empty");
    }
}
