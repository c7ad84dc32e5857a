//! T14: every state of a pool's file, or of a tenant's rows in it × every operation on tenants. A process that starts
//! with an unusable pool names the helpful command; after that command every tenant is restored. If only the rows of
//! one tenant are lost, that tenant's operations say so and other tenants are not affected.

use crate::{
    backups_kit::{Ran, noise, unprivileged},
    crossings_kit::{Lies, PAGE, VERBS, migrate, overwrite, told},
    installation::Installation,
    test_platform::{TestPlatform, operator, slug},
};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};
use tenantry::{
    Platform, Result,
    backups::system::renew_pool,
    moves::Target,
    name::{PhysicalName, ServerName, StoreName},
    operations::State,
};
use tenantry_engine::{
    CacheLimits, Engine, ServerSpec,
    place::{Isolation, Place},
};
use tenantry_testkit::tried;

fn installation(dir: &Path) -> Installation {
    Installation::at(dir).isolation("pooled").set("retention", "final_backup = false")
}

fn pool_file(clinic: &TestPlatform) -> PathBuf {
    clinic.root.join("tenant_pool.db")
}

/// Creates two tenants in a pool with a backup each, and the file of a tenant with an own database.
async fn begun(dir: &Path) -> (TestPlatform, PathBuf) {
    let clinic = installation(dir).start().await;
    for name in ["one", "two", "own"] {
        clinic.create(name).await;
        clinic.add_report(name, &format!("of {name}")).await;
        clinic.back_up(name).await;
    }
    clinic.done(clinic.moves().promote(&operator(), &slug("own"), &Target::default()).await.unwrap()).await;
    let file = clinic.database_file("own").await;
    (clinic, file)
}

/// Every command opens the platform first, so all of them answer with the helpful command.
async fn row(pool: Lies) {
    let dir = tempfile::tempdir().unwrap();
    let (clinic, another) = begun(dir.path()).await;
    let (then, own) = (clinic.sums("one").await, clinic.sums("own").await);
    let (config, file) = (clinic.config().clone(), pool_file(&clinic));
    clinic.shutdown().await;
    drop(clinic);
    pool.put(&file, &another);
    let refused = Platform::open(config.clone()).await.map(drop).unwrap_err().public_title();
    assert!(refused.contains("tenantry restore pool tenant"), "{pool:?}: {refused}");
    assert!(refused.contains("tenant_pool on main"), "{pool:?}: {refused}");
    let aside = renew_pool(config, &operator(), &StoreName::parse("tenant").unwrap()).await.unwrap();
    assert_eq!(aside.is_some(), pool != Lies::Missing, "{pool:?}: what lay there is kept");
    let clinic = installation(dir.path()).start().await;
    let report = clinic.restores().all(&operator(), None, |_| {}).await.unwrap();
    assert_eq!((report.lost, report.restored), (2, 2), "{pool:?}");
    assert_eq!(clinic.sums("one").await, then, "{pool:?}");
    assert_eq!(clinic.sums("own").await, own, "{pool:?}: a database of its own is left alone");
    for name in ["one", "two", "own"] {
        clinic.add_report(name, "goes on").await;
    }
    clinic.whole().await;
    tried("T14 what lies in the place of a pool", 3, "start, renewal and restore on each");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_that_is_missing_empty_or_cut_off() {
    for pool in [Lies::Missing, Lies::Empty, Lies::Truncated] {
        row(pool).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_that_is_damaged() {
    for pool in [Lies::Header, Lies::FirstPage] {
        row(pool).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_whose_place_holds_something_else() {
    for pool in [Lies::AnotherTenants, Lies::Directory, Lies::Dangling] {
        row(pool).await;
    }
}

/// Lost permissions are fixed by giving them back, not by a restore.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_that_the_process_may_not_read() {
    match unprivileged("crossings_pool::a_pool_that_the_process_may_not_read") {
        Ran::Here => {
            let dir = tempfile::tempdir().unwrap();
            let (clinic, _) = begun(dir.path()).await;
            let (then, config, file) =
                (clinic.sums("one").await, clinic.config().clone(), pool_file(&clinic));
            clinic.shutdown().await;
            drop(clinic);
            Lies::NoAccess.put(&file, &file);
            let refused = Platform::open(config).await.map(drop).unwrap_err();
            assert_eq!(refused.code(), "no_access", "{refused}");
            let told = told(refused);
            assert!(told.contains("tenant_pool.db") && told.contains("gives the file back"), "{told}");
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
            let clinic = installation(dir.path()).start().await;
            assert_eq!(clinic.sums("one").await, then);
            clinic.whole().await;
        }
        Ran::There => tried("T14 what lies in the place of a pool", 2, "starts with one without permission"),
        Ran::Nowhere => {}
    }
}

/// How a tenant's rows are lost in a pool that can be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rows {
    /// The pool does not contain the tenant.
    Gone,
    /// A page with rows is damaged; it may contain other tenants' rows too.
    Damaged,
}

async fn tenants_of_a_pool(rows: Rows) {
    let dir = tempfile::tempdir().unwrap();
    let clinic = installation(dir.path()).start().await;
    clinic.create("neighbour").await;
    clinic.add_report("neighbour", "of the neighbour").await;
    for verb in VERBS {
        clinic.create(verb).await;
        for _ in 0..12 {
            clinic.add_report(verb, &format!("marked-{verb} {}", noise(150))).await;
        }
        clinic.back_up(verb).await;
    }
    let (then, neighbour) = (clinic.sums("restore").await, clinic.sums("neighbour").await);
    let mut ids = vec![];
    for verb in VERBS {
        ids.push(clinic.tenants().id_of(&slug(verb)).await.unwrap().get());
    }
    clinic.shutdown().await;
    let file = pool_file(&clinic);
    drop(clinic);
    match rows {
        Rows::Gone => forget(file.parent().unwrap().to_owned(), &ids).await,
        Rows::Damaged => VERBS.iter().for_each(|verb| damage(&file, &format!("marked-{verb}"))),
    }
    let clinic = installation(dir.path()).start().await;
    for verb in VERBS {
        cell(&clinic, rows, verb).await;
    }
    let found = clinic.found().await;
    assert!(found.iter().any(|finding| finding.contains("tenant_pool")), "{rows:?}: {found:?}");
    if rows == Rows::Gone {
        assert_eq!(clinic.sums("restore").await, then);
        clinic.add_report("restore", "goes on").await;
    }
    assert_eq!(clinic.unfinished().await, vec![], "{rows:?}: nothing is stuck");
    assert_eq!(clinic.sums("neighbour").await, neighbour, "{rows:?}");
    if rows == Rows::Gone {
        clinic.add_report("neighbour", "goes on").await;
    }
    tried("T14 a tenant's rows in a pool", VERBS.len() as u64 + 1, "verbs on lost and on damaged rows");
}

/// Removes the tenants from the pool without the platform.
async fn forget(root: PathBuf, ids: &[i64]) {
    let main = ServerName::parse("main").unwrap();
    let engine = Engine::open(vec![ServerSpec::sqlite(main.clone(), root)], CacheLimits::default()).unwrap();
    let pool = Place {
        server: main,
        store: StoreName::parse("tenant").unwrap(),
        isolation: Isolation::Pooled,
        physical: PhysicalName::parse("tenant_pool").unwrap(),
        tenant: None,
        generation: 1,
    };
    let mut tx = engine.system(&pool).await.unwrap().begin().await.unwrap();
    for id in ids {
        let sql = "DELETE FROM _tenantry_place WHERE tenant = ?";
        assert_eq!(tx.execute(sql, &[(*id).into()]).await.unwrap(), 1);
    }
    tx.commit().await.unwrap();
    engine.shutdown().await;
}

/// Overwrites the start of every page that contains this text but nothing of the neighbour.
fn damage(file: &Path, text: &str) {
    let bytes = fs::read(file).unwrap();
    let has = |page: &[u8], text: &str| page.windows(text.len()).any(|w| w == text.as_bytes());
    let hit = |page: &[u8]| page[0] == 0x0D && has(page, text) && !has(page, "of the neighbour");
    let mut damaged = 0;
    for (index, _) in bytes.chunks_exact(PAGE).enumerate().skip(1).filter(|(_, page)| hit(page)) {
        overwrite(file, (index * PAGE) as u64, &[0xFF; 64]);
        damaged += 1;
    }
    assert!(damaged > 0, "{text}");
}

async fn cell(clinic: &TestPlatform, rows: Rows, verb: &str) {
    let (what, of) = (format!("{rows:?} × {verb}"), slug(verb));
    let platform = &clinic.platform;
    let told = match verb {
        "restore" => {
            let backup = platform.restores().newest_good(&of).await.unwrap();
            clinic.restore(verb, &backup).await;
            match ended(clinic, platform.restores().swap(&operator(), &of).await).await {
                // A swap deletes and inserts rows in the pool: if its pages are damaged, the whole pool must be
                // rebuilt.
                Err(text) if rows == Rows::Damaged => text,
                swapped => return assert_eq!(swapped, Ok(()), "{what}"),
            }
        }
        "move" => ended(clinic, platform.moves().promote(&operator(), &of, &Target::default()).await)
            .await
            .expect_err(&what),
        "backup" => {
            let begun = platform.backups().start(&operator(), &of, None).await.map(|asked| asked.operation);
            ended(clinic, begun).await.expect_err(&what)
        }
        "migrate" => {
            // A pool is migrated as a whole, and the tenant is only recorded.
            let failed = migrate(clinic, verb).await;
            return assert!(
                failed.iter().all(|text| text.contains("tenantry restore")),
                "{what}: {failed:?}"
            );
        }
        "purge" => match purge(clinic, rows).await {
            Err(text) if rows == Rows::Damaged => text,
            purged => return assert_eq!(purged, Ok(()), "{what}"),
        },
        "clone" => {
            let new = tenantry::NewFromCopy::named("twin");
            let begun = platform.arrivals().from_tenant(&operator(), &of, false, new).await;
            ended(clinic, begun).await.expect_err(&what)
        }
        "export" => {
            let begun = platform.exports().start_as_operator(&operator(), &of).await.map(|_| 0);
            told(begun.expect_err(&what))
        }
        other => panic!("{other}"),
    };
    let remedy = match rows {
        Rows::Gone => format!("tenantry restore swap {verb} latest"),
        Rows::Damaged => "tenantry restore pool tenant".to_owned(),
    };
    assert!(told.contains(&remedy), "{what}: {told}");
}

async fn purge(clinic: &TestPlatform, rows: Rows) -> Result<(), String> {
    let begun = clinic.start_purge("purge").await.map_err(told)?;
    let over = clinic.operations().wait(begun).await.unwrap();
    match over.state {
        State::Done => Ok(()),
        State::Undone => Err(over.error.unwrap()),
        // Past its point of no return the operation rests until a command ends it.
        _ => {
            assert_eq!(rows, Rows::Damaged, "{over:?}");
            let text = over.error.unwrap();
            clinic.operations().abandon(&operator(), begun).await.unwrap();
            Err(text)
        }
    }
}

async fn ended(clinic: &TestPlatform, started: Result<i64>) -> Result<(), String> {
    let over = clinic.operations().wait(started.map_err(told)?).await.unwrap();
    match over.state {
        State::Done => Ok(()),
        State::Undone => Err(over.error.unwrap()),
        state => panic!("{state:?}: {}", over.what),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_that_its_pool_does_not_know() {
    tenants_of_a_pool(Rows::Gone).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_on_damaged_pages_of_a_pool() {
    tenants_of_a_pool(Rows::Damaged).await;
}
