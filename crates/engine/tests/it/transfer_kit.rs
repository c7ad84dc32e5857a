//! Kit for the transfer tests: the small clinic of the record tests in places of both isolations, through the engine,
//! with neighbours in the shared database.

use crate::{
    core_support::TestEngine,
    records_kit::{decimal, insert, models, update, values},
};
use std::{
    path::PathBuf,
    sync::{Arc, atomic::AtomicU64},
};
use tenantry_engine::{
    Activity, Digest, Filled, Result, Script, Usage,
    migration::{Migration, Op},
    name::{AppName, FieldName, ModelName, PhysicalName, ServerName, StoreName, TenantId},
    place::{Isolation, Place},
    query::{Change, RecordId, Select},
    row::Collect,
    schema::Schema,
    value::Value,
    write::{WriteOptions, Written},
};

/// The tenant that is carried. [`NEIGHBOUR`] is in the same shared databases.
pub(crate) const TENANT: i64 = 7;
pub(crate) const NEIGHBOUR: i64 = 8;

/// All pairs of source and target isolation.
pub(crate) const WAYS: [(Isolation, Isolation); 4] = [
    (Isolation::Database, Isolation::Database),
    (Isolation::Pooled, Isolation::Database),
    (Isolation::Database, Isolation::Pooled),
    (Isolation::Pooled, Isolation::Pooled),
];

pub(crate) struct Clinic {
    pub(crate) test: TestEngine,
    pub(crate) schema: Arc<Schema>,
    pub(crate) script: Arc<Script>,
}

pub(crate) fn store() -> StoreName {
    StoreName::parse("tenant").unwrap()
}

pub(crate) fn of(number: i64) -> TenantId {
    TenantId::from_raw(number)
}

fn at(isolation: Isolation, physical: &str, tenant: Option<i64>, generation: u64) -> Place {
    Place {
        server: ServerName::parse("local").unwrap(),
        store: store(),
        isolation,
        physical: PhysicalName::parse(physical).unwrap(),
        tenant: tenant.map(of),
        generation,
    }
}

/// Returns a place of this tenant and generation: in a file of that name, or pooled in pool a (odd generations) or b.
pub(crate) fn place(isolation: Isolation, tenant: i64, generation: u64) -> Place {
    let pool = if generation % 2 == 1 { "pool_a" } else { "pool_b" };
    let own = format!("tenant_{tenant}_g{generation}");
    at(isolation, if isolation == Isolation::Pooled { pool } else { &own }, Some(tenant), generation)
}

/// Returns the place of this tenant in the first pool, whatever the generation.
pub(crate) fn pooled(tenant: i64, generation: u64) -> Place {
    at(Isolation::Pooled, "pool_a", Some(tenant), generation)
}

/// Returns the clinic's models as one migration, followed by `more`.
pub(crate) fn migrations(more: Vec<Vec<Op>>) -> Vec<Migration> {
    let first = models().iter().map(|m| Op::CreateModel { model: Box::new(m.schema()) }).collect();
    let all = std::iter::once(first).chain(more).enumerate();
    let app = AppName::parse("clinic").unwrap();
    all.map(|(n, ops)| Migration {
        app: app.clone(),
        name: format!("000{}_step", n + 1),
        depends: vec![],
        ops,
    })
    .collect()
}

pub(crate) fn script(migrations: &[Migration]) -> Arc<Script> {
    Arc::new(Script::new(&store(), migrations).unwrap())
}

impl Clinic {
    /// Creates two pools with one neighbour in each.
    pub(crate) async fn new() -> Self {
        Self::new_on(TestEngine::new(16)).await
    }

    /// Opens the databases that are already in the directory.
    pub(crate) fn again(test: TestEngine) -> Self {
        let schema = Arc::new(Schema::new(store(), models(), &migrations(vec![])).unwrap());
        Self { test, schema, script: script(&migrations(vec![])) }
    }

    pub(crate) async fn new_on(test: TestEngine) -> Self {
        let clinic = Self::again(test);
        for (pool, generation) in [("pool_a", 1), ("pool_b", 2)] {
            let pool = at(Isolation::Pooled, pool, None, 1);
            clinic.test.engine.create_system(&pool).await.unwrap();
            clinic.test.engine.migrate(&pool, &migrations(vec![])).await.unwrap();
            clinic.make(&place(Isolation::Pooled, NEIGHBOUR, generation)).await;
        }
        clinic
    }

    /// Creates an empty place and adds some rows of every kind.
    pub(crate) async fn make(&self, place: &Place) {
        match place.isolation {
            Isolation::Pooled => self.test.engine.enrol(place).await.unwrap(),
            Isolation::Schema | Isolation::Database => {
                let template = tenantry_engine::Template::new(&store(), &migrations(vec![])).unwrap();
                self.test.engine.provision(place, &template).await.unwrap();
            }
        }
        self.fill(place).await;
    }

    async fn fill(&self, place: &Place) {
        let hospital = insert("hospitals", &[("name", "St. Mary".into())]);
        let hospital = self.write(place, &[hospital]).await.unwrap().remove(0).row.remove(0);
        let mut list = vec![];
        for number in 0..5_i64 {
            list.push(insert(
                "doctors",
                &[
                    ("name", format!("Dr. Ångström {number}").into()),
                    ("email", format!("{number}@x").into()),
                    ("fee", decimal("12.34")),
                    ("extra", Value::Json(serde_json::json!({ "b": 1, "a": ["ü", null] }))),
                    ("notes", "likes  \"quotes\" and 'more'".into()),
                    ("hospital", hospital.clone()),
                    ("mentor", if number > 0 { Value::Integer(1) } else { Value::Null }),
                ],
            ));
        }
        self.write(place, &list).await.unwrap();
        let last = RecordId::Integer(5);
        self.write(place, &[update("doctors", &RecordId::Integer(2), None, &[("age", Value::Integer(40))])])
            .await
            .unwrap();
        let model = ModelName::parse("doctors").unwrap();
        // The last id must never be assigned again in any place.
        self.write(place, &[Change::Delete { model, id: last, expected_version: None }]).await.unwrap();
    }

    pub(crate) async fn write(&self, place: &Place, changes: &[Change]) -> Result<Vec<Written>> {
        let session = self.test.engine.session(place, &self.schema).await?;
        let options = WriteOptions { actor: "ann".into(), log_all: true, ..Default::default() };
        session.write(changes, &options).await
    }

    pub(crate) async fn copy(&self, place: &Place, name: &str) -> PathBuf {
        let to = self.test.dir.path().join(name);
        self.test.engine.copy_out(place, &self.script, &to).await.unwrap();
        to
    }

    /// Fills a new place from another one, as a move does.
    pub(crate) async fn carry(&self, from: &Place, to: &Place) -> Result<Filled> {
        self.test.engine.fill(from, to, &self.script, &AtomicU64::new(0)).await
    }

    pub(crate) async fn digest(&self, place: &Place) -> Digest {
        self.test.engine.digest(place, &self.schema).await.unwrap()
    }

    /// Returns the state of the neighbours in both pools, which must stay the same.
    pub(crate) async fn neighbours(&self) -> Vec<(Digest, Vec<Activity>, Usage)> {
        let mut all = vec![];
        for generation in [1, 2] {
            let place = place(Isolation::Pooled, NEIGHBOUR, generation);
            all.push((self.digest(&place).await, self.log(&place).await, self.usage(&place).await));
        }
        all
    }

    pub(crate) async fn usage(&self, place: &Place) -> Usage {
        self.test.engine.session(place, &self.schema).await.unwrap().usage().await.unwrap()
    }

    /// Returns the activity log, newest first.
    pub(crate) async fn log(&self, place: &Place) -> Vec<Activity> {
        let session = self.test.engine.session(place, &self.schema).await.unwrap();
        session.activity(None, 1000, usize::MAX).await.unwrap()
    }

    /// Returns the activity log without entry ids, which pools assign again.
    pub(crate) async fn lines(&self, place: &Place) -> Vec<Activity> {
        self.log(place).await.into_iter().map(|line| Activity { id: 0, ..line }).collect()
    }

    /// Returns the names of the doctors that a search finds.
    pub(crate) async fn search(&self, place: &Place, text: &str) -> Vec<Vec<Value>> {
        let session = self.test.engine.session(place, &self.schema).await.unwrap();
        let name = FieldName::parse("name").unwrap();
        let select =
            Select { fields: vec![name], search: Some(text.into()), limit: 100, ..Select::default() };
        session.select("doctors", &select, None, Collect::default()).await.unwrap().0.rows
    }

    /// Returns the names of all doctors.
    pub(crate) async fn names(&self, place: &Place) -> Vec<String> {
        let session = self.test.engine.session(place, &self.schema).await.unwrap();
        let name = FieldName::parse("name").unwrap();
        let mut select = Select { fields: vec![name], limit: 500, ..Select::default() };
        let mut names = vec![];
        loop {
            let (page, next) = session.select("doctors", &select, None, Collect::default()).await.unwrap();
            names.extend(page.rows.into_iter().map(|row| match &row[0] {
                Value::Text(name) => name.clone(),
                other => panic!("{other:?}"),
            }));
            select.after = next;
            if select.after.is_none() {
                return names;
            }
        }
    }

    /// Inserts a doctor and returns its id.
    pub(crate) async fn next_id(&self, place: &Place) -> RecordId {
        let change = Change::Insert {
            model: ModelName::parse("doctors").unwrap(),
            id: None,
            values: values(&[("name", "Newcomer".into())]),
        };
        self.write(place, &[change]).await.unwrap().remove(0).id
    }

    /// Asserts that SQLite, its full-text index and the foreign keys find no fault in a file.
    pub(crate) fn is_sound(&self, place: &Place) {
        let conn = rusqlite::Connection::open(self.test.file(place)).unwrap();
        let ok: String = conn.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(ok, "ok");
        for model in ["doctors", "hospitals"] {
            let sql = format!("INSERT INTO {model}__fts({model}__fts, rank) VALUES ('integrity-check', 1)");
            conn.execute_batch(&sql).unwrap();
        }
        assert!(!conn.prepare("PRAGMA foreign_key_check").unwrap().exists([]).unwrap());
    }
}
