//! A MongoDB server dies or stops responding: no acknowledged write is lost, and an unknown outcome is reported as
//! such.

use crate::{
    carry_kit::{first, models},
    schema_kit::store,
};
use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use tenantry_engine::{
    CacheLimits, Engine, Kind, MongoOptions, ServerSpec, Session, Template, WorkLimits,
    name::{FieldName, ModelName, PhysicalName, ServerName, TenantId},
    place::{Isolation, Place},
    query::{Change, Select},
    row::Collect,
    schema::Schema,
    value::Value,
    write::{Outcome, WriteOptions},
};
use tenantry_testservers::{Mongod, ReplicaSet, mongod};

/// A place on a server that only this test uses.
struct World<S> {
    server: S,
    engine: Engine,
    place: Place,
    schema: Arc<Schema>,
}

impl World<Mongod> {
    async fn new() -> Self {
        let server = Mongod::start(&mongod().unwrap()).unwrap();
        let url = server.url();
        Self::on(server, url).await
    }
}

impl<S> World<S> {
    async fn on(server: S, url: String) -> Self {
        let name = ServerName::parse("mongo").unwrap();
        let options = MongoOptions { url, prefix: String::new(), most_connections: 20 };
        let work = WorkLimits { deadline: Some(Duration::from_secs(1)), ..WorkLimits::default() };
        let specs = vec![ServerSpec::mongo(name.clone(), options)];
        let engine = Engine::open_with(specs, CacheLimits::default(), work).unwrap();
        engine.set_platform("outages").unwrap();
        let place = Place {
            server: name,
            store: store("tenant"),
            isolation: Isolation::Database,
            physical: PhysicalName::parse("demo_org_001").unwrap(),
            tenant: Some(TenantId::from_raw(7)),
            generation: 1,
        };
        engine.provision(&place, &Template::new(&store("tenant"), &[first()]).unwrap()).await.unwrap();
        let models = models().into_iter().map(Arc::new).collect();
        let schema = Arc::new(Schema::new(store("tenant"), models, &[first()]).unwrap());
        Self { server, engine, place, schema }
    }

    async fn session(&self) -> Session {
        self.engine.session(&self.place, &self.schema).await.unwrap()
    }

    /// Returns the names of all things, once the server answers again.
    async fn names(&self) -> HashSet<String> {
        let began = Instant::now();
        loop {
            let name = FieldName::parse("name").unwrap();
            let select = Select { limit: 1000, fields: vec![name], ..Select::default() };
            let read = async {
                let session = self.engine.session(&self.place, &self.schema).await?;
                session.select("things", &select, None, Collect::default()).await
            };
            match read.await {
                Ok((found, next)) => {
                    assert_eq!(next, None, "the test writes less than a page");
                    let text = |row: &Vec<Value>| match &row[0] {
                        Value::Text(text) => text.clone(),
                        other => panic!("{other:?}"),
                    };
                    return found.rows.iter().map(text).collect();
                }
                Err(error) => assert!(began.elapsed() < Duration::from_secs(60), "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

fn thing(name: &str) -> Vec<Change> {
    let values = vec![(FieldName::parse("name").unwrap(), Value::from(name))];
    vec![Change::Insert { model: ModelName::parse("things").unwrap(), id: None, values }]
}

/// Tasks that write until they are told to stop, and the names of the things whose writes were acknowledged.
struct Writers {
    tasks: Vec<tokio::task::JoinHandle<()>>,
    acknowledged: Arc<Mutex<HashSet<String>>>,
    stop: Arc<AtomicBool>,
}

impl Writers {
    async fn start<S>(world: &World<S>) -> Self {
        let (acknowledged, stop) = (Arc::new(Mutex::new(HashSet::new())), Arc::new(AtomicBool::new(false)));
        let session = world.session().await;
        let tasks = (0..4)
            .map(|writer| {
                let (session, acknowledged, stop) = (session.clone(), acknowledged.clone(), stop.clone());
                tokio::spawn(async move {
                    for number in 0..200 {
                        if stop.load(Relaxed) {
                            return;
                        }
                        let name = format!("{writer} {number}");
                        match session.write(thing(&name), &WriteOptions::default()).await {
                            Ok(_) => drop(acknowledged.lock().unwrap().insert(name)),
                            Err(error) => {
                                let kinds = [Kind::Unreachable, Kind::InDoubt, Kind::Busy];
                                assert!(kinds.contains(error.kind()), "{error}");
                            }
                        }
                    }
                })
            })
            .collect();
        Self { tasks, acknowledged, stop }
    }

    /// Waits until this many more writes were acknowledged.
    async fn go_on(&self, more: usize) {
        let began = Instant::now();
        let before = self.acknowledged.lock().unwrap().len();
        while self.acknowledged.lock().unwrap().len() < before + more {
            assert!(began.elapsed() < Duration::from_secs(60), "no write is acknowledged");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Stops the tasks, and asserts that the rows have every acknowledged write and that the counters are theirs.
    async fn nothing_is_lost<S>(self, world: &World<S>) {
        self.stop.store(true, Relaxed);
        for task in self.tasks {
            task.await.unwrap();
        }
        let found = world.names().await;
        let acknowledged = self.acknowledged.lock().unwrap().clone();
        assert!(acknowledged.is_subset(&found), "lost: {:?}", acknowledged.difference(&found));
        let usage = world.session().await.usage().await.unwrap();
        assert_eq!(usage.rows, found.len() as u64, "the counters are those of the rows");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_acknowledged_write_is_lost_when_the_server_is_killed() {
    let mut world = World::new().await;
    let writers = Writers::start(&world).await;
    writers.go_on(40).await;
    world.server.kill().unwrap();
    world.server.start_again().unwrap();
    writers.go_on(20).await;
    writers.nothing_is_lost(&world).await;
}

/// Of three members, the primary is killed twice. Each time, the others elect another one. The first of them joins again
/// in between, so the second election is among members of which one was dead.
#[tokio::test(flavor = "multi_thread")]
async fn no_acknowledged_write_is_lost_when_primaries_of_three_members_are_killed() {
    let set = ReplicaSet::start(&mongod().unwrap(), 3).unwrap();
    let url = set.url();
    let mut world = World::on(set, url).await;
    let writers = Writers::start(&world).await;
    writers.go_on(40).await;
    let first = world.server.kill_primary().unwrap();
    writers.go_on(20).await;
    world.server.start_again(first).unwrap();
    world.server.kill_primary().unwrap();
    writers.go_on(20).await;
    writers.nothing_is_lost(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stands_still_is_unreachable_and_its_writes_are_known_later() {
    let world = World::new().await;
    let session = world.session().await;
    session.write(thing("before"), &WriteOptions::default()).await.unwrap();
    world.server.freeze().unwrap();
    let began = Instant::now();
    let read = session.select("things", &Select::default(), None, Collect::default()).await;
    assert_eq!(*read.unwrap_err().kind(), Kind::Unreachable);
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    assert!(world.engine.reachable().iter().all(|(_, answers)| !answers));
    let refused = session.write(thing("while frozen"), &WriteOptions::default()).await.unwrap_err();
    world.server.thaw().unwrap();
    let found = world.names().await;
    assert!(found.contains("before"));
    match refused.kind() {
        Kind::Unreachable | Kind::Busy => assert!(!found.contains("while frozen")),
        Kind::InDoubt => {
            let outcome = session.outcome(refused.doubt().unwrap()).await.unwrap();
            let is_stored = world.names().await.contains("while frozen");
            assert_eq!(outcome == Outcome::Stored, is_stored);
        }
        _ => panic!("{refused}"),
    }
    world.engine.look_for_servers().await;
    assert!(world.engine.reachable().iter().all(|(_, answers)| *answers));
}
