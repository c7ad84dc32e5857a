//! New databases: they have the bytes that SQLite would write, and a database that is only prepared is visible nowhere.

use crate::core_support::*;
use std::{path::Path, time::Duration};
use tenantry_engine::{Kind, Prepared};

/// Opens a plain connection without any of our settings.
fn plain(path: &Path) -> rusqlite::Connection {
    rusqlite::Connection::open(path).unwrap()
}

fn half_made(test: &TestEngine) -> usize {
    std::fs::read_dir(test.dir.path().join("_tmp")).unwrap().count()
}

/// Waits until no prepared database is left.
async fn none_half_made(test: &TestEngine) {
    for _ in 0..500 {
        if half_made(test) == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{} files stay half-made", half_made(test));
}

async fn prepared(test: &TestEngine, number: i64) -> Prepared {
    let prepared = test.engine.prepare(&tenant(number), &bare()).unwrap();
    while half_made(test) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    prepared
}

#[tokio::test]
async fn the_file_of_a_new_database_is_sound_and_in_wal_mode() {
    let test = TestEngine::new(4);
    let template = bare();
    for number in 1..=3 {
        test.engine.provision(&tenant(number), &template).await.unwrap();
        let bytes = std::fs::read(test.file(&tenant(number))).unwrap();
        assert_eq!(bytes[18..20], [2, 2], "the header says WAL");
        let conn = plain(&test.file(&tenant(number)));
        let text = |sql: &str| conn.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
        let numbers = |sql: &str| conn.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!(text("PRAGMA integrity_check"), "ok");
        assert_eq!(text("PRAGMA journal_mode"), "wal");
        let pages = numbers("PRAGMA page_count") * numbers("PRAGMA page_size");
        assert_eq!(u64::try_from(pages).unwrap(), bytes.len() as u64);
        // The file has no trace of other tenants whose databases came from the same template image.
        assert_eq!(numbers("SELECT count(*) FROM _tenantry_place"), 1);
        assert_eq!(numbers("SELECT tenant FROM _tenantry_place"), number);
    }
    for number in 1..=3 {
        test.engine.verify(&tenant(number)).await.unwrap();
    }
    assert_eq!(half_made(&test), 0);
}

#[tokio::test]
async fn what_is_prepared_is_nowhere_until_it_is_put_in_place() {
    let test = TestEngine::new(4);
    let early = prepared(&test, 1).await;
    assert!(!test.engine.exists(&tenant(1)).await.unwrap());
    assert_eq!(test.engine.verify(&tenant(1)).await.unwrap_err().kind(), &Kind::Missing);
    test.engine.provision_prepared(&tenant(1), &bare(), Some(early)).await.unwrap();
    test.engine.verify(&tenant(1)).await.unwrap();
    none_half_made(&test).await;
    // Another caller repeats the step with its own prepared database.
    let late = prepared(&test, 1).await;
    let before = std::fs::read(test.file(&tenant(1))).unwrap();
    test.engine.provision_prepared(&tenant(1), &bare(), Some(late)).await.unwrap();
    assert_eq!(std::fs::read(test.file(&tenant(1))).unwrap(), before);
    none_half_made(&test).await;
}

#[tokio::test]
async fn what_is_prepared_for_another_is_not_used_and_what_is_dropped_goes_away() {
    let test = TestEngine::new(4);
    let other = prepared(&test, 2).await;
    test.engine.provision_prepared(&tenant(1), &bare(), Some(other)).await.unwrap();
    test.engine.verify(&tenant(1)).await.unwrap();
    assert!(!test.engine.exists(&tenant(2)).await.unwrap());
    none_half_made(&test).await;
    drop(prepared(&test, 3).await);
    none_half_made(&test).await;
    assert!(!test.engine.exists(&tenant(3)).await.unwrap());
}

#[tokio::test]
async fn a_name_that_is_taken_refuses_also_what_was_prepared() {
    let test = TestEngine::new(4);
    let early = prepared(&test, 1).await;
    std::fs::write(test.file(&tenant(1)), b"").unwrap();
    let refused = test.engine.provision_prepared(&tenant(1), &bare(), Some(early)).await.unwrap_err();
    assert_eq!(refused.kind(), &Kind::WrongIdentity);
    assert_eq!(std::fs::read(test.file(&tenant(1))).unwrap(), b"");
    none_half_made(&test).await;
}

/// A new database is a copy of the template, so damage in the template would be in each database.
#[tokio::test]
async fn a_damaged_template_is_made_anew() {
    let folder = |test: &TestEngine| std::fs::read_dir(test.dir.path().join("_templates")).unwrap();
    let only = |test: &TestEngine| folder(test).next().unwrap().unwrap().path();
    let whole = {
        let test = TestEngine::new(4);
        test.engine.provision(&tenant(1), &bare()).await.unwrap();
        std::fs::read(only(&test)).unwrap()
    };
    let mut flipped = whole.clone();
    flipped[4200..4204].copy_from_slice(&[0xff; 4]);
    let unsealed = whole[..whole.len() - 32].to_vec();
    for (number, damaged) in (2..).zip([flipped, unsealed, Vec::new(), vec![0; 4096], b"garbage".to_vec()]) {
        let test = TestEngine::new(4);
        test.engine.provision(&tenant(1), &bare()).await.unwrap();
        std::fs::write(only(&test), damaged).unwrap();
        // The first use of a template reads its image from the file.
        test.engine.provision(&tenant(number), &bare()).await.unwrap();
        test.engine.verify(&tenant(number)).await.unwrap();
        assert_eq!(
            (std::fs::read(only(&test)).unwrap(), folder(&test).count()),
            (whole.clone(), 1),
            "{number}"
        );
    }
}
