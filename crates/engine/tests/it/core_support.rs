//! Shared by the core tests: an engine on a fresh directory, and places in it.

use tempfile::TempDir;
use tenantry_engine::{
    CacheLimits, Engine, Script, ServerSpec, Template,
    name::{PhysicalName, ServerName, StoreName, TenantId},
    place::{Isolation, Place},
};

pub struct Bed {
    pub dir: TempDir,
    pub engine: Engine,
}

pub fn bed(open_databases: usize) -> Bed {
    bed_in(tempfile::tempdir().unwrap(), open_databases)
}

/// Returns an engine on a file system in memory, where syncing is free: for tests that make thousands of databases and
/// simulate no power cut.
pub fn bed_in_memory(open_databases: usize) -> Bed {
    bed_in(tempfile::tempdir_in("/dev/shm").unwrap(), open_databases)
}

fn bed_in(dir: TempDir, open_databases: usize) -> Bed {
    let engine = engine_at(dir.path(), open_databases);
    Bed { dir, engine }
}

pub fn engine_at(root: &std::path::Path, open_databases: usize) -> Engine {
    let server = ServerSpec::sqlite(ServerName::parse("local").unwrap(), root);
    let limits = CacheLimits { open_databases: Some(open_databases), ..CacheLimits::default() };
    Engine::open(vec![server], limits).unwrap()
}

impl Bed {
    pub fn file(&self, place: &Place) -> std::path::PathBuf {
        self.dir.path().join(format!("{}.db", place.physical))
    }
}

fn place(store: &str, physical: &str, tenant: Option<i64>, generation: u64) -> Place {
    Place {
        server: ServerName::parse("local").unwrap(),
        store: StoreName::parse(store).unwrap(),
        isolation: Isolation::Database,
        physical: PhysicalName::parse(physical).unwrap(),
        tenant: tenant.map(TenantId::from_raw),
        generation,
    }
}

pub fn control() -> Place {
    place("control", "control_1", None, 1)
}

pub fn tenant(number: i64) -> Place {
    place("tenant", &format!("tenant_{number}_1"), Some(number), 1)
}

pub async fn system(bed: &Bed) -> tenantry_engine::SystemDb {
    bed.engine.create_system(&control()).await.unwrap();
    let db = bed.engine.system(&control()).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    tx.batch("CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT")
        .await
        .unwrap();
    tx.commit().await.unwrap();
    db
}

/// Returns the script of a store without migrations.
pub fn script(store: &str) -> std::sync::Arc<Script> {
    Script::new(&StoreName::parse(store).unwrap(), Isolation::Database, &[]).unwrap().into()
}

/// Returns a template without models.
pub fn bare() -> Template {
    Template::bare(StoreName::parse("tenant").unwrap())
}
