//! A server that is killed or stands still while statements run there: its tenants fail soon, those of other servers notice
//! nothing, and nothing has to be restarted when it is back.

use crate::{
    postgres_kit::Home,
    records_kit::insert,
    transfer_kit::{migrations, of, store},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use tenantry_engine::{
    Engine, Kind, ServerSpec, Template,
    name::{FieldName, PhysicalName, ServerName},
    place::{Isolation, Place},
    query::Select,
    row::Collect,
    schema::Schema,
    value::Value,
    write::WriteOptions,
};
use tenantry_testservers::{Cluster, VERSIONS, postgres};

/// Longest time until a statement on a server that stands still is refused.
const NOTICED: Duration = Duration::from_secs(20);

struct World {
    engine: Engine,
    schema: Arc<Schema>,
    places: Vec<Place>,
    lucky: Place,
    /// What was acknowledged, by tenant.
    acknowledged: std::sync::Mutex<Vec<(i64, String)>>,
    stop: AtomicBool,
    refused: AtomicU64,
    served: AtomicU64,
}

fn place(server: &str, isolation: Isolation, tenant: i64) -> Place {
    let physical = if isolation.is_pooled() { "pool".to_owned() } else { format!("tenant_{tenant}") };
    Place {
        server: ServerName::parse(server).unwrap(),
        store: store(),
        isolation,
        physical: PhysicalName::parse(&physical).unwrap(),
        tenant: Some(of(tenant)),
        generation: 1,
    }
}

impl World {
    async fn new(home: &Home, dir: &std::path::Path) -> Self {
        let engine = home.engine_with(vec![ServerSpec::sqlite(ServerName::parse("files").unwrap(), dir)]);
        let schema = Schema::new(store(), crate::records_models::models(), &migrations(vec![])).unwrap();
        let template = Template::new(&store(), &migrations(vec![])).unwrap();
        let pool = Place { tenant: None, ..place("pg", Isolation::Pooled, 1) };
        engine.create_system(&pool).await.unwrap();
        engine.migrate(&pool, &migrations(vec![])).await.unwrap();
        let places = vec![
            place("pg", Isolation::Pooled, 1),
            place("pg", Isolation::Schema, 2),
            place("pg", Isolation::Database, 3),
        ];
        engine.enrol(&places[0]).await.unwrap();
        let lucky = place("files", Isolation::Database, 4);
        for place in [&places[1], &places[2], &lucky] {
            engine.provision(place, &template).await.unwrap();
        }
        Self {
            engine,
            schema: Arc::new(schema),
            places,
            lucky,
            acknowledged: std::sync::Mutex::default(),
            stop: AtomicBool::new(false),
            refused: AtomicU64::new(0),
            served: AtomicU64::new(0),
        }
    }

    async fn write(&self, place: &Place, name: &str) -> Result<(), tenantry_engine::Error> {
        let session = self.engine.session(place, &self.schema).await?;
        let change = insert("doctors", &[("name", name.into())]);
        session.write(vec![change], &WriteOptions::default()).await.map(drop)
    }

    async fn names(&self, place: &Place) -> Result<Vec<String>, tenantry_engine::Error> {
        let session = self.engine.session(place, &self.schema).await?;
        let mut names = vec![];
        let fields = vec![FieldName::parse("name").unwrap()];
        let mut select = Select { fields, limit: 500, ..Select::default() };
        loop {
            let (page, next) = session.select("doctors", &select, None, Collect::default()).await?;
            names.extend(page.rows.iter().map(|row| match &row[0] {
                Value::Text(name) => name.clone(),
                other => panic!("{other:?}"),
            }));
            select.after = next;
            if select.after.is_none() {
                return Ok(names);
            }
        }
    }

    /// Writes until it is stopped. Each refusal says that the server is away, or that the outcome is not known.
    async fn keep_writing(&self, place: &Place, writer: usize) {
        let tenant = place.tenant.unwrap().get();
        for number in 0_u32.. {
            if self.stop.load(Relaxed) {
                return;
            }
            let name = format!("w{writer} n{number}");
            match self.write(place, &name).await {
                Ok(()) => {
                    self.acknowledged.lock().unwrap().push((tenant, name));
                    if place.server.as_str() == "files" {
                        self.served.fetch_add(1, Relaxed);
                    }
                }
                Err(error) => {
                    let expected = matches!(error.kind(), Kind::Unreachable | Kind::InDoubt);
                    assert!(expected && place.server.as_str() == "pg", "{place}: {error}");
                    assert!(!self.engine.is_loss(place, &error), "nothing is lost: {error}");
                    self.refused.fetch_add(1, Relaxed);
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        }
    }

    /// Returns how long it takes until a read there is refused, and asserts that the next one is refused at once.
    async fn refusal(&self) {
        for place in &self.places {
            let began = Instant::now();
            let error = loop {
                match self.names(place).await {
                    Err(error) => break error,
                    // It was under way before.
                    Ok(_) => assert!(began.elapsed() < NOTICED),
                }
            };
            assert_eq!(*error.kind(), Kind::Unreachable, "{place}: {error}");
            assert!(began.elapsed() < NOTICED, "{place}: {:?}", began.elapsed());
        }
        let (began, served) = (Instant::now(), self.served.load(Relaxed));
        for place in self.places.iter().cycle().take(30) {
            assert_eq!(*self.write(place, "late").await.unwrap_err().kind(), Kind::Unreachable);
        }
        assert!(began.elapsed() < NOTICED, "{:?}", began.elapsed());
        while self.served.load(Relaxed) == served {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until every tenant writes again.
    async fn recovery(&self) {
        let until = Instant::now() + NOTICED;
        for place in &self.places {
            while let Err(error) = self.write(place, "back").await {
                assert!(Instant::now() < until, "{place}: {error}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// Several writers for each tenant; the server is killed, comes back, stands still, and goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_away_stops_its_tenants_only() {
    let version = VERSIONS[0];
    let mut cluster = Cluster::start(version, &postgres(version).unwrap()).unwrap();
    let home = Home::make(&cluster.url()).await;
    let dir = tempfile::tempdir().unwrap();
    let world = Arc::new(World::new(&home, dir.path()).await);
    let mut writers = tokio::task::JoinSet::new();
    for (writer, place) in world.places.iter().chain([&world.lucky]).flat_map(|place| [place; 3]).enumerate()
    {
        let (world, place) = (world.clone(), place.clone());
        writers.spawn(async move { world.keep_writing(&place, writer).await });
    }
    for kills in [true, false, true] {
        tokio::time::sleep(Duration::from_millis(300)).await;
        if kills {
            cluster.kill().unwrap()
        } else {
            cluster.freeze().unwrap()
        }
        world.refusal().await;
        if kills {
            cluster.start_again().unwrap()
        } else {
            cluster.thaw().unwrap()
        }
        world.recovery().await;
    }
    world.stop.store(true, Relaxed);
    while let Some(ended) = writers.join_next().await {
        ended.unwrap();
    }
    assert!(world.refused.load(Relaxed) > 0);
    let files = std::fs::read_dir(dir.path()).unwrap().flatten();
    let databases = files.filter(|file| file.path().extension().is_some_and(|end| end == "db")).count();
    assert_eq!(databases, 1, "nothing went to another server");
    let acknowledged = std::mem::take(&mut *world.acknowledged.lock().unwrap());
    for place in world.places.iter().chain([&world.lucky]) {
        let names = world.names(place).await.unwrap();
        let mut once = names.clone();
        once.sort();
        once.dedup();
        let of_writers = names.iter().filter(|name| name.starts_with('w')).count();
        assert_eq!(
            once.iter().filter(|name| name.starts_with('w')).count(),
            of_writers,
            "{place}: nothing twice"
        );
        let tenant = place.tenant.unwrap().get();
        let mine = acknowledged.iter().filter(|(of, _)| *of == tenant);
        let lost: Vec<_> = mine.filter(|(_, name)| !names.contains(name)).collect();
        assert!(lost.is_empty(), "{place} lost {lost:?}");
    }
    world.engine.shutdown().await;
}
