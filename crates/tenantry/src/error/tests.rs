//! Tests that the public texts of errors are complete, have a remedy and contain no private detail.

use super::*;

#[test]
fn private_detail_never_reaches_public_text_absent_not_forbidden() {
    let secret = "/var/lib/secret.db";
    let all = [
        Error::Unauthenticated(secret.into()),
        Error::Denied(secret.into()),
        Error::Unavailable(secret.into()),
        Error::Internal(secret.into()),
        Error::BackupTarget(secret.into()),
        tenantry_engine::Error::new(Kind::Missing, secret).into(),
        tenantry_engine::Error::new(Kind::Denied(secret.into()), secret).into(),
        tenantry_engine::Error::new(Kind::Corrupt, secret).into(),
    ];
    for e in all {
        assert!(e.to_string().contains(secret), "the log needs the detail: {e:?}");
        assert!(!e.public_title().contains(secret), "{e:?}");
        assert!(!e.remedy().unwrap_or_default().contains(secret), "{e:?}");
    }
}

#[test]
fn an_error_of_a_batch_names_the_record() {
    let engine = |kind| Error::from(tenantry_engine::Error::new(kind, "private").with_index(2));
    let wrong = engine(Kind::Invalid("born_on".into(), "is required".into())).of_record(2);
    assert_eq!((wrong.field(), wrong.reason().as_str()), (Some("2.born_on"), "is required"));
    let taken = engine(Kind::Unique(vec!["email".into()])).of_record(2);
    assert_eq!((taken.field(), taken.code()), (Some("2.email"), "not_unique"));
}

#[test]
fn the_errors_people_meet_name_their_remedy() {
    let no_db = Error::NoDatabase { slug: "city-hospital".into(), store: "tenant".into() };
    assert_eq!(no_db.remedy().as_deref(), Some("run: tenantry tenant create-database city-hospital"));
    let lost =
        Error::DatabaseLost { slug: "acme".into(), store: "tenant".into(), detail: "/srv/x.db".into() };
    let remedy = lost.remedy().unwrap();
    let restore = remedy.find("tenantry restore swap acme latest").expect("what has a backup is restored");
    assert!(
        remedy.find("tenantry tenant create-database acme").is_some_and(|empty| empty > restore),
        "emptiness comes last"
    );
    assert!(!lost.public_title().contains("/srv"), "`absent-not-forbidden`");
    let own = Error::NotAttached { slug: "acme".into(), store: "djo".into() };
    assert!(own.remedy().is_some_and(|r| r.ends_with("tenantry attach acme --store djo --url-file FILE")));
    let behind = |reason: Option<&str>| Error::MigrationsPending {
        slug: "acme".into(),
        store: "tenant".into(),
        reason: reason.map(Into::into),
        is_external: false,
        detail: "/srv/x.db".into(),
    };
    assert_eq!(behind(None).remedy().as_deref(), Some("run: tenantry migrate tenants --tenant acme"));
    let failed = behind(Some("2 rows have no score"));
    assert!(failed.public_title().ends_with("2 rows have no score"), "{}", failed.public_title());
    assert!(failed.remedy().is_some_and(|r| r.ends_with("tenantry migrate tenants --tenant acme")));
    assert!(!failed.public_title().contains("/srv"), "private");
    let outdated = Error::from(tenantry_engine::Error::new(Kind::SchemaAhead, "/srv/x.db"));
    assert_eq!(outdated.code(), "server_outdated");
    assert!(outdated.remedy().is_some_and(|r| r.contains("restart")));
    let plans = Error::MasterDataEmpty { what: "plans".into() };
    assert_eq!(plans.remedy().as_deref(), Some("run: tenantry plan init"));
}
