//! After the loss of a disk: one command restores every lost tenant and names those that it cannot restore.

use crate::{
    backups_kit::objects,
    installation::{ISOLATIONS, Installation},
    test_platform::{TestPlatform, operator, slug},
};
use std::{
    fs::{self, OpenOptions},
    os::unix::fs::FileExt,
};
use tenantry::{
    backups::{RestoreAllEvent as Event, RestoredAll, catalog, system::renew_pool},
    moves::Target,
    name::{ServerName, StoreName},
};

const NAMES: [&str; 5] = ["tenant-a", "tenant-b", "tenant-c", "tenant-d", "tenant-e"];

async fn begun(dir: &std::path::Path, isolation: &'static str) -> TestPlatform {
    let clinic = Installation::at(dir).isolation(isolation).start().await;
    for name in NAMES {
        clinic.create(name).await;
        clinic.add_report(name, &format!("of {name}")).await;
        clinic.back_up(name).await;
    }
    clinic
}

async fn restore_all(clinic: &TestPlatform) -> (RestoredAll, Vec<String>) {
    let mut failures = vec![];
    let tell = |event: Event<'_>| {
        if let Event::Done(done) = event
            && let Err(why) = &done.result
        {
            failures.push(format!("{}: {why}", done.slug));
        }
    };
    let report = clinic.restores().all(&operator(), None, tell).await.unwrap();
    (report, failures)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_lost_tenant_comes_back_and_the_others_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let clinic = begun(dir.path(), "database").await;
    let then = clinic.sums("tenant-b").await;
    for name in ["tenant-a", "tenant-b"] {
        clinic.add_report(name, "since the backup").await;
    }
    let whole = clinic.sums("tenant-a").await;
    // The newest backup of one tenant is damaged: the one before it is used, and the damage is recorded.
    let newest = clinic.back_up("tenant-c").await;
    let object = objects(&clinic, &newest).into_iter().find(|p| !p.ends_with("manifest.json")).unwrap();
    fs::write(object, b"damaged").unwrap();
    clinic.catalog("DELETE FROM backups WHERE slug = 'tenant-d'").await;
    for name in ["tenant-b", "tenant-c", "tenant-d", "tenant-e"] {
        fs::remove_file(clinic.database_file(name).await).unwrap();
    }
    let (report, failures) = restore_all(&clinic).await;
    assert_eq!(
        (report.lost, report.restored, report.failed, report.halted),
        (4, 3, 1, false),
        "{failures:?}"
    );
    assert!(failures[0].starts_with("tenant-d: ") && failures[0].contains("no good backup"), "{failures:?}");
    assert_eq!(clinic.sums("tenant-b").await, then);
    assert_eq!(clinic.sums("tenant-a").await, whole, "what is not lost keeps what was written since");
    let known = clinic.backups().show(&newest).await.unwrap().0;
    assert_eq!(known.state, catalog::State::Damaged);
    // A second run continues: it looks only for tenants that are still lost.
    let (again, _) = restore_all(&clinic).await;
    assert_eq!((again.lost, again.restored, again.failed), (1, 0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_first_ones_all_fail_the_others_are_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    let clinic = begun(dir.path(), "database").await;
    for name in NAMES {
        fs::remove_file(clinic.database_file(name).await).unwrap();
    }
    clinic.catalog("DELETE FROM backups WHERE slug IN ('tenant-a', 'tenant-b', 'tenant-c')").await;
    let (report, failures) = restore_all(&clinic).await;
    assert_eq!((report.lost, report.failed, report.halted), (5, 3, true), "{failures:?}");
    // An unreachable store gives no information about its contents.
    fs::rename(dir.path().join("data/backups"), dir.path().join("away")).unwrap();
    assert!(clinic.restores().all(&operator(), None, |_| {}).await.is_err());
    let last = clinic.backups().of_tenant(&slug("tenant-e"), 1).await.unwrap().remove(0);
    assert!(clinic.backups().verify(&operator(), &last.id).await.is_err());
    assert_eq!(clinic.backups().show(&last.id).await.unwrap_err().code(), "conflict");
    fs::rename(dir.path().join("away"), dir.path().join("data/backups")).unwrap();
    assert_eq!(clinic.backups().show(&last.id).await.unwrap().0.state, catalog::State::Good);
    assert_eq!(clinic.backups().rescan(&operator()).await.unwrap().taken_up, 3);
    let (report, failures) = restore_all(&clinic).await;
    assert_eq!((report.lost, report.restored), (5, 5), "{failures:?}");
    clinic.whole().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_pool_is_made_anew_and_filled_from_backups() {
    let dir = tempfile::tempdir().unwrap();
    let clinic = begun(dir.path(), "pooled").await;
    let mut then = vec![];
    for name in NAMES {
        then.push(clinic.sums(name).await);
    }
    let config = clinic.config().clone();
    let store = StoreName::parse("tenant").unwrap();
    let used = renew_pool(config.clone(), &operator(), &store).await.unwrap_err();
    assert!(used.public_title().contains("stop it first"), "{used}");
    clinic.shutdown().await;
    drop(clinic);
    let whole = renew_pool(config.clone(), &operator(), &store).await.unwrap_err();
    assert!(whole.public_title().contains("is whole"), "{whole}");
    let pool = dir.path().join("data/databases/tenant_pool.db");
    OpenOptions::new().write(true).open(&pool).unwrap().write_all_at(&[b'?'; 4096], 0).unwrap();
    let aside = renew_pool(config, &operator(), &store).await.unwrap().expect("what was there is kept");
    assert!(aside.join("tenant_pool.db").is_file());
    let clinic = Installation::at(dir.path()).isolation("pooled").start().await;
    let (report, failures) = restore_all(&clinic).await;
    assert_eq!((report.lost, report.restored), (5, 5), "{failures:?}");
    for (name, then) in NAMES.into_iter().zip(then) {
        assert_eq!(clinic.sums(name).await, then, "{name}");
        clinic.add_report(name, "goes on").await;
    }
    clinic.whole().await;
}

/// A target that is unreachable or unusable in this build is reported in one line, before a scheduled backup fails.
#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_cannot_be_used_is_told_before_the_first_backup() {
    for isolation in ISOLATIONS {
        let clinic = Installation::new().isolation(isolation).start().await;
        assert_eq!(clinic.backups().store_trouble().await, None);
        assert!(clinic.backups().status().await.unwrap().inside_data_dir);
    }
    let away = Installation::new().set("backups", "target = \"../elsewhere\"").start().await;
    let trouble = away.backups().store_trouble().await.unwrap();
    assert!(trouble.contains("elsewhere") && !trouble.contains('\n'), "{trouble}");
    assert!(!away.backups().status().await.unwrap().inside_data_dir);
}

/// A process that was started without a server reports that, and does not suggest a restore.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_in_the_configuration_is_no_loss() {
    let one = Installation::new();
    let old = one.start().await;
    old.create("acme").await;
    old.add_report("acme", "first").await;
    let clinic = one.clone().two_servers().start().await;
    clinic.back_up("acme").await;
    let (acme, disk) = (slug("acme"), ServerName::parse("disk").unwrap());
    let moved = clinic.moves().to_server(&operator(), &acme, &disk, &Target::default()).await.unwrap();
    clinic.done(moved).await;
    let tenant = old.enter("acme").await;
    let records = old.records(&tenant, "reports").unwrap();
    let error = records.get("1", &Default::default()).await.unwrap_err();
    assert_eq!(error.code(), "server_unknown", "{error}");
    assert!(error.remedy().is_some_and(|remedy| remedy.contains("restart")), "{error}");
    let all = old.restores().all(&operator(), None, |_| {}).await;
    assert_eq!(
        all.unwrap_err().code(),
        "server_unknown",
        "nothing is restored over what is merely not known"
    );
    clinic.add_report("acme", "second").await;
}
