//! T14: every state of a tenant's database file × every operation on tenants. A value is right, or an error names the
//! tenant and the remedy; the operation ends; other tenants are not affected.

use crate::{
    backups_kit::{Clinic, Ran, Sums, noise, unprivileged},
    test_platform::{operator, slug},
};
use std::{
    fs::{self, File, OpenOptions},
    os::unix::fs::{FileExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
};
use tenantry::internals::control;
use tenantry::{
    NewFromCopy, Result, migrations::fleet, moves::Target, name::ServerName, operations::State,
    tenants::Terms,
};
use tenantry_testkit::tried;

/// State of the database file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Live {
    Missing,
    Empty,
    Truncated,
    Header,
    FirstPage,
    LeafPage,
    Neighbour,
    Directory,
    Dangling,
    NoAccess,
}

/// The operations; each runs on a separate tenant.
const VERBS: [&str; 7] = ["restore", "move", "backup", "migrate", "purge", "clone", "export"];

/// Configures two servers, so that a tenant can be moved, and no final backup, so that a purge reads the file itself.
const CONFIG: &str = r#"
servers = ["main", "disk"]
[servers.main]
path = "databases"
[servers.disk]
path = "more"
[retention]
final_backup = false
"#;

/// Size of a SQLite page, bytes.
const PAGE: usize = 4096;

impl Live {
    /// Brings the file into this state. No process has it open.
    fn put(self, file: &Path, neighbour: &Path) {
        let write = |at: u64, bytes: &[u8]| {
            OpenOptions::new().write(true).open(file).unwrap().write_all_at(bytes, at).unwrap();
        };
        match self {
            Self::Missing => fs::remove_file(file).unwrap(),
            Self::Empty => drop(File::create(file).unwrap()),
            Self::Truncated => {
                OpenOptions::new().write(true).open(file).unwrap().set_len(PAGE as u64 + 100).unwrap()
            }
            Self::Header => write(0, &[b'?'; 100]),
            Self::FirstPage => write(100, &[0xFF; PAGE - 100]),
            Self::LeafPage => write(leaf(file), &[0xFF; 64]),
            Self::Neighbour => drop(fs::copy(neighbour, file).unwrap()),
            Self::Directory => {
                fs::remove_file(file).unwrap();
                fs::create_dir(file).unwrap();
            }
            Self::Dangling => {
                fs::remove_file(file).unwrap();
                symlink("nowhere", file).unwrap();
            }
            Self::NoAccess => fs::set_permissions(file, fs::Permissions::from_mode(0o000)).unwrap(),
        }
    }

    /// Returns true if a purge must be refused: the file is certainly not a remnant of the tenant's database, or cannot
    /// be inspected.
    fn is_another(self) -> bool {
        matches!(self, Self::Neighbour | Self::Directory | Self::Dangling | Self::NoAccess)
    }
}

/// Returns the offset of a page that contains rows.
fn leaf(file: &Path) -> u64 {
    let bytes = fs::read(file).unwrap();
    let holds = |page: &[u8]| page[0] == 0x0D && page.windows(6).any(|w| w == b"marked");
    let index = bytes.chunks_exact(PAGE).skip(1).position(holds).expect("a leaf with rows");
    ((index + 1) * PAGE) as u64
}

async fn row(live: Live) {
    let dir = tempfile::tempdir().unwrap();
    let clinic = Clinic::open(dir.path(), "database", CONFIG).await;
    clinic.create("neighbour").await;
    clinic.add("neighbour", "of the neighbour").await;
    for verb in VERBS {
        clinic.create(verb).await;
        for _ in 0..3 {
            clinic.add(verb, &format!("marked {}", noise(150))).await;
        }
        clinic.back_up(verb).await;
    }
    let (then, neighbour) = (clinic.sums("restore").await, clinic.sums("neighbour").await);
    let files: Vec<_> = file_of(&clinic, VERBS).await;
    let other = file_of(&clinic, ["neighbour"]).await.remove(0);
    clinic.platform.shutdown().await;
    drop(clinic);
    for file in &files {
        live.put(file, &other);
    }
    let clinic = Clinic::open(dir.path(), "database", CONFIG).await;
    for verb in VERBS {
        cell(&clinic, live, verb, &then).await;
    }
    let mut found = Vec::new();
    clinic.platform.check(None, true, |finding| found.push(finding.to_string()), |_, _| ()).await.unwrap();
    let named = found.iter().any(|finding| finding.contains("tenant_backup_1"));
    assert!(named || live == Live::LeafPage, "{live:?}: {found:?}");
    let open = tenantry::operations::Filter { open: true, ..Default::default() };
    assert_eq!(clinic.platform.operations().list(&open).await.unwrap(), vec![], "{live:?}: nothing is stuck");
    assert_eq!(clinic.sums("neighbour").await, neighbour, "{live:?}");
    assert!(other.is_file(), "{live:?}");
    tried("T14 what lies in the place of a database", VERBS.len() as u64 + 1, "verbs on each");
}

async fn file_of<const N: usize>(clinic: &Clinic, names: [&str; N]) -> Vec<PathBuf> {
    let mut files = vec![];
    for name in names {
        let place = clinic.platform.tenants().show(&slug(name)).await.unwrap().placements.remove(0).place;
        let root = clinic.platform.config().server(place.server.as_str()).unwrap().path().unwrap();
        files.push(root.join(format!("{}.db", place.physical)));
    }
    files
}

async fn cell(clinic: &Clinic, live: Live, verb: &str, then: &Sums) {
    let what = format!("{live:?} × {verb}");
    let is_named = |text: &str, tenant: &str| {
        is_named(text, tenant) || live == Live::NoAccess && text.contains("readable and writable")
    };
    match verb {
        "restore" => {
            let backup = clinic.platform.backups().of_tenant(&slug(verb), 1).await.unwrap().remove(0).id;
            clinic.restore(verb, &backup).await;
            clinic.platform.restores().show(&slug(verb)).await.unwrap();
            clinic.swap(verb).await;
            assert_eq!(&clinic.sums(verb).await, then, "{what}");
            clinic.add(verb, "goes on").await;
        }
        "migrate" => {
            let failed = migrate(clinic, verb).await;
            let named = failed.iter().all(|text| is_named(text, verb));
            assert!(named && (live == Live::LeafPage || !failed.is_empty()), "{what}: {failed:?}");
        }
        "purge" => match ended(clinic, purge(clinic).await).await {
            Ok(()) => assert!(!live.is_another(), "{what}"),
            Err(text) => assert!(live.is_another() && is_named(&text, verb), "{what}: {text}"),
        },
        _ => {
            let text = ended(clinic, start(clinic, verb).await).await.expect_err(&what);
            assert!(is_named(&text, verb), "{what}: {text}");
        }
    }
}

/// Returns true if the text names the tenant and the helpful command.
fn is_named(text: &str, tenant: &str) -> bool {
    let named = ["of", "of tenant"].iter().any(|of| text.contains(&format!("database {of} {tenant} ")));
    named && text.contains("tenantry restore")
}

async fn start(clinic: &Clinic, verb: &str) -> Result<i64> {
    let (platform, of) = (&clinic.platform, slug(verb));
    match verb {
        "move" => {
            platform
                .moves()
                .to_server(&operator(), &of, &ServerName::parse("disk").unwrap(), &Target::default())
                .await
        }
        "backup" => platform.backups().start(&operator(), &of, None).await.map(|asked| asked.operation),
        "clone" => {
            let new = NewFromCopy::named("twin");
            platform.arrivals().from_tenant(&operator(), &of, false, new).await
        }
        "export" => platform.exports().start_as_operator(&operator(), &of).await.map(|_| 0),
        other => panic!("{other}"),
    }
}

/// Returns how the operation ended, with the error as an operator sees it.
async fn ended(clinic: &Clinic, started: Result<i64>) -> Result<(), String> {
    let told = |error: &tenantry::Error| format!("{error} {}", error.remedy().unwrap_or_default());
    let operation = started.map_err(|error| told(&error))?;
    let over = clinic.platform.operations().wait(operation).await.unwrap();
    match over.state {
        State::Done => Ok(()),
        State::Undone => Err(over.error.unwrap()),
        // An unreadable file may carry the operation's fencing token, so the undo waits until a command ends it.
        State::Unwinding if over.code.as_deref() == Some("no_access") => {
            let left = clinic.platform.operations().abandon(&operator(), operation).await.unwrap();
            assert_eq!(left.state, State::Undone, "{left:?}");
            Err(over.error.unwrap())
        }
        state => panic!("{state:?}: {}", over.what),
    }
}

async fn migrate(clinic: &Clinic, name: &str) -> Vec<String> {
    let mut write = control(&clinic.platform).begin().await.unwrap();
    let behind = "UPDATE placements SET schema_version = 'older' WHERE tenant = (SELECT id FROM tenants WHERE slug = ?)";
    assert_eq!(write.execute(behind, &[name.to_owned().into()]).await.unwrap(), 1);
    write.commit_unaudited().await.unwrap();
    let only = slug(name);
    let reports = clinic
        .platform
        .migrations()
        .run(&operator(), Some(&only), fleet::Options::default(), |_, _| {})
        .await;
    let failed = reports.unwrap().into_iter().flat_map(|(_, report)| report.failed);
    failed
        .map(|outcome| outcome.result.unwrap_err())
        .map(|f| format!("{} {}", f.message, f.remedy.unwrap_or_default()))
        .collect()
}

async fn purge(clinic: &Clinic) -> Result<i64> {
    let id = clinic.platform.tenants().id_of(&slug("purge")).await?;
    let now = Terms { grace_days: 0, retention_days: 0 };
    clinic.platform.tenants().cancel(&operator(), id, Some(now), None).await?;
    clinic.platform.purges().start(&operator(), &slug("purge"), id, true).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_missing() {
    row(Live::Missing).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_empty() {
    row(Live::Empty).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_cut_off() {
    row(Live::Truncated).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_whose_header_is_garbage() {
    row(Live::Header).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_whose_first_page_is_damaged() {
    row(Live::FirstPage).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_with_a_damaged_page_of_rows() {
    row(Live::LeafPage).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_file_of_another_tenant() {
    row(Live::Neighbour).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory() {
    row(Live::Directory).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_to_nowhere() {
    row(Live::Dangling).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_the_process_may_not_read() {
    match unprivileged("crossings_live::a_file_that_the_process_may_not_read") {
        Ran::Here => row(Live::NoAccess).await,
        Ran::There => {
            tried("T14 what lies in the place of a database", VERBS.len() as u64 + 1, "verbs on each")
        }
        Ran::Nowhere => {}
    }
}
