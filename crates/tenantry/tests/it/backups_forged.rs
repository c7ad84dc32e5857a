//! Backups whose parts are intact but do not belong together (`wrong-tenant-restore` and `torn-copy`).

use crate::{
    backups_kit::objects,
    installation::Installation,
    test_platform::{TestPlatform, operator, slug},
};
use std::path::{Path, PathBuf};
use tenantry::{
    backups::{BackupId, manifest::Manifest},
    clock::DAY_US,
};

struct Folder {
    path: PathBuf,
    manifest: Manifest,
}

/// Returns the folder with the objects of a backup.
fn folder(clinic: &TestPlatform, backup: &BackupId) -> Folder {
    let path = objects(clinic, backup)[0].parent().unwrap().to_owned();
    let manifest = Manifest::open(&std::fs::read(path.join("manifest.json")).unwrap()).unwrap();
    Folder { path, manifest }
}

fn copy_all(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for object in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        std::fs::copy(object.path(), to.join(object.file_name())).unwrap();
    }
}

/// Asserts that verification and restore reject the backup and change nothing.
async fn refused(clinic: &TestPlatform, backup: &BackupId, why: &str) {
    let before = clinic.sums("acme").await;
    let found = clinic.backups().verify(&operator(), backup).await.unwrap().damage;
    assert!(found.as_ref().is_some_and(|how| how.contains(why)), "{why}: {found:?}");
    let asked = clinic.restores().start(&operator(), &slug("acme"), backup, None).await;
    let said = clinic.refused(asked).await;
    assert!(said.contains(why), "{why}: {said}");
    assert_eq!(clinic.sums("acme").await, before);
    clinic.whole().await;
}

/// Another tenant's manifest under this backup's name, with all the objects it names in place.
#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_of_another_tenant_is_refused_wrong_tenant_restore() {
    let clinic = Installation::new().start().await;
    let mut backups = vec![];
    for name in ["acme", "rival"] {
        clinic.create(name).await;
        clinic.add_report(name, &format!("canary of {name}")).await;
        backups.push(clinic.back_up(name).await);
    }
    let (ours, theirs) = (folder(&clinic, &backups[0]), folder(&clinic, &backups[1]));
    let forged = Manifest { id: ours.manifest.id.clone(), ..theirs.manifest };
    for place in [ours.path.clone(), theirs.path.with_file_name(ours.manifest.id.as_str())] {
        copy_all(&theirs.path, &place);
        std::fs::write(place.join("manifest.json"), forged.seal().unwrap()).unwrap();
    }
    refused(&clinic, &backups[0], "its manifest says it is").await;
}

/// Rows of another day: a complete database of the same tenant, under correct hashes.
#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_not_the_manifests_are_refused_torn_copy() {
    let clinic = Installation::new().start().await;
    clinic.create("acme").await;
    let mut backups = vec![];
    for text in ["monday", "tuesday"] {
        clinic.add_report("acme", text).await;
        backups.push(clinic.back_up("acme").await);
        clinic.control.clock().advance_us(DAY_US);
    }
    let (monday, tuesday) = (folder(&clinic, &backups[0]), folder(&clinic, &backups[1]));
    let mut forged = monday.manifest.clone();
    let (object, other) = (&mut forged.stores[0], &tuesday.manifest.stores[0]);
    std::fs::copy(tuesday.path.join(&other.object), monday.path.join(&object.object)).unwrap();
    (object.raw, object.stored) = (other.raw.clone(), other.stored.clone());
    std::fs::write(monday.path.join("manifest.json"), forged.seal().unwrap()).unwrap();
    refused(&clinic, &backups[0], "rows differ from the manifest").await;
}

/// The files of another day: the same number and length, and intact.
#[tokio::test(flavor = "multi_thread")]
async fn files_of_another_backup_are_refused_torn_copy() {
    let clinic = Installation::new().start().await;
    clinic.create("acme").await;
    let report = clinic.add_report("acme", "one").await["id"].to_string();
    let mut backups = vec![];
    for text in ["monday's file", "tuesday file"] {
        clinic.put_file("acme", &report, text).await;
        backups.push(clinic.back_up("acme").await);
        clinic.control.clock().advance_us(DAY_US);
    }
    let (monday, tuesday) = (folder(&clinic, &backups[0]), folder(&clinic, &backups[1]));
    let object = |folder: &Folder| folder.path.join(&folder.manifest.files.as_ref().unwrap().object);
    clinic.restore("acme", &backups[0]).await;
    std::fs::copy(object(&tuesday), object(&monday)).unwrap();
    let found = clinic.backups().verify(&operator(), &backups[0]).await.unwrap().damage;
    assert!(found.as_ref().is_some_and(|how| how.contains("does not match its hash")), "{found:?}");
    // The backup was damaged before or after it was staged. Neither is swapped in.
    let swap = clinic.restores().swap(&operator(), &slug("acme")).await;
    assert!(clinic.refused(swap).await.contains("does not match its hash"));
    clinic.restores().discard(&operator(), &slug("acme")).await.unwrap();
    let restore = clinic.restores().start(&operator(), &slug("acme"), &backups[0], None).await;
    assert!(clinic.refused(restore).await.contains("does not match its hash"));
}
