//! T14: a process writes to a database while another process sets it aside because it can no longer be opened. Every
//! acknowledged write is found again. A write to the file that was set aside is an error.

use crate::{core_support::engine_at, faults_kit::*};
use tenantry_engine::{Error, Kind, place::Isolation};

#[tokio::test(flavor = "multi_thread")]
async fn a_write_to_a_file_that_was_set_aside_is_not_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    furnished(dir.path()).await;
    for (kind, end) in [(Kind::Corrupt, "aside"), (Kind::WrongIdentity, "another")] {
        let clinic = open(dir.path());
        let (mine, neighbour) = places(Isolation::Database);
        let before = clinic.names(&mine).await;
        // Both sizes: small writes share a commit, a large one has its own.
        let session = clinic.test.engine.session(&mine, &clinic.schema).await.unwrap();
        let large: Vec<_> = (0..100).map(|n| doctor(&format!("large {n}"))).collect();
        session.write(&[doctor("acknowledged")], &Default::default()).await.unwrap();
        let other = engine_at(dir.path(), 8);
        other.set_aside(&mine, &Error::new(kind.clone(), "cannot be opened anew")).await.unwrap();
        let file = dir.path().join(format!("{}.db", mine.physical));
        assert!(!file.exists() && file.with_extension(format!("db.{end}")).is_file());
        for changes in [&[doctor("small")][..], &large] {
            let refused = session.write(changes, &Default::default()).await.unwrap_err();
            assert_eq!(*refused.kind(), Kind::Missing, "{refused}");
        }
        assert!(pair(&clinic, &neighbour, 1).await.is_ok(), "the neighbour goes on");
        clinic.test.engine.shutdown().await;
        other.put_back(&mine).await.unwrap();
        other.shutdown().await;
        let clinic = open(dir.path());
        let found = clinic.names(&mine).await;
        assert!(before.iter().all(|name| found.contains(name)) && found.contains(&"acknowledged".to_owned()));
        // Deleting a database also deletes its own set-aside file, but not another tenant's.
        clinic.test.engine.set_aside(&neighbour, &Error::new(kind.clone(), "")).await.unwrap();
        clinic.test.engine.drop_database(&neighbour).await.unwrap();
        let left = dir.path().join(format!("{}.db.{end}", neighbour.physical)).exists();
        assert_eq!(left, kind == Kind::WrongIdentity);
        clinic.make(&neighbour).await;
        clinic.test.engine.shutdown().await;
    }
    tenantry_testkit::tried(
        "T14 writes beside a restore",
        4,
        "writes to a file that was set aside, all refused",
    );
}

fn doctor(name: &str) -> tenantry_engine::query::Change {
    crate::records_kit::insert("doctors", &[("name", name.into())])
}
