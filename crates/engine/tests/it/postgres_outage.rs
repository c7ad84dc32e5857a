//! A server is killed or stops responding while it runs statements: its tenants fail soon, tenants of other servers are
//! not affected, and nothing has to be restarted once it is back.

use crate::{
    postgres_doctors::{Doctors, place},
    postgres_kit::Home,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use tenantry_engine::{
    Kind, ServerSpec,
    name::ServerName,
    place::{Isolation, Place},
};
use tenantry_testservers::{Cluster, VERSIONS, postgres};

/// Longest time until a statement is refused on a server that has stopped responding.
const NOTICED: Duration = Duration::from_secs(20);

struct World {
    doctors: Doctors,
    places: Vec<Place>,
    lucky: Place,
    /// Acknowledged writes, by tenant.
    acknowledged: std::sync::Mutex<Vec<(i64, String)>>,
    stop: AtomicBool,
    refused: AtomicU64,
    served: AtomicU64,
}

impl World {
    async fn new(home: &Home, dir: &std::path::Path) -> Self {
        let engine = home.engine_with(vec![ServerSpec::sqlite(ServerName::parse("files").unwrap(), dir)]);
        let doctors = Doctors::new(engine);
        let places = vec![
            place("pg", Isolation::Pooled, 1, 1),
            place("pg", Isolation::Schema, 2, 1),
            place("pg", Isolation::Database, 3, 1),
        ];
        let lucky = place("files", Isolation::Database, 4, 1);
        doctors.make(&[&places[..], std::slice::from_ref(&lucky)].concat()).await;
        Self {
            doctors,
            places,
            lucky,
            acknowledged: std::sync::Mutex::default(),
            stop: AtomicBool::new(false),
            refused: AtomicU64::new(0),
            served: AtomicU64::new(0),
        }
    }

    /// Writes until it is stopped. Each refusal reports that the server is away, or that the outcome is unknown.
    async fn keep_writing(&self, place: &Place, writer: usize) {
        let tenant = place.tenant.unwrap().get();
        for number in 0_u32.. {
            if self.stop.load(Relaxed) {
                return;
            }
            let name = format!("w{writer} n{number}");
            match self.doctors.write(place, &name).await {
                Ok(()) => {
                    self.acknowledged.lock().unwrap().push((tenant, name));
                    if place.server.as_str() == "files" {
                        self.served.fetch_add(1, Relaxed);
                    }
                }
                Err(error) => {
                    let expected = matches!(error.kind(), Kind::Unreachable | Kind::InDoubt);
                    assert!(expected && place.server.as_str() == "pg", "{place}: {error}");
                    assert!(!self.doctors.engine.is_loss(place, &error), "nothing is lost: {error}");
                    self.refused.fetch_add(1, Relaxed);
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        }
    }

    /// Returns the time until a read there is refused, and asserts that the next read is refused at once.
    async fn refusal(&self) {
        for place in &self.places {
            let began = Instant::now();
            let error = loop {
                match self.doctors.names(place, None).await {
                    Err(error) => break error,
                    // This read began before the outage.
                    Ok(_) => assert!(began.elapsed() < NOTICED),
                }
            };
            assert_eq!(*error.kind(), Kind::Unreachable, "{place}: {error}");
            assert!(began.elapsed() < NOTICED, "{place}: {:?}", began.elapsed());
        }
        let (began, served) = (Instant::now(), self.served.load(Relaxed));
        for place in self.places.iter().cycle().take(30) {
            assert_eq!(*self.doctors.write(place, "late").await.unwrap_err().kind(), Kind::Unreachable);
        }
        assert!(began.elapsed() < NOTICED, "{:?}", began.elapsed());
        while self.served.load(Relaxed) == served {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until every tenant can write again.
    async fn recovery(&self) {
        let until = Instant::now() + NOTICED;
        for place in &self.places {
            while let Err(error) = self.doctors.write(place, "back").await {
                assert!(Instant::now() < until, "{place}: {error}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// Several writers write for each tenant while the server is killed, returns, stops responding, and continues.
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
        let names = world.doctors.names(place, None).await.unwrap();
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
    world.doctors.engine.shutdown().await;
}
