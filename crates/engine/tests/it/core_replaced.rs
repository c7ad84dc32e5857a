//! A database file is exchanged while its `-wal` stays: the contents of the `-wal` do not prove that the file next to
//! it is the right one (`self-identifying`, `stale-wal`).

use crate::{
    core_support::{TestEngine, control, system},
    faults_kit::*,
    transfer_kit::*,
};
use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use tenantry_engine::{
    Error, Kind,
    place::{Isolation, Place},
};

fn file(dir: &Path, place: &Place) -> PathBuf {
    dir.join(format!("{}.db", place.physical))
}

/// Returns the files that a crash would leave: a copy of them while the engine runs, each `-wal` included.
fn as_after_a_crash(dir: &Path) -> tempfile::TempDir {
    let left = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        if name.ends_with(".db") || name.ends_with(".db-wal") {
            fs::copy(entry.path(), left.path().join(name)).unwrap();
        }
    }
    left
}

async fn entered(clinic: &Clinic, place: &Place) -> Result<Vec<String>, Error> {
    clinic.test.engine.session(place, &clinic.schema).await.map(drop)?;
    Ok(clinic.names(place).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn another_file_under_a_wal_is_refused_after_a_crash() {
    for isolation in BOTH {
        let dir = tempfile::tempdir().unwrap();
        furnished(dir.path()).await;
        let clinic = open(dir.path());
        let (mine, _) = places(isolation);
        let stranger = places(Isolation::Database).1;
        pair(&clinic, &mine, 1).await.unwrap();
        pair(&clinic, &stranger, 2).await.unwrap();
        let crashed = as_after_a_crash(dir.path());
        clinic.test.engine.shutdown().await;
        let (path, own) = (file(crashed.path(), &mine), crashed.path().join("own"));
        fs::rename(&path, &own).unwrap();
        fs::copy(file(crashed.path(), &stranger), &path).unwrap();
        let wal = fs::metadata(path.with_extension("db-wal")).unwrap().len();
        assert!(wal > 0, "{isolation:?}: the case needs a -wal");
        let again = open(crashed.path());
        let refused = entered(&again, &mine).await.unwrap_err();
        assert_eq!(*refused.kind(), Kind::WrongIdentity, "{isolation:?}: {refused}");
        let copied = again.test.engine.inspect(&mine, &migrations(vec![])).await.unwrap_err();
        assert_eq!(*copied.kind(), Kind::WrongIdentity, "{isolation:?}: {copied}");
        // The tenant's own file with its own `-wal` is the ordinary state after a crash.
        fs::rename(&own, &path).unwrap();
        assert_eq!(pairs(&again, &mine).await, [1], "{isolation:?}");
        assert_eq!(pairs(&again, &stranger).await, [2]);
        again.test.engine.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_exchanged_under_a_running_process_is_never_read_with_the_old_wal() {
    for other_tenants in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        furnished(dir.path()).await;
        let clinic = open(dir.path());
        let (mine, stranger) = places(Isolation::Database);
        // The other file is another tenant's, or the tenant's own before its last writes.
        let copy = dir.path().join("copy");
        let source = if other_tenants { &stranger } else { &mine };
        fs::copy(file(dir.path(), source), &copy).unwrap();
        pair(&clinic, &mine, 1).await.unwrap();
        let own = clinic.names(&mine).await;
        fs::rename(&copy, file(dir.path(), &mine)).unwrap();
        let mut refusals = 0;
        for _ in 0..40 {
            match entered(&clinic, &mine).await {
                Ok(names) => assert_eq!(names, own, "until it is noticed, the file that was open is read"),
                Err(error) => {
                    assert!(matches!(error.kind(), Kind::Missing | Kind::WrongIdentity), "{error}");
                    refusals += usize::from(*error.kind() == Kind::WrongIdentity);
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(refusals > 0, "other tenant's file: {other_tenants}");
        clinic.test.engine.shutdown().await;
    }
}

/// Without a check at each commit, the first write after the exchange would be acknowledged and lost.
#[tokio::test(flavor = "multi_thread")]
async fn no_write_is_acknowledged_after_its_file_was_exchanged() {
    for isolation in BOTH {
        for removed in [true, false] {
            let dir = tempfile::tempdir().unwrap();
            furnished(dir.path()).await;
            let clinic = open(dir.path());
            let (mine, _) = places(isolation);
            let (path, copy) = (file(dir.path(), &mine), dir.path().join("copy"));
            fs::copy(&path, &copy).unwrap();
            // After these writes, the maintenance thread checks the file once. The next write must check it itself.
            pair(&clinic, &mine, 1).await.unwrap();
            tokio::time::sleep(Duration::from_millis(600)).await;
            match removed {
                true => fs::remove_file(&path).unwrap(),
                false => fs::rename(&copy, &path).unwrap(),
            }
            let refused = pair(&clinic, &mine, 2).await.unwrap_err();
            assert_eq!(*refused.kind(), Kind::Missing, "{isolation:?}, removed {removed}: {refused}");
            clinic.test.engine.shutdown().await;
        }
    }
}

/// A commit to the catalog is not acknowledged either, because the catalog would be older after a restart.
#[tokio::test(flavor = "multi_thread")]
async fn no_commit_to_a_system_store_is_acknowledged_after_its_file_was_exchanged() {
    let test = TestEngine::new(8);
    let catalog = system(&test).await;
    let path = test.file(&control());
    fs::copy(&path, test.dir.path().join("copy")).unwrap();
    tokio::time::sleep(Duration::from_millis(600)).await;
    fs::rename(test.dir.path().join("copy"), &path).unwrap();
    let mut tx = catalog.begin().await.unwrap();
    tx.execute("INSERT INTO t(name) VALUES('lost')", &[]).await.unwrap();
    assert_eq!(*tx.commit().await.unwrap_err().kind(), Kind::Missing);
    assert_eq!(*catalog.begin().await.unwrap_err().kind(), Kind::Missing, "nothing goes on in the old file");
    drop(catalog);
    test.engine.shutdown().await;
}

/// A session may outlive the file on which it was opened, for example one that streams a long answer.
#[tokio::test(flavor = "multi_thread")]
async fn an_open_session_does_not_go_on_reading_a_file_that_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    furnished(dir.path()).await;
    let clinic = open(dir.path());
    let (mine, _) = places(Isolation::Database);
    let session = clinic.test.engine.session(&mine, &clinic.schema).await.unwrap();
    session.usage().await.unwrap();
    fs::remove_file(file(dir.path(), &mine)).unwrap();
    let removed = Instant::now();
    let refused = loop {
        match session.usage().await {
            Err(error) => break error,
            Ok(_) => assert!(removed.elapsed() < Duration::from_secs(5), "it is read on"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(*refused.kind(), Kind::Missing, "{refused}");
    clinic.test.engine.shutdown().await;
}
