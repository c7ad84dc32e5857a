//! Reads on MongoDB that rely on an earlier check of their place: none answers from documents of another state, and what
//! is gone is noticed at once.

use crate::{
    carry_kit::{TOKEN, first, migration, models},
    schema_kit::store,
};
use futures_util::TryStreamExt;
use mongodb::{
    Database,
    bson::{Document, doc},
};
use std::{
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};
use tenantry_engine::{
    CacheLimits, Engine, Error, Kind, MongoOptions, Script, ServerSpec, Session, Template,
    migration::{Migration, Op, Statements},
    name::{FieldName, ModelName, PhysicalName, ServerName, TenantId},
    place::{Isolation, Place},
    query::{Change, RecordId, Select},
    row::Collect,
    schema::Schema,
    value::Value,
    write::WriteOptions,
};
use tenantry_testkit::mongodb::{self as testkit, Home};
use tenantry_testservers::{Mongod, mongod};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
    time::sleep,
};

/// Number of rows of the place.
const ROWS: usize = 600;

fn open(url: &str, prefix: &str) -> Engine {
    let name = ServerName::parse("mongo").unwrap();
    let options = MongoOptions { url: url.into(), prefix: prefix.into(), most_connections: 12 };
    let engine = Engine::open(vec![ServerSpec::mongo(name, options)], CacheLimits::default()).unwrap();
    engine.set_platform("leases").unwrap();
    engine
}

/// A place that one process reads and another one operates on.
struct World {
    reader: Engine,
    operator: Engine,
    database: Database,
    place: Place,
    schema: Arc<Schema>,
    script: Arc<Script>,
    _home: Option<Home>,
}

impl World {
    async fn new(isolation: Isolation) -> Self {
        let (home, url) = (Home::new().await, testkit::url());
        let database = testkit::client().await.database(&format!("{}leases", home.prefix()));
        let engines = (open(&url, home.prefix()), open(&url, home.prefix()));
        Self::of(engines, database, isolation, Some(home)).await
    }

    async fn of(
        (reader, operator): (Engine, Engine),
        database: Database,
        isolation: Isolation,
        home: Option<Home>,
    ) -> Self {
        let place = Place {
            server: ServerName::parse("mongo").unwrap(),
            store: store("tenant"),
            isolation,
            physical: PhysicalName::parse("leases").unwrap(),
            tenant: Some(TenantId::from_raw(7)),
            generation: 1,
        };
        let all = [first()];
        if isolation.is_pooled() {
            let pool = Place { tenant: None, ..place.clone() };
            operator.create_system(&pool).await.unwrap();
            operator.migrate(&pool, &all).await.unwrap();
            operator.enrol(&place).await.unwrap();
        } else {
            operator.provision(&place, &Template::new(&place.store, &all).unwrap()).await.unwrap();
        }
        let models = models().into_iter().map(Arc::new).collect();
        let schema = Arc::new(Schema::new(store("tenant"), models, &all).unwrap());
        let script = Arc::new(Script::new(&store("tenant"), &all).unwrap());
        let world = Self { reader, operator, database, place, schema, script, _home: home };
        let rows = (0..ROWS).map(|_| Change::Insert {
            model: ModelName::parse("things").unwrap(),
            id: None,
            values: named("first"),
        });
        world.write(rows.collect()).await;
        world
    }

    async fn write(&self, changes: Vec<Change>) {
        let session = self.operator.session(&self.place, &self.schema).await.unwrap();
        session.write(changes, &WriteOptions::default()).await.unwrap();
    }

    /// Renames the first row, which also advances the operation time.
    async fn rename(&self, id: i64, name: &str) {
        let (model, id) = (ModelName::parse("things").unwrap(), RecordId::Integer(id));
        self.write(vec![Change::Update { model, id, expected_version: None, values: named(name) }]).await;
    }

    async fn session(&self) -> Session {
        self.reader.session(&self.place, &self.schema).await.unwrap()
    }

    /// Makes the reader's process obtain a lease early in a second, so that it lasts for most of it.
    async fn lease(&self) -> Session {
        let session = self.session().await;
        let of_second = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().subsec_millis();
        sleep(Duration::from_millis(1010 - u64::from(of_second))).await;
        self.rename(1, "first").await;
        for _ in 0..3 {
            names(&session).await.unwrap();
        }
        session
    }

    /// Reads all rows repeatedly until a read fails. Each answer must have every row, with the expected name. Returns
    /// the number of answers and the error.
    fn read_until_refused(&self, session: Session, expect: &'static str) -> JoinHandle<(usize, Error)> {
        tokio::spawn(async move {
            let mut answers = 0;
            loop {
                match names(&session).await {
                    Ok(names) => {
                        assert_eq!(names.len(), ROWS, "a part of the rows, after {answers} answers");
                        let odd = names.iter().find(|name| *name != expect);
                        assert_eq!(odd, None, "a value of another state, after {answers} answers");
                        answers += 1;
                    }
                    Err(error) => return (answers, error),
                }
            }
        })
    }

    async fn later_generation(&self, copy: &Path) -> Result<(), Error> {
        let later = Place { generation: 2, ..self.place.clone() };
        self.operator.adopt(&later, &self.script, copy, later.tenant.unwrap()).await
    }
}

fn named(name: &str) -> Vec<(FieldName, Value)> {
    vec![(FieldName::parse("name").unwrap(), Value::from(name))]
}

fn text(row: &[Value]) -> String {
    match &row[0] {
        Value::Text(text) => text.clone(),
        other => panic!("{other:?}"),
    }
}

async fn names(session: &Session) -> Result<Vec<String>, Error> {
    let fields = vec![FieldName::parse("name").unwrap()];
    let select = Select { limit: 1000, fields, ..Select::default() };
    let (found, _) = session.select("things", &select, None, Collect::default()).await?;
    Ok(found.rows.iter().map(|row| text(row)).collect())
}

async fn name_of(session: &Session, id: i64) -> Result<Option<String>, Error> {
    let fields = [FieldName::parse("name").unwrap()];
    let found = session.get("things", &RecordId::Integer(id), &fields, Collect::default()).await?;
    Ok(found.map(|found| text(&found.rows[0])))
}

/// A busy place is read without checks: they are made once a second.
#[tokio::test(flavor = "multi_thread")]
async fn most_reads_of_a_busy_place_carry_no_check() {
    for isolation in [Isolation::Database, Isolation::Pooled] {
        let world = World::new(isolation).await;
        world.database.run_command(doc! { "profile": 2 }).await.unwrap();
        let session = world.lease().await;
        for _ in 0..200 {
            assert_eq!(name_of(&session, 2).await.unwrap().as_deref(), Some("first"));
        }
        world.database.run_command(doc! { "profile": 0 }).await.unwrap();
        let profile = world.database.collection::<Document>("system.profile");
        let things = world.database.collection::<Document>("things").namespace().to_string();
        let with_check = doc! { "ns": &things, "command.aggregate": "things" };
        let checks = profile.count_documents(with_check).await.unwrap();
        let finds = profile.count_documents(doc! { "ns": things, "command.find": "things" }).await.unwrap();
        assert!(finds > 150 && checks < 50, "{isolation:?}: {finds} finds, {checks} with a check");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_read_sees_a_part_of_a_tenant_that_leaves_its_pool() {
    let world = World::new(Isolation::Pooled).await;
    let session = world.lease().await;
    let reads = world.read_until_refused(session.clone(), "first");
    world.operator.withdraw(&world.place).await.unwrap();
    let (answers, refused) = reads.await.unwrap();
    assert_eq!(*refused.kind(), Kind::Fenced, "{refused}");
    assert!(answers > 5, "{answers}");
    assert_eq!(*names(&session).await.unwrap_err().kind(), Kind::Fenced);
}

/// The rows of a copy replace those of the tenant in the same pool.
#[tokio::test(flavor = "multi_thread")]
async fn no_read_sees_rows_of_a_later_generation() {
    let world = World::new(Isolation::Pooled).await;
    world.rename(2, "second").await;
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.db");
    world.operator.copy_out(&world.place, &world.script, &copy).await.unwrap();
    world.rename(2, "first").await;
    let session = world.lease().await;
    let reads = world.read_until_refused(session.clone(), "first");
    world.later_generation(&copy).await.unwrap();
    let (answers, refused) = reads.await.unwrap();
    assert_eq!(*refused.kind(), Kind::Fenced, "{refused}");
    assert!(answers > 5, "{answers}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_read_sees_a_value_of_another_schema() {
    for isolation in [Isolation::Database, Isolation::Pooled] {
        let world = World::new(isolation).await;
        let rename = r#"{ "update": "things", "updates": [
            { "q": {}, "u": { "$set": { "name": "second" } }, "multi": true }] }"#;
        let statements = Statements { mongo: vec![rename.into()], ..Statements::default() };
        let raw = |name: &str| -> Migration {
            let op = Op::Raw { store: store("tenant"), statements: statements.clone(), reverse: None };
            migration(name, vec![op])
        };
        let whole = match isolation {
            Isolation::Pooled => Place { tenant: None, ..world.place.clone() },
            _ => world.place.clone(),
        };
        let session = world.lease().await;
        let reads = world.read_until_refused(session, "first");
        let all = [first(), raw("0002_second"), raw("0003_third")];
        let report = world.operator.migrate(&whole, &all).await.unwrap();
        assert_eq!(report.applied.len(), 2, "{report:?}");
        let (answers, refused) = reads.await.unwrap();
        assert_eq!(*refused.kind(), Kind::SchemaAhead, "{isolation:?}: {refused}");
        assert!(answers > 5, "{answers}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_was_set_aside_or_dropped_is_read_by_no_process() {
    let world = World::new(Isolation::Database).await;
    let session = world.lease().await;
    assert!(name_of(&session, 1).await.unwrap().is_some());
    let lost = world.operator.verify(&Place { generation: 9, ..world.place.clone() }).await.unwrap_err();
    world.operator.set_aside(&world.place, &lost).await.unwrap();
    assert!(name_of(&session, 1).await.is_err());
    world.operator.put_back(&world.place).await.unwrap();
    let session = world.lease().await;
    assert!(name_of(&session, 1).await.unwrap().is_some());
    // A person drops the database with another program.
    world.database.drop().await.unwrap();
    assert_eq!(*name_of(&session, 1).await.unwrap_err().kind(), Kind::Missing);
    let refused = world.reader.session(&world.place, &world.schema).await.map(|_| ());
    assert_eq!(*refused.unwrap_err().kind(), Kind::Missing);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_found_is_an_answer() {
    for isolation in [Isolation::Database, Isolation::Pooled] {
        let world = World::new(isolation).await;
        let session = world.lease().await;
        for _ in 0..5 {
            assert_eq!(name_of(&session, 9_000).await.unwrap(), None);
            let missing = [RecordId::Integer(1), RecordId::Integer(9_000)];
            assert_eq!(session.exists("things", &missing).await.unwrap(), [RecordId::Integer(9_000)]);
            assert!(name_of(&session, 1).await.unwrap().is_some());
        }
    }
}

/// A move fences the old place. It can be read as before, and the new place has what was written there.
#[tokio::test(flavor = "multi_thread")]
async fn a_fenced_place_is_still_read() {
    let world = World::new(Isolation::Database).await;
    let session = world.lease().await;
    world.operator.record_changes(&world.place, TOKEN).await.unwrap();
    world.operator.fence_recorded(&world.place, TOKEN).await.unwrap();
    assert_eq!(names(&session).await.unwrap().len(), ROWS);
    assert_eq!(*session.usage().await.unwrap_err().kind(), Kind::Fenced);
    world.operator.lift_fence(&world.place, Some(TOKEN)).await.unwrap();
    assert_eq!(session.usage().await.unwrap().rows, ROWS as u64);
}

/// Forwards connections to a server. While the gate is closed, it forwards no request.
async fn gate(to: String) -> (u16, watch::Sender<bool>) {
    let (gate, open) = watch::channel(true);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let mut open = open.clone();
            let (mut asks, mut hears) = client.into_split();
            let (mut answers, mut server) = TcpStream::connect(&to).await.unwrap().into_split();
            tokio::spawn(async move { copy(&mut answers, &mut hears).await });
            tokio::spawn(async move {
                let mut bytes = [0; 1 << 16];
                while let Ok(count @ 1..) = asks.read(&mut bytes).await {
                    open.wait_for(|open| *open).await.unwrap();
                    server.write_all(&bytes[..count]).await.unwrap();
                }
            });
        }
    });
    (port, gate)
}

/// The reader's process stands still after it has found that its lease is valid, until the place has other rows.
#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_was_delayed_is_asked_again() {
    let server = Mongod::start(&mongod().unwrap()).unwrap();
    let url = server.url();
    let host = url.strip_prefix("mongodb://").unwrap().split(['/', '?']).next().unwrap().to_owned();
    let (port, gate) = gate(host).await;
    let database = mongodb::Client::with_uri_str(&url).await.unwrap().database("leases");
    let through = open(&format!("mongodb://127.0.0.1:{port}/?directConnection=true"), "");
    let world = World::of((through, open(&url, "")), database, Isolation::Pooled, None).await;
    world.rename(2, "second").await;
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.db");
    world.operator.copy_out(&world.place, &world.script, &copy).await.unwrap();
    world.rename(2, "first").await;
    let session = world.lease().await;
    assert_eq!(name_of(&session, 2).await.unwrap().as_deref(), Some("first"));
    gate.send(false).unwrap();
    let delayed = tokio::spawn(async move { name_of(&session, 2).await });
    world.later_generation(&copy).await.unwrap();
    let stored = world.database.collection::<Document>("things");
    let stored: Vec<Document> =
        stored.find(doc! { "name": "second" }).await.unwrap().try_collect().await.unwrap();
    assert_eq!(stored.len(), 1, "the rows of the copy are there");
    gate.send(true).unwrap();
    assert_eq!(*delayed.await.unwrap().unwrap_err().kind(), Kind::Fenced);
}
