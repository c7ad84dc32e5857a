//! Kit for several hosts that serve one installation: their directories, requests to them, and writers whose
//! acknowledged writes are counted.

use super::binary::{TestBinary, start};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    path::Path,
    process::Output,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};
use tempfile::TempDir;
use tenantry_testkit::postgres::{Home, servers};
use tokio::runtime::Runtime;

pub(crate) const OWNER: &str = "owner@city-hospital.example";
pub(crate) const SUPERUSER: &str = "admin@tenantry.example";

/// The hosts of an installation: a data directory for each, a shared database server, and a shared directory.
pub(crate) struct Hosts {
    pub(crate) dirs: Vec<TempDir>,
    pub(crate) shared: TempDir,
    pub(crate) home: Home,
    pub(crate) runtime: Runtime,
    /// URL of the server's read replica.
    replica: Option<String>,
}

impl Hosts {
    pub(crate) fn new(count: usize) -> Self {
        Self::on(count, &servers()[0], |_| None)
    }

    /// Returns hosts that use the server at this URL of a superuser. `replica` returns the URL of its read replica.
    pub(crate) fn on(count: usize, admin: &str, replica: impl FnOnce(&str) -> Option<String>) -> Self {
        let runtime = Runtime::new().unwrap();
        let home = runtime.block_on(Home::new(admin));
        let replica = replica(home.url());
        let shared = tempfile::tempdir().unwrap();
        for folder in ["files", "backups"] {
            std::fs::create_dir(shared.path().join(folder)).unwrap();
        }
        let dirs = (0..count).map(|_| tempfile::tempdir().unwrap()).collect();
        let hosts = Self { dirs, shared, home, runtime, replica };
        for dir in &hosts.dirs {
            hosts.configure(dir.path(), &hosts.shared.path().join("files"));
        }
        hosts
    }

    pub(crate) fn configure(&self, dir: &Path, files: &Path) {
        let (backups, prefix) = (self.shared.path().join("backups"), self.home.prefix());
        let replica = self.replica.as_ref().map(|url| {
            std::fs::write(dir.join("replica.url"), url).unwrap();
            "replica_lag = \"1 h\"\n[servers.pg.replicas.east]\nurl_file = \"replica.url\"\n"
        });
        let replica = replica.unwrap_or_default();
        let text = format!(
            "[servers.pg]\nengine = \"postgres\"\nurl_file = \"pg.url\"\nprefix = \"{prefix}\"\nmost_connections = 12\n{replica}\
             [stores.control]\nserver = \"pg\"\n[stores.shared]\nserver = \"pg\"\n\
             [stores.tenant]\nserver = \"pg\"\nisolation = \"schema\"\n\
             [plans.starter]\nlabel = \"Starter\"\n[plans.tiny]\nlabel = \"Tiny\"\n[plans.tiny.limits]\nrows = 1\n\
             [registration]\ndefault_plan = \"starter\"\n\
             [files]\ntarget = \"{}\"\n[backups]\ntarget = \"{}\"\n",
            files.display(),
            backups.display()
        );
        std::fs::write(dir.join("tenantry.toml"), text).unwrap();
        std::fs::write(dir.join("pg.url"), self.home.url()).unwrap();
    }

    pub(crate) fn dir(&self, host: usize) -> &Path {
        self.dirs[host].path()
    }

    /// Runs a statement as the superuser of the server.
    pub(crate) fn administer(&self, sql: &str) {
        self.runtime.block_on(self.home.administer(sql));
    }
}

/// Starts two serving hosts with the companies of the demo.
pub(crate) fn two() -> (Hosts, TestBinary, TestBinary) {
    let hosts = Hosts::new(2);
    let one = start(hosts.dir(0), "demo");
    let other = start(hosts.dir(1), "serve");
    (hosts, one, other)
}

pub(crate) fn done(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

pub(crate) fn status(node: &TestBinary, method: &str, path: &str, token: &str, body: Option<&Value>) -> u16 {
    node.ask(method, path, token, body).0
}

pub(crate) fn ok(node: &TestBinary, method: &str, path: &str, token: &str, body: Option<&Value>) -> Value {
    let (status, answer) = node.ask(method, path, token, body);
    assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
    answer
}

/// State that writers and other threads share.
#[derive(Default)]
pub(crate) struct Load {
    /// The threads end once this is true.
    pub(crate) stop: AtomicBool,
    /// Number of acknowledged writes.
    pub(crate) acknowledged: AtomicU64,
}

/// Ends the load on drop, so that the threads of a failed test end, too.
pub(crate) struct Stop<'l>(&'l Load);

impl Load {
    pub(crate) fn stopped_on_drop(&self) -> Stop<'_> {
        Stop(self)
    }
}

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.stop.store(true, Relaxed);
    }
}

/// Writes patients through a node until told to stop. Returns the last names of acknowledged patients, and of patients
/// that may have been stored.
pub(crate) fn write(
    node: Arc<TestBinary>,
    token: String,
    writer: usize,
    load: Arc<Load>,
) -> thread::JoinHandle<(BTreeSet<String>, BTreeSet<String>)> {
    thread::spawn(move || {
        let (mut acknowledged, mut unknown) = (BTreeSet::new(), BTreeSet::new());
        for number in 0.. {
            if load.stop.load(Relaxed) {
                break;
            }
            let name = format!("Node-{writer}-{number}");
            let patient = json!({ "first_name": "A", "last_name": name, "born_on": "1990-01-01" });
            let asked = node.attempt("POST", "/api/records/patients", &token, Some(&patient));
            match asked {
                Ok((201, _)) => {
                    acknowledged.insert(name);
                    load.acknowledged.fetch_add(1, Relaxed);
                }
                // A refusal means that nothing was written. If the outcome is in doubt, or if there is no answer, the
                // write may have been stored.
                Ok((503, body)) if body["code"] != "outcome_unknown" => {}
                Ok((status, body)) if body["code"] != "outcome_unknown" => {
                    panic!("{status} {body}")
                }
                Ok(_) => drop(unknown.insert(name)),
                Err(_) => {
                    unknown.insert(name);
                    thread::sleep(Duration::from_millis(20));
                }
            }
        }
        (acknowledged, unknown)
    })
}

/// Asserts that each acknowledged patient is stored once, and that no other patients are.
pub(crate) fn judge(
    node: &TestBinary,
    token: &str,
    written: &[(BTreeSet<String>, BTreeSet<String>)],
) -> usize {
    let mut found = Vec::new();
    let all = "/api/records/patients?fields=last_name&limit=200&last_name__startswith=Node-";
    let mut path = all.to_owned();
    loop {
        let page = ok(node, "GET", &path, token, None);
        let names = page["items"].as_array().unwrap().iter();
        found.extend(names.map(|item| item["last_name"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => path = format!("{all}&after={next}"),
            None => break,
        }
    }
    let distinct: BTreeSet<_> = found.iter().cloned().collect();
    assert_eq!(distinct.len(), found.len(), "a patient is there twice");
    let mut allowed = BTreeSet::new();
    for (acknowledged, unknown) in written {
        let lost: Vec<_> = acknowledged.difference(&distinct).collect();
        assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
        allowed.extend(acknowledged.union(unknown).cloned());
    }
    let strange: Vec<_> = distinct.difference(&allowed).collect();
    assert!(strange.is_empty(), "never acknowledged nor in doubt: {strange:?}");
    written.iter().map(|(acknowledged, _)| acknowledged.len()).sum()
}
