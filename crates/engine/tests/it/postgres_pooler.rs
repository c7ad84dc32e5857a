//! PgBouncer in transaction mode: each transaction may run on another connection of the server, and statements of
//! different tenants follow one another on the same connection.

use crate::{
    postgres_doctors::{Doctors, WORD, place},
    postgres_kit::{Home, on_each_server},
    transfer_kit::{migrations, script, store},
};
use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};
use tenantry_engine::{
    Kind, Script, SqlLimits,
    migration::{Migration, Op, Statements},
    model::{Field, FieldKind},
    name::ModelName,
    place::{Isolation, Place},
    query::{RecordId, Select},
    row::Collect,
    value::Value,
    write::WriteOptions,
};
use tenantry_testservers::{Pooler, pgbouncer};

/// Largest number of server connections that the pooler opens for each database.
const CONNECTIONS: u16 = 3;
const WRITES: usize = 12;

fn on_pg(isolation: Isolation, tenant: i64, generation: u64) -> Place {
    place("pg", isolation, tenant, generation)
}

/// Creates two tenants of each isolation.
async fn make(world: &Doctors) -> Vec<Place> {
    let isolations = [Isolation::Pooled, Isolation::Schema, Isolation::Database];
    let isolations = isolations.into_iter().flat_map(|isolation| [isolation; 2]);
    let places: Vec<_> =
        (1..).zip(isolations).map(|(tenant, isolation)| on_pg(isolation, tenant, 1)).collect();
    world.make(&places).await;
    places
}

/// Returns the names of the doctors that the search finds.
async fn names(world: &Doctors, place: &Place) -> Vec<String> {
    world.names(place, Some(WORD)).await.unwrap()
}

fn expected(tenant: i64) -> Vec<String> {
    let mut names: Vec<_> = (0..WRITES).map(|n| format!("t{tenant} n{n}")).collect();
    names.sort();
    names
}

async fn behind(home: &Home) -> (Pooler, Doctors) {
    let (host, port) = home.address();
    let pooler = Pooler::start(&pgbouncer().unwrap(), (&host, port), &home.owner(), CONNECTIONS).unwrap();
    let world = Doctors::new(home.engine_behind(&pooler.address()));
    (pooler, world)
}

/// Tenants of every isolation write and read concurrently through few connections, are migrated, move and are removed.
#[tokio::test]
async fn tenants_of_every_isolation_live_behind_a_pooler() {
    on_each_server(|home| async move {
        let (_pooler, world) = behind(&home).await;
        let world = Arc::new(world);
        let places = make(&world).await;
        let mut writers = tokio::task::JoinSet::new();
        for place in &places {
            for number in 0..WRITES {
                let (world, place) = (world.clone(), place.clone());
                let name = format!("t{} n{number}", place.tenant.unwrap());
                writers.spawn(async move {
                    world.write(&place, &name).await.unwrap();
                    names(&world, &place).await
                });
            }
        }
        while let Some(seen) = writers.join_next().await {
            assert!(!seen.unwrap().is_empty());
        }
        for place in &places {
            assert_eq!(names(&world, place).await, expected(place.tenant.unwrap().get()), "{place}");
        }
        move_around(&world, &places).await;
        migrate(&world, &places).await;
        for place in places.iter().filter(|place| !place.isolation.is_pooled()) {
            world.engine.drop_database(place).await.unwrap();
            assert!(!world.engine.exists(place).await.unwrap(), "{place}");
        }
        world.engine.withdraw(&places[0]).await.unwrap();
        assert_eq!(names(&world, &places[1]).await, expected(2));
        let (pool, newer) = (Place { tenant: None, ..places[1].clone() }, newer());
        world.engine.migrate(&pool, &newer).await.unwrap();
        correct(&world, &places[1], &Arc::new(Script::new(&store(), &newer).unwrap())).await;
        world.engine.shutdown().await;
    })
    .await;
}

/// Fills a place of each isolation from a place of another one, and catches up.
async fn move_around(world: &Doctors, places: &[Place]) {
    let (engine, script) = (&world.engine, script(&migrations(vec![])));
    let ways =
        [(&places[2], Isolation::Database), (&places[4], Isolation::Pooled), (&places[1], Isolation::Schema)];
    for (from, isolation) in ways {
        let to = on_pg(isolation, from.tenant.unwrap().get(), 2);
        engine.record_changes(from, 77).await.unwrap();
        engine.fill(from, &to, &script, &AtomicU64::new(0)).await.unwrap();
        let late = "late";
        world.write(from, late).await.unwrap();
        engine.copy_changes(from, &to, &script, 77, 0, 100).await.unwrap();
        engine.fence_recorded(from, 77).await.unwrap();
        assert_eq!(world.write(from, "later").await.unwrap_err().kind(), &Kind::Fenced);
        engine.open_filled(&to, 77).await.unwrap();
        assert_eq!(names(world, &to).await, names(world, from).await, "{from} -> {to}");
        engine.stop_recording(&to, 77).await.unwrap();
        // Restores the state for the rest of the test.
        engine.lift_fence(from, Some(77)).await.unwrap();
        engine.stop_recording(from, 77).await.unwrap();
        let session = engine.session(from, &world.schema).await.unwrap();
        let select = Select { limit: 500, ..Select::default() };
        let rows = session.select("doctors", &select, None, Collect::default()).await.unwrap().0.rows;
        let late = rows.iter().find(|row| row.contains(&Value::Text(late.into()))).unwrap();
        let Value::Integer(id) = late[0] else { panic!("{late:?}") };
        let change = crate::records_kit::delete("doctors", &RecordId::Integer(id), None);
        session.write(vec![change], &WriteOptions::default()).await.unwrap();
        match isolation {
            Isolation::Pooled => engine.withdraw(&to).await.unwrap(),
            Isolation::Schema | Isolation::Database => engine.drop_database(&to).await.unwrap(),
        }
    }
}

/// Returns migrations with a step of operations, and one of SQL.
fn newer() -> Vec<Migration> {
    let field = crate::records_models::field("beds", FieldKind::Integer { min: None, max: None });
    let add = Op::AddField {
        store: store(),
        model: ModelName::parse("hospitals").unwrap(),
        field: Field { index: true, ..field },
        fill: None,
    };
    let postgres = [
        "CREATE TABLE extras (note text)",
        "INSERT INTO extras SELECT name FROM hospitals",
        "UPDATE doctors SET name = 'raw' WHERE name = 'late'",
        "CREATE INDEX extras__note__idx ON extras(note)",
    ];
    let statements = Statements { postgres: postgres.map(str::to_owned).to_vec(), ..Statements::default() };
    let raw = Op::Raw { store: store(), statements, reverse: None };
    migrations(vec![vec![add], vec![raw]])
}

async fn migrate(world: &Doctors, places: &[Place]) {
    let newer = newer();
    let whole = Arc::new(Script::new(&store(), &newer).unwrap());
    for place in places.iter().filter(|place| !place.isolation.is_pooled()) {
        assert_eq!(
            world.engine.migrate(place, &newer).await.unwrap().applied,
            ["clinic/0002_step", "clinic/0003_step"],
            "{place}"
        );
        assert!(world.engine.migrate(place, &newer).await.unwrap().applied.is_empty(), "{place}");
        correct(world, place, &whole).await;
        assert_eq!(world.write(place, "ahead").await.unwrap_err().kind(), &Kind::SchemaAhead, "{place}");
    }
}

/// An operator corrects values of a place.
async fn correct(world: &Doctors, place: &Place, script: &Arc<Script>) {
    let limit = Duration::from_secs(20);
    for (text, changed) in [
        ("UPDATE doctors SET name = upper(name) WHERE id < 3", Some(2)),
        ("UPDATE doctors SET name = name || '!' WHERE id < 3 AND name = upper(name)", Some(2)),
        ("REINDEX", None),
    ] {
        let done = world.engine.operator_repair(place, script, text, limit).await.unwrap();
        assert_eq!(done, changed, "{place}: {text}");
    }
}

/// A tenant's own SQL signs in as another role, which this pooler does not know.
#[tokio::test]
async fn a_tenants_own_sql_is_refused_by_a_pooler_that_does_not_know_the_role() {
    on_each_server(|home| async move {
        let (_pooler, world) = behind(&home).await;
        let places = make(&world).await;
        for place in &places {
            world.write(place, "mine").await.unwrap();
            let session = world.engine.session(place, &world.schema).await.unwrap();
            let limits = SqlLimits::default();
            let asked =
                session.sql("SELECT count(*) AS n FROM doctors", serde_json::Value::Null, limits).await;
            let Kind::Denied(why) = asked.unwrap_err().kind().clone() else { panic!("{place}") };
            assert_eq!(why.contains("pooler"), !place.isolation.is_pooled(), "{place}: {why}");
        }
        world.engine.shutdown().await;
    })
    .await;
}

/// Tenants of one database share its connections, with different roles and statements in turn.
#[tokio::test]
async fn tenants_take_turns_on_one_connection() {
    on_each_server(|home| async move {
        let world = Doctors::new(home.engine_with_one_connection());
        let places = make(&world).await;
        for round in 0..3 {
            for place in &places {
                world.write(place, &format!("n{round}")).await.unwrap();
                assert_eq!(names(&world, place).await.len(), round + 1, "{place}");
            }
            for place in places.iter().rev() {
                assert_eq!(names(&world, place).await.len(), round + 1, "{place}");
            }
        }
        world.engine.shutdown().await;
    })
    .await;
}
