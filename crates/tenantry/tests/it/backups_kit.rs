//! A platform with tenants that have rows and files, in either isolation, and functions to inspect it.

use crate::test_platform::{operator, slug};
use futures_util::stream;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};
use tenantry::access::Operator;
use tenantry::{
    Error, Platform, Result,
    access::Tenant,
    backups::{Asked, BackupId, manifest::TableSum},
    config::Config,
    name::StoreName,
    operations::{Filter, Listed, State},
    records::Upload,
    tenants::NewTenant,
};
use tenantry_engine::{CacheLimits, Engine, Kind, ServerSpec, place::Place};
use tenantry_testkit::Random;

/// Names of the isolations.
pub(crate) const ISOLATIONS: [&str; 2] = ["database", "pooled"];

pub(crate) struct Clinic {
    pub(crate) platform: Platform,
    pub(crate) isolation: &'static str,
    pub(crate) dir: PathBuf,
    extra: String,
}

/// Number of rows and checksum, by store and model.
pub(crate) type Sums = BTreeMap<String, (u64, String)>;

impl Clinic {
    pub(crate) async fn open(dir: &Path, isolation: &'static str, extra: &str) -> Self {
        let platform = Platform::open(config(dir, isolation, extra)).await.unwrap();
        platform.plans().initialise(&Operator::new("system")).await.unwrap();
        Self { platform, isolation, dir: dir.to_owned(), extra: extra.to_owned() }
    }

    pub(crate) fn config(&self) -> Config {
        config(&self.dir, self.isolation, &self.extra)
    }

    pub(crate) async fn create(&self, name: &str) {
        let tenant = NewTenant { slug: slug(name), name: name.into(), email: format!("mail@{name}.test") };
        self.platform.tenants().create(&operator(), tenant, Some("hospital"), None).await.unwrap();
    }

    pub(crate) async fn enter(&self, name: &str) -> Tenant {
        self.platform.tenants().enter(&Operator::new("cli:test"), &slug(name)).await.unwrap()
    }

    pub(crate) async fn add(&self, name: &str, text: &str) -> Value {
        let tenant = self.enter(name).await;
        let report = json!({ "title": text, "kind": "medical", "from_date": "2026-01-01", "to_date": "2026-02-01",
            "summary": format!("{text} ").repeat(20) });
        let records = self.platform.records(&tenant, "reports").unwrap();
        to_json(records.create(report.as_object().unwrap()).await.unwrap())
    }

    pub(crate) async fn put_file(&self, name: &str, id: &str, text: &str) {
        let tenant = self.enter(name).await;
        let bytes = stream::iter([Ok(bytes::Bytes::from(text.to_owned()))]);
        let upload = Upload { name: "report.txt".into(), media_type: "text/plain".into(), bytes };
        let records = self.platform.records(&tenant, "reports").unwrap();
        records.put_file(id, "document", upload).await.unwrap();
    }

    pub(crate) async fn file(&self, name: &str, id: &str) -> Result<String> {
        use futures_util::TryStreamExt;
        let tenant = self.enter(name).await;
        let records = self.platform.records(&tenant, "reports").unwrap();
        let (_, bytes) = records.get_file(id, "document").await?;
        let all: Vec<_> = bytes.try_collect().await.map_err(|e| Error::Internal(e.to_string()))?;
        Ok(String::from_utf8(all.concat()).unwrap())
    }

    /// Waits for an operation that must succeed.
    pub(crate) async fn done(&self, operation: i64) -> Listed {
        let over = self.platform.operations().wait(operation).await.unwrap();
        assert_eq!(over.state, State::Done, "{over:?}");
        over
    }

    /// Waits for an operation that must fail and leave nothing; returns the public reason.
    pub(crate) async fn refused(&self, started: Result<i64>) -> String {
        let operation = match started {
            Ok(operation) => operation,
            Err(error) => return error.public_title(),
        };
        let over = self.platform.operations().wait(operation).await.unwrap();
        assert_eq!(over.state, State::Undone, "{over:?}");
        over.reason.unwrap_or_default()
    }

    pub(crate) async fn back_up(&self, name: &str) -> BackupId {
        let Asked { backup, operation } =
            self.platform.backups().start(&operator(), &slug(name), None).await.unwrap();
        self.done(operation).await;
        backup
    }

    pub(crate) async fn restore(&self, name: &str, backup: &BackupId) {
        let operation = self.platform.restores().start(&operator(), &slug(name), backup, None).await.unwrap();
        self.done(operation).await;
    }

    pub(crate) async fn swap(&self, name: &str) {
        self.done(self.platform.restores().swap(&operator(), &slug(name)).await.unwrap()).await;
    }

    /// Returns the checksums of a tenant's rows.
    pub(crate) async fn sums(&self, name: &str) -> Sums {
        flat(self.platform.exports().checksums(&slug(name)).await.unwrap())
    }

    /// Returns the checksums in a backup's manifest.
    pub(crate) async fn sums_of(&self, backup: &BackupId) -> Sums {
        let manifest = self.platform.backups().show(backup).await.unwrap().1.unwrap();
        flat(manifest.stores.into_iter().map(|s| (s.store, s.tables)).collect())
    }

    /// Returns true if no process can write to this place any more, even one that still has it in its cache.
    pub(crate) async fn is_shut(&self, place: &Place) -> bool {
        let root = self.platform.config().server(place.server.as_str()).unwrap().path().unwrap().to_owned();
        let servers = vec![ServerSpec::sqlite(place.server.clone(), root)];
        let engine = Engine::open(servers, CacheLimits::default()).unwrap();
        match engine.place_info(place).await {
            Ok(info) => !info.state.is_open(),
            Err(error) => *error.kind() == Kind::Fenced,
        }
    }

    /// Asserts that no operation is stuck, no file is orphaned, and every database matches the catalog.
    pub(crate) async fn whole(&self) {
        let open = Filter { open: true, ..Filter::default() };
        assert_eq!(self.platform.operations().list(&open).await.unwrap(), vec![]);
        let mut found = Vec::new();
        self.platform.check(None, true, |finding| found.push(finding.to_string()), |_, _| ()).await.unwrap();
        assert_eq!(found, Vec::<String>::new());
        assert!(self.platform.audit().verify().await.unwrap().faults.is_empty());
        let scratch = self.dir.join("data/scratch");
        assert_eq!(std::fs::read_dir(scratch).map_or(0, Iterator::count), 0, "scratch is not empty");
    }
}

pub(crate) fn config(dir: &Path, isolation: &str, extra: &str) -> Config {
    let text = format!(
        "[platform]\ndata_dir = \"data\"\n[stores.control]\n[stores.shared]\n[stores.tenant]\n\
         isolation = \"{isolation}\"\n{extra}"
    );
    Config::parse("tenantry.toml", &text, dir).unwrap_or_else(|p| panic!("{p}"))
}

fn flat(stores: Vec<(StoreName, Vec<TableSum>)>) -> Sums {
    let tables =
        stores.into_iter().flat_map(|(store, tables)| tables.into_iter().map(move |t| (store.clone(), t)));
    tables.map(|(store, t)| (format!("{store}/{}", t.model), (t.rows, t.blake3))).collect()
}

fn to_json(document: tenantry::records::Document) -> Value {
    serde_json::from_slice(&document.body).unwrap()
}

/// Returns the files of a backup in the object store.
pub(crate) fn objects(clinic: &Clinic, id: &BackupId) -> Vec<PathBuf> {
    let mut found = Vec::new();
    walk(&clinic.dir.join("data/backups"), &mut |path| {
        if path.components().any(|c| c.as_os_str() == id.as_str()) {
            found.push(path.to_owned());
        }
    });
    found.sort();
    found
}

pub(crate) fn walk(dir: &Path, visit: &mut dyn FnMut(&Path)) {
    for entry in std::fs::read_dir(dir).unwrap() {
        match entry.unwrap().path() {
            path if path.is_dir() => walk(&path, visit),
            path => visit(&path),
        }
    }
}

/// Returns text that does not compress well, the same on each call.
pub(crate) fn noise(length: usize) -> String {
    let mut random = Random::new(7, 0);
    (0..length).map(|_| char::from(b'!' + u8::try_from(random.below(90)).unwrap())).collect()
}

/// Process in which a test runs that needs a file without permission.
pub(crate) enum Ran {
    /// This process, which belongs to an ordinary user.
    Here,
    /// A child of this process, as an ordinary user; the test has passed there.
    There,
    /// None: an ordinary user may not run this program. The test prints that.
    Nowhere,
}

/// Chooses the process: the system's superuser can read every file, so the test then runs again as an ordinary user.
pub(crate) fn unprivileged(test: &str) -> Ran {
    use std::os::unix::{fs::MetadataExt, process::CommandExt};
    const NOBODY: u32 = 65_534;
    if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
        return Ran::Here;
    }
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", test, "--nocapture"]).current_dir("/").uid(NOBODY).gid(NOBODY);
    let output = match child.env_remove("TENANTRY_SUITE_COUNTS").env("TMPDIR", "/tmp").output() {
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            println!("{test}: NOT TRIED, user {NOBODY} may not run this program");
            return Ran::Nowhere;
        }
        output => output.unwrap(),
    };
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    Ran::There
}
