//! Kit for the core tests: an engine on a fresh directory, and places in it.

use tempfile::TempDir;
use tenantry_engine::{
    CacheLimits, Engine, Script, ServerSpec, Template,
    name::{PhysicalName, ServerName, StoreName, TenantId},
    place::{Isolation, Place},
};

/// An engine on a directory that is deleted on drop.
pub struct TestEngine {
    pub dir: TempDir,
    pub engine: Engine,
}

impl TestEngine {
    /// Opens an engine in a new directory.
    pub fn new(open_databases: usize) -> Self {
        Self::at(tempfile::tempdir().unwrap(), open_databases)
    }

    /// Opens an engine on an in-memory file system, where syncing is free. For tests that create thousands of databases
    /// and simulate no power failure.
    pub fn in_memory(open_databases: usize) -> Self {
        Self::at(tempfile::tempdir_in("/dev/shm").unwrap(), open_databases)
    }

    fn at(dir: TempDir, open_databases: usize) -> Self {
        let engine = engine_at(dir.path(), open_databases);
        Self { dir, engine }
    }

    pub fn file(&self, place: &Place) -> std::path::PathBuf {
        self.dir.path().join(format!("{}.db", place.physical))
    }
}

pub fn engine_at(root: &std::path::Path, open_databases: usize) -> Engine {
    let server = ServerSpec::sqlite(ServerName::parse("local").unwrap(), root);
    let limits = CacheLimits { open_databases: Some(open_databases), ..CacheLimits::default() };
    Engine::open(vec![server], limits).unwrap()
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

pub async fn system(test: &TestEngine) -> tenantry_engine::SystemDb {
    test.engine.create_system(&control()).await.unwrap();
    let db = test.engine.system(&control()).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    tx.batch("CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT")
        .await
        .unwrap();
    tx.commit().await.unwrap();
    db
}

/// Returns the script of a store without migrations.
pub fn script(store: &str) -> std::sync::Arc<Script> {
    Script::new(&StoreName::parse(store).unwrap(), &[]).unwrap().into()
}

/// Returns a template without models.
pub fn bare() -> Template {
    Template::bare(StoreName::parse("tenant").unwrap())
}
