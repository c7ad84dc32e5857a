//! Moves of tenants that lack migrations of the loaded apps: between SQLite and PostgreSQL, with concurrent writes, and
//! with a migration that failed halfway. The rows arrive with the schema of the source, and are migrated at the new
//! place.

use crate::{
    installation::Installation,
    test_platform::{TestPlatform, operator, slug},
};
use serde_json::{Value, json};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering::SeqCst},
};
use tenantry::{
    Platform, Result,
    moves::Target,
    name::ServerName,
    operations::State,
    place::Isolation,
    records::ListQuery,
    topology::{Placement, PlacementState},
};
use tenantry_engine::query::Select;
use tenantry_testkit::postgres::{Home, servers};

const ITEM: &str = "store = \"tenant\"\n[fields.code]\ntype = \"text\"\n[fields.name]\ntype = \"text\"\nsearch = true\n\
    [fields.sum]\ntype = \"decimal\"\nscale = 2\n[fields.before]\ntype = \"ref\"\nto = \"items\"\n";
/// A migration that every row satisfies: it removes a field, adds a field, and changes how a field is stored.
const SECOND: [(&str, &str); 2] = [("scale = 2", "scale = 3"), ("search = true\n", "")];
const SHELF: &str = "[fields.shelf]\ntype = \"text\"\ndefault = \"top\"\n";
/// A migration that the rows do not satisfy.
const THIRD: (&str, &str) = ("[fields.code]\ntype = \"text\"", "[fields.code]\ntype = \"integer\"");

/// Source and target of each move.
const WAYS: [[(&str, Isolation); 2]; 6] = [
    [("main", Isolation::Database), ("disk", Isolation::Database)],
    [("main", Isolation::Database), ("pg", Isolation::Database)],
    [("main", Isolation::Database), ("pg", Isolation::Schema)],
    [("pg", Isolation::Database), ("main", Isolation::Database)],
    [("pg", Isolation::Schema), ("disk", Isolation::Database)],
    [("pg", Isolation::Schema), ("pg", Isolation::Database)],
];

fn second() -> String {
    SECOND.iter().fold(ITEM.to_owned(), |text, (from, to)| text.replace(from, to)) + SHELF
}

/// Describes an installation with two directories of files and a server of PostgreSQL.
fn installation(home: &Home) -> Installation {
    let here = Installation::new();
    std::fs::write(here.dir.join("pg.url"), home.url()).unwrap();
    here.two_servers()
        .set("servers.pg", "engine = \"postgres\"")
        .set("servers.pg", "url_file = \"pg.url\"")
        .set("servers.pg", &format!("prefix = \"{}\"", home.prefix()))
        .set("stores.tenant", "servers = [\"main\", \"disk\", \"pg\"]")
        .set("registration", "placement = \"first\"")
        .app("stock", &[("items", ITEM)])
}

/// Creates a tenant with rows at the source.
async fn begun(here: &Installation, from: (&str, Isolation)) -> TestPlatform {
    let w = here.start().await;
    w.create("acme").await;
    for n in 1..=3 {
        let before = if n > 1 { json!(n - 1) } else { Value::Null };
        let item = json!({ "code": "abc", "name": format!("item {n}"), "sum": "1.25", "before": before });
        w.add("acme", "items", item).await;
    }
    if from != ("main", Isolation::Database) {
        moved(&w, from).await;
    }
    w
}

async fn moved(w: &TestPlatform, to: (&str, Isolation)) {
    let server = ServerName::parse(to.0).unwrap();
    let target = Target { isolation: Some(to.1), ..Target::default() };
    let started = w.moves().to_server(&operator(), &slug("acme"), &server, &target).await.unwrap();
    let over = w.done(started).await;
    assert_eq!(over.result.unwrap()["verified"], true);
}

async fn placement(w: &Platform) -> Placement {
    let all = w.tenants().show(&slug("acme")).await.unwrap().placements;
    all.into_iter().find(|placement| placement.state == PlacementState::Ready).unwrap()
}

/// A process that serves the tenant at its schema and writes while the tenant is moved.
struct Writer {
    platform: Platform,
    made: Mutex<Vec<String>>,
    patched: Mutex<String>,
}

impl Writer {
    /// Creates a record, changes an earlier one, and deletes one.
    async fn write(&self, name: &str) -> Result<()> {
        let tenant = self.platform.tenants().enter(&operator(), &slug("acme")).await?;
        let items = self.platform.records(&tenant, "items")?;
        let item = json!({ "code": "new", "name": name, "sum": "3.75", "before": 1 });
        items.create(item.as_object().unwrap()).await?;
        self.made.lock().unwrap().push(name.to_owned());
        items.patch("1", None, json!({ "name": name }).as_object().unwrap()).await?;
        *self.patched.lock().unwrap() = name.to_owned();
        match items.delete("3", None).await {
            Err(error) if error.code() != "not_found" => Err(error),
            _ => Ok(()),
        }
    }

    /// Returns the names of all records in the order of their creation.
    async fn names(&self) -> Vec<String> {
        items(&self.platform).await.into_iter().map(|item| item["name"].as_str().unwrap().into()).collect()
    }

    fn expected(&self) -> Vec<String> {
        let mut all = vec![self.patched.lock().unwrap().clone(), "item 2".into()];
        all.extend(self.made.lock().unwrap().clone());
        all
    }
}

async fn items(platform: &Platform) -> Vec<Value> {
    let tenant = platform.tenants().enter(&operator(), &slug("acme")).await.unwrap();
    let all = ListQuery { select: Select { limit: 500, ..Select::default() }, ..ListQuery::default() };
    let page = platform.records(&tenant, "items").unwrap().list(&all).await.unwrap();
    serde_json::from_str(&format!("[{}]", String::from_utf8(page.items).unwrap())).unwrap()
}

/// Moves the tenant while `writer` writes: at every point of the move before writes must wait, and once while they
/// wait.
async fn moved_with_writes(w: &TestPlatform, to: (&str, Isolation), writer: Platform) -> Arc<Writer> {
    let writer = Arc::new(Writer { platform: writer, made: Mutex::default(), patched: Mutex::default() });
    let (waits, late) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(None)));
    let (by, waiting) = (writer.clone(), late.clone());
    w.operations.faults().watch(Arc::new(move |passed| {
        let (by, waits, waiting) = (by.clone(), waits.clone(), waiting.clone());
        Box::pin(async move {
            if passed == "move:fence:before" {
                waits.store(true, SeqCst);
                by.write("while the new place is opened").await.unwrap();
            } else if passed == "move:fenced:inside" {
                let write = async move { by.write("while writes wait").await };
                *waiting.lock().unwrap() = Some(tokio::spawn(write));
            } else if passed.starts_with("move:") && !waits.load(SeqCst) {
                by.write(&passed).await.unwrap();
            }
            Ok(())
        })
    }));
    moved(w, to).await;
    w.operations.faults().watch(Arc::new(|_| Box::pin(async { Ok(()) })));
    let late = late.lock().unwrap().take().expect("a write that waited");
    late.await.unwrap().unwrap();
    let made = writer.made.lock().unwrap().clone();
    for point in ["move:filled:inside", "move:compared:inside", "while writes wait"] {
        assert!(made.iter().any(|name| name == point), "{point}: {made:?}");
    }
    writer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_that_is_behind_moves_at_its_schema_while_it_works() {
    for url in servers() {
        for [from, to] in WAYS {
            let home = Home::new(&url).await;
            let here = installation(&home);
            let w = begun(&here, from).await;
            here.change_model("items", &second());
            w.reload().await.unwrap();
            let before = placement(&w).await;
            assert_ne!(before.schema_version, Some(w.version("tenant")), "{from:?}");
            let leaves = [ServerName::parse(from.0).unwrap()];
            let waiting = w.moves().waiting(&leaves, &ServerName::parse(to.0).unwrap()).await.unwrap();
            assert_eq!(waiting.iter().map(|one| &one.obstacle).collect::<Vec<_>>(), [&None], "{from:?}");
            // This process has retained the apps of the tenant's schema.
            let writer = moved_with_writes(&w, to, w.platform.clone()).await;
            let after = placement(&w).await;
            assert_eq!((after.place.server.as_str(), after.place.isolation), to, "{from:?}");
            assert_eq!((after.schema_version, after.migration_error), (before.schema_version, None));
            assert_eq!(writer.names().await, writer.expected(), "{from:?} -> {to:?}");
            assert_eq!(items(&w).await[0].get("shelf"), None, "served by the earlier apps");

            let report = w.migrate().await;
            assert_eq!((report.migrated, report.failed.len()), (1, 0), "{from:?} -> {to:?}: {report:?}");
            assert_eq!(placement(&w).await.schema_version, Some(w.version("tenant")));
            assert_eq!(writer.names().await, writer.expected(), "{from:?} -> {to:?}");
            let first = &items(&w).await[0];
            assert_eq!((&first["shelf"], &first["sum"]), (&json!("top"), &json!("1.250")), "{to:?}");
            w.whole().await;
            w.shutdown().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_with_a_migration_that_failed_moves_as_far_as_it_is() {
    let url = servers().remove(0);
    for [from, to] in WAYS {
        let home = Home::new(&url).await;
        let here = installation(&home);
        let w = begun(&here, from).await;
        w.shutdown().await;
        drop(w);
        here.change_model("items", &second());
        let halfway = here.platform().await.unwrap();
        here.change_model("items", &second().replace(THIRD.0, THIRD.1));
        let w = here.open().await;
        assert_eq!(w.migrate().await.failed.len(), 1);
        let before = placement(&w).await;
        let why = before.migration_error.clone().expect("the second of two migrations failed");
        // Another process has only the first migration, like the tenant.
        let writer = moved_with_writes(&w, to, halfway.clone()).await;
        let after = placement(&w).await;
        assert_eq!((after.place.server.as_str(), after.place.isolation), to, "{from:?}");
        assert_eq!((after.schema_version, &after.migration_error), (before.schema_version, &Some(why)));
        assert_eq!(writer.names().await, writer.expected(), "{from:?} -> {to:?}");
        assert_eq!(items(&halfway).await[1]["shelf"], "top", "{from:?} -> {to:?}");

        assert_eq!(w.migrate().await.failed.len(), 1, "at the new place for the same reason");
        let tenant = halfway.tenants().enter(&operator(), &slug("acme")).await.unwrap();
        let records = halfway.records(&tenant, "items").unwrap();
        for item in items(&halfway).await {
            let code = json!({ "code": "16" });
            records.patch(&item["id"].to_string(), None, code.as_object().unwrap()).await.unwrap();
        }
        let report = w.migrate().await;
        assert_eq!((report.migrated, report.failed.len()), (1, 0), "{from:?} -> {to:?}: {report:?}");
        let after = placement(&w).await;
        assert_eq!((after.schema_version, after.migration_error), (Some(w.version("tenant")), None));
        assert_eq!(items(&w).await[0]["code"], 16);
        w.whole().await;
        halfway.shutdown().await;
        w.shutdown().await;
    }
}

/// A migration run that begins during a move skips the tenant. A move that begins during a run is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_migration_slips_into_a_move() {
    let home = Home::new(&servers()[0]).await;
    let here = installation(&home);
    let w = Arc::new(begun(&here, ("main", Isolation::Database)).await);
    here.change_model("items", &second());
    w.reload().await.unwrap();
    let other = here.platform().await.unwrap();
    let (runs, new) = (Arc::new(Mutex::new(Vec::new())), other.clone());
    let seen = runs.clone();
    w.operations.faults().watch(Arc::new(move |passed| {
        let (runs, new) = (seen.clone(), new.clone());
        Box::pin(async move {
            if ["move:filled:inside", "move:opened:inside", "move:prove:before"].contains(&passed.as_str()) {
                let run = new.migrations().run(&operator(), None, Default::default(), |_, _| {}).await?;
                runs.lock().unwrap().extend(run.into_iter().map(|(_, report)| report));
            }
            Ok(())
        })
    }));
    moved(&w, ("pg", Isolation::Schema)).await;
    w.operations.faults().watch(Arc::new(|_| Box::pin(async { Ok(()) })));
    let runs = std::mem::take(&mut *runs.lock().unwrap());
    assert_eq!(runs.len(), 3);
    for report in runs {
        assert_eq!((report.migrated, report.failed.len()), (0, 1), "{report:?}");
        assert!(report.failed[0].is_busy(), "{report:?}");
    }
    assert_eq!(w.migrate().await.migrated, 1);
    assert_eq!(items(&other).await.len(), 3);
}

/// Another process has newer apps and has migrated the tenant; its record in the catalog was lost with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn migrations_that_are_not_loaded_are_refused() {
    for from in [("main", Isolation::Database), ("pg", Isolation::Schema)] {
        let home = Home::new(&servers()[0]).await;
        let here = installation(&home);
        let old = begun(&here, from).await;
        let version = old.version("tenant");
        here.change_model("items", &second());
        let new = here.open().await;
        assert_eq!(new.migrate().await.migrated, 1);
        let (disk, any) = (ServerName::parse("disk").unwrap(), Target::default());
        let refused = old.moves().to_server(&operator(), &slug("acme"), &disk, &any).await.unwrap_err();
        assert_eq!(refused.code(), "server_outdated", "{refused}");
        let set = format!("UPDATE placements SET schema_version = '{version}' WHERE state = 'ready'");
        new.catalog(&set).await;
        old.refresh().await.unwrap();
        let started = old.moves().to_server(&operator(), &slug("acme"), &disk, &any).await.unwrap();
        let over = old.operations().wait(started).await.unwrap();
        assert_eq!((over.state, over.code.as_deref()), (State::Undone, Some("server_outdated")), "{over:?}");
        // A process that has the migration can move the tenant, whatever the catalog contains.
        moved(&new, ("disk", Isolation::Database)).await;
        assert_eq!(items(&new).await[0]["shelf"], "top");
        assert_eq!(new.migrate().await.migrated, 1);
        new.whole().await;
    }
}
