//! A tenant on PostgreSQL leaves with an archive that `pg_restore` reads.

use super::{
    app::TestApp,
    copies::company,
    joins::{JOIN, allow, fill, rows},
};
use serde_json::json;
use std::{
    path::{Path, PathBuf},
    process::Command,
};
use tenantry::{DumpFormat, Error, access::Operator, name::Slug, place::Isolation};
use tenantry_testservers::{Cluster, VERSIONS, postgres};

/// The programs of PostgreSQL, run as the superuser of a server.
struct Programs {
    folder: PathBuf,
    socket: PathBuf,
}

impl Programs {
    fn run(&self, program: &str, arguments: &[&str]) -> String {
        let mut command = Command::new(self.folder.join(program));
        command.args(arguments).env("PGHOST", &self.socket).env("PGUSER", "postgres");
        command.env("PGPASSWORD", "only-for-tests");
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{program} {arguments:?}: {said}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

async fn dump(app: &TestApp, slug: &str, to: &Path) -> Result<Vec<PathBuf>, Error> {
    let to = to.to_owned();
    let slug = Slug::parse(slug).unwrap();
    app.platform()
        .exports()
        .dump(&Operator::new("system"), &slug, DumpFormat::PgDump, move |_| to.clone())
        .await
}

#[tokio::test]
async fn an_archive_of_pg_dump_is_restored_into_an_empty_database() {
    let version = VERSIONS[0];
    let folder = postgres(version).unwrap();
    let cluster = Cluster::start(version, &folder).unwrap();
    let programs = Programs { folder, socket: cluster.socket().to_owned() };
    let app = TestApp::on_postgres(&cluster.url(), Isolation::Pooled).await;
    let (staff, out) = (app.staff().await, tempfile::tempdir().unwrap());
    let (acme, _rival) =
        (company(&app, &staff, "acme", "Quetzal").await, company(&app, &staff, "rival", "Zebra").await);
    let file = out.path().join("pooled.dump");
    let Err(Error::Conflict(why)) = dump(&app, "acme", &file).await else { panic!("a pooled tenant") };
    assert!(why.contains("promote it"), "{why}");
    assert!(!file.exists());
    let rows = acme.get("/api/records/patients").await.expect(200).json();
    let names: Vec<_> =
        rows["items"].as_array().unwrap().iter().map(|row| row["last_name"].as_str().unwrap()).collect();
    for (isolation, to) in
        [("schema", json!({"isolation": "schema"})), ("database", json!({"server": "postgres"}))]
    {
        let moved = staff.post("/api/admin/tenants/acme/promote?wait=60", &to).await;
        assert_eq!(moved.json()["state"], "done", "{isolation}: {}", moved.text());
        let file = out.path().join(format!("{isolation}.dump"));
        assert_eq!(dump(&app, "acme", &file).await.unwrap(), std::slice::from_ref(&file));
        let Err(Error::Unavailable(_)) = dump(&app, "acme", &file).await else {
            panic!("it is not overwritten")
        };
        let database = format!("restored_{isolation}");
        programs.run("createdb", &[&database]);
        let restore = ["--no-owner", "--dbname", &database, file.to_str().unwrap()];
        // A schema that exists already is not a failure.
        programs.run("psql", &["-d", &database, "-c", "DROP SCHEMA public"]);
        programs.run("pg_restore", &[&["--exit-on-error"], &restore[..]].concat());
        let schema = "SELECT schemaname FROM pg_tables WHERE tablename = 'patients'";
        let schema = programs.run("psql", &["-d", &database, "-At", "-c", schema]);
        let sql = format!("SELECT last_name FROM \"{schema}\".patients ORDER BY id");
        let found = programs.run("psql", &["-d", &database, "-At", "-c", &sql]);
        assert_eq!(found.lines().collect::<Vec<_>>(), names, "{isolation}");
        let others = "SELECT count(*) FROM pg_tables WHERE tablename LIKE '\\_tenantry%'";
        assert_eq!(programs.run("psql", &["-d", &database, "-At", "-c", others]), "0");
        let bytes = std::fs::read(&file).unwrap();
        assert!(!bytes.windows(5).any(|word| word == b"Zebra"), "nothing of another tenant");
    }
}

/// The objects that join a tenant's tables with shared data are left out, above all their password.
#[tokio::test]
async fn an_archive_has_nothing_of_joins() {
    let version = VERSIONS[0];
    let folder = postgres(version).unwrap();
    let cluster = Cluster::start(version, &folder).unwrap();
    let programs = Programs { folder, socket: cluster.socket().to_owned() };
    let out = tempfile::tempdir().unwrap();
    for isolation in [Isolation::Database, Isolation::Schema] {
        let app = TestApp::all_on_postgres(&cluster.url(), isolation, None).await;
        let acme = app.register("acme").await;
        fill(&app, &acme).await;
        allow(&app).await;
        assert_eq!(rows(&acme, JOIN).await, json!([["St. Ash", "Mills", "N"]]), "{isolation:?}");
        let file = out.path().join(format!("{}.dump", isolation.as_str()));
        dump(&app, "acme", &file).await.unwrap();
        let listed = programs.run("pg_restore", &["--list", file.to_str().unwrap()]);
        for word in ["FOREIGN", "USER MAPPING", "SERVER", "EXTENSION", "VIEW", ".shared", ".remote"] {
            assert!(!listed.contains(word), "{isolation:?}: {word} in {listed}");
        }
        assert!(listed.contains("hospitals"), "{listed}");
        let database = format!("joined_{}", isolation.as_str());
        programs.run("createdb", &[&database]);
        programs.run("psql", &["-d", &database, "-c", "DROP SCHEMA public"]);
        let restore = ["--exit-on-error", "--no-owner", "--dbname", &database, file.to_str().unwrap()];
        programs.run("pg_restore", &restore);
    }
}
