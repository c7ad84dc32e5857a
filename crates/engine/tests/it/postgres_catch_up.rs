//! Catching up between places of every kind of server and isolation.

use crate::{
    carry_kit::*,
    schema_lab::TENANT,
    schema_rows::{Cell, uuid},
};
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering::Relaxed},
};
use tenantry_engine::{Kind, place::Place};

/// Each round carries an arbitrary part of related changes: unique values that are exchanged, a circle of references,
/// rows that refer to later rows, and deletions.
#[tokio::test(flavor = "multi_thread")]
async fn a_place_catches_up_with_one_of_any_kind() {
    let carrier = Carrier::new().await;
    let kinds = carrier.places().await;
    for (number, like) in kinds.iter().enumerate() {
        for from in 0..kinds.len() {
            // Tests all pairs whose source is new. Places of the same kind need only one test.
            if kinds[from].whole.server.as_str() != "files" && like.whole.server != kinds[from].whole.server {
                continue;
            }
            let source =
                carrier.lab.subject(kinds[from].whole.server.as_str(), kinds[from].whole.isolation).await;
            source.migrate(&[first()]).await.unwrap();
            let (old, new) = (source.place(), carrier.target(like).await);
            let small = |id: i64, code: &'static str| {
                let all = models();
                let source = &source;
                async move { source.insert(&all, "things", id, &[("code", Cell::Text(code))]).await }
            };
            for (id, code) in [(1, "a"), (2, "b"), (3, "c"), (4, "d")] {
                small(id, code).await;
            }
            source.execute("UPDATE things SET parent = 3 WHERE id = 4").await;
            source.count().await;
            let engine = &carrier.lab.engine;
            assert_eq!(kind(carrier.round(&old, &new, 0, 9).await), missing_kind(&new), "{source} -> {like}");
            engine.record_changes(&old, TOKEN).await.unwrap();
            let trimmed = engine.trim_activity(&old, jiff::Timestamp::now(), 9).await;
            assert_eq!(kind(trimmed), Kind::Busy, "{source} -> {like}");
            carrier.carry(&old, &new).await.unwrap();
            source.execute("UPDATE things SET code = 'x' WHERE id = 1; UPDATE things SET code = 'a' WHERE id = 2; UPDATE things SET code = 'b' WHERE id = 1").await;
            source.note("things", &["1", "2", "1"]).await;
            small(9, "nine").await;
            small(8, "eight").await;
            source
                .execute(
                    "UPDATE things SET parent = 9 WHERE id = 8; UPDATE things SET parent = 8 WHERE id = 4",
                )
                .await;
            // The row that another row refers to comes later.
            source.note("things", &["8", "9"]).await;
            source
                .insert(&models(), "tags", 5, &[("label", Cell::Text("new")), ("first", Cell::Integer(9))])
                .await;
            let tag = uuid(5);
            source
                .execute(&format!(
                    "UPDATE things SET tag = '{tag}' WHERE id = 2; DELETE FROM things WHERE id = 3"
                ))
                .await;
            // A deletion is recorded before the rows that lose their reference.
            source.note("things", &["3", "4", "2"]).await;
            source.note("tags", &[&tag]).await;
            let most = [1, 2, 3, 100][(number + from) % 4];
            carrier.catch_up(&old, &new, 0, most).await;
            assert_eq!(carrier.digest(&new).await, carrier.digest(&old).await, "{source} -> {like}");
            let info = engine.place_info(&new).await.unwrap();
            assert_eq!(info.rows, 6, "{source} -> {like}");
            // Calls of a late worker change nothing.
            let late = engine.copy_changes(&old, &new, &carrier.script, TOKEN + 1, 0, 9).await;
            assert_eq!(kind(late), Kind::Fenced);
            engine.fence_recorded(&old, TOKEN).await.unwrap();
            engine.open_filled(&new, TOKEN).await.unwrap();
            assert_eq!(kind(carrier.round(&old, &new, 0, 9).await), Kind::Fenced, "opened already");
        }
    }
    drop(kinds);
    carrier.lab.remove().await;
}

fn missing_kind(place: &Place) -> Kind {
    if place.isolation.is_pooled() { Kind::WrongIdentity } else { Kind::Missing }
}

/// While a place is copied and catches up, writers continue. None of their writes is lost, and none arrives twice.
#[tokio::test(flavor = "multi_thread")]
async fn no_write_is_lost_while_a_place_catches_up_two_workers_carry() {
    let carrier = Carrier::new().await;
    let kinds = carrier.places().await;
    for (source, like) in
        kinds.iter().zip(kinds.iter().cycle().skip(1)).filter(|(source, _)| source.is_postgres())
    {
        let (old, new) = (source.place(), carrier.target(like).await);
        let engine = &carrier.lab.engine;
        source.insert(&models(), "things", 1, &[("whole", Cell::Integer(0))]).await;
        engine.record_changes(&old, TOKEN).await.unwrap();
        let done = Arc::new(AtomicI64::new(0));
        let writer = write(source.client().await, source.is_pooled(), done.clone());
        carrier.carry(&old, &new).await.unwrap();
        let (mut after, mut rounds) = (0, 0);
        while rounds < 5 || done.load(Relaxed) < 4 {
            rounds += 1;
            // Two workers of the same move carry the same changes.
            let (one, two) =
                tokio::join!(carrier.round(&old, &new, after, 7), carrier.round(&old, &new, after, 7));
            after = one.or(two).unwrap().seq;
        }
        engine.fence_recorded(&old, TOKEN).await.unwrap();
        let written = writer.await.unwrap();
        carrier.catch_up(&old, &new, after, 50).await;
        assert_eq!(carrier.digest(&new).await, carrier.digest(&old).await, "{source} -> {like}");
        let found = carrier.lab.at(&new).await;
        assert_eq!(found.query("SELECT whole FROM things WHERE id = 1").await[0][0], written.to_string());
        assert_eq!(found.query("SELECT count(*) FROM things").await[0][0], (written + 1).to_string());
    }
    drop(kinds);
    carrier.lab.remove().await;
}

/// Writes like a session until the place is fenced: locks the row of the place, changes records and records the
/// changes. Keeps the number of committed writes in `done`.
fn write(client: tokio_postgres::Client, pooled: bool, done: Arc<AtomicI64>) -> tokio::task::JoinHandle<i64> {
    let (column, value) = if pooled { ("tenant_id,", format!("{TENANT},")) } else { ("", String::new()) };
    tokio::spawn(async move {
        let mut written = 0;
        loop {
            client.batch_execute("BEGIN").await.unwrap();
            let state = format!("SELECT state FROM _tenantry_place WHERE tenant = {TENANT} FOR UPDATE");
            let open = client.query_one(&state, &[]).await.unwrap().get::<_, &str>(0) == "open";
            if !open {
                client.batch_execute("ROLLBACK").await.unwrap();
                return written;
            }
            written += 1;
            let id = written + 1;
            let sql = format!(
                "INSERT INTO things({column} id, created_at, updated_at) VALUES ({value} {id}, now(), now());
                 UPDATE things SET whole = {written} WHERE id = 1;
                 INSERT INTO _tenantry_changes(tenant, store, model, id) SELECT tenant, store, 'things', id::text
                   FROM _tenantry_place, (VALUES ({id}), (1)) AS v(id) WHERE tenant = {TENANT} AND recorder IS NOT NULL;
                 COMMIT"
            );
            client.batch_execute(&sql).await.unwrap();
            done.store(written, Relaxed);
        }
    })
}
