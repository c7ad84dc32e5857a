//! Backups across a change of the models: an older backup is migrated during the restore, a newer one refused.
//! Databases newer than the process stay untouched, and a backup recorded as good can be restored
//! (`good-means-restorable`).

use crate::{
    installation::{ISOLATIONS, Installation},
    test_platform::{TestPlatform, operator, slug},
};
use serde_json::{Value, json};
use std::{fs, path::Path};
use tenantry::{NewFromCopy, Platform, backups::manifest::Manifest, operations::State};

const BEFORE: &str = "store = \"tenant\"\n[fields.name]\ntype = \"text\"\nrequired = true\n";
const AFTER: &str = "[fields.shelf]\ntype = \"text\"\ndefault = \"top\"\n";
const MIGRATION: &str = "apps/stock/migrations/0002_items_add_shelf.toml";

fn stock(dir: &Path, isolation: &str) -> Installation {
    Installation::at(dir).isolation(isolation).app("stock", &[("items", BEFORE)])
}

/// Creates an installation with a tenant that has one item, before the migration.
async fn begun(dir: &Path, isolation: &str) -> TestPlatform {
    let w = stock(dir, isolation).start().await;
    w.create("acme").await;
    add(&w, json!({ "name": "before" })).await;
    w
}

/// Opens the installation again, with the current models.
async fn reopened(w: TestPlatform) -> TestPlatform {
    let here = w.installation.clone();
    w.shutdown().await;
    drop(w);
    here.open().await
}

/// Opens the installation again, with the current models and every database migrated.
async fn migrated(w: TestPlatform) -> TestPlatform {
    let w = reopened(w).await;
    w.migrate().await;
    w
}

async fn add(w: &TestPlatform, item: Value) {
    w.add("acme", "items", item).await;
}

async fn item(platform: &Platform, name: &str, id: &str) -> Option<Value> {
    let tenant = platform.tenants().enter(&operator(), &slug(name)).await.unwrap();
    let found = platform.records(&tenant, "items").unwrap().get(id, &Default::default()).await.ok()?;
    Some(serde_json::from_slice(&found.body).unwrap())
}

async fn over(platform: &Platform, operation: i64) -> (State, Option<String>) {
    let over = platform.operations().wait(operation).await.unwrap();
    (over.state, over.reason)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_from_before_a_migration_is_migrated_on_its_way_in() {
    for isolation in ISOLATIONS {
        let dir = tempfile::tempdir().unwrap();
        let platform = begun(dir.path(), isolation).await;
        let backup = platform.back_up("acme").await;
        platform.installation.change_model("items", &format!("{BEFORE}{AFTER}"));
        let platform = migrated(platform).await;
        add(&platform, json!({ "name": "after", "shelf": "low" })).await;
        let found = platform.backups().verify(&operator(), &backup).await.unwrap();
        assert_eq!(found.damage, None, "{isolation}: of an older schema, and whole");

        let restore = platform.restores().start(&operator(), &slug("acme"), &backup, None).await.unwrap();
        platform.done(restore).await;
        let swap = platform.restores().swap(&operator(), &slug("acme")).await.unwrap();
        platform.done(swap).await;
        let (actor, new) = (operator(), NewFromCopy::named("then"));
        let new = platform.arrivals().from_backup(&actor, &backup, false, new).await.unwrap();
        platform.done(new).await;
        for name in ["acme", "then"] {
            let first = item(&platform, name, "1").await.unwrap();
            assert_eq!((&first["name"], &first["shelf"]), (&json!("before"), &json!("top")), "{isolation}");
            assert_eq!(item(&platform, name, "2").await, None, "{isolation} {name}: came after the backup");
        }
        // The tenant is fully at the new schema: it can be written to and backed up.
        add(&platform, json!({ "name": "again", "shelf": "low" })).await;
        assert_eq!(item(&platform, "acme", "2").await.unwrap()["shelf"], "low");
        let again = platform.back_up("acme").await;
        assert_eq!(platform.backups().verify(&operator(), &again).await.unwrap().damage, None);
        platform.whole().await;
    }
}

/// The apps and the data were set back to an older version after the backup was made.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_newer_schema_is_refused_and_leaves_nothing() {
    for isolation in ISOLATIONS {
        let dir = tempfile::tempdir().unwrap();
        let platform = begun(dir.path(), isolation).await;
        let older = platform.back_up("acme").await;
        // As for an operator who kept a copy of the data directory before an update.
        platform.shutdown().await;
        drop(platform);
        let (data, kept) = (dir.path().join("data"), dir.path().join("kept"));
        copy(&data, &kept);
        let here = stock(dir.path(), isolation);
        here.change_model("items", &format!("{BEFORE}{AFTER}"));
        let platform = migrated(here.open().await).await;
        let newer = platform.back_up("acme").await;
        platform.shutdown().await;
        drop(platform);

        copy(&data.join("backups"), &kept.join("backups"));
        fs::remove_dir_all(&data).unwrap();
        fs::rename(&kept, &data).unwrap();
        fs::remove_file(dir.path().join(MIGRATION)).unwrap();
        here.write_model("items", BEFORE);
        let platform = here.open().await;
        platform.backups().rescan(&operator()).await.unwrap();
        let restore = platform.restores().start(&operator(), &slug("acme"), &newer, None).await.unwrap();
        let (state, why) = over(&platform, restore).await;
        assert_eq!(state, State::Undone, "{isolation}");
        assert!(why.as_ref().is_some_and(|why| why.contains("newer version of the apps")), "{why:?}");
        assert!(platform.restores().show(&slug("acme")).await.is_err(), "{isolation}: nothing is beside");
        let (actor, new) = (operator(), NewFromCopy::named("then"));
        let new = platform.arrivals().from_backup(&actor, &newer, false, new).await.unwrap();
        assert_eq!(over(&platform, new).await.0, State::Undone, "{isolation}");
        assert!(platform.tenants().show(&slug("then")).await.is_err(), "{isolation}: no company is made");
        assert_eq!(item(&platform, "acme", "1").await.unwrap()["name"], "before", "{isolation}");
        platform.whole().await;
        // The older backup is still good.
        let restore = platform.restores().start(&operator(), &slug("acme"), &older, None).await.unwrap();
        platform.done(restore).await;
    }
}

/// A server that was started before the migration cannot describe what it would store.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_with_older_apps_takes_no_backup_and_says_why() {
    for isolation in ISOLATIONS {
        let dir = tempfile::tempdir().unwrap();
        let old = begun(dir.path(), isolation).await;
        let before = old.back_up("acme").await;
        old.installation.change_model("items", &format!("{BEFORE}{AFTER}"));
        let new = old.installation.open().await;
        new.migrate().await;

        let asked = old.backups().start(&operator(), &slug("acme"), None).await.unwrap();
        let ended = old.operations().wait(asked.operation).await.unwrap();
        let (why, told) = (ended.reason.unwrap_or_default(), ended.error.unwrap_or_default());
        assert_eq!(
            (ended.state, ended.code.as_deref()),
            (State::Undone, Some("server_outdated")),
            "{isolation}"
        );
        assert!(
            why.contains("older apps than the database of acme") && told.contains("restart"),
            "{isolation}: {why}: {told}"
        );
        assert!(
            old.backups().show(&asked.backup).await.unwrap().1.is_none(),
            "{isolation}: it is no good one"
        );

        let after = new.back_up("acme").await;
        let found = old.backups().verify(&operator(), &after).await.unwrap();
        assert_eq!(found.damage, None, "{isolation}: older apps call nothing damaged");
        assert!(found.note.is_some_and(|note| note.contains("not compared")), "{isolation}");
        for backup in [&before, &after] {
            let found = new.backups().verify(&operator(), backup).await.unwrap();
            assert_eq!((found.damage, found.note), (None, None), "{isolation}");
            let restore = new.restores().start(&operator(), &slug("acme"), backup, None).await.unwrap();
            new.done(restore).await;
            new.restores().discard(&operator(), &slug("acme")).await.unwrap();
        }
    }
}

/// The apps are ahead of a tenant whose migration has not run: it is backed up and compared at its own schema.
#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_is_behind_is_backed_up_at_its_own_schema() {
    let dir = tempfile::tempdir().unwrap();
    let platform = begun(dir.path(), "database").await;
    platform.installation.change_model("items", &format!("{BEFORE}{AFTER}"));
    let platform = reopened(platform).await;
    let backup = platform.back_up("acme").await;
    let manifest = platform.backups().show(&backup).await.unwrap().1.unwrap();
    assert_eq!((manifest.stores[0].tables.len(), manifest.stores[0].tables[0].rows), (1, 1));
    let platform = migrated(platform).await;
    let found = platform.backups().verify(&operator(), &backup).await.unwrap();
    assert_eq!((found.damage, found.note, found.rows), (None, None, 1));
    let restore = platform.restores().start(&operator(), &slug("acme"), &backup, None).await.unwrap();
    platform.done(restore).await;
    let swap = platform.restores().swap(&operator(), &slug("acme")).await.unwrap();
    platform.done(swap).await;
    assert_eq!(item(&platform, "acme", "1").await.unwrap()["shelf"], "top");
    platform.whole().await;
}

/// An old backup whose manifest has no checksums of rows: intact as far as can be determined, and restorable.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_without_checksums_of_rows_is_not_called_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let platform = begun(dir.path(), "database").await;
    let backup = platform.back_up("acme").await;
    let path = dir.path().join("data/backups/tenants/1").join(backup.as_str()).join("manifest.json");
    let mut manifest = Manifest::open(&fs::read(&path).unwrap()).unwrap();
    manifest.stores[0].tables.clear();
    fs::write(&path, manifest.seal().unwrap()).unwrap();
    let found = platform.backups().verify(&operator(), &backup).await.unwrap();
    assert_eq!(found.damage, None);
    assert!(found.note.is_some_and(|note| note.contains("no checksums")));
    let restore = platform.restores().start(&operator(), &slug("acme"), &backup, None).await.unwrap();
    platform.done(restore).await;
}

/// A migration rejects the rows of a backup: they are restored unchanged, at the backup's schema.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_whose_rows_a_migration_refuses_comes_back_at_its_own_schema() {
    let dir = tempfile::tempdir().unwrap();
    let platform = begun(dir.path(), "database").await;
    let backup = platform.back_up("acme").await;
    let number = BEFORE.replace("\"text\"", "\"integer\"");
    platform.installation.change_model("items", &number);
    let platform = reopened(platform).await;
    assert_eq!(platform.migrate().await.failed.len(), 1, "a name is not a number");
    let restore = platform.restores().start(&operator(), &slug("acme"), &backup, None).await.unwrap();
    let done = platform.done(restore).await;
    let behind = done.result.unwrap()["behind"].to_string();
    assert!(behind.contains("not a whole number"), "{behind}");
    let swap = platform.restores().swap(&operator(), &slug("acme")).await.unwrap();
    platform.done(swap).await;
    assert_eq!(platform.migrations().behind().await.unwrap(), 1, "and the catalog says so");
    let (actor, new) = (operator(), NewFromCopy::named("then"));
    let new = platform.arrivals().from_backup(&actor, &backup, false, new).await.unwrap();
    let (state, why) = over(&platform, new).await;
    assert_eq!(state, State::Undone);
    let why = why.unwrap();
    assert!(why.contains("cannot be brought to the current schema in tenant"), "{why}");
    assert!(why.contains("not a whole number (id 1)") && why.contains("correct these rows"), "{why}");
}

/// Copies a directory whose databases are closed.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, name) = entry.map(|e| (e.path(), e.file_name())).unwrap();
        match path.is_dir() {
            true => copy(&path, &to.join(name)),
            false => drop(fs::copy(&path, to.join(name)).unwrap()),
        }
    }
}
