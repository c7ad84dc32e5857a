//! A tenant on MongoDB leaves with a dump that `mongorestore` reads.

use super::{
    app::TestApp,
    copies::company,
    mongodb::{app, done, place},
};
use serde_json::json;
use std::{
    path::{Path, PathBuf},
    process::Command,
};
use tenantry::{DumpFormat, Error, access::Operator, name::Slug};
use tenantry_testkit::mongodb::{self, Home};
use tenantry_testservers::{Mongod, restorer};

async fn dump(app: &TestApp, slug: &str, format: DumpFormat, to: &Path) -> Result<Vec<PathBuf>, Error> {
    let (slug, to) = (Slug::parse(slug).unwrap(), to.to_owned());
    app.platform().exports().dump(&Operator::new("system"), &slug, format, move |_| to.clone()).await
}

#[tokio::test]
async fn a_dump_is_restored_by_mongorestore() {
    let programs = restorer().unwrap();
    let elsewhere = Mongod::start(&programs.mongod).unwrap();
    let (home, out) = (Home::new().await, tempfile::tempdir().unwrap());
    let app = app(&home, "pooled", "main").await;
    let staff = app.staff().await;
    let acme = company(&app, &staff, "acme", "Quetzal").await;
    company(&app, &staff, "rival", "Zebra").await;
    let to = out.path().join("acme.mongodump");
    let Err(Error::Conflict(why)) = dump(&app, "acme", DumpFormat::Mongodump, &to).await else {
        panic!("a pooled tenant")
    };
    assert!(why.contains("promote it"), "{why}");
    assert!(!to.exists());
    done(&staff, "tenants/acme/promote", &json!({"server": "mongo"})).await;
    let Err(Error::Conflict(why)) = dump(&app, "acme", DumpFormat::PgDump, &to).await else {
        panic!("not on PostgreSQL")
    };
    assert!(why.contains("not on PostgreSQL"), "{why}");
    let physical = place(&staff, "acme").await["physical"].as_str().unwrap().to_owned();
    let database = &format!("{}{physical}", home.prefix());
    // More documents than are read at a time.
    let one = mongodb::contents(&mongodb::url(), database, "patients").await.0.remove(0);
    let copies = (0..1500_i64).map(|n| {
        let mut copy = one.clone();
        copy.insert("_id", 1000 + n);
        copy.remove("insurance_number");
        copy
    });
    let patients = mongodb::client().await.database(database).collection("patients");
    patients.insert_many(copies).await.unwrap();
    assert_eq!(dump(&app, "acme", DumpFormat::Mongodump, &to).await.unwrap(), std::slice::from_ref(&to));
    let Err(Error::Unavailable(_)) = dump(&app, "acme", DumpFormat::Mongodump, &to).await else {
        panic!("it is not overwritten")
    };
    let folder = std::fs::read_dir(&to).unwrap().next().unwrap().unwrap().path();
    for file in std::fs::read_dir(&folder).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(5).any(|word| word == b"Zebra"), "nothing of another tenant");
    }
    let mut restore = Command::new(&programs.mongorestore);
    restore.arg("--host").arg(elsewhere.address()).arg(&to);
    let said = restore.output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));

    assert_eq!(folder.file_name().unwrap().to_str().unwrap(), database.as_str());
    let (here, there) = (mongodb::url(), elsewhere.url());
    let collections = mongodb::collections(&there, database).await;
    let own = |name: &String| !name.starts_with("_tenantry");
    let all = mongodb::collections(&here, database).await;
    assert_eq!(collections, all.into_iter().filter(own).collect::<Vec<_>>());
    for name in &collections {
        let restored = mongodb::contents(&there, database, name).await;
        assert_eq!(restored, mongodb::contents(&here, database, name).await, "{name}");
    }
    let patients = mongodb::contents(&there, database, "patients").await.0;
    let names: Vec<_> = patients.iter().map(|row| row.get_str("last_name").unwrap()).collect();
    assert!(names.len() > 1500, "{}", names.len());
    let rows = acme.get("/api/records/patients").await.expect(200).json();
    let rows: Vec<_> =
        rows["items"].as_array().unwrap().iter().map(|row| row["last_name"].as_str().unwrap()).collect();
    assert_eq!(rows, names[..rows.len()], "the same records in the same order");
}
