//! T14: a tenant's database at a schema other than the loaded one × every operation on tenants. A value is right, or an
//! error has the code and the remedy of its cause; acknowledged writes exist exactly once.

use crate::{
    crossings_kit,
    installation::Installation,
    test_platform::{operator, slug},
};
use serde_json::{Value, json};
use std::fs;
use tenantry::{
    Error, NewFromCopy, Platform, Result,
    backups::BackupId,
    migrations::fleet,
    moves::Target,
    name::ServerName,
    operations::{Filter, State},
};
use tenantry_testkit::tried;

const ITEM: &str =
    "store = \"tenant\"\n[fields.code]\ntype = \"text\"\n[fields.sum]\ntype = \"decimal\"\nscale = 2\n";
/// A migration that every row satisfies, and one that the rows of `acme` do not.
pub(crate) const FINER: (&str, &str) = ("scale = 2", "scale = 3");
const NUMBERS: (&str, &str) = ("type = \"text\"", "type = \"integer\"");

/// The operations, in an order in which the results of one do not block the next.
pub(crate) const VERBS: [&str; 12] = [
    "read",
    "write",
    "csv export",
    "csv import",
    "export",
    "import",
    "clone",
    "back up",
    "verify",
    "restore",
    "move",
    "demote",
];

/// Schema of the tenant's database, relative to the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Schema {
    /// The process has a migration that has not run.
    Pending,
    /// The process has a migration that ran over all tenants and failed for this one.
    Failed,
    /// A newer process has run a migration that this one does not have.
    Newer,
}

/// An installation, the process under test, and the tenant's expected rows.
pub(crate) struct Fleet {
    installation: Installation,
    isolation: &'static str,
    /// The process with the apps from before the migration.
    pub(crate) old: Platform,
    archive: std::path::PathBuf,
    backup: BackupId,
    /// The code of a new row, as the process under test accepts it.
    code: Value,
    /// Acknowledged sums of `acme`, in thousandths.
    pub(crate) sums: Vec<u64>,
}

impl Fleet {
    /// Creates three tenants with rows, a backup and an archive, and writes a migration that no process has loaded.
    pub(crate) async fn begun(isolation: &'static str, change: (&str, &str)) -> Self {
        let mut here = Installation::new().two_servers().isolation(isolation);
        if isolation == "database" {
            here = here.set("stores.tenant", "pooled_in = \"shared\"");
        }
        let here = here.app("stock", &[("items", ITEM)]);
        let old = here.start().await;
        for (name, code) in [("aaa", "12"), ("acme", "abc"), ("zeta", "14")] {
            old.create(name).await;
            for sum in ["1.25", "2.50"] {
                add(&old, name, json!({ "code": code, "sum": sum })).await.unwrap();
            }
        }
        let backup = old.back_up("acme").await;
        let archive = here.dir.join("acme.zip");
        fs::write(&archive, export(&old, "acme").await.unwrap()).unwrap();
        here.change_model("items", &ITEM.replace(change.0, change.1));
        let (old, sums) = (old.platform.clone(), vec![1250, 2500]);
        Self { installation: here, isolation, old, archive, backup, code: json!("7"), sums }
    }

    /// Opens a process with the current apps.
    pub(crate) async fn newer(&self) -> Result<Platform> {
        self.installation.platform().await
    }

    /// Runs an operation; an error is the code and the text that an operator sees.
    pub(crate) async fn verb(&mut self, platform: &Platform, verb: &str) -> Result<(), (String, String)> {
        let acme = slug("acme");
        let done = match verb {
            "read" => read(platform, "acme").await.map(|sums| assert_eq!(sums, self.sums)),
            "write" => add(platform, "acme", json!({ "code": self.code, "sum": "3.75" }))
                .await
                .map(|sum| self.sums.push(sum)),
            "csv export" => csv(platform).await.map(|sums| assert_eq!(sums, self.sums)),
            "csv import" => csv_import(platform).await.map(|()| self.sums.push(4500)),
            "export" => export(platform, "acme").await.map(drop),
            "import" => {
                let new = NewFromCopy::named("imported");
                let begun = platform.arrivals().from_archive(&operator(), self.archive.clone(), new).await;
                return over(platform, begun).await;
            }
            "clone" => {
                let copy = NewFromCopy::named("cloned");
                let begun = platform.arrivals().from_tenant(&operator(), &acme, false, copy).await;
                return over(platform, begun).await;
            }
            "back up" => {
                let begun = platform.backups().start(&operator(), &acme, None).await;
                return over(platform, begun.map(|asked| asked.operation)).await;
            }
            "verify" => {
                let found = platform.backups().verify(&operator(), &self.backup).await;
                found.map(|found| assert_eq!(found.damage, None))
            }
            "restore" => return self.restore(platform).await,
            "move" => return self.travel(platform).await,
            "demote" => return self.demote(platform).await,
            other => panic!("{other}"),
        };
        done.map_err(told)
    }

    /// Stages, swaps in and undoes a restore: afterwards the state is as before.
    async fn restore(&self, platform: &Platform) -> Result<(), (String, String)> {
        let acme = slug("acme");
        over(platform, platform.restores().start(&operator(), &acme, &self.backup, None).await).await?;
        let swapped = over(platform, platform.restores().swap(&operator(), &acme).await).await;
        match &swapped {
            Ok(()) => over(platform, platform.restores().undo(&operator(), &acme).await).await?,
            Err(_) => platform.restores().discard(&operator(), &acme).await.unwrap(),
        }
        swapped
    }

    /// Moves the tenant to another server, out of the pool if it is there, and back.
    async fn travel(&self, platform: &Platform) -> Result<(), (String, String)> {
        let (acme, from, any) = (slug("acme"), self.server(platform).await, Target::default());
        let to = ServerName::parse(if from.as_str() == "disk" { "main" } else { "disk" }).unwrap();
        if self.isolation == "database" {
            over(platform, platform.moves().to_server(&operator(), &acme, &to, &any).await).await?;
            return over(platform, platform.moves().to_server(&operator(), &acme, &from, &any).await).await;
        }
        over(platform, platform.moves().promote(&operator(), &acme, &Target::to(to)).await).await?;
        over(platform, platform.moves().demote(&operator(), &acme, &any).await).await
    }

    /// Moves a tenant with its own database into the pool, and out of it.
    async fn demote(&self, platform: &Platform) -> Result<(), (String, String)> {
        if self.isolation == "pooled" {
            return Ok(());
        }
        let (acme, from) = (slug("acme"), self.server(platform).await);
        over(platform, platform.moves().demote(&operator(), &acme, &Target::default()).await).await?;
        over(platform, platform.moves().promote(&operator(), &acme, &Target::to(from)).await).await
    }

    async fn server(&self, platform: &Platform) -> ServerName {
        platform.tenants().show(&slug("acme")).await.unwrap().placements.remove(0).place.server
    }
}

fn told(error: Error) -> (String, String) {
    (error.code().to_owned(), crossings_kit::told(error))
}

pub(crate) async fn over(platform: &Platform, begun: Result<i64>) -> Result<(), (String, String)> {
    match begun {
        Ok(operation) => ended(platform, operation).await,
        Err(error) => Err(told(error)),
    }
}

async fn ended(platform: &Platform, operation: i64) -> Result<(), (String, String)> {
    let over = platform.operations().wait(operation).await.unwrap();
    match over.state {
        State::Done => Ok(()),
        State::Undone => Err((over.code.unwrap(), over.error.unwrap())),
        state => panic!("{state:?}: {}", over.what),
    }
}

pub(crate) async fn add(platform: &Platform, name: &str, item: Value) -> Result<u64> {
    let tenant = platform.tenants().enter(&operator(), &slug(name)).await?;
    let made = platform.records(&tenant, "items")?.create(item.as_object().unwrap()).await?;
    Ok(thousandths(&serde_json::from_slice::<Value>(&made.body).unwrap()["sum"]))
}

pub(crate) async fn read(platform: &Platform, name: &str) -> Result<Vec<u64>> {
    let tenant = platform.tenants().enter(&operator(), &slug(name)).await?;
    let records = platform.records(&tenant, "items")?;
    let mut sums = vec![];
    for id in 1..20 {
        match records.get(&id.to_string(), &Default::default()).await {
            Ok(found) => {
                sums.push(thousandths(&serde_json::from_slice::<Value>(&found.body).unwrap()["sum"]))
            }
            Err(error) if error.code() == "not_found" => break,
            Err(error) => return Err(error),
        }
    }
    Ok(sums)
}

async fn csv(platform: &Platform) -> Result<Vec<u64>> {
    let tenant = platform.tenants().enter(&operator(), &slug("acme")).await?;
    let records = platform.records(&tenant, "items")?;
    let (mut export, mut pieces) = (records.export_csv(Default::default())?, Vec::new());
    while let Some(piece) = export.page().await? {
        pieces.push(piece);
    }
    export.finish().await?;
    let text = String::from_utf8(pieces.concat()).unwrap();
    let mut lines = text.lines().map(|line| line.split(','));
    let at = lines.next().unwrap().position(|name| name == "sum").unwrap();
    Ok(lines.map(|mut cells| thousandths(&json!(cells.nth(at).unwrap()))).collect())
}

async fn csv_import(platform: &Platform) -> Result<()> {
    let tenant = platform.tenants().enter(&operator(), &slug("acme")).await?;
    let report = platform.records(&tenant, "items")?.import_csv(&b"code,sum\n8,4.50\n"[..]).await?;
    assert_eq!((report.created, report.errors.len()), (1, 0), "{report:?}");
    Ok(())
}

async fn export(platform: &Platform, name: &str) -> Result<Vec<u8>> {
    let mut export = platform.exports().start_as_operator(&operator(), &slug(name)).await?;
    let mut bytes = vec![];
    while let Some(piece) = export.pieces.recv().await {
        bytes.extend_from_slice(&piece?);
    }
    Ok(bytes)
}

fn thousandths(sum: &Value) -> u64 {
    let (whole, rest) = sum.as_str().unwrap().split_once('.').unwrap();
    format!("{whole}{rest:0<3}").parse().unwrap()
}

/// Returns the codes with which an operation may be refused; `None` means that it must succeed.
fn refusal(schema: Schema, isolation: &str, verb: &str) -> Option<&'static [&'static str]> {
    let pooled = isolation == "pooled";
    match (schema, verb) {
        // An earlier backup is intact, and its own schema describes its contents.
        (_, "verify") | (Schema::Pending | Schema::Failed, "back up" | "restore") => None,
        // A move carries the schema with the rows.
        (Schema::Pending | Schema::Failed, "move") => None,
        // Copies of the rows are migrated to the schema of the process.
        (Schema::Pending, "export" | "import" | "clone") => None,
        (Schema::Pending, _) | (Schema::Failed, "export" | "clone") => Some(&["migrations_pending"]),
        // The archive is external, so the error is about the archive.
        (Schema::Failed, "import") => Some(&["invalid"]),
        (Schema::Failed, _) => Some(&["migrations_pending"]),
        // The rows go into an own database at their old schema, which is behind for newer processes; a pool that is
        // ahead accepts no older rows.
        (Schema::Newer, "import" | "restore") if !pooled => None,
        (Schema::Newer, _) => Some(&["server_outdated"]),
    }
}

fn remedy(code: &str) -> &'static str {
    match code {
        "migrations_pending" => "run: tenantry migrate tenants --tenant acme",
        "server_outdated" => "restart this server with the current apps",
        "invalid" => "migration of the apps here refuses",
        other => panic!("{other}"),
    }
}

async fn row(schema: Schema, isolation: &'static str) {
    let change = if schema == Schema::Failed { NUMBERS } else { FINER };
    let mut fleet = Fleet::begun(isolation, change).await;
    let new = fleet.newer().await.unwrap();
    let (old, migrate) = (fleet.old.clone(), fleet::Options::default());
    if schema != Schema::Pending {
        let reports = new.migrations().run(&operator(), None, migrate.clone(), |_, _| {}).await.unwrap();
        let failed: usize = reports.iter().map(|(_, report)| report.failed.len()).sum();
        assert_eq!(
            failed,
            usize::from(schema == Schema::Failed),
            "one of three fails, halfway over the fleet"
        );
    }
    if schema == Schema::Failed {
        fleet.code = json!(7);
    }
    let crossed = if schema == Schema::Newer { old.clone() } else { new.clone() };
    // The first process that has the new schema migrates a pool.
    let pending = schema != Schema::Pending || isolation == "database";
    for verb in VERBS.into_iter().filter(|verb| isolation == "database" || *verb != "demote") {
        let (what, allowed) = (format!("{schema:?} {isolation} × {verb}"), refusal(schema, isolation, verb));
        match (fleet.verb(&crossed, verb).await, allowed.filter(|_| pending)) {
            (Ok(()), None) => {}
            (Err((code, text)), Some(codes)) => {
                assert!(codes.contains(&code.as_str()), "{what}: {code}: {text}");
                assert!(text.contains(remedy(&code)), "{what}: {code}: {text}");
            }
            (found, allowed) => panic!("{what}: {found:?}, allowed {allowed:?}"),
        }
    }
    let open = Filter { open: true, ..Filter::default() };
    assert_eq!(
        new.operations().list(&open).await.unwrap(),
        vec![],
        "{schema:?} {isolation}: nothing is stuck"
    );
    // The cause is fixed: every value is as acknowledged, for this tenant and its neighbours.
    if schema == Schema::Failed {
        mend(&old, "acme").await;
    }
    new.migrations().run(&operator(), None, migrate, |_, _| {}).await.unwrap();
    assert_eq!(read(&new, "acme").await.unwrap(), fleet.sums, "{schema:?} {isolation}");
    for name in ["aaa", "zeta"] {
        assert_eq!(read(&new, name).await.unwrap(), [1250, 2500], "{schema:?} {isolation}: {name}");
    }
    tried("T14 a database at another schema", VERBS.len() as u64, "verbs in each state and isolation");
}

/// Corrects the values that the migration rejects, in a process with the old apps.
async fn mend(old: &Platform, name: &str) {
    let tenant = old.tenants().enter(&operator(), &slug(name)).await.unwrap();
    let records = old.records(&tenant, "items").unwrap();
    for id in ["1", "2"] {
        records.patch(id, None, json!({ "code": "16" }).as_object().unwrap()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_that_is_pending() {
    row(Schema::Pending, "database").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_that_is_pending_in_a_pool() {
    row(Schema::Pending, "pooled").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_that_failed_here() {
    row(Schema::Failed, "database").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_of_a_newer_process() {
    row(Schema::Newer, "database").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_of_a_newer_process_in_a_pool() {
    row(Schema::Newer, "pooled").await;
}

/// All rows of a pool are migrated together: if one tenant's rows are rejected, a process with the new apps serves no
/// tenant of the pool, and a process with the old apps continues with everything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_that_failed_in_a_pool() {
    let mut fleet = Fleet::begun("pooled", NUMBERS).await;
    let behind = fleet.newer().await.unwrap();
    for name in ["acme", "aaa", "zeta"] {
        let (code, text) = told(read(&behind, name).await.unwrap_err());
        assert!(code == "migrations_pending" && text.contains("tenantry "), "{name}: {code}: {text}");
    }
    behind.shutdown().await;
    let old = fleet.old.clone();
    for verb in VERBS {
        assert_eq!(fleet.verb(&old, verb).await, Ok(()), "{verb}");
    }
    for name in ["acme", "imported", "cloned"] {
        mend(&old, name).await;
    }
    let new = fleet.newer().await.unwrap();
    assert_eq!(read(&new, "acme").await.unwrap(), fleet.sums);
    for name in ["aaa", "zeta"] {
        assert_eq!(read(&new, name).await.unwrap(), [1250, 2500], "{name}");
    }
    tried(
        "T14 a database at another schema",
        VERBS.len() as u64 + 1,
        "verbs beside a pool that was not migrated",
    );
}
