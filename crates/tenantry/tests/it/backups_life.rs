//! Complete backups and restores in either isolation: staged, compared, swapped, undone, restored as a new tenant.

use crate::{
    backups_kit::{noise, objects, walk},
    installation::{ISOLATIONS, Installation},
    test_platform::{TestPlatform, operator, slug},
};
use serde_json::json;
use tenantry::{
    NewFromCopy,
    backups::{Selection, catalog, restores},
    clock::DAY_US,
    operations::State,
};

/// Creates two tenants with rows and a file each.
async fn two(dir: &std::path::Path, isolation: &'static str) -> TestPlatform {
    let clinic = Installation::at(dir).isolation(isolation).start().await;
    for name in ["acme", "neighbour"] {
        clinic.create(name).await;
        for n in 1..=3 {
            let report = clinic.add_report(name, &format!("{name} {n}")).await;
            clinic.put_file(name, &report["id"].to_string(), &format!("{name} file {n}")).await;
        }
    }
    clinic
}

/// Changes one row, deletes one, adds one, and replaces one file.
async fn change(clinic: &TestPlatform) {
    let acme = clinic.enter("acme").await;
    let reports = clinic.records(&acme, "reports").unwrap();
    reports.patch("1", None, json!({ "title": "changed" }).as_object().unwrap()).await.unwrap();
    reports.delete("2", None).await.unwrap();
    clinic.add_report("acme", "new").await;
    clinic.put_file("acme", "3", "replaced").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_stands_beside_is_compared_swapped_and_undone() {
    for isolation in ISOLATIONS {
        let dir = tempfile::tempdir().unwrap();
        let clinic = two(dir.path(), isolation).await;
        let neighbour = clinic.sums("neighbour").await;
        let then = clinic.sums("acme").await;
        let backup = clinic.back_up("acme").await;
        assert_eq!(clinic.sums_of(&backup).await, then, "{isolation}");
        let found = clinic.backups().verify(&operator(), &backup).await.unwrap();
        assert_eq!((found.damage, found.rows), (None, 3));
        change(&clinic).await;
        let now = clinic.sums("acme").await;
        assert_ne!(now, then);

        clinic.restore("acme", &backup).await;
        assert_eq!(clinic.sums("acme").await, now, "{isolation}: what is in use is not touched");
        let (restore, differences) = clinic.restores().show(&slug("acme")).await.unwrap();
        assert_eq!((restore.backup, restore.state), (backup.clone(), restores::State::Staged));
        let reports = differences[0].models.as_ref().unwrap().iter().find(|m| m.model == "reports").unwrap();
        assert_eq!((reports.added, reports.changed, reports.removed), (1, 2, 1), "{isolation}");
        let again = clinic.restores().start(&operator(), &slug("acme"), &backup, None).await;
        assert!(clinic.refused(again).await.contains("already"));

        let replaced = clinic.place("acme").await;
        clinic.swap("acme").await;
        assert!(clinic.is_shut(&replaced).await, "{isolation}: a writer who comes late is refused");
        assert_eq!(clinic.sums("acme").await, then, "{isolation}");
        assert_eq!(clinic.file("acme", "2").await.unwrap(), "acme file 2", "its files are back");
        assert_eq!(clinic.file("acme", "3").await.unwrap(), "acme file 3");
        assert_eq!(clinic.sums("neighbour").await, neighbour, "{isolation}: untouched");
        let after = clinic.add_report("acme", "after").await;
        assert_eq!(after["id"], 4, "{isolation}: ids go on where the backup was");
        clinic.whole().await;

        let undo = clinic.restores().undo(&operator(), &slug("acme")).await.unwrap();
        clinic.done(undo).await;
        assert_eq!(clinic.sums("acme").await, now, "{isolation}: as before the swap");
        clinic.add_report("acme", "writable").await;
        assert_eq!(clinic.sums("neighbour").await, neighbour, "{isolation}: untouched");
        let undo = clinic.restores().undo(&operator(), &slug("acme")).await;
        assert!(clinic.refused(undo).await.contains("nothing"));
        clinic.whole().await;
    }
}

/// The files are larger than all buffers on the way, and incompressible.
#[tokio::test(flavor = "multi_thread")]
async fn large_files_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let clinic = two(dir.path(), "database").await;
    let large = noise(3 << 20);
    clinic.put_file("acme", "2", &large).await;
    let backup = clinic.back_up("acme").await;
    assert_eq!(clinic.backups().verify(&operator(), &backup).await.unwrap().damage, None);
    std::fs::remove_dir_all(dir.path().join("data/files")).unwrap();
    std::fs::create_dir(dir.path().join("data/files")).unwrap();
    clinic.restore("acme", &backup).await;
    clinic.swap("acme").await;
    assert!(clinic.file("acme", "2").await.unwrap() == large);
    assert_eq!(clinic.file("acme", "3").await.unwrap(), "acme file 3");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_discarded_restore_leaves_nothing() {
    for isolation in ISOLATIONS {
        let dir = tempfile::tempdir().unwrap();
        let clinic = two(dir.path(), isolation).await;
        let (backup, before) = (clinic.back_up("acme").await, clinic.sums("acme").await);
        let databases = || std::fs::read_dir(dir.path().join("data/databases")).unwrap().count();
        let count = databases();
        clinic.restore("acme", &backup).await;
        assert!(databases() > count);
        clinic.restores().discard(&operator(), &slug("acme")).await.unwrap();
        assert_eq!((databases(), clinic.sums("acme").await), (count, before), "{isolation}");
        assert!(clinic.restores().show(&slug("acme")).await.is_err());
        clinic.whole().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_as_a_new_tenant_has_rows_and_files_and_is_its_own() {
    for isolation in ISOLATIONS {
        let dir = tempfile::tempdir().unwrap();
        let clinic = two(dir.path(), isolation).await;
        let (backup, then) = (clinic.back_up("acme").await, clinic.sums("acme").await);
        change(&clinic).await;
        let now = clinic.sums("acme").await;
        let (actor, new) = (operator(), || NewFromCopy::named("acme-then"));
        let operation = clinic.arrivals().from_backup(&actor, &backup, false, new()).await.unwrap();
        clinic.done(operation).await;
        assert_eq!(clinic.sums("acme-then").await, then, "{isolation}");
        assert_eq!(clinic.file("acme-then", "2").await.unwrap(), "acme file 2");
        clinic.add_report("acme-then", "of the new one").await;
        assert_eq!(clinic.sums("acme").await, now, "{isolation}: untouched");
        let twice = clinic.arrivals().from_backup(&actor, &backup, false, new()).await;
        assert!(clinic.refused(twice).await.contains("taken"));
        clinic.whole().await;
    }
}

/// Everything but the backups is lost (`silent-backup-failure`): restores the platform's stores first, then each
/// tenant.
#[tokio::test(flavor = "multi_thread")]
async fn all_is_lost_but_the_backups_and_comes_back() {
    for isolation in ISOLATIONS {
        let dir = tempfile::tempdir().unwrap();
        let clinic = two(dir.path(), isolation).await;
        let system = clinic.backups().start_system(&operator()).await.unwrap();
        clinic.done(system.operation).await;
        let all = Selection { system: true, ..Selection::default() };
        let run = clinic.done(clinic.backups().start_run(&operator(), all).await.unwrap()).await;
        assert_eq!(run.result.unwrap()["good"], 3, "two companies and the platform");
        let sums = [clinic.sums("acme").await, clinic.sums("neighbour").await];
        let config = clinic.config().clone();
        let refused = tenantry::backups::system::restore_system(config.clone(), &operator(), None).await;
        assert!(refused.unwrap_err().public_title().contains("stop it first"));
        clinic.shutdown().await;
        drop(clinic);

        for lost in ["databases", "files", "audit.heads"] {
            let path = dir.path().join("data").join(lost);
            if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) }.unwrap();
        }
        std::fs::create_dir(dir.path().join("data/databases")).unwrap();
        let restored = tenantry::backups::system::restore_system(config, &operator(), None).await.unwrap();
        assert_eq!(restored.stores.len(), 2, "control and shared");
        assert!(restored.taken_up >= 2, "backups that the catalog of then did not know: {restored:?}");

        let clinic = Installation::at(dir.path()).isolation(isolation).start().await;
        for (name, sums) in ["acme", "neighbour"].into_iter().zip(sums) {
            let backup = clinic.backups().of_tenant(&slug(name), 1).await.unwrap().remove(0).id;
            clinic.restore(name, &backup).await;
            clinic.swap(name).await;
            assert_eq!(clinic.sums(name).await, sums, "{isolation} {name}");
            assert_eq!(clinic.file(name, "1").await.unwrap(), format!("{name} file 1"));
            clinic.add_report(name, "goes on").await;
        }
        clinic.whole().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalog_is_made_again_from_the_manifests() {
    let dir = tempfile::tempdir().unwrap();
    let clinic = two(dir.path(), "database").await;
    let backup = clinic.back_up("acme").await;
    let before = clinic.backups().list(&catalog::Filter { limit: 10, ..Default::default() }).await.unwrap();
    clinic.catalog("DELETE FROM backups").await;
    assert!(clinic.backups().show(&backup).await.is_err());
    // The remains of an interrupted attempt are not a backup, and neither is a damaged one.
    let folder = objects(&clinic, &backup)[0].parent().unwrap().to_owned();
    let half = folder.with_file_name("20260101-000000-0123456789");
    std::fs::create_dir(&half).unwrap();
    std::fs::write(half.join("tenant.0.db.zst"), b"half").unwrap();
    let found = clinic.backups().rescan(&operator()).await.unwrap();
    assert_eq!((found.found, found.taken_up, found.damaged), (1, 1, 0));
    let after = clinic.backups().list(&catalog::Filter { limit: 10, ..Default::default() }).await.unwrap();
    assert_eq!(after, before);
    assert_eq!(clinic.backups().rescan(&operator()).await.unwrap().taken_up, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_goes_past_a_failing_tenant_and_says_which() {
    let dir = tempfile::tempdir().unwrap();
    let clinic = Installation::at(dir.path()).set("backups", "parallel = 4").start().await;
    for n in 0..12 {
        clinic.create(&format!("tenant-{n}")).await;
    }
    std::fs::remove_file(clinic.database_file("tenant-5").await).unwrap();
    let run = clinic.backups().start_run(&operator(), Selection::default()).await.unwrap();
    let result = clinic.done(run).await.result.unwrap();
    assert_eq!((&result["good"], &result["failed"]), (&json!(11), &json!(1)));
    assert_eq!(result["failures"][0][0], "tenant-5");
    let failed = catalog::Filter { state: Some(catalog::State::Failed), limit: 10, ..Default::default() };
    let failed = clinic.backups().list(&failed).await.unwrap();
    assert_eq!(failed[0].slug, Some(slug("tenant-5")));
    let status = clinic.backups().status().await.unwrap();
    assert_eq!((status.good, status.failed_day, status.tenants_without), (11, 1, 1));
}

/// An unreachable store causes a visible failure and blocks no tenant (`silent-backup-failure`).
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_cannot_be_stored_is_a_failure_and_the_tenant_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let clinic = Installation::at(dir.path()).set("backups", "target = \"../elsewhere\"").start().await;
    clinic.create("acme").await;
    let started = clinic.backups().start(&operator(), &slug("acme"), None).await;
    assert_eq!(clinic.refused(started.map(|asked| asked.operation)).await, "the backup store cannot be used");
    assert_eq!(clinic.backups().status().await.unwrap().failed_day, 1);
    assert!(!dir.path().join("elsewhere").exists(), "it may be a mount point without its disk");
    std::fs::create_dir(dir.path().join("elsewhere")).unwrap();
    clinic.back_up("acme").await;
    clinic.whole().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn retention_keeps_what_it_says_and_removes_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    let keep = "[backups.keep]\ndaily = 3\nweekly = 0\nmonthly = 0\n";
    let clinic = Installation::at(dir.path()).with(keep).start().await;
    clinic.create("acme").await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(clinic.back_up("acme").await);
        clinic.control.clock().advance_us(DAY_US);
    }
    let there = clinic.backups().of_tenant(&slug("acme"), 10).await.unwrap();
    let there: Vec<_> = there.into_iter().rev().map(|b| b.id).collect();
    assert_eq!(there, made[2..]);
    let mut manifests = 0;
    walk(&dir.path().join("data/backups"), &mut |path| {
        manifests += usize::from(path.ends_with("manifest.json"))
    });
    assert_eq!(manifests, 3);
    // No backup was made for a year: the newest one still stays.
    clinic.control.clock().advance_us(400 * DAY_US);
    assert_eq!(clinic.backups().prune(&operator()).await.unwrap(), vec![]);
    let last = clinic.backups().take_final(&operator(), &slug("acme")).await.unwrap();
    clinic.backups().prune(&operator()).await.unwrap();
    assert!(clinic.backups().show(&last).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_one_day_all_are_kept_until_it_is_over() {
    let keep = "[backups.keep]\ndaily = 1\nweekly = 0\nmonthly = 0\n";
    let clinic = Installation::new().with(keep).start().await;
    clinic.create("acme").await;
    let before = clinic.back_up("acme").await;
    clinic.control.clock().advance_us(DAY_US / 24);
    let after = clinic.back_up("acme").await;
    assert_eq!(clinic.backups().prune(&operator()).await.unwrap(), vec![], "both sides of something risky");
    clinic.control.clock().advance_us(DAY_US);
    assert_eq!(clinic.backups().prune(&operator()).await.unwrap(), vec![before]);
    assert!(clinic.backups().show(&after).await.is_ok());
    // There is a bound: backups requested every few minutes do not fill the disk.
    for _ in 0..30 {
        clinic.back_up("acme").await;
    }
    assert_eq!(clinic.backups().of_tenant(&slug("acme"), 100).await.unwrap().len(), 24);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_is_served_once_for_each_slot_and_shown_when_overdue() {
    let schedule = "[[backups.schedules]]\nname = \"nightly\"\ncron = \"30 2 * * *\"\n";
    let clinic = Installation::new().with(schedule).start().await;
    clinic.create("acme").await;
    let runs = async || clinic.backups().runs(10).await.unwrap();
    clinic.pass().await;
    assert_eq!(runs().await, vec![], "the slot before it was known is nobody's");
    clinic.control.clock().advance_us(2 * DAY_US);
    assert!(clinic.backups().status().await.unwrap().schedules[0].overdue);
    clinic.full_pass().await;
    let first = runs().await;
    assert_eq!((first.len(), first[0].good, first[0].failed), (1, 2, 0), "acme and the platform's own");
    assert!(!clinic.backups().status().await.unwrap().schedules[0].overdue);
    clinic.pass().await;
    assert_eq!(runs().await.len(), 1, "not twice");
    let backup = clinic.backups().of_tenant(&slug("acme"), 1).await.unwrap().remove(0);
    assert_eq!(backup.schedule.as_deref(), Some("nightly"));
}

/// A record drops its file after the files were listed and before they are packed. The backup starts again with the
/// later state. A backup that loses a file on each attempt reports that, and leaves nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_whose_files_go_while_it_is_made_begins_anew() {
    let dir = tempfile::tempdir().unwrap();
    let clinic = std::sync::Arc::new(two(dir.path(), "database").await);
    let losing = std::sync::Arc::new(std::sync::Mutex::new(1..=3));
    let seen = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
    clinic.operations().faults().watch(std::sync::Arc::new({
        let (clinic, losing, seen) = (clinic.clone(), losing.clone(), seen.clone());
        move |point| {
            let (clinic, losing, seen) = (clinic.clone(), losing.clone(), seen.clone());
            Box::pin(async move {
                if point != "backup:listed:inside" {
                    return Ok(());
                }
                seen.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                let next: Option<u32> = losing.lock().unwrap().next();
                if let Some(id) = next {
                    let acme = clinic.enter("acme").await;
                    let reports = clinic.records(&acme, "reports").unwrap();
                    reports.delete(&id.to_string(), None).await.unwrap();
                }
                Ok(())
            })
        }
    }));
    let asked = clinic.backups().start(&operator(), &slug("acme"), None).await.unwrap();
    let lost = clinic.operations().wait(asked.operation).await.unwrap();
    assert_eq!((lost.state, seen.load(std::sync::atomic::Ordering::SeqCst)), (State::Undone, 3), "{lost:?}");
    assert!(lost.error.unwrap().contains("was removed while the backup was made"));
    for n in 1..=2 {
        let report = clinic.add_report("acme", &format!("again {n}")).await;
        clinic.put_file("acme", &report["id"].to_string(), &format!("again {n}")).await;
    }
    *losing.lock().unwrap() = 4..=4;
    let backup = clinic.back_up("acme").await;
    assert_eq!(seen.load(std::sync::atomic::Ordering::SeqCst), 5);
    let manifest = clinic.backups().show(&backup).await.unwrap().1.unwrap();
    assert_eq!((manifest.rows(), manifest.files.unwrap().files), (1, 1), "the state of after the loss");
    assert_eq!(clinic.backups().verify(&operator(), &backup).await.unwrap().damage, None);
}
