//! Places on PostgreSQL: created completely or not at all, accessible to their own roles only, and never mistaken for
//! each other.

use crate::{postgres_kit::*, records_seal::FORM_5};
use std::{pin::pin, task::Poll};
use tenantry_engine::{Engine, Error, Kind, PlaceState, Result, Template, name::StoreName, place::Place};
use tenantry_testkit::{dose, tried};

fn bare() -> Template {
    Template::bare(StoreName::parse("tenant").unwrap())
}

/// Creates the place, whatever its isolation.
pub async fn make(engine: &Engine, place: &Place) -> Result<()> {
    match place.isolation.is_pooled() {
        true => engine.enrol(place).await,
        false => engine.provision(place, &bare()).await,
    }
}

fn kind<T>(done: Result<T>) -> Option<Kind> {
    done.err().map(|error| error.kind().clone())
}

/// Polls a future until it has been pending `most` times, then drops it. Returns true if it completed before.
async fn abandoned(most: usize, work: impl Future<Output = Result<()>>) -> bool {
    let mut work = pin!(work);
    let mut pending = 0;
    std::future::poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(done) => {
            done.unwrap();
            Poll::Ready(true)
        }
        Poll::Pending if pending == most => Poll::Ready(false),
        Poll::Pending => {
            pending += 1;
            Poll::Pending
        }
    })
    .await
}

#[tokio::test]
async fn a_place_that_was_given_up_at_any_moment_is_made_whole_by_the_next_call() {
    on_each_server(|home| async move {
        let kinds: [fn(i64) -> (Place, Template); 3] = [
            |number| (own(number), bare()),
            |number| (schema(1000 + number), bare()),
            // The template is created again each time, too.
            |number| {
                let store = StoreName::parse(&format!("store{number}")).unwrap();
                (Place { store: store.clone(), ..own(2000 + number) }, Template::bare(store))
            },
        ];
        let step = usize::try_from(dose(7, 1)).unwrap();
        for of in kinds {
            let mut moments = 0;
            let mut whole = false;
            while !whole {
                let (place, template) = of(i64::try_from(moments).unwrap());
                whole = abandoned(moments, home.engine().provision(&place, &template)).await;
                let engine = home.engine();
                engine.provision(&place, &template).await.unwrap();
                engine.verify(&place).await.unwrap();
                is_closed_to_strangers(&home, &place).await;
                engine.drop_database(&place).await.unwrap();
                moments += step;
            }
            assert!(moments > 20, "given up before {moments} moments only");
            tried("places given up", (moments / step) as u64, "moments");
        }
        let left = home.leftovers().await;
        let left: Vec<_> = left.iter().filter(|name| !name.contains("_.")).collect();
        assert!(left.is_empty(), "{left:?}");
    })
    .await;
}

/// Checks that no role may connect to the database of a place by default.
async fn is_closed_to_strangers(home: &Home, place: &Place) {
    let sql = "SELECT datname::text FROM pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba))) AS held \
        WHERE held.grantee = 0 AND datname = '#'";
    let database = if place.isolation == tenantry_engine::place::Isolation::Database {
        home.name(place.physical.as_str())
    } else {
        home.owner()
    };
    assert_eq!(home.texts("postgres", &sql.replace('#', &database)).await, Vec::<String>::new(), "{place}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn processes_that_make_the_same_place_at_once_make_it_once() {
    on_each_server(|home| async move {
        for round in 0..3 {
            let places = [own(10 + round), schema(20 + round), pool(), pooled(round + 1)];
            for place in places {
                let made = (0..4).map(|_| {
                    let (home, place) = (home.clone(), place.clone());
                    tokio::spawn(async move {
                        let engine = home.engine();
                        make(&engine, &place).await?;
                        engine.verify(&place).await
                    })
                });
                for made in made.collect::<Vec<_>>() {
                    made.await.unwrap().unwrap_or_else(|error| panic!("{place}: {error}"));
                }
            }
        }
        let residents = home.engine().residents(&pool().server, &pool().physical, 9).await.unwrap();
        assert_eq!(residents.iter().map(|resident| resident.tenant).collect::<Vec<_>>(), [0, 1, 2, 3]);
        let templates = home.texts("postgres", &format!("SELECT datname::text FROM pg_database WHERE datistemplate AND starts_with(datname, '{}')", home.prefix)).await;
        assert_eq!(templates.len(), 1, "{templates:?}");
    })
    .await;
}

#[tokio::test]
async fn what_another_program_made_under_the_name_is_left_alone() {
    on_each_server(|home| async move {
        let engine = home.engine();
        let (database, nspname) = (home.name("tenant_1_1"), home.name("tenant_2_1"));
        let admin = home.admin("postgres").await;
        let wrong = Some(Kind::WrongIdentity);
        // A database of another program, one that the owner created for another purpose, and one that has lost its
        // identity.
        admin.batch_execute(&format!("CREATE DATABASE {database}")).await.unwrap();
        assert_eq!(kind(make(&engine, &own(1)).await), wrong);
        admin.batch_execute(&format!("ALTER DATABASE {database} OWNER TO {}", home.owner())).await.unwrap();
        assert_eq!(kind(make(&engine, &own(1)).await), wrong);
        assert_eq!(kind(engine.verify(&own(1)).await), wrong);
        make(&engine, &own(3)).await.unwrap();
        home.rows(&home.name("tenant_3_1"), "DELETE FROM _tenantry_place RETURNING 1").await;
        assert_eq!(kind(make(&engine, &own(3)).await), wrong);
        // Schemas of another program and of the owner.
        let in_home = home.admin(&home.owner()).await;
        in_home.batch_execute(&format!("CREATE SCHEMA {nspname}")).await.unwrap();
        assert_eq!(kind(make(&engine, &schema(2)).await), wrong);
        in_home.batch_execute(&format!("ALTER SCHEMA {nspname} OWNER TO {}", home.owner())).await.unwrap();
        assert_eq!(kind(make(&engine, &schema(2)).await), wrong);
        assert_eq!(kind(engine.verify(&schema(2)).await), wrong);
        // A role with this name exists, and may have rights elsewhere.
        let role = home.name("tenant_4_1.sql");
        admin.batch_execute(&format!("CREATE ROLE \"{role}\" LOGIN")).await.unwrap();
        assert_eq!(kind(make(&engine, &own(4)).await), wrong);
        assert_eq!(kind(make(&engine, &schema(4)).await), wrong);
        engine.drop_database(&own(4)).await.unwrap();
        let roles = home.texts("postgres", "SELECT rolname::text FROM pg_roles").await;
        assert!(roles.contains(&role), "another program's role was removed");
        assert!(!engine.exists(&schema(4)).await.unwrap(), "half a schema was left");
        for name in ["tenant_1_1", "tenant_2_1", "tenant_4_1"] {
            let physical = tenantry_engine::name::PhysicalName::parse(name).unwrap();
            assert!(engine.is_taken(&pool().server, &physical).await.unwrap(), "{name}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_place_is_itself_at_its_generation_only() {
    on_each_server(|home| async move {
        let engine = home.engine();
        make(&engine, &pool()).await.unwrap();
        for place in [own(1), schema(2), pooled(3)] {
            let absent = if place.isolation.is_pooled() { Kind::WrongIdentity } else { Kind::Missing };
            assert_eq!(kind(engine.verify(&place).await), Some(absent), "{place}");
            make(&engine, &place).await.unwrap();
            make(&engine, &place).await.unwrap();
            engine.verify(&place).await.unwrap();
            let later = Place { generation: 2, ..place.clone() };
            let other = Place { tenant: own(9).tenant, ..place.clone() };
            assert_eq!(kind(engine.verify(&later).await), Some(Kind::Fenced), "{place}");
            assert_eq!(kind(engine.verify(&other).await), Some(Kind::WrongIdentity), "{place}");
            assert_eq!(kind(make(&engine, &later).await), Some(Kind::Fenced), "{place}");
            if !place.isolation.is_pooled() {
                assert_eq!(kind(make(&engine, &other).await), Some(Kind::WrongIdentity), "{place}");
            }
            // Another installation does not take the place over.
            let stranger = Engine::open(
                vec![tenantry_engine::ServerSpec::postgres(place.server.clone(), home.options())],
                tenantry_engine::CacheLimits::default(),
            )
            .unwrap();
            stranger.set_platform("another").unwrap();
            assert_eq!(kind(stranger.verify(&place).await), Some(Kind::WrongIdentity), "{place}");
        }
        let gone = Place { physical: own(99).physical, ..pooled(3) };
        assert_eq!(kind(engine.verify(&gone).await), Some(Kind::Missing));
        assert_eq!(kind(engine.enrol(&gone).await), Some(Kind::Missing));
        assert_eq!(kind(engine.fence(&gone, true).await), Some(Kind::Missing));
        assert_eq!(kind(engine.place_info(&schema(99)).await), Some(Kind::Missing));
        // An older form of the platform's tables is upgraded.
        let name = home.name("tenant_2_1");
        home.rows(&home.owner(), &format!("DROP INDEX {name}._tenantry_activity__record__idx")).await;
        home.rows(&home.owner(), &format!("ALTER TABLE {name}._tenantry_place DROP COLUMN barred")).await;
        for statement in FORM_5.split(';') {
            home.rows(&home.owner(), &statement.replace(" _tenantry", &format!(" {name}._tenantry"))).await;
        }
        let older = format!("UPDATE {name}._tenantry_meta SET version = 2 RETURNING 1");
        home.rows(&home.owner(), &older).await;
        home.engine().verify(&schema(2)).await.unwrap();
        let indexes =
            "SELECT indexname::text FROM pg_indexes WHERE indexname = '_tenantry_activity__record__idx'";
        let indexes = format!("{indexes} AND schemaname = '{name}'");
        assert_eq!(home.texts(&home.owner(), &indexes).await.len(), 1);
        // A newer form is not touched.
        let newer = format!("UPDATE {}._tenantry_meta SET version = 99 RETURNING 1", home.name("tenant_2_1"));
        home.rows(&home.owner(), &newer).await;
        assert_eq!(kind(engine.verify(&schema(2)).await), Some(Kind::FormatAhead));
    })
    .await;
}

#[tokio::test]
async fn the_states_of_a_place_follow_one_another_like_on_sqlite() {
    on_each_server(|home| async move {
        let engine = home.engine();
        make(&engine, &pool()).await.unwrap();
        for place in [own(1), schema(2), pooled(3)] {
            make(&engine, &place).await.unwrap();
            let state = || async { engine.place_info(&place).await.unwrap().state };
            assert_eq!(state().await, PlaceState::Open);
            assert_eq!(kind(engine.fence_recorded(&place, 7).await), Some(Kind::Fenced));
            engine.record_changes(&place, 7).await.unwrap();
            engine.fence_recorded(&place, 7).await.unwrap();
            assert_eq!(state().await, PlaceState::Fenced { holder: Some(7) });
            engine.lift_fence(&place, Some(8)).await.unwrap();
            engine.lift_fence(&place, None).await.unwrap();
            assert_eq!(state().await, PlaceState::Fenced { holder: Some(7) });
            engine.lift_fence(&place, Some(7)).await.unwrap();
            engine.stop_recording(&place, 8).await.unwrap();
            assert_eq!(engine.place_info(&place).await.unwrap().recorder, Some(7));
            engine.stop_recording(&place, 7).await.unwrap();
            assert_eq!(engine.place_info(&place).await.unwrap().recorder, None);
            assert_eq!(kind(engine.fence_recorded(&place, 7).await), Some(Kind::Fenced), "it was undone");
            assert_eq!(kind(engine.record_changes(&place, 7).await), Some(Kind::Fenced), "a late worker");
            assert_eq!(engine.place_info(&place).await.unwrap().recorder, None);
            engine.record_changes(&place, 9).await.unwrap();
            engine.stop_recording(&place, 9).await.unwrap();
            engine.fence(&place, true).await.unwrap();
            assert_eq!(state().await, PlaceState::Fenced { holder: None });
            engine.lift_fence(&place, None).await.unwrap();
            engine.fence(&place, true).await.unwrap();
            engine.fence(&place, false).await.unwrap();
            engine.open_filled(&place, 7).await.unwrap();
            assert_eq!(state().await, PlaceState::Open);
            // A place of another generation is not changed.
            let later = Place { generation: 2, ..place.clone() };
            assert_eq!(kind(engine.record_changes(&later, 7).await), Some(Kind::Fenced));
            assert_eq!(kind(engine.fence(&later, true).await), Some(Kind::Fenced));
        }
    })
    .await;
}

#[tokio::test]
async fn a_place_is_set_aside_put_back_and_removed_with_all_that_belongs_to_it() {
    on_each_server(|home| async move {
        let engine = home.engine();
        for place in [own(1), schema(2)] {
            make(&engine, &place).await.unwrap();
            let lost = Error::new(Kind::Corrupt, "for a test");
            engine.set_aside(&place, &lost).await.unwrap();
            engine.set_aside(&place, &lost).await.unwrap();
            assert_eq!(kind(engine.verify(&place).await), Some(Kind::Missing), "{place}");
            assert!(engine.is_taken(&place.server, &place.physical).await.unwrap());
            engine.put_back(&place).await.unwrap();
            engine.verify(&place).await.unwrap();
            assert_eq!(engine.lost(&place).await.unwrap().map(|error| error.to_string()), None);
            assert!(engine.size_bytes(&place).await.unwrap() > 0);
            engine.set_aside(&place, &lost).await.unwrap();
            engine.drop_database(&place).await.unwrap();
            engine.drop_database(&place).await.unwrap();
            assert!(!engine.is_taken(&place.server, &place.physical).await.unwrap(), "{place}");
            assert!(engine.lost(&place).await.unwrap().is_some(), "{place} is missing");
        }
        let left = home.leftovers().await;
        let left: Vec<_> = left.iter().filter(|name| !name.contains("_.")).collect();
        assert!(left.is_empty(), "{left:?}");
    })
    .await;
}

#[tokio::test]
async fn a_server_tells_who_lives_on_it() {
    on_each_server(|home| async move {
        let engine = home.engine();
        let later = Place { generation: 4, ..pooled(3) };
        for place in [own(1), schema(2), pool(), later] {
            make(&engine, &place).await.unwrap();
        }
        let highest = |physical: &'static str| {
            let engine = engine.clone();
            async move {
                let physical = tenantry_engine::name::PhysicalName::parse(physical).unwrap();
                engine.highest(&pool().server, &physical, PLATFORM).await.unwrap()
            }
        };
        let found = highest("tenant_1_1").await.unwrap();
        assert_eq!((found.tenant, found.generation), (1, 1));
        let found = highest("pool").await.unwrap();
        assert_eq!((found.tenant, found.generation), (3, 4));
        assert!(highest("absent").await.is_none());
        assert_eq!(engine.generation_in(&pooled(3)).await.unwrap(), Some(4));
        assert_eq!(engine.generation_in(&pooled(4)).await.unwrap(), None);
        let absent = Place { physical: own(99).physical, ..pooled(3) };
        assert_eq!(engine.generation_in(&absent).await.unwrap(), None);
        engine.scrub(&pool()).await.unwrap();
        engine.check_pages(&pool()).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_database_made_outside_is_taken_over_once() {
    on_each_server(|home| async move {
        let engine = home.engine();
        assert_eq!(kind(engine.attach(&own(1)).await), Some(Kind::Missing));
        let owner = home.sign_in(&home.owner(), &home.owner()).await.unwrap();
        for sql in [
            format!("CREATE DATABASE {}", home.name("tenant_1_1")),
            format!("CREATE SCHEMA {}", home.name("tenant_2_1")),
        ] {
            owner.batch_execute(&sql).await.unwrap();
        }
        for place in [own(1), schema(2)] {
            engine.attach(&place).await.unwrap();
            engine.attach(&place).await.unwrap();
            engine.verify(&place).await.unwrap();
            is_closed_to_strangers(&home, &place).await;
            let other = Place { tenant: own(9).tenant, ..place.clone() };
            assert_eq!(kind(engine.attach(&other).await), Some(Kind::WrongIdentity));
        }
    })
    .await;
}

#[tokio::test]
async fn nothing_is_lost_while_a_server_is_away() {
    on_each_server(|home| async move {
        let engine = home.engine();
        make(&engine, &own(1)).await.unwrap();
        let away = Engine::open(
            vec![tenantry_engine::ServerSpec::postgres(
                own(1).server,
                tenantry_engine::engine::PostgresOptions {
                    url: "postgresql://x@127.0.0.1:1/x".into(),
                    ..home.options()
                },
            )],
            tenantry_engine::CacheLimits::default(),
        )
        .unwrap();
        for done in
            [away.verify(&own(1)).await, away.lost(&own(1)).await.map(drop), away.check_pages(&own(1)).await]
        {
            let error = done.unwrap_err();
            assert_eq!(*error.kind(), Kind::Unreachable);
            assert!(!engine.is_loss(&own(1), &error));
        }
    })
    .await;
}
