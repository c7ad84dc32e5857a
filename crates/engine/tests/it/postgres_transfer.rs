//! Copies of places of every kind of server and isolation, and places made from these copies.

use crate::{
    carry_kit::*,
    schema_kit::store,
    schema_lab::TENANT,
    schema_rows::{Cell, NOW},
};
use std::{sync::Arc, time::Duration};
use tenantry_engine::{
    Digest, Kind, ModelDiff, PlaceState, Script,
    migration::Op,
    name::TenantId,
    place::{Isolation, Place},
};
use tokio::time::timeout;

/// Every kind of source goes to every kind of target and back, through a copy and directly.
#[tokio::test(flavor = "multi_thread")]
async fn copies_of_every_kind_become_places_of_every_kind_with_equal_contents() {
    let carrier = Carrier::new().await;
    let sources = carrier.places().await;
    let mut wanted: Option<Digest> = None;
    let mut bytes = None;
    for source in &sources {
        source.fill().await;
        let digest = carrier.digest(&source.place()).await;
        assert_eq!(wanted.get_or_insert_with(|| digest.clone()), &digest, "{source}");
        let (copy, copied) = carrier.copy(&source.place()).await;
        assert_eq!(copied.left_out, Vec::<String>::new());
        let of_copy = carrier.lab.engine.digest_copy(&copy, &carrier.schema, Some(tenant())).await.unwrap();
        assert_eq!(of_copy, digest, "{source}");
        for (like, direct) in sources.iter().flat_map(|like| [(like, false), (like, true)]) {
            let to = carrier.target(like).await;
            if to.isolation.is_pooled() {
                // Lines of another tenant, whose numbers are among those of this tenant.
                let add = format!(
                    "INSERT INTO _tenantry_activity(tenant, at, actor, action, model, record)
                     VALUES ({}, '{NOW}', 'bob', 'create', 'things', '1')",
                    TENANT + 1
                );
                let pool = carrier.lab.at(&to).await;
                for _ in 0..=TENANT {
                    pool.execute(&add).await;
                }
            }
            for _ in 0..2 {
                let made = match direct {
                    true => carrier.carry(&source.place(), &to).await.map(drop),
                    false => carrier.adopt(&to, &copy).await,
                };
                made.unwrap_or_else(|error| panic!("{source} -> {like}: {error}"));
            }
            assert_eq!(carrier.digest(&to).await, digest, "{source} -> {like}");
            let found = carrier.lab.at(&to).await;
            assert_eq!(found.log().await, source.log().await, "{source} -> {like}");
            assert!(found.last_id().await.parse::<i64>().unwrap() >= 5000, "{source} -> {like}");
            let info = carrier.lab.engine.place_info(&to).await.unwrap();
            let state = if direct { PlaceState::Closed } else { PlaceState::Open };
            assert_eq!((info.state, info.rows), (state, digest.rows()), "{source} -> {like}");
            assert!(info.log_upto.is_some_and(|upto| upto >= 2));
            // Tests write rows of SQLite without counting them, and a copy of pages has the counter of its source.
            if like.is_postgres() || like.is_pooled() || source.is_postgres() || source.is_pooled() {
                assert_eq!(*bytes.get_or_insert(info.bytes), info.bytes, "{source} -> {like}");
            }
            if like.is_postgres() {
                assert_eq!(carrier.lab.engine.check_rows(&to, &carrier.script).await.unwrap(), []);
                assert_eq!(carrier.lab.engine.check_search(&found.whole, &carrier.script).await.unwrap(), []);
                let searched = "SELECT id FROM things WHERE _search @@ '''angstrom'''::tsquery";
                assert_eq!(found.query(searched).await, [["2"]], "{source} -> {like}");
            }
            if to.isolation.is_pooled() {
                let neighbour =
                    Place { tenant: Some(TenantId::from_raw(TENANT + 1)), generation: 1, ..to.clone() };
                assert_eq!(carrier.digest(&neighbour).await.rows(), 0);
                carrier.lab.engine.withdraw(&to).await.unwrap();
                carrier.lab.engine.withdraw(&to).await.unwrap();
                carrier.lab.engine.verify(&neighbour).await.unwrap();
                let left = found.query("SELECT DISTINCT tenant FROM _tenantry_activity").await;
                assert_eq!(left, [[(TENANT + 1).to_string()]]);
                let lines = found.query("SELECT count(*) FROM _tenantry_activity").await;
                assert_eq!(lines, [[(TENANT + 1).to_string()]], "{source} -> {like}");
            }
        }
    }
    drop(sources);
    carrier.lab.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_difference_is_counted() {
    let carrier = Carrier::new().await;
    let kinds = carrier.places().await;
    for live in &kinds {
        for like in &kinds {
            if std::ptr::eq(live, like) {
                continue;
            }
            live.execute("DELETE FROM things").await;
            like.execute("DELETE FROM things").await;
            for (id, of_live, of_other) in
                [(1, true, true), (2, true, false), (3, false, true), (4, true, true), (5, true, true)]
            {
                for (subject, _) in [(live, of_live), (like, of_other)].into_iter().filter(|(_, has)| *has) {
                    subject.insert(&models(), "things", id, &[("price", Cell::Integer(id))]).await;
                }
            }
            like.execute(
                "UPDATE things SET price = NULL WHERE id = 4; UPDATE things SET version = 2 WHERE id = 5",
            )
            .await;
            let diff =
                carrier.lab.engine.compare(&live.place(), &like.place(), &carrier.schema).await.unwrap();
            let things = diff.iter().find(|diff| diff.model.as_str() == "things").unwrap();
            let counts = |diff: &ModelDiff| (diff.added, diff.changed, diff.removed);
            assert_eq!((diff.len(), counts(things)), (2, (1, 2, 1)), "{live} -> {like}");
            // Copies omit the recording of changes.
            like.note("things", &["3", "4"]).await;
            let engine = &carrier.lab.engine;
            let diff =
                engine.compare_unwritten(&live.place(), &like.place(), &carrier.script, 0).await.unwrap();
            let things = diff.iter().find(|diff| diff.model.as_str() == "things").unwrap();
            assert_eq!(counts(things), (0, 1, 1), "{live} -> {like}");
            like.execute("DELETE FROM _tenantry_changes").await;
        }
    }
    drop(kinds);
    carrier.lab.remove().await;
}

/// A tenant that is behind the newest schema is copied and restored with its own schema. Rows of tables that no model
/// declares are reported.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_has_the_schema_of_its_place_and_names_what_it_leaves_out() {
    let mut carrier = Carrier::new().await;
    let raw = raw("0002_table", "CREATE TABLE remarks(text text)");
    let newest = migration(
        "0003_more",
        vec![Op::DropIndex {
            store: store("tenant"),
            model: models()[0].name.clone(),
            index: models()[0].indexes[0].clone(),
        }],
    );
    carrier.script = Arc::new(Script::new(&store("tenant"), &[first(), raw.clone(), newest]).unwrap());
    let kinds = carrier.places().await;
    for source in &kinds {
        source.migrate(&[first(), raw.clone()]).await.unwrap();
        source.insert(&models(), "things", 1, &[("code", Cell::Text("a"))]).await;
        let by_rows = source.is_postgres() || source.is_pooled();
        let (_, copied) = carrier.copy(&source.place()).await;
        assert_eq!(copied.left_out, Vec::<String>::new(), "{source}: the table is empty");
        source.execute("INSERT INTO remarks(text) VALUES ('mine')").await;
        let (copy, copied) = carrier.copy(&source.place()).await;
        let named = carrier.lab.engine.undeclared(&source.place(), &carrier.script).await.unwrap();
        assert_eq!(named, ["remarks"], "{source}");
        assert_eq!(copied.left_out, if by_rows { named } else { vec![] }, "{source}");
        let info = carrier.lab.engine.inspect_copy(&copy, &store("tenant"), Some(tenant())).await.unwrap();
        assert_eq!(info.migrations, [first().id(), raw.id()], "{source}");
        let to = carrier.target(&kinds[kinds.len() - 1]).await;
        let filled = carrier.carry(&source.place(), &to).await.unwrap();
        assert_eq!(filled.left_out, ["remarks"], "{source}");
        assert!(carrier.lab.engine.place_info(&to).await.is_err(), "{source}: nothing was made");
        for like in kinds.iter().filter(|like| like.is_postgres() && !like.is_pooled()) {
            let to = Place { generation: 2, ..carrier.lab.unused(&like.whole) };
            carrier.adopt(&to, &copy).await.unwrap();
            let found = carrier.lab.at(&to).await;
            assert_eq!(found.applied().await, 2, "{source} -> {like}");
            assert_eq!(found.query("SELECT code FROM things").await, [["a"]]);
        }
        // A pool that lacks a migration of the copy accepts no rows.
        for like in kinds.iter().filter(|like| like.is_postgres() && like.is_pooled()) {
            assert_eq!(kind(carrier.adopt(&carrier.target(like).await, &copy).await), Kind::SchemaBehind);
        }
    }
    drop(kinds);
    carrier.lab.remove().await;
}

/// A caller that disconnects at any step leaves a place that is incomplete or complete; the next call finishes it.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_given_up_anywhere_is_repeated() {
    let carrier = Carrier::new().await;
    let source = carrier.lab.subject("files", Isolation::Database).await;
    source.migrate(&[first()]).await.unwrap();
    source.fill().await;
    let digest = carrier.digest(&source.place()).await;
    let (copy, _) = carrier.copy(&source.place()).await;
    for like in &carrier.lab.on_postgres(true).await {
        like.migrate(&[first()]).await.unwrap();
        let to = carrier.target(like).await;
        for step in 0..12_u64 {
            let given_up = timeout(Duration::from_millis(step * step), carrier.adopt(&to, &copy)).await;
            if given_up.is_err()
                && let Ok(info) = carrier.lab.engine.place_info(&to).await
            {
                // The place is open if the last commit was made but its answer was not awaited.
                let is_whole = info.state.is_open() || info.state.is_complete();
                assert_eq!(is_whole, info.rows > 0, "{like}: {info:?}");
            }
        }
        carrier.adopt(&to, &copy).await.unwrap();
        assert_eq!(carrier.digest(&to).await, digest, "{like}");
        for isolation in [Isolation::Database, Isolation::Pooled] {
            let kind = carrier.lab.subject("files", isolation).await;
            let next = Place { generation: 3, ..carrier.target(&kind).await };
            for step in 0..12_u64 {
                let given_up = timeout(Duration::from_millis(step * step), carrier.carry(&to, &next)).await;
                if given_up.is_err()
                    && let Ok(info) = carrier.lab.engine.place_info(&next).await
                {
                    assert!(!info.state.is_open(), "{like} -> {isolation:?}: {info:?}");
                }
            }
            carrier.carry(&to, &next).await.unwrap();
            assert_eq!(carrier.digest(&next).await, digest, "{like} -> {isolation:?}");
        }
        let back = carrier.copies.path().join(format!("{}.db", uuid::Uuid::now_v7()));
        let given_up = carrier.lab.engine.copy_out(&to, &carrier.script, &back);
        drop(timeout(Duration::from_millis(3), given_up).await);
        let (back, _) = carrier.copy(&to).await;
        let found = carrier.lab.engine.digest_copy(&back, &carrier.schema, Some(tenant())).await.unwrap();
        assert_eq!(found, digest, "{like}");
    }
    carrier.lab.remove().await;
}

/// A text that an earlier version of this program, or a migration, put into an index.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_does_not_fit_is_named_and_nothing_is_made() {
    let carrier = Carrier::new().await;
    let source = carrier.lab.subject("files", Isolation::Database).await;
    source.migrate(&[first()]).await.unwrap();
    let long = "x".repeat(3_000);
    source.insert(&models(), "things", 1, &[("code", Cell::Text("a"))]).await;
    source.insert(&models(), "things", 2, &[("code", Cell::Text(&long))]).await;
    source.count().await;
    let rule = "must have at most 2400 bytes in UTF-8, because it is in an index";
    for like in &carrier.lab.on_postgres(true).await {
        like.migrate(&[first()]).await.unwrap();
        let to = carrier.target(like).await;
        let refused = kind(carrier.carry(&source.place(), &to).await);
        assert_eq!(refused, Kind::Invalid("things.code of record 2".into(), rule.into()), "{like}");
        let info = carrier.lab.engine.place_info(&to).await;
        assert!(info.is_err() || info.is_ok_and(|info| info.rows == 0 && !info.state.is_open()), "{like}");
    }
    let faults = carrier.lab.engine.check_rows(&source.place(), &carrier.script).await.unwrap();
    assert!(format!("{faults:?}").contains(rule), "{faults:?}");
    let pool = carrier.lab.subject("files", Isolation::Pooled).await;
    let to = carrier.target(&pool).await;
    carrier.carry(&source.place(), &to).await.unwrap();
    assert_eq!(carrier.digest(&to).await, carrier.digest(&source.place()).await);
    carrier.lab.remove().await;
}
