//! Kit for tests that carry rows between places of every kind of server and isolation. It writes rows with plain SQL,
//! so that only the transfer is under test.

use crate::{
    schema_kit::{app, store},
    schema_lab::{Lab, Subject, TENANT},
    schema_people::step,
    schema_rows::{Cell, uuid},
};
use std::{
    path::PathBuf,
    sync::{Arc, atomic::AtomicU64},
};
use tenantry_engine::{
    CaughtUp, Copy, Digest, Error, Filled, Kind, Script,
    migration::{Answers, Migration, Op, Statements},
    model::{Model, Scope, Source, load},
    name::TenantId,
    place::Place,
    schema::Schema,
};

pub(crate) const TOKEN: i64 = 1_000;

/// Models with every type of field and a circle of references.
pub(crate) const THINGS: &str = r#"
store = "tenant"
[fields.name]
type = "text"
search = true
[fields.code]
type = "text"
unique = true
[fields.whole]
type = "integer"
[fields.price]
type = "decimal"
scale = 2
[fields.tiny]
type = "decimal"
scale = 9
[fields.on]
type = "boolean"
[fields.day]
type = "date"
[fields.moment]
type = "datetime"
[fields.extra]
type = "json"
[fields.colour]
type = "choice"
choices = ["red", "blue"]
[fields.parent]
type = "ref"
to = "things"
on_delete = "set_null"
[fields.tag]
type = "ref"
to = "tags"
on_delete = "set_null"
[[indexes]]
fields = ["day", "whole"]
unique = true
"#;

pub(crate) const TAGS: &str = r#"
store = "tenant"
id = "uuid"
[fields.label]
type = "text"
required = true
search = true
[fields.first]
type = "ref"
to = "things"
on_delete = "set_null"
"#;

pub(crate) fn models() -> Vec<Model> {
    let app = app();
    let source = |name, text| Source { app: app.clone(), name, file: "m.toml", text };
    let sources = [source("things", THINGS), source("tags", TAGS)];
    load(&sources, &|_| Some(Scope::Tenant)).unwrap()
}

pub(crate) fn migration(name: &str, ops: Vec<Op>) -> Migration {
    Migration { app: app(), name: name.into(), depends: vec![], ops }
}

pub(crate) fn first() -> Migration {
    step(&[], &models(), &Answers::default(), "0001_first")
}

pub(crate) fn raw(name: &str, sql: &str) -> Migration {
    let list = vec![sql.to_owned()];
    let statements = Statements { sqlite: list.clone(), postgres: list, ..Statements::default() };
    migration(name, vec![Op::Raw { store: store("tenant"), statements, reverse: None }])
}

pub(crate) fn tenant() -> TenantId {
    TenantId::from_raw(TENANT)
}

pub(crate) fn kind<T: std::fmt::Debug>(result: Result<T, Error>) -> Kind {
    result.unwrap_err().kind().clone()
}

/// Servers, the loaded migrations, and a directory for copies.
pub(crate) struct Carrier {
    pub(crate) lab: Lab,
    pub(crate) schema: Arc<Schema>,
    pub(crate) script: Arc<Script>,
    pub(crate) copies: tempfile::TempDir,
}

impl Carrier {
    pub(crate) async fn new() -> Self {
        let all = [first()];
        let models: Vec<Arc<Model>> = models().into_iter().map(Arc::new).collect();
        Self {
            lab: Lab::new().await,
            schema: Arc::new(Schema::new(store("tenant"), models, &all).unwrap()),
            script: Arc::new(Script::new(&store("tenant"), &all).unwrap()),
            copies: tempfile::tempdir().unwrap(),
        }
    }

    /// Returns a new place with tables of every kind of server and isolation.
    pub(crate) async fn places(&self) -> Vec<Subject<'_>> {
        let all = self.lab.subjects(true).await;
        for subject in &all {
            subject.migrate(&[first()]).await.unwrap();
        }
        all
    }

    /// Returns the place that a copy becomes: a place that does not exist yet, or the same tenant in another pool.
    pub(crate) async fn target(&self, like: &Subject<'_>) -> Place {
        let place = self.lab.unused(&like.whole);
        if place.isolation.is_pooled() {
            let pool = Place { tenant: None, generation: 1, ..place.clone() };
            self.lab.engine.create_system(&pool).await.unwrap();
            self.lab.engine.migrate(&pool, &[first()]).await.unwrap();
            let neighbour = Place { tenant: Some(TenantId::from_raw(TENANT + 1)), ..place.clone() };
            self.lab.engine.enrol(&neighbour).await.unwrap();
        }
        Place { generation: 2, ..place }
    }

    pub(crate) async fn copy(&self, place: &Place) -> (PathBuf, Copy) {
        let to = self.copies.path().join(format!("{}.db", uuid::Uuid::now_v7()));
        let copied = self.lab.engine.copy_out(place, &self.script, &to).await.unwrap();
        (to, copied)
    }

    pub(crate) async fn adopt(&self, place: &Place, from: &std::path::Path) -> Result<(), Error> {
        self.lab.engine.adopt(place, &self.script, from, tenant()).await
    }

    /// Fills a new place from another one, as a move does.
    pub(crate) async fn carry(&self, from: &Place, to: &Place) -> Result<Filled, Error> {
        self.lab.engine.fill(from, to, &self.script, &AtomicU64::new(0)).await
    }

    pub(crate) async fn digest(&self, place: &Place) -> Digest {
        self.lab.engine.digest(place, &self.schema).await.unwrap()
    }

    pub(crate) async fn round(
        &self,
        from: &Place,
        to: &Place,
        after: u64,
        most: u64,
    ) -> Result<CaughtUp, Error> {
        self.lab.engine.copy_changes(from, to, &self.script, TOKEN, after, most).await
    }

    /// Copies all changes, and repeats each round, as after a crash.
    pub(crate) async fn catch_up(&self, from: &Place, to: &Place, mut after: u64, most: u64) {
        loop {
            let now = self.round(from, to, after, most).await.unwrap();
            assert_eq!(self.round(from, to, after, most).await.unwrap(), now);
            if now.changes < most {
                return;
            }
            after = now.seq;
        }
    }
}

impl Subject<'_> {
    /// Writes rows of every kind, with extreme values and a circle of references, and the platform's own rows about
    /// them.
    pub(crate) async fn fill(&self) {
        let all = models();
        let thing = async |id, values: &[(&str, Cell<'_>)]| self.insert(&all, "things", id, values).await;
        thing(1, &[]).await;
        let most = [
            ("name", Cell::Text("Ångström's \"naïve\" 漢字 🦀\n\t")),
            ("code", Cell::Text("")),
            ("whole", Cell::Integer(i64::MAX)),
            ("price", Cell::Integer(999_999_999_999_999_999)),
            ("tiny", Cell::Integer(-999_999_999_999_999_999)),
            ("on", Cell::Integer(1)),
            ("day", Cell::Text("9999-12-31")),
            ("moment", Cell::Text("9999-12-30T21:59:59.999999Z")),
            ("extra", Cell::Text("{\"b\":[1e2,-0.0,\"\\u0000\",{}],\"a\":18446744073709551615}")),
            ("colour", Cell::Text("blue")),
            ("parent", Cell::Integer(1)),
        ];
        thing(2, &most).await;
        let least = [
            ("name", Cell::Text("")),
            ("whole", Cell::Integer(i64::MIN)),
            ("price", Cell::Integer(-1)),
            ("tiny", Cell::Integer(0)),
            ("on", Cell::Integer(0)),
            ("day", Cell::Text("0000-01-01")),
            ("moment", Cell::Text("0000-01-01T00:00:00.000000Z")),
            ("extra", Cell::Text("null")),
            ("parent", Cell::Integer(2)),
        ];
        thing(i64::MAX, &least).await;
        self.insert(&all, "tags", 3, &[("label", Cell::Text("late")), ("first", Cell::Integer(1))]).await;
        self.insert(&all, "tags", 1, &[("label", Cell::Text("early"))]).await;
        let uuid = uuid(3);
        self.execute(&format!("UPDATE things SET tag = '{uuid}', parent = 2 WHERE id = 1")).await;
        for id in 10..650 {
            let code = format!("c{id}");
            let values = [
                ("parent", Cell::Integer(id - 1)),
                ("code", Cell::Text(&code)),
                ("whole", Cell::Integer(id)),
            ];
            thing(id, &values[usize::from(id == 10)..]).await;
        }
        self.belongings().await;
    }

    /// Writes the last id, two lines of the activity log, and the counters.
    pub(crate) async fn belongings(&self) {
        self.count().await;
        if self.is_pooled() || self.is_postgres() {
            self.execute(&format!(
                "INSERT INTO _tenantry_seq(tenant, model, last) VALUES ({TENANT}, 'things', 5000)"
            ))
            .await;
        } else {
            self.execute("UPDATE sqlite_sequence SET seq = 5000 WHERE name = 'things'").await;
        }
        for at in ["2026-01-31T12:00:00.000001Z", "0000-01-01T00:00:00.000000Z"] {
            let at = if self.is_postgres() && at.starts_with("0000") {
                "0001-01-01T00:00:00.000000Z BC"
            } else {
                at
            };
            self.execute(&format!(
                "INSERT INTO _tenantry_activity(tenant, at, actor, impersonator, action, model, record, detail)
                 VALUES ({TENANT}, '{at}', 'ann', NULL, 'create', 'things', '1', '{{\"a\":1}}')"
            ))
            .await;
        }
    }

    /// Sets the counter of rows.
    pub(crate) async fn count(&self) {
        let own = if self.is_pooled() { format!("WHERE tenant_id = {TENANT}") } else { String::new() };
        self.execute(&format!(
            "UPDATE _tenantry_place SET rows = (SELECT count(*) FROM things {own}) + (SELECT count(*) FROM tags {own})
             WHERE tenant = {TENANT}"
        ))
        .await;
    }

    /// Adds these records to the recording of changes.
    pub(crate) async fn note(&self, model: &str, ids: &[&str]) {
        for id in ids {
            let id =
                if self.is_postgres() || id.contains('-') { format!("'{id}'") } else { (*id).to_owned() };
            self.execute(&format!(
                "INSERT INTO _tenantry_changes(tenant, store, model, id) VALUES ({TENANT}, 'tenant', '{model}', {id})"
            ))
            .await;
        }
    }

    pub(crate) async fn log(&self) -> Vec<Vec<String>> {
        let sql = format!(
            "SELECT actor, action, model, record, detail FROM _tenantry_activity WHERE tenant = {TENANT} ORDER BY id"
        );
        self.query(&sql).await
    }

    pub(crate) async fn last_id(&self) -> String {
        let sql = if self.is_pooled() || self.is_postgres() {
            format!("SELECT last FROM _tenantry_seq WHERE tenant = {TENANT} AND model = 'things'")
        } else {
            "SELECT seq FROM sqlite_sequence WHERE name = 'things'".into()
        };
        self.query(&sql).await[0][0].clone()
    }
}
