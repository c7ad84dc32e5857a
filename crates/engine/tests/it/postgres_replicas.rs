//! Reads at replicas, with real streaming replication: never older than allowed, never without the reader's own writes, and
//! never wrong when a replica lags, dies, is promoted or belongs to another server.

use crate::{
    postgres_kit::*,
    records_kit::{insert, migrations, models, name},
    records_models::field,
    replica_world::*,
};
use std::{sync::Arc, time::Duration};
use tenantry_engine::{
    Kind, ReplicaStanding,
    migration::{Migration, Op},
    model::{FieldKind, Model},
    name::StoreName,
    query::{Filter, RecordId, Select},
    row::Collect,
    schema::Schema,
    value::Value,
};
use tenantry_testkit::{
    postgres::PASSWORD,
    replicated::{Replicated, connect, until},
};
use tenantry_testservers::{Cluster, Pooler, VERSIONS, pgbouncer};
use tokio::time::sleep;

#[tokio::test]
async fn reads_of_records_go_to_a_replica_and_others_do_not() {
    for version in VERSIONS {
        let world = World::on(version).await;
        let engine = world.engine(HOUR);
        world.is_used(&engine).await;
        // The replica answers with the rows that it has, without later changes.
        world.pair.pause().await;
        world.rename_raw(false, "changed").await;
        for (place, id) in &world.tenants {
            let (of, ids) = ("hospitals", [id.clone()]);
            let session = world.session(&engine, place).await.unwrap();
            let before = report(&engine).reads;
            assert_eq!(world.name(&engine, &(place.clone(), id.clone())).await, "first", "{place}");
            let rows = session.by_ids(of, &ids, &[name("name")], Collect::default()).await.unwrap().rows;
            assert_eq!(text(&rows[0][0]), "first", "{place}");
            let select = Select { limit: 10, fields: vec![name("name")], ..Select::default() };
            let (page, _) = session.select(of, &select, None, Collect::default()).await.unwrap();
            assert_eq!(text(&page.rows[0][0]), "first", "{place}");
            assert_eq!(session.count(of, &Filter::All(vec![]), None, None).await.unwrap(), 1);
            assert!(session.exists(of, &ids).await.unwrap().is_empty());
            assert_eq!(session.activity(None, 10, 10_000).await.unwrap().len(), 1);
            // The read finds no row, so the pool is asked whether it has the tenant.
            let none = session.get(of, &RecordId::Uuid(uuid::Uuid::now_v7()), &[], Collect::default()).await;
            assert!(none.unwrap().is_none());
            assert_eq!(report(&engine).reads, before + 7, "{place}");
            assert!(!session.refers("doctors", "hospital", id).await.unwrap());
            assert_eq!(session.usage().await.unwrap().rows, 1);
            let current = engine.session(place, &world.schema).await.unwrap();
            let found = current.get(of, id, &[name("name")], Collect::default()).await.unwrap();
            assert_eq!(text(&found.unwrap().rows[0][0]), "changed", "{place}: not asked to lag");
            assert_eq!(report(&engine).reads, before + 7, "{place}");
        }
        assert_eq!((report(&engine).standing, report(&engine).repeated), (ReplicaStanding::Following, 0));
    }
}

#[tokio::test]
async fn a_caller_reads_its_own_writes_whatever_the_replica_has() {
    for version in VERSIONS {
        let world = World::on(version).await;
        let (mine, other) = (world.engine(HOUR), world.engine(HOUR));
        world.is_used(&mine).await;
        world.is_used(&other).await;
        world.pair.pause().await;
        for tenant in &world.tenants {
            for to in ["second", "third"] {
                world.rename(&mine, tenant, to).await;
                for _ in 0..20 {
                    assert_eq!(world.name(&mine, tenant).await, to, "{}", tenant.0);
                    sleep(Duration::from_millis(10)).await;
                }
            }
            assert_eq!(world.name(&other, tenant).await, "first", "another process, within the lag");
        }
        world.pair.resume().await;
        world.is_used(&mine).await;
        for tenant in &world.tenants {
            assert_eq!(world.name(&mine, tenant).await, "third");
        }
        // The first read of a process in a place sees the state in which the process found it, or a later one.
        let later = world.engine(HOUR);
        world.is_used_for(&later, &world.tenants[0]).await;
        world.pair.pause().await;
        for tenant in &world.tenants[1..] {
            world.rename(&mine, tenant, "fourth").await;
            for _ in 0..20 {
                assert_eq!(world.name(&later, tenant).await, "fourth", "{}", tenant.0);
                sleep(Duration::from_millis(10)).await;
            }
        }
        let before = report(&later).reads;
        assert_eq!(world.name(&later, &world.tenants[0]).await, "third");
        assert_eq!(report(&later).reads, before + 1, "the replica is fit for what was not changed");
    }
}

#[tokio::test]
async fn a_read_with_the_position_of_a_write_elsewhere_sees_that_write() {
    for version in VERSIONS {
        let world = World::on(version).await;
        let (mine, other) = (world.engine(HOUR), world.engine(HOUR));
        world.is_used(&other).await;
        world.pair.pause().await;
        let mut positions = vec![];
        for tenant in &world.tenants {
            let position = world.rename(&mine, tenant, "second").await.expect("a position");
            let before = report(&other);
            assert_eq!(world.name(&other, tenant).await, "first", "{}: without the position", tenant.0);
            assert_eq!(world.name_after(&other, tenant, &[position]).await, "second", "{}", tenant.0);
            let after = report(&other);
            assert_eq!(after.reads, before.reads + 1);
            assert_eq!((after.skipped, after.awaited), (before.skipped + 1, before.awaited + 1));
            positions.push(position);
        }
        let text = positions[2].to_string();
        let forged = [text[..text.len() - 1].to_owned() + "A", "A".repeat(text.len())];
        for forged in forged.map(|text| text.parse().unwrap()) {
            if forged != positions[2] {
                assert_eq!(world.name_after(&other, &world.tenants[2], &[forged]).await, "first");
            }
        }
        world.pair.resume().await;
        world.pair.caught_up().await;
        until("the replica has replayed the positions", async || {
            let before = report(&other).reads;
            assert_eq!(world.name_after(&other, &world.tenants[2], &positions).await, "second");
            report(&other).reads > before
        })
        .await;
        // Without a configured replica, a write does not ask for its position.
        let home = Home::make(&world.pair.primary.url()).await;
        let alone = home.engine();
        alone.create_system(&pool()).await.unwrap();
        alone.migrate(&pool(), &migrations(&models())).await.unwrap();
        alone.enrol(&pooled(3)).await.unwrap();
        let session = alone.session(&pooled(3), &world.schema).await.unwrap();
        let change = insert("hospitals", &[("name", Value::Text("alone".into()))]);
        assert_eq!(session.write(vec![change], &options()).await.unwrap()[0].position, None);
    }
}

#[tokio::test]
async fn a_replica_that_lags_is_skipped_until_it_has_caught_up() {
    for version in VERSIONS {
        let world = World::on(version).await;
        let (mine, other) = (world.engine(SHORT), world.engine(SHORT));
        world.is_used(&mine).await;
        world.pair.pause().await;
        for tenant in &world.tenants {
            world.rename(&other, tenant, "second").await;
        }
        // Reads within the lag may still see the old state; later reads must not. The task keeps reading meanwhile.
        sleep(SHORT).await;
        let skipped = report(&mine).skipped;
        for _ in 0..20 {
            for tenant in &world.tenants {
                assert_eq!(world.name(&mine, tenant).await, "second", "{}", tenant.0);
            }
            sleep(Duration::from_millis(50)).await;
        }
        let seen = report(&mine);
        assert_eq!(seen.skipped, skipped + 60);
        assert!(seen.lag.unwrap() > SHORT, "{seen:?}");
        world.pair.resume().await;
        world.is_used(&mine).await;
        assert!(report(&mine).lag.unwrap() < SHORT, "{:?}", report(&mine));
    }
}

#[tokio::test]
async fn a_replica_that_dies_is_skipped_and_used_again_after_its_restart() {
    for version in VERSIONS {
        let mut world = World::on(version).await;
        let engine = world.engine(HOUR);
        world.is_used(&engine).await;
        world.pair.replica.kill().unwrap();
        for _ in 0..30 {
            for tenant in &world.tenants {
                assert_eq!(world.name(&engine, tenant).await, "first");
            }
            sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(report(&engine).standing, ReplicaStanding::Away);
        assert_eq!(report(&engine).lag, None);
        assert!(engine.reachable()[0].1, "the primary answers");
        world.pair.replica.start_again().unwrap();
        world.is_used(&engine).await;
        assert_eq!(report(&engine).standing, ReplicaStanding::Following);
    }
}

/// Returns the models with one more field, and their migrations.
fn evolved() -> (Vec<Arc<Model>>, Vec<Migration>) {
    let city = field("city", FieldKind::Text { max_length: Some(40) });
    let add = |model: &Arc<Model>| match model.name.as_str() {
        "hospitals" => {
            let mut model = (**model).clone();
            model.fields.push(city.clone());
            Arc::new(model)
        }
        _ => model.clone(),
    };
    let [first] = migrations(&models());
    let hospitals = models().iter().find(|model| model.name.as_str() == "hospitals").unwrap().clone();
    let (store, model) = (hospitals.store.clone(), hospitals.name.clone());
    let op = Op::AddField { store, model, field: city.clone(), fill: None };
    let second = Migration {
        app: first.app.clone(),
        name: "0002_city".into(),
        depends: vec![first.id()],
        ops: vec![op],
    };
    (models().iter().map(add).collect(), vec![first, second])
}

#[tokio::test]
async fn a_migration_is_never_seen_by_halves() {
    for version in VERSIONS {
        let mut world = World::on(version).await;
        let (old, new) = (world.engine(HOUR), world.engine(HOUR));
        world.is_used(&old).await;
        world.pair.pause().await;
        let (models, migrations) = evolved();
        for place in [own(1), schema(2), pool()] {
            new.migrate(&place, &migrations).await.unwrap();
        }
        let known = std::mem::replace(
            &mut world.schema,
            Arc::new(Schema::new(StoreName::parse("tenant").unwrap(), models, &migrations).unwrap()),
        );
        for (place, id) in &world.tenants {
            let session = world.session(&new, place).await.unwrap();
            for _ in 0..20 {
                let found = session.get("hospitals", id, &[name("city")], Collect::default()).await.unwrap();
                assert_eq!(found.unwrap().rows, [[Value::Null]], "{place}: the replica has no such column");
                sleep(Duration::from_millis(10)).await;
            }
        }
        assert_eq!((report(&new).reads, report(&new).repeated), (0, 0));
        world.pair.resume().await;
        world.is_used(&new).await;
        // The replica is ahead of a process with the old schema.
        for (place, id) in &world.tenants {
            let refused = match old.session(place, &known).await {
                Ok(session) => {
                    session.may_lag().get("hospitals", id, &[], Collect::default()).await.map(drop)
                }
                Err(error) => Err(error),
            };
            assert!(matches!(refused.unwrap_err().kind(), Kind::SchemaAhead), "{place}");
        }
    }
}

#[tokio::test]
async fn a_promoted_replica_is_never_used() {
    for version in VERSIONS {
        let world = World::on(version).await;
        let engine = world.engine(HOUR);
        world.is_used(&engine).await;
        // Waits until the replica is no longer asked: from now on, only the read itself can notice later changes.
        sleep(Duration::from_secs(3)).await;
        world.pair.on_replica("SELECT pg_promote()").await;
        world.rename_raw(true, "elsewhere").await;
        let before = report(&engine).reads;
        for _ in 0..30 {
            for tenant in &world.tenants {
                assert_eq!(world.name(&engine, tenant).await, "first");
            }
            sleep(Duration::from_millis(10)).await;
        }
        let seen = report(&engine);
        assert_eq!((seen.reads, seen.standing), (before, ReplicaStanding::NotAStandby));
        assert!(seen.repeated > 0, "{seen:?}");
    }
}

#[tokio::test]
async fn a_standby_of_another_server_is_never_used() {
    let (world, stranger) = (World::on(VERSIONS[0]).await, Replicated::start(VERSIONS[0]));
    let owner = world.home.owner();
    let role = format!("CREATE ROLE {owner} LOGIN PASSWORD '{PASSWORD}'");
    for sql in [role, format!("CREATE DATABASE {owner} OWNER {owner}")] {
        connect(&stranger.primary.url(), "postgres").await.batch_execute(&sql).await.unwrap();
    }
    // Makes the standby's position exceed that of the primary.
    let much = "CREATE TABLE much AS SELECT repeat('x', 1000) FROM generate_series(1, 50000)";
    connect(&stranger.primary.url(), &owner).await.batch_execute(much).await.unwrap();
    stranger.caught_up().await;
    let at = stranger.replica.url().replace("//postgres:", &format!("//{owner}:"));
    let engine = world.engine_with(HOUR, at);
    until("the standby was asked", async || {
        for tenant in &world.tenants {
            assert_eq!(world.name(&engine, tenant).await, "first");
        }
        report(&engine).standing != ReplicaStanding::Unknown
    })
    .await;
    for _ in 0..30 {
        for tenant in &world.tenants {
            assert_eq!(world.name(&engine, tenant).await, "first");
        }
        sleep(Duration::from_millis(10)).await;
    }
    let seen = report(&engine);
    assert_eq!((seen.standing, seen.reads, seen.repeated), (ReplicaStanding::Foreign, 0, 0));
}

#[tokio::test]
async fn a_tenant_that_left_its_pool_is_not_read_as_one_without_rows() {
    for version in VERSIONS {
        let world = World::on(version).await;
        let engine = world.engine(HOUR);
        world.is_used(&engine).await;
        let (place, id) = &world.tenants[2];
        let session = world.session(&engine, place).await.unwrap();
        // Another process moves the tenant away.
        world.engine(HOUR).withdraw(place).await.unwrap();
        world.pair.caught_up().await;
        let found = session.get("hospitals", id, &[], Collect::default()).await.map(|found| found.is_some());
        assert_eq!(*found.unwrap_err().kind(), Kind::Fenced);
        assert_eq!(report(&engine).standing, ReplicaStanding::Following);
    }
}

#[tokio::test]
async fn a_process_that_reads_nothing_asks_nothing() {
    let world = World::on(VERSIONS[0]).await;
    let engine = world.engine(HOUR);
    world.is_used(&engine).await;
    let sql = format!("SELECT count(*) FROM pg_stat_activity WHERE usename = '{}'", world.home.owner());
    let primary = connect(&world.pair.primary.url(), "postgres").await;
    let replica = connect(&world.pair.replica.url(), "postgres").await;
    for server in [primary, replica] {
        until("connections that are not used are closed", async || {
            server.query_one(&sql, &[]).await.unwrap().get::<_, i64>(0) == 0
        })
        .await;
    }
    world.is_used(&engine).await;
}

/// PgBouncer in transaction mode is in front of the primary and of the replica.
#[tokio::test]
async fn replicas_are_read_behind_poolers() {
    for version in VERSIONS {
        let world = World::on(version).await;
        let pooler = |of: &Cluster| {
            let socket = of.socket().display().to_string();
            Pooler::start(&pgbouncer().unwrap(), (&socket, 5432), &world.home.owner(), 3).unwrap()
        };
        let (near, far) = (pooler(&world.pair.primary), pooler(&world.pair.replica));
        let behind = || world.engine_behind(HOUR, &near.address(), &far.address());
        let (engine, other) = (behind(), behind());
        world.is_used(&engine).await;
        world.is_used(&other).await;
        world.pair.pause().await;
        for tenant in &world.tenants {
            let position = world.rename(&engine, tenant, "changed").await.unwrap();
            assert_eq!(world.name(&engine, tenant).await, "changed", "{}: its own write", tenant.0);
            assert_eq!(world.name(&other, tenant).await, "first", "{}: the replica answers", tenant.0);
            assert_eq!(world.name_after(&other, tenant, &[position]).await, "changed", "{}", tenant.0);
        }
        world.pair.resume().await;
        world.pair.caught_up().await;
        for tenant in &world.tenants {
            world.is_used_for(&engine, tenant).await;
            assert_eq!(world.name(&engine, tenant).await, "changed", "{}", tenant.0);
        }
        engine.shutdown().await;
        other.shutdown().await;
    }
}
