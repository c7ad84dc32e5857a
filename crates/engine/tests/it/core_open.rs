//! Opening: never creates, never follows a link, never opens a stranger (rules 3 and 5; threats 22, 27, 49).

use crate::core_support::*;
use std::os::unix::fs::symlink;
use tenantry_engine::{Engine, Kind, place::Place};

async fn kind(engine: &Engine, place: &Place) -> Kind {
    engine.verify(place).await.map_or_else(|error| error.kind().clone(), |()| panic!("{place:?} was opened"))
}

fn files(bed: &Bed) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(bed.dir.path())
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn x1_a_missing_file_is_missing_and_stays_so() {
    let bed = bed(4);
    let before = files(&bed);
    assert_eq!(kind(&bed.engine, &tenant(1)).await, Kind::Missing);
    assert_eq!(bed.engine.system(&control()).await.unwrap_err().kind(), &Kind::Missing);
    assert_eq!(files(&bed), before);
}

#[tokio::test]
async fn identity_is_checked_at_each_open() {
    let bed = bed(4);
    bed.engine.provision(&tenant(1), &bare()).await.unwrap();
    bed.engine.verify(&tenant(1)).await.unwrap();
    let newer = Place { generation: 2, ..tenant(1) };
    let stranger = Place { tenant: tenant(2).tenant, ..tenant(1) };
    let store = Place { store: control().store, ..tenant(1) };
    let nobody = Place { tenant: None, ..tenant(1) };
    for engine in [&bed.engine, &engine_at(bed.dir.path(), 4)] {
        // Warm in the first round's engine, cold in the second's.
        assert_eq!(kind(engine, &newer).await, Kind::Fenced);
        assert_eq!(kind(engine, &stranger).await, Kind::WrongIdentity);
        assert_eq!(kind(engine, &store).await, Kind::WrongIdentity);
        assert_eq!(kind(engine, &nobody).await, Kind::WrongIdentity);
        engine.verify(&tenant(1)).await.unwrap();
    }
}

#[tokio::test]
async fn files_that_are_not_ours_are_refused_untouched() {
    let bed = bed(4);
    std::fs::write(
        bed.file(&tenant(1)),
        b"this is a text file, long enough to have a header of its own: ..........................",
    )
    .unwrap();
    assert_eq!(kind(&bed.engine, &tenant(1)).await, Kind::Corrupt);
    std::fs::write(bed.file(&tenant(2)), b"").unwrap();
    assert_eq!(kind(&bed.engine, &tenant(2)).await, Kind::WrongIdentity);
    assert_eq!(std::fs::read(bed.file(&tenant(2))).unwrap(), b"");
    rusqlite::Connection::open(bed.file(&tenant(3))).unwrap().execute_batch("CREATE TABLE t(a)").unwrap();
    let before = std::fs::read(bed.file(&tenant(3))).unwrap();
    assert_eq!(kind(&bed.engine, &tenant(3)).await, Kind::WrongIdentity);
    assert_eq!(std::fs::read(bed.file(&tenant(3))).unwrap(), before);
}

#[tokio::test]
async fn a_symlink_is_refused_even_to_the_right_database() {
    let bed = bed(4);
    bed.engine.provision(&tenant(1), &bare()).await.unwrap();
    let moved = bed.dir.path().join("moved");
    std::fs::rename(bed.file(&tenant(1)), &moved).unwrap();
    symlink(&moved, bed.file(&tenant(1))).unwrap();
    assert_eq!(kind(&bed.engine, &tenant(1)).await, Kind::WrongIdentity);
}

#[tokio::test]
async fn provisioning_repeats_and_never_overwrites() {
    let bed = bed(4);
    for _ in 0..3 {
        bed.engine.provision(&tenant(1), &bare()).await.unwrap();
    }
    let taken = Place { physical: tenant(1).physical, ..tenant(2) };
    assert_eq!(*bed.engine.provision(&taken, &bare()).await.unwrap_err().kind(), Kind::WrongIdentity);
    bed.engine.verify(&tenant(1)).await.unwrap();
    // What an interrupted step left in the working directory is in nobody's way.
    std::fs::write(bed.dir.path().join("_tmp/half.db"), b"half").unwrap();
    bed.engine.provision(&tenant(2), &bare()).await.unwrap();
    bed.engine.verify(&tenant(2)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn many_provision_the_same_place_at_once() {
    let bed = bed(4);
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let engine = bed.engine.clone();
            tokio::spawn(async move { engine.provision(&tenant(1), &bare()).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(std::fs::read_dir(bed.dir.path().join("_tmp")).unwrap().count(), 0);
}

#[tokio::test]
async fn threat_27_a_wal_without_its_database_is_not_adopted() {
    let bed = bed(4);
    let wal = bed.dir.path().join("tenant_1_1.db-wal");
    std::fs::write(&wal, b"stale").unwrap();
    assert_eq!(*bed.engine.provision(&tenant(1), &bare()).await.unwrap_err().kind(), Kind::WrongIdentity);
    assert!(!bed.file(&tenant(1)).exists());
    // A repeated drop removes what an interrupted one left.
    bed.engine.drop_database(&tenant(1)).await.unwrap();
    assert!(!wal.exists());
    bed.engine.provision(&tenant(1), &bare()).await.unwrap();
}

#[tokio::test]
async fn a_dropped_database_is_gone_with_all_its_files() {
    let bed = bed(4);
    bed.engine.provision(&tenant(1), &bare()).await.unwrap();
    bed.engine.verify(&tenant(1)).await.unwrap();
    assert!(bed.engine.size_bytes(&tenant(1)).unwrap() > 0);
    bed.engine.drop_database(&tenant(1)).await.unwrap();
    bed.engine.drop_database(&tenant(1)).await.unwrap();
    assert_eq!(kind(&bed.engine, &tenant(1)).await, Kind::Missing);
    assert!(!files(&bed).iter().any(|name| name.starts_with("tenant_1_1")));
}
