//! Kit for backups of tenants with reports and files: takes them, restores them, and inspects their contents.

use crate::test_platform::{TestPlatform, operator, slug};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};
use tenantry::{
    Result,
    backups::{Asked, BackupId, manifest::TableSum},
    name::StoreName,
};
use tenantry_engine::{Kind, place::Place};
use tenantry_testkit::Random;

/// Number of rows and checksum, by store and model.
pub(crate) type Sums = BTreeMap<String, (u64, String)>;

impl TestPlatform {
    pub(crate) async fn add_report(&self, name: &str, text: &str) -> Value {
        let report = json!({ "title": text, "kind": "medical", "from_date": "2026-01-01", "to_date": "2026-02-01",
            "summary": format!("{text} ").repeat(20) });
        self.add(name, "reports", report).await
    }

    pub(crate) async fn put_file(&self, name: &str, id: &str, text: &str) {
        self.upload(name, ["reports", id, "document"], text).await;
    }

    pub(crate) async fn file(&self, name: &str, id: &str) -> Result<String> {
        self.download(name, ["reports", id, "document"]).await
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
        match self.engine.place_info(place).await {
            Ok(info) => !info.state.is_open(),
            Err(error) => *error.kind() == Kind::Fenced,
        }
    }
}

fn flat(stores: Vec<(StoreName, Vec<TableSum>)>) -> Sums {
    let tables =
        stores.into_iter().flat_map(|(store, tables)| tables.into_iter().map(move |t| (store.clone(), t)));
    tables.map(|(store, t)| (format!("{store}/{}", t.model), (t.rows, t.blake3))).collect()
}

/// Returns the files of a backup in the object store.
pub(crate) fn objects(clinic: &TestPlatform, id: &BackupId) -> Vec<PathBuf> {
    let mut found = Vec::new();
    walk(&clinic.config().platform.data_dir.join("backups"), &mut |path| {
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

/// The process that runs a test about a file without permission.
pub(crate) enum Ran {
    /// This process, which belongs to an ordinary user.
    Here,
    /// A child of this process, as an ordinary user; the test has passed there.
    There,
    /// No process: an ordinary user may not run this program. The test prints that.
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
