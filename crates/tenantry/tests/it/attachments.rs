//! Databases that owners make and operators attach: which tenant may use each, what is checked first, and what is never shown.

use crate::{
    attachments_kit::{KEYS, Link, file, office, owned, papers, refused, write_keys},
    test_platform::{operator, slug},
};
use std::fs;
use tenantry::{Error, attachments::Leaving, audit};
use tenantry_testkit::postgres::{self, PASSWORD};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attached_file_holds_the_rows_of_its_tenant_only() {
    let dir = tempfile::tempdir().unwrap();
    let w = office(dir.path()).await;
    for name in ["alpha", "beta"] {
        w.create(name).await;
    }
    w.add_sheet("beta", "of the pool").await;
    let url = file(dir.path(), "alpha docs.sqlite");
    refused(w.attach("alpha", &url, false).await, "tenantry schema --store papers --sql");
    let report = w.attach("alpha", &url, true).await.unwrap();
    assert!(report.made_tables && report.address.ends_with("alpha docs.sqlite"));
    w.add_sheet("alpha", "of the file").await;
    assert_eq!(w.sheets("alpha").await.unwrap(), ["of the file"]);
    assert_eq!(w.sheets("beta").await.unwrap(), ["of the pool"]);
    let attachment = w.attachment("alpha").await;
    assert!(attachment.in_use && attachment.grants_schema && attachment.key.as_deref() == Some("old"));
    assert_eq!(w.checked("alpha").await, "ok");
    // Another process finds the database in the catalog.
    let other = w.installation.open().await;
    assert_eq!(other.sheets("alpha").await.unwrap(), ["of the file"]);
    assert_eq!(other.sheets("beta").await.unwrap(), ["of the pool"]);
    other.shutdown().await;
    w.shutdown().await;
    let file = fs::read(dir.path().join("owners/alpha docs.sqlite")).unwrap();
    assert!(file.windows(11).any(|bytes| bytes == b"of the file"), "the owner has the rows in its file");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_belongs_to_one_tenant_whatever_its_url() {
    let dir = tempfile::tempdir().unwrap();
    let w = office(dir.path()).await;
    for name in ["alpha", "beta"] {
        w.create(name).await;
    }
    let url = file(dir.path(), "alpha.db");
    w.attach("alpha", &url, true).await.unwrap();
    refused(w.attach("beta", &url, true).await, "attached to alpha");
    let owners = dir.path().join("owners");
    fs::hard_link(owners.join("alpha.db"), owners.join("alias.db")).unwrap();
    refused(
        w.attach("beta", &format!("{}/alias.db", owners.display()), true).await,
        "belongs to another tenant",
    );
    std::os::unix::fs::symlink(owners.join("alpha.db"), owners.join("link.db")).unwrap();
    refused(w.attach("beta", &format!("{}/link.db", owners.display()), true).await, "there is no file");
    for (url, says) in [
        (format!("{}/../data/control.db", owners.display()), "must be a file in"),
        (format!("sqlite:{}/none.db", owners.display()), "its owner makes it first"),
        (format!("{}", w.root.join("control.db").display()), "must be a file in"),
        ("sqlite:alpha.db".into(), "must begin with"),
        ("mysql://h/d".into(), "must begin with"),
        ("mongodb://h/d".into(), "attach-database"),
    ] {
        refused(w.attach("beta", &url, true).await, says);
    }
    let other = file(dir.path(), "other.db");
    refused(w.attach("alpha", &other, true).await, "detach it first");
    // Detached, it may be attached to another tenant: then its rows are that tenant's by the owner's will.
    w.attachments().detach(&operator(), &slug("alpha"), &papers(), Leaving::LeaveData).await.unwrap();
    assert!(w.sheets("alpha").await.unwrap().is_empty());
    w.attach("beta", &url, false).await.unwrap();
    refused(w.attach("alpha", &url, false).await, "attached to beta");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_in_the_pool_are_not_left_behind_by_accident() {
    let dir = tempfile::tempdir().unwrap();
    let w = office(dir.path()).await;
    w.create("alpha").await;
    w.add_sheet("alpha", "in the pool").await;
    let url = file(dir.path(), "alpha.db");
    refused(w.attach("alpha", &url, true).await, "--take-data");
    w.add_sheet("alpha", "and still writable").await;
    assert_eq!(w.sheets("alpha").await.unwrap().len(), 2);
    assert!(w.attachments().list(&operator(), None, None, None).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgresql_a_role_without_rights_on_the_server_is_enough() {
    for server in postgres::servers() {
        let dir = tempfile::tempdir().unwrap();
        let (w, home) = (office(dir.path()).await, owned(&server).await);
        for name in ["alpha", "beta"] {
            w.create(name).await;
        }
        refused(w.attach("alpha", home.url(), false).await, "tables are missing: sheets");
        w.attach("alpha", home.url(), true).await.unwrap();
        w.add_sheet("alpha", "of alpha").await;
        w.add_sheet("beta", "of beta").await;
        assert_eq!(w.sheets("alpha").await.unwrap(), ["of alpha"]);
        assert_eq!(w.sheets("beta").await.unwrap(), ["of beta"]);
        // Another way to the same database.
        let link = Link::to(&server).await;
        refused(w.attach("beta", &home.url_through(link.address()), true).await, "attached to alpha");
        assert_eq!(home.leftovers().await, Vec::<String>::new(), "no roles and no databases are made");
        assert_eq!(w.checked("alpha").await, "ok");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_that_the_owner_made_are_compared_and_taken_over() {
    let server = &postgres::servers()[0];
    let dir = tempfile::tempdir().unwrap();
    let (w, home) = (office(dir.path()).await, owned(server).await);
    w.create("alpha").await;
    let sql = w.schema_sql(&papers(), tenantry::place::EngineKind::Postgres).unwrap();
    let sql = format!("SET ROLE {}; {};", home.name(), sql.join(";\n"));
    home.administer_in(&home.name(), &sql).await;
    home.administer_in(
        &home.name(),
        "ALTER TABLE sheets ADD COLUMN extra text; ALTER TABLE sheets ALTER name DROP NOT NULL",
    )
    .await;
    let told = refused(w.attach("alpha", home.url(), false).await, "column sheets.name");
    assert!(told.to_string().contains("column sheets.extra"), "{told}");
    let row =
        "INSERT INTO sheets (id, name, created_at, updated_at) VALUES (41, 'of the owner', now(), now())";
    home.administer_in(
        &home.name(),
        &format!("ALTER TABLE sheets DROP COLUMN extra; ALTER TABLE sheets ALTER name SET NOT NULL; {row}"),
    )
    .await;
    assert!(!w.attach("alpha", home.url(), false).await.unwrap().made_tables);
    assert_eq!(w.sheets("alpha").await.unwrap(), ["of the owner"]);
    w.add_sheet("alpha", "after it").await;
    let rows = w.sheets("alpha").await.unwrap();
    assert_eq!(rows.len(), 2, "no id is assigned twice: {rows:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_platforms_own_databases_are_refused() {
    let server = &postgres::servers()[0];
    let dir = tempfile::tempdir().unwrap();
    let (w, home) = (office(dir.path()).await, owned(server).await);
    w.create("alpha").await;
    let pool = "CREATE SCHEMA pool; CREATE TABLE pool._tenantry_meta(one int)";
    home.administer_in(&home.name(), pool).await;
    refused(w.attach("alpha", home.url(), true).await, "of an installation of Tenantry");
    home.administer_in(&home.name(), "DROP SCHEMA pool CASCADE").await;
    let foreign = tempfile::tempdir().unwrap();
    let other = office(foreign.path()).await;
    other.create("gamma").await;
    other.attach("gamma", home.url(), true).await.unwrap();
    refused(w.attach("alpha", home.url(), true).await, "another installation");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_is_stored_encrypted_and_shown_nowhere() {
    let server = &postgres::servers()[0];
    let dir = tempfile::tempdir().unwrap();
    let (w, home) = (office(dir.path()).await, owned(server).await);
    w.create("alpha").await;
    let wrong = home.url().replace(PASSWORD, "wrong-only-for-tests");
    refused(w.attach("alpha", &wrong, true).await, "refuses the role");
    refused(
        w.attach("alpha", &format!("{}/nowhere", home.url().rsplit_once('/').unwrap().0), true).await,
        "there is no such database",
    );
    let report = w.attach("alpha", home.url(), true).await.unwrap();
    let listed = w.attachments().list(&operator(), Some(&slug("alpha")), None, None).await.unwrap();
    let audit = w.audit().list(&audit::Query { limit: 1000, ..Default::default() }).await.unwrap();
    for shown in [format!("{report:?}"), format!("{listed:?}"), format!("{audit:?}")] {
        assert!(!shown.contains(PASSWORD) && shown.contains(&format!("/{}", home.name())), "{shown}");
    }
    w.shutdown().await;
    let mut files = vec![dir.path().to_owned()];
    let mut looked = 0;
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        looked += 1;
        let found = bytes.windows(PASSWORD.len()).any(|window| window == PASSWORD.as_bytes());
        assert!(!found, "{}", path.display());
    }
    assert!(looked > 5, "{looked}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copied_ciphertext_does_not_open_in_another_row() {
    let server = &postgres::servers()[0];
    let dir = tempfile::tempdir().unwrap();
    let (w, home) = (office(dir.path()).await, owned(server).await);
    for name in ["alpha", "beta"] {
        w.create(name).await;
    }
    let a = w.attach("alpha", home.url(), true).await.unwrap().server;
    let b = w.attach("beta", &file(dir.path(), "beta.db"), true).await.unwrap().server;
    w.add_sheet("alpha", "of alpha").await;
    w.shutdown().await;
    let w = w.installation.open().await;
    w.catalog(&format!(
        "UPDATE attachments SET url = (SELECT url FROM attachments WHERE server = '{a}'), engine = 'postgres', \
         address = 'x', identity = identity WHERE server = '{b}'"
    ))
    .await;
    let error = refused(w.sheets("beta").await, "does not open the stored secret");
    assert!(matches!(&error, Error::Engine(error) if *error.kind() == tenantry_engine::Kind::NoAccess));
    assert_eq!(w.sheets("alpha").await.unwrap(), ["of alpha"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_rotated_and_a_missing_key_stops_only_its_databases() {
    let server = &postgres::servers()[0];
    let dir = tempfile::tempdir().unwrap();
    let (w, home) = (office(dir.path()).await, owned(server).await);
    for name in ["alpha", "beta"] {
        w.create(name).await;
    }
    w.attach("alpha", home.url(), true).await.unwrap();
    w.add_sheet("alpha", "of alpha").await;
    w.add_sheet("beta", "of beta").await;
    w.shutdown().await;
    write_keys(dir.path(), &KEYS[..1]);
    let w = w.installation.open().await;
    refused(w.sheets("alpha").await, "the key old is not among");
    assert_eq!(w.sheets("beta").await.unwrap(), ["of beta"]);
    assert_eq!(w.checked("alpha").await, "no_access");
    let left = w.attachments().rotate(&operator()).await.unwrap();
    assert_eq!((left.encrypted, left.left.len()), (0, 1));
    write_keys(dir.path(), &KEYS);
    assert_eq!(w.sheets("alpha").await.unwrap(), ["of alpha"], "without a restart");
    let rotated = w.attachments().rotate(&operator()).await.unwrap();
    assert_eq!((rotated.key.as_str(), rotated.encrypted, rotated.left.len()), ("new", 1, 0));
    assert_eq!(w.attachments().rotate(&operator()).await.unwrap().encrypted, 0);
    w.shutdown().await;
    write_keys(dir.path(), &KEYS[..1]);
    let w = w.installation.open().await;
    assert_eq!(w.sheets("alpha").await.unwrap(), ["of alpha"], "the old key is not needed any more");
    assert_eq!(w.attachment("alpha").await.key.as_deref(), Some("new"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_keys_a_url_with_a_password_is_refused() {
    let server = &postgres::servers()[0];
    let dir = tempfile::tempdir().unwrap();
    let (w, home) = (office(dir.path()).await, owned(server).await);
    let w = {
        w.shutdown().await;
        w.installation.clone().without("secrets").start().await
    };
    w.create("alpha").await;
    refused(w.attach("alpha", home.url(), true).await, "tenantry secrets new-key");
    w.attach("alpha", &file(dir.path(), "alpha.db"), true).await.unwrap();
    assert_eq!(w.attachment("alpha").await.key, None);
}
