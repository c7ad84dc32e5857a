//! New databases: their bytes are what SQLite would have written, and a merely prepared database is visible nowhere.

use crate::core_support::*;
use std::{path::Path, time::Duration};
use tenantry_engine::{Kind, Prepared};

/// Opens a plain connection without any of our settings.
fn plain(path: &Path) -> rusqlite::Connection {
    rusqlite::Connection::open(path).unwrap()
}

fn half_made(bed: &Bed) -> usize {
    std::fs::read_dir(bed.dir.path().join("_tmp")).unwrap().count()
}

/// Waits until all prepared databases have been removed.
async fn none_half_made(bed: &Bed) {
    for _ in 0..500 {
        if half_made(bed) == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{} files stay half-made", half_made(bed));
}

async fn prepared(bed: &Bed, number: i64) -> Prepared {
    let prepared = bed.engine.prepare(&tenant(number), &bare()).unwrap();
    while half_made(bed) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    prepared
}

#[tokio::test]
async fn the_file_of_a_new_database_is_sound_and_in_wal_mode() {
    let bed = bed(4);
    let template = bare();
    for number in 1..=3 {
        bed.engine.provision(&tenant(number), &template).await.unwrap();
        let bytes = std::fs::read(bed.file(&tenant(number))).unwrap();
        assert_eq!(bytes[18..20], [2, 2], "the header says WAL");
        let conn = plain(&bed.file(&tenant(number)));
        let text = |sql: &str| conn.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
        let numbers = |sql: &str| conn.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!(text("PRAGMA integrity_check"), "ok");
        assert_eq!(text("PRAGMA journal_mode"), "wal");
        let pages = numbers("PRAGMA page_count") * numbers("PRAGMA page_size");
        assert_eq!(u64::try_from(pages).unwrap(), bytes.len() as u64);
        // No trace of other residents made from the same template image.
        assert_eq!(numbers("SELECT count(*) FROM _tenantry_place"), 1);
        assert_eq!(numbers("SELECT tenant FROM _tenantry_place"), number);
    }
    for number in 1..=3 {
        bed.engine.verify(&tenant(number)).await.unwrap();
    }
    assert_eq!(half_made(&bed), 0);
}

#[tokio::test]
async fn what_is_prepared_is_nowhere_until_it_is_put_in_place() {
    let bed = bed(4);
    let early = prepared(&bed, 1).await;
    assert!(!bed.engine.exists(&tenant(1)).await.unwrap());
    assert_eq!(bed.engine.verify(&tenant(1)).await.unwrap_err().kind(), &Kind::Missing);
    bed.engine.provision_prepared(&tenant(1), &bare(), Some(early)).await.unwrap();
    bed.engine.verify(&tenant(1)).await.unwrap();
    none_half_made(&bed).await;
    // Another caller repeats the step with its own prepared database.
    let late = prepared(&bed, 1).await;
    let before = std::fs::read(bed.file(&tenant(1))).unwrap();
    bed.engine.provision_prepared(&tenant(1), &bare(), Some(late)).await.unwrap();
    assert_eq!(std::fs::read(bed.file(&tenant(1))).unwrap(), before);
    none_half_made(&bed).await;
}

#[tokio::test]
async fn what_is_prepared_for_another_is_not_used_and_what_is_dropped_goes_away() {
    let bed = bed(4);
    let other = prepared(&bed, 2).await;
    bed.engine.provision_prepared(&tenant(1), &bare(), Some(other)).await.unwrap();
    bed.engine.verify(&tenant(1)).await.unwrap();
    assert!(!bed.engine.exists(&tenant(2)).await.unwrap());
    none_half_made(&bed).await;
    drop(prepared(&bed, 3).await);
    none_half_made(&bed).await;
    assert!(!bed.engine.exists(&tenant(3)).await.unwrap());
}

#[tokio::test]
async fn a_name_that_is_taken_refuses_also_what_was_prepared() {
    let bed = bed(4);
    let early = prepared(&bed, 1).await;
    std::fs::write(bed.file(&tenant(1)), b"").unwrap();
    let refused = bed.engine.provision_prepared(&tenant(1), &bare(), Some(early)).await.unwrap_err();
    assert_eq!(refused.kind(), &Kind::WrongIdentity);
    assert_eq!(std::fs::read(bed.file(&tenant(1))).unwrap(), b"");
    none_half_made(&bed).await;
}

/// A new database is a copy of the template, so damage in it would be in each of them.
#[tokio::test]
async fn a_damaged_template_is_made_anew() {
    let folder = |bed: &Bed| std::fs::read_dir(bed.dir.path().join("_templates")).unwrap();
    let only = |bed: &Bed| folder(bed).next().unwrap().unwrap().path();
    let whole = {
        let bed = bed(4);
        bed.engine.provision(&tenant(1), &bare()).await.unwrap();
        std::fs::read(only(&bed)).unwrap()
    };
    let mut flipped = whole.clone();
    flipped[4200..4204].copy_from_slice(&[0xff; 4]);
    let unsealed = whole[..whole.len() - 32].to_vec();
    for (number, damaged) in (2..).zip([flipped, unsealed, Vec::new(), vec![0; 4096], b"garbage".to_vec()]) {
        let bed = bed(4);
        bed.engine.provision(&tenant(1), &bare()).await.unwrap();
        std::fs::write(only(&bed), damaged).unwrap();
        // A template that was not used before reads its image from the file.
        bed.engine.provision(&tenant(number), &bare()).await.unwrap();
        bed.engine.verify(&tenant(number)).await.unwrap();
        assert_eq!(
            (std::fs::read(only(&bed)).unwrap(), folder(&bed).count()),
            (whole.clone(), 1),
            "{number}"
        );
    }
}
