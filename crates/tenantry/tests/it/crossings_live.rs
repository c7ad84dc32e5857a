//! T14: every state of a tenant's database file × every operation on tenants. A value is right, or an error names the
//! tenant and the remedy; the operation ends; other tenants are not affected.

use crate::{
    backups_kit::{Ran, Sums, noise, unprivileged},
    crossings_kit::{Lies, VERBS, migrate, told},
    installation::Installation,
    test_platform::{TestPlatform, operator, slug},
};
use std::path::Path;
use tenantry::{NewFromCopy, Result, moves::Target, name::ServerName, operations::State};
use tenantry_testkit::tried;

fn installation(dir: &Path) -> Installation {
    // A purge without a final backup reads the file itself.
    Installation::at(dir).two_servers().set("retention", "final_backup = false")
}

/// Returns true if a purge must be refused: the file is certainly not a remnant of the tenant's database, or cannot be
/// inspected.
fn is_another(live: Lies) -> bool {
    matches!(live, Lies::AnotherTenants | Lies::Directory | Lies::Dangling | Lies::NoAccess)
}

async fn row(live: Lies) {
    let dir = tempfile::tempdir().unwrap();
    let clinic = installation(dir.path()).start().await;
    clinic.create("neighbour").await;
    clinic.add_report("neighbour", "of the neighbour").await;
    for verb in VERBS {
        clinic.create(verb).await;
        for _ in 0..3 {
            clinic.add_report(verb, &format!("marked {}", noise(150))).await;
        }
        clinic.back_up(verb).await;
    }
    let (then, neighbour) = (clinic.sums("restore").await, clinic.sums("neighbour").await);
    let mut files = vec![];
    for verb in VERBS {
        files.push(clinic.database_file(verb).await);
    }
    let other = clinic.database_file("neighbour").await;
    clinic.shutdown().await;
    drop(clinic);
    for file in &files {
        live.put(file, &other);
    }
    let clinic = installation(dir.path()).start().await;
    for verb in VERBS {
        cell(&clinic, live, verb, &then).await;
    }
    let found = clinic.found().await;
    let named = found.iter().any(|finding| finding.contains("tenant_backup_1"));
    assert!(named || live == Lies::LeafPage, "{live:?}: {found:?}");
    assert_eq!(clinic.unfinished().await, vec![], "{live:?}: nothing is stuck");
    assert_eq!(clinic.sums("neighbour").await, neighbour, "{live:?}");
    assert!(other.is_file(), "{live:?}");
    tried("T14 what lies in the place of a database", VERBS.len() as u64 + 1, "verbs on each");
}

async fn cell(clinic: &TestPlatform, live: Lies, verb: &str, then: &Sums) {
    let what = format!("{live:?} × {verb}");
    let is_named = |text: &str, tenant: &str| {
        is_named(text, tenant) || live == Lies::NoAccess && text.contains("readable and writable")
    };
    match verb {
        "restore" => {
            let backup = clinic.backups().of_tenant(&slug(verb), 1).await.unwrap().remove(0).id;
            clinic.restore(verb, &backup).await;
            clinic.restores().show(&slug(verb)).await.unwrap();
            clinic.swap(verb).await;
            assert_eq!(&clinic.sums(verb).await, then, "{what}");
            clinic.add_report(verb, "goes on").await;
        }
        "migrate" => {
            let failed = migrate(clinic, verb).await;
            let named = failed.iter().all(|text| is_named(text, verb));
            assert!(named && (live == Lies::LeafPage || !failed.is_empty()), "{what}: {failed:?}");
        }
        "purge" => match ended(clinic, clinic.start_purge("purge").await).await {
            Ok(()) => assert!(!is_another(live), "{what}"),
            Err(text) => assert!(is_another(live) && is_named(&text, verb), "{what}: {text}"),
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

async fn start(clinic: &TestPlatform, verb: &str) -> Result<i64> {
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
async fn ended(clinic: &TestPlatform, started: Result<i64>) -> Result<(), String> {
    let operation = started.map_err(told)?;
    let over = clinic.operations().wait(operation).await.unwrap();
    match over.state {
        State::Done => Ok(()),
        State::Undone => Err(over.error.unwrap()),
        // An unreadable file may carry the operation's fencing token, so the undo waits until a command ends it.
        State::Unwinding if over.code.as_deref() == Some("no_access") => {
            let left = clinic.operations().abandon(&operator(), operation).await.unwrap();
            assert_eq!(left.state, State::Undone, "{left:?}");
            Err(over.error.unwrap())
        }
        state => panic!("{state:?}: {}", over.what),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_missing() {
    row(Lies::Missing).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_empty() {
    row(Lies::Empty).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_cut_off() {
    row(Lies::Truncated).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_whose_header_is_garbage() {
    row(Lies::Header).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_whose_first_page_is_damaged() {
    row(Lies::FirstPage).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_with_a_damaged_page_of_rows() {
    row(Lies::LeafPage).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_file_of_another_tenant() {
    row(Lies::AnotherTenants).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory() {
    row(Lies::Directory).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_to_nowhere() {
    row(Lies::Dangling).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_the_process_may_not_read() {
    match unprivileged("crossings_live::a_file_that_the_process_may_not_read") {
        Ran::Here => row(Lies::NoAccess).await,
        Ran::There => {
            tried("T14 what lies in the place of a database", VERBS.len() as u64 + 1, "verbs on each")
        }
        Ran::Nowhere => {}
    }
}
