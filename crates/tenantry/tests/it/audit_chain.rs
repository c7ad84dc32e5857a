//! T11: every edit, cut, insertion and reordering of the audit log is detected (`audit-tampering`).

use crate::test_platform::{TestPlatform, by};
use std::path::Path;
use tenantry::audit::{self, Head, Row, hash_row};
use tenantry::internals::verify_audit;
use tenantry_engine::value::Value;
use tenantry_testkit::Random;

async fn filled(dir: &Path, rows: i64) -> TestPlatform {
    let w = TestPlatform::open(dir).await;
    for n in 0..rows {
        let mut write = w.control.begin().await.unwrap();
        let detail = serde_json::json!({ "n": n, "text": "ünï\"c" });
        write.audit(&by(), Some(tenantry::name::TenantId::from_raw(n)), "test.act", detail).await.unwrap();
        write.commit().await.unwrap();
    }
    w
}

async fn faults(w: &TestPlatform) -> Vec<String> {
    verify_audit(&w.control, &[]).await.unwrap().faults
}

/// Changes the table as only a person with access to the file can.
async fn tamper(w: &TestPlatform, sql: &str) {
    let mut write = w.control.begin().await.unwrap();
    write.execute(sql, &[]).await.unwrap();
    write.commit_unaudited().await.unwrap();
}

#[tokio::test]
async fn a_whole_log_has_no_faults() {
    let dir = tempfile::tempdir().unwrap();
    let w = filled(dir.path(), 200).await;
    let report = verify_audit(&w.control, &[]).await.unwrap();
    assert_eq!((report.rows, report.heads, report.faults.len()), (200, 64, 0), "{report:?}");
    let page = audit::Query { before: Some(101), limit: 10, ..Default::default() };
    assert_eq!(w.platform.audit().list(&page).await.unwrap()[0].id, 100);
}

#[tokio::test]
async fn every_tampering_is_found() {
    let mut tried = 0;
    for sql in [
        "UPDATE audit SET actor = 'user:2' WHERE id = 7",
        "UPDATE audit SET at = at + 1 WHERE id = 7",
        "UPDATE audit SET impersonator = '' WHERE id = 7",
        "UPDATE audit SET tenant = NULL WHERE id = 7",
        "UPDATE audit SET tenant = tenant + 1 WHERE id = 7",
        "UPDATE audit SET action = 'test.ac', detail = 't' || detail WHERE id = 7",
        "UPDATE audit SET detail = replace(detail, '6', '5') WHERE id = 7",
        "UPDATE audit SET hash = prev_hash WHERE id = 7",
        "UPDATE audit SET prev_hash = '' WHERE id = 7",
        "DELETE FROM audit WHERE id = 1",
        "DELETE FROM audit WHERE id = 7",
        "DELETE FROM audit WHERE id = 100",
        "DELETE FROM audit WHERE id > 50",
        "DELETE FROM audit",
        "UPDATE audit SET id = 1000 - id WHERE id IN (7, 993)",
        "INSERT INTO audit SELECT 101, at, actor, impersonator, tenant, action, detail, prev_hash, hash FROM audit WHERE id = 100",
    ] {
        let dir = tempfile::tempdir().unwrap();
        let w = filled(dir.path(), 100).await;
        tamper(&w, sql).await;
        assert!(!faults(&w).await.is_empty(), "not found: {sql}");
        tried += 1;
    }
    tenantry_testkit::tried("T11 kinds of tampering", tried, "all found");
}

/// An attacker rewrites the tail and all hashes after it: only the published heads reveal this.
#[tokio::test]
async fn a_rehashed_tail_is_found_by_the_published_heads() {
    let dir = tempfile::tempdir().unwrap();
    let w = filled(dir.path(), 30).await;
    let kept = w.control.heads().newest();
    rehash(&w, 28).await;
    assert!(faults(&w).await.iter().any(|f| f.contains("published head")), "{:?}", faults(&w).await);
    // A head that was written down elsewhere reveals it even without the file.
    std::fs::write(dir.path().join("data/audit.heads"), "").unwrap();
    let bare = faults(&w).await;
    assert!(
        bare.len() == 1 && bare[0].starts_with("audit.heads has no head"),
        "the chain alone looks whole: {bare:?}"
    );
    let report = verify_audit(&w.control, &[kept]).await.unwrap();
    assert_eq!(report.faults, ["row 30: differs from its published head", &bare[0]]);
    let gone = Head { id: 31, hash: "00".into() };
    let report = verify_audit(&w.control, &[gone]).await.unwrap();
    assert_eq!(report.faults, [&bare[0], "row 31: was published, is gone"]);
}

/// A crash in the middle of a write leaves a part of a head, which proves nothing about the log.
#[tokio::test]
async fn a_torn_head_is_no_tampering() {
    let dir = tempfile::tempdir().unwrap();
    let w = filled(dir.path(), 30).await;
    let file = dir.path().join("data/audit.heads");
    let whole = std::fs::read(&file).unwrap();
    for cut in [1, 5, 40, 60, 90] {
        std::fs::write(&file, &whole[..whole.len() - cut]).unwrap();
        let report = verify_audit(&w.control, &[]).await.unwrap();
        assert!(report.faults.is_empty(), "{cut}: {report:?}");
        assert_eq!(report.torn + report.heads, 30, "{cut}: {report:?}");
        assert_eq!(report.torn, usize::from(cut >= 40), "{cut}");
    }
    std::fs::write(&file, "no heads at all").unwrap();
    assert_eq!(verify_audit(&w.control, &[]).await.unwrap().faults.len(), 1, "nothing can be compared");
}

async fn rehash(w: &TestPlatform, from: i64) {
    rehash_some(w, from, i64::MAX).await;
}

async fn rehash_some(w: &TestPlatform, from: i64, until: i64) {
    let rows = w.platform.audit().list(&audit::Query { limit: 1000, ..Default::default() }).await.unwrap();
    let mut write = w.control.begin().await.unwrap();
    let mut rows: Vec<Row> = rows.into_iter().filter(|r| (from..=until).contains(&r.id)).collect();
    rows.reverse();
    let mut prev = rows[0].prev_hash.clone();
    for mut row in rows {
        row.actor = "user:666".into();
        row.prev_hash = prev;
        prev = hash_row(&row);
        let values: [Value; 4] = [row.actor.into(), row.prev_hash.into(), prev.clone().into(), row.id.into()];
        write
            .execute("UPDATE audit SET actor = ?, prev_hash = ?, hash = ? WHERE id = ?", &values)
            .await
            .unwrap();
    }
    write.commit_unaudited().await.unwrap();
}

/// A row with a recomputed hash: the next row reveals it, whether or not heads were published.
#[tokio::test]
async fn a_row_that_is_rehashed_alone_is_told_by_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let w = filled(dir.path(), 30).await;
    std::fs::write(dir.path().join("data/audit.heads"), "").unwrap();
    rehash_some(&w, 15, 15).await;
    assert_eq!(faults(&w).await[0], "row 16: does not follow the row before it");
}

#[tokio::test]
async fn two_rows_of_one_transaction_follow_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let w = filled(dir.path(), 1).await;
    let mut write = w.control.begin().await.unwrap();
    for _ in 0..3 {
        write.audit(&by(), None, "test.act", serde_json::json!({})).await.unwrap();
    }
    write.commit().await.unwrap();
    assert_eq!(w.control.heads().newest().id, 4);
    assert!(faults(&w).await.is_empty());
}

/// Tampers at random: edits any column, swaps, cuts, makes a gap, copies, or rehashes the tail.
async fn at_random(w: &TestPlatform, random: &mut Random, rows: usize) -> String {
    let (a, b) = (1 + random.below(rows), 1 + random.below(rows));
    let b = if a == b { a % rows + 1 } else { b };
    let sql = match random.below(9) {
        0 => {
            let column = random.pick(&["actor", "action", "detail", "prev_hash", "hash"]);
            let at = 1 + random.below(6);
            format!(
                "UPDATE audit SET {column} = substr({column}, 1, {at} - 1) || char(unicode(substr({column} || ' ', \
                 {at}, 1)) + 1) || substr({column}, {at} + 1) WHERE id = {a}"
            )
        }
        1 => format!("UPDATE audit SET at = at + {} WHERE id = {a}", 1 + random.below(1_000_000)),
        2 => {
            format!("UPDATE audit SET tenant = coalesce(tenant, 0) + {} WHERE id = {a}", 1 + random.below(50))
        }
        3 => format!("UPDATE audit SET impersonator = coalesce(impersonator, '') || 'x' WHERE id = {a}"),
        4 => format!("DELETE FROM audit WHERE id BETWEEN {} AND {}", a.min(b), a.max(b)),
        5 => format!("DELETE FROM audit WHERE id >= {a}"),
        6 => format!(
            "UPDATE audit SET (at, actor, impersonator, tenant, action, detail, prev_hash, hash) = (SELECT at, \
             actor, impersonator, tenant, action, detail, prev_hash, hash FROM audit_copy WHERE id = {b}) \
             WHERE id = {a}"
        ),
        7 => format!(
            "INSERT INTO audit SELECT {}, at, actor, impersonator, tenant, action, detail, prev_hash, hash \
             FROM audit_copy WHERE id = {a}",
            rows + 1
        ),
        _ => {
            rehash(w, i64::try_from(a).unwrap()).await;
            return format!("rehashed from {a}");
        }
    };
    tamper(w, &sql).await;
    sql
}

#[tokio::test]
async fn a_thousand_tamperings_at_random_are_all_found() {
    let dir = tempfile::tempdir().unwrap();
    // Not more rows than published heads, so that a rehashed tail is always detected.
    let (rows, tries) = (60, 1_000);
    let w = filled(dir.path(), 60).await;
    tamper(&w, "CREATE TABLE audit_copy AS SELECT * FROM audit").await;
    let mut random = Random::new(0x2026_1121, 0);
    for n in 0..tries {
        let done = at_random(&w, &mut random, rows).await;
        assert!(!faults(&w).await.is_empty(), "{n}: not found: {done}");
        tamper(&w, "DELETE FROM audit").await;
        tamper(&w, "INSERT INTO audit SELECT * FROM audit_copy").await;
        if n % 100 == 0 {
            assert_eq!(faults(&w).await, Vec::<String>::new(), "the log is whole again");
        }
    }
    tenantry_testkit::tried("T11 random tamperings", tries, "all found");
}
