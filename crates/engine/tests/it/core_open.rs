//! Opening never creates a file, never follows a link, never opens another place's database (`catalog-placement` and
//! `self-identifying`; `path-in-name`, `stale-wal` and `created-empty`).

use crate::core_support::*;
use std::os::unix::fs::symlink;
use tenantry_engine::{Engine, Kind, place::Place};

async fn kind(engine: &Engine, place: &Place) -> Kind {
    engine.verify(place).await.map_or_else(|error| error.kind().clone(), |()| panic!("{place:?} was opened"))
}

fn files(test: &TestEngine) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(test.dir.path())
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_missing_file_is_missing_and_stays_so() {
    let test = TestEngine::new(4);
    let before = files(&test);
    assert_eq!(kind(&test.engine, &tenant(1)).await, Kind::Missing);
    let told = test.engine.verify(&tenant(1)).await.unwrap_err().to_string();
    assert_eq!(told.matches(".db").count(), 1, "the path once: {told}");
    assert_eq!(test.engine.system(&control()).await.unwrap_err().kind(), &Kind::Missing);
    assert_eq!(files(&test), before);
}

#[tokio::test]
async fn identity_is_checked_at_each_open() {
    let test = TestEngine::new(4);
    test.engine.provision(&tenant(1), &bare()).await.unwrap();
    test.engine.verify(&tenant(1)).await.unwrap();
    let newer = Place { generation: 2, ..tenant(1) };
    let stranger = Place { tenant: tenant(2).tenant, ..tenant(1) };
    let store = Place { store: control().store, ..tenant(1) };
    let nobody = Place { tenant: None, ..tenant(1) };
    for engine in [&test.engine, &engine_at(test.dir.path(), 4)] {
        // The first engine has the database open; the second does not.
        assert_eq!(kind(engine, &newer).await, Kind::Fenced);
        assert_eq!(kind(engine, &stranger).await, Kind::WrongIdentity);
        assert_eq!(kind(engine, &store).await, Kind::WrongIdentity);
        assert_eq!(kind(engine, &nobody).await, Kind::WrongIdentity);
        let proven = engine.prove(&stranger, None).await;
        assert_eq!(*proven.unwrap_err().kind(), Kind::WrongIdentity, "a proof looks whose the file is");
        engine.verify(&tenant(1)).await.unwrap();
    }
}

#[tokio::test]
async fn files_that_are_not_ours_are_refused_untouched() {
    let test = TestEngine::new(4);
    std::fs::write(
        test.file(&tenant(1)),
        b"this is a text file, long enough to have a header of its own: ..........................",
    )
    .unwrap();
    assert_eq!(kind(&test.engine, &tenant(1)).await, Kind::Corrupt);
    std::fs::write(test.file(&tenant(2)), b"").unwrap();
    assert_eq!(kind(&test.engine, &tenant(2)).await, Kind::WrongIdentity);
    assert_eq!(std::fs::read(test.file(&tenant(2))).unwrap(), b"");
    rusqlite::Connection::open(test.file(&tenant(3))).unwrap().execute_batch("CREATE TABLE t(a)").unwrap();
    let before = std::fs::read(test.file(&tenant(3))).unwrap();
    assert_eq!(kind(&test.engine, &tenant(3)).await, Kind::WrongIdentity);
    assert_eq!(std::fs::read(test.file(&tenant(3))).unwrap(), before);
}

#[tokio::test]
async fn a_symlink_is_refused_even_to_the_right_database() {
    let test = TestEngine::new(4);
    test.engine.provision(&tenant(1), &bare()).await.unwrap();
    let moved = test.dir.path().join("moved");
    std::fs::rename(test.file(&tenant(1)), &moved).unwrap();
    symlink(&moved, test.file(&tenant(1))).unwrap();
    assert_eq!(kind(&test.engine, &tenant(1)).await, Kind::WrongIdentity);
}

#[tokio::test]
async fn provisioning_repeats_and_never_overwrites() {
    let test = TestEngine::new(4);
    for _ in 0..3 {
        test.engine.provision(&tenant(1), &bare()).await.unwrap();
    }
    let taken = Place { physical: tenant(1).physical, ..tenant(2) };
    assert_eq!(*test.engine.provision(&taken, &bare()).await.unwrap_err().kind(), Kind::WrongIdentity);
    test.engine.verify(&tenant(1)).await.unwrap();
    // Leftovers of an interrupted step in the working directory do no harm.
    std::fs::write(test.dir.path().join("_tmp/half.db"), b"half").unwrap();
    test.engine.provision(&tenant(2), &bare()).await.unwrap();
    test.engine.verify(&tenant(2)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn many_provision_the_same_place_at_once() {
    let test = TestEngine::new(4);
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let engine = test.engine.clone();
            tokio::spawn(async move { engine.provision(&tenant(1), &bare()).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(std::fs::read_dir(test.dir.path().join("_tmp")).unwrap().count(), 0);
}

#[tokio::test]
async fn stale_wal_a_wal_without_its_database_is_not_adopted() {
    let test = TestEngine::new(4);
    let wal = test.dir.path().join("tenant_1_1.db-wal");
    std::fs::write(&wal, b"stale").unwrap();
    assert_eq!(*test.engine.provision(&tenant(1), &bare()).await.unwrap_err().kind(), Kind::WrongIdentity);
    assert!(!test.file(&tenant(1)).exists());
    // Repeating the drop removes the leftovers of an interrupted one.
    test.engine.drop_database(&tenant(1)).await.unwrap();
    assert!(!wal.exists());
    test.engine.provision(&tenant(1), &bare()).await.unwrap();
}

#[tokio::test]
async fn a_dropped_database_is_gone_with_all_its_files() {
    let test = TestEngine::new(4);
    test.engine.provision(&tenant(1), &bare()).await.unwrap();
    test.engine.verify(&tenant(1)).await.unwrap();
    assert!(test.engine.size_bytes(&tenant(1)).await.unwrap() > 0);
    test.engine.drop_database(&tenant(1)).await.unwrap();
    test.engine.drop_database(&tenant(1)).await.unwrap();
    assert_eq!(kind(&test.engine, &tenant(1)).await, Kind::Missing);
    assert!(!files(&test).iter().any(|name| name.starts_with("tenant_1_1")));
}

#[tokio::test]
async fn a_database_made_by_others_is_attached_once_and_then_ours() {
    let test = TestEngine::new(4);
    assert_eq!(*test.engine.attach(&tenant(1)).await.unwrap_err().kind(), Kind::Missing);
    assert!(!test.file(&tenant(1)).exists());
    let theirs = rusqlite::Connection::open(test.file(&tenant(1))).unwrap();
    theirs.execute_batch("CREATE TABLE documents(id INTEGER PRIMARY KEY)").unwrap();
    drop(theirs);
    assert_eq!(kind(&test.engine, &tenant(1)).await, Kind::WrongIdentity);
    test.engine.attach(&tenant(1)).await.unwrap();
    test.engine.attach(&tenant(1)).await.unwrap();
    test.engine.verify(&tenant(1)).await.unwrap();
    let stranger = Place { tenant: tenant(2).tenant, ..tenant(1) };
    assert_eq!(*test.engine.attach(&stranger).await.unwrap_err().kind(), Kind::WrongIdentity);
}

#[tokio::test]
async fn closing_a_removed_database_leaves_files_of_its_name_alone() {
    let test = TestEngine::new(4);
    test.engine.provision(&tenant(1), &bare()).await.unwrap();
    test.engine.verify(&tenant(1)).await.unwrap();
    for path in [test.file(&tenant(1)), test.dir.path().join("tenant_1_1.db-wal")] {
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, b"another's").unwrap();
    }
    test.engine.shutdown().await;
    assert_eq!(std::fs::read(test.dir.path().join("tenant_1_1.db-wal")).unwrap(), b"another's");
}

/// The process that the next test kills.
#[tokio::test]
async fn child_process_provisions() {
    let Ok(root) = std::env::var("TENANTRY_TEST_CHILD_PROVISIONS") else { return };
    let engine = engine_at(root.as_ref(), 4);
    for number in 1..100_000 {
        engine.provision(&tenant(number), &bare()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stuck_retry_provisioning_killed_anywhere_is_repeated_to_the_end() {
    let test = TestEngine::new(4);
    for round in 0..15 {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "core_open::child_process_provisions"])
            .env("TENANTRY_TEST_CHILD_PROVISIONS", test.dir.path())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(20 + 7 * round)).await;
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let made = files(&test).iter().filter(|name| name.ends_with(".db")).count();
    assert!(made > 0);
    for number in 1..=i64::try_from(made).unwrap() + 3 {
        test.engine.provision(&tenant(number), &bare()).await.unwrap();
        test.engine.verify(&tenant(number)).await.unwrap();
    }
    println!("{made} databases made over 15 kills");
}
