//! An app from its first model to its fourth migration, over tenants with data, with the shipped binary:
//! questions and their answers, rebuilt tables, own statements; and a migration run with nothing to do.

use super::{
    binary::{TestBinary, file_of, items_of, run, start, stdout},
    lives::{fine, refused},
};
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};
use std::{fs, path::Path};
use tenantry::demo::PASSWORD;

const COMPANIES: [&str; 3] = ["alpha", "bravo", "charlie"];
const MODEL: &str = "apps/stock/models/stock_items.toml";

/// Different statements for each engine; SQLite must run only its own.
const STATEMENTS: &str = r#"
app = "stock"
name = "0004_words"
depends = ["stock/0003_rebuilt"]
[[ops]]
op = "raw"
store = "tenant"
sqlite = ["CREATE VIEW dear_items AS SELECT id, title FROM stock_items WHERE price > 500"]
postgres = ["NOT FOR SQLITE"]
mongo = ["nor this"]
[[ops]]
op = "data"
store = "tenant"
sqlite = ["UPDATE stock_items SET title = upper(title)"]
postgres = ["NOT FOR SQLITE"]
"#;

fn edit(dir: &Path, change: impl Fn(&str) -> String) {
    let path = dir.join(MODEL);
    fs::write(&path, change(&fs::read_to_string(&path).unwrap())).unwrap();
}

fn files(dir: &Path) -> usize {
    fs::read_dir(dir.join("apps/stock/migrations")).unwrap().count()
}

fn opened(dir: &Path, slug: &str) -> Connection {
    Connection::open_with_flags(file_of(dir, slug), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
}

fn text(conn: &Connection, sql: &str) -> String {
    conn.query_row(sql, [], |row| row.get(0)).unwrap_or_else(|e| panic!("{sql}: {e}"))
}

/// Creates an app next to medadmin, three tenants, two items in each.
fn begin(dir: &Path) {
    fine(dir, &["init"]);
    fine(dir, &["app", "new", "stock"]);
    let config = fs::read_to_string(dir.join("tenantry.toml")).unwrap();
    let with_stock = config.replace("list = [\"medadmin\"]", "list = [\"medadmin\", \"stock\"]");
    assert_ne!(config, with_stock);
    fs::write(dir.join("tenantry.toml"), with_stock).unwrap();
    assert!(fine(dir, &["migrate", "make", "--dry-run"]).contains("would write") && files(dir) == 1);
    assert!(fine(dir, &["migrate", "make"]).contains("0001_initial.toml"));
    assert!(fine(dir, &["migrate", "make"]).contains("nothing changed"));
    for slug in COMPANIES {
        let email = format!("owner@{slug}.example");
        fine(dir, &["tenant", "create", slug, "--email", &email, "--password", PASSWORD]);
    }
    let server = start(dir, "serve");
    for slug in COMPANIES {
        let token = server.log_in(&format!("owner@{slug}.example"));
        for item in ["bolt", "nut"] {
            let row = json!({"name": format!("{item} of {slug}")});
            assert_eq!(server.ask("POST", "/api/records/stock_items", &token, Some(&row)).0, 201);
        }
    }
}

/// Renames a field, with and without an answer, and adds a required field that needs a value for existing rows.
fn rename_and_add(dir: &Path) {
    let named = |text: &str| {
        let text = text
            .replace("[fields.name]", "[fields.title]")
            .replace("display = \"name\"", "display = \"title\"");
        format!("{text}\n[fields.price]\ntype = \"decimal\"\nscale = 2\nrequired = true\n")
    };
    edit(dir, named);
    let before = files(dir);
    let asked = refused(dir, &["migrate", "make"]);
    for option in
        ["--rename stock_items.name=title", "--new stock_items.title", "--fill stock_items.price=VALUE"]
    {
        assert!(asked.contains(option), "{option} in {asked}");
    }
    assert_eq!(files(dir), before, "nothing is written while anything is open");
    let answers =
        ["--rename", "stock_items.name=title", "--fill", "stock_items.price=9.99", "--name", "renamed"];
    let made = fine(dir, &[&["migrate", "make", "stock"][..], &answers].concat());
    assert!(made.contains("0002_renamed.toml"), "{made}");
}

/// Adds a reference to another app's table and removes a field: SQLite rebuilds the table, the rows stay.
fn rebuild(dir: &Path) {
    let app = dir.join("apps/stock/app.toml");
    let text = fs::read_to_string(&app).unwrap().replace("depends = []", "depends = [\"medadmin\"]");
    fs::write(&app, text).unwrap();
    edit(dir, |text| {
        let start = text.find("[fields.state]").unwrap();
        let end = text.find("# [fields.customer]").unwrap();
        format!("{}{}\n[fields.doctor]\ntype = \"ref\"\nto = \"doctors\"\n", &text[..start], &text[end..])
    });
    let answers = ["--new", "stock_items.doctor", "--name", "rebuilt"];
    let made = fine(dir, &[&["migrate", "make"][..], &answers].concat());
    assert!(made.contains("0003_rebuilt.toml"), "{made}");
    fs::write(dir.join("apps/stock/migrations/0004_words.toml"), STATEMENTS).unwrap();
    assert!(fine(dir, &["migrate", "make"]).contains("nothing changed"), "raw statements change no model");
}

#[test]
fn an_app_grows_and_every_company_follows_but_the_broken_one() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    begin(dir);
    rename_and_add(dir);
    rebuild(dir);
    let behind = run(dir, &["check"]);
    assert!(!behind.status.success() && stdout(&behind).contains("stock/0004_words"), "{}", stdout(&behind));
    assert!(fine(dir, &["migrate", "system"]).contains("3 tenant databases are behind"));
    let lost = file_of(dir, "charlie");
    let aside = lost.with_extension("aside");
    fs::rename(&lost, &aside).unwrap();

    let one = fine(dir, &["migrate", "tenants", "--tenant", "bravo"]);
    assert!(one.contains("bravo: 3 applied") && !one.contains("alpha"), "{one}");
    let over = run(dir, &["migrate", "tenants", "--parallel", "2"]);
    let said = stdout(&over);
    assert_eq!(over.status.code(), Some(1), "{said}");
    assert!(said.contains("alpha: 3 applied") && said.contains("charlie: not migrated: "), "{said}");
    assert!(said.contains("remedy: ") && !said.contains("bravo"), "{said}");
    let again = run(dir, &["migrate", "tenants", "--json"]);
    let told: Vec<Value> = stdout(&again).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        (told.len(), &told[0]["tenant"], &told[0]["error"]),
        (1, &json!("charlie"), &json!("no_database"))
    );
    assert!(!again.status.success() && !lost.exists(), "nothing is made by looking (`catalog-placement`)");
    fs::rename(&aside, &lost).unwrap();
    let last = fine(dir, &["migrate", "tenants", "--company", "charlie"]);
    assert!(last.contains("charlie: 3 applied"), "{last}");
    fine(dir, &["check"]);
    let server = start(dir, "serve");
    COMPANIES.iter().for_each(|slug| grown(dir, &server, slug));
}

/// Asserts that the migrations changed the rows as intended, and nothing else.
fn grown(dir: &Path, server: &TestBinary, slug: &str) {
    let token = server.log_in(&format!("owner@{slug}.example"));
    let (status, page) =
        server.ask("GET", "/api/records/stock_items?fields=id,title,price,doctor&sort=id", &token, None);
    let title = |item: &str| format!("{item} of {slug}").to_uppercase();
    let row = |id: i64, item: &str| json!({"id": id, "title": title(item), "price": "9.99", "doctor": null});
    assert_eq!((status, &page["items"]), (200, &json!([row(1, "bolt"), row(2, "nut")])), "{slug}");
    let third = json!({"title": "third", "price": "1.00"});
    assert_eq!(server.ask("POST", "/api/records/stock_items", &token, Some(&third)).1["id"], 3);
    let conn = opened(dir, slug);
    let keys =
        "SELECT group_concat(\"table\" || '.' || \"from\") FROM pragma_foreign_key_list('stock_items')";
    assert_eq!(text(&conn, keys), "doctors.doctor");
    assert_eq!(
        text(&conn, "SELECT group_concat(title) FROM dear_items"),
        format!("{},{}", title("bolt"), title("nut"))
    );
    assert_eq!(
        text(
            &conn,
            "SELECT count(*) || '' FROM pragma_table_info('stock_items') WHERE name IN ('name', 'state')"
        ),
        "0"
    );
    assert_eq!(text(&conn, "SELECT count(*) || '' FROM pragma_foreign_key_check"), "0");
}

/// The catalog has ten thousand tenants without database files, so opening any of them would fail.
#[test]
fn nothing_to_do_over_ten_thousand_companies_opens_no_database_of_theirs() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    fine(dir, &["tenant", "create", "alpha", "--email", "a@alpha.example"]);
    let control = Connection::open(dir.join("tenantry-data/databases/control.db")).unwrap();
    let numbers = "WITH RECURSIVE n(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 10999)";
    control
        .execute_batch(&format!(
            "INSERT INTO tenants (id, slug, name, email, state, created_at, state_at)
               {numbers} SELECT i, 'firm-' || i, 'Firm', 'a@b.example', 'active', 1, 1 FROM n;
             INSERT INTO placements (tenant, store, server, isolation, provision, base, physical, generation, state, schema_version)
               {numbers} SELECT i, store, server, isolation, provision, 'tenant_firm-' || i, 'tenant_firm-' || i || '_1', 1, 'ready', schema_version
               FROM n, placements p WHERE p.tenant = (SELECT id FROM tenants WHERE slug = 'alpha');"
        ))
        .unwrap();
    let over = run(dir, &["migrate", "tenants"]);
    let said = String::from_utf8_lossy(&over.stderr).into_owned();
    assert!(over.status.success() && stdout(&over).is_empty(), "{}{said}", stdout(&over));
    assert!(said.contains("tenant: every database is current"), "{said}");
    // The run looks only for the tenant that is behind.
    control.execute_batch("UPDATE placements SET schema_version = 'older' WHERE tenant = 5000").unwrap();
    let over = run(dir, &["migrate", "tenants"]);
    assert!(!over.status.success());
    assert_eq!(
        stdout(&over).lines().filter(|line| line.contains("not migrated")).count(),
        1,
        "{}",
        stdout(&over)
    );
    tenantry_testkit::tried("migrate with nothing to do", 10_000, "companies, no database opened");
}

/// The list has every required column, as a table and in JSON.
#[test]
fn the_list_of_companies_has_all_that_is_asked_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    drop(start(dir, "demo"));
    let table = fine(dir, &["list_tenants"]);
    let line = table.lines().find(|line| line.contains("green-clinic")).unwrap();
    for wanted in ["Green Clinic", "tenant_green-clinic_1", "@", "active", "starter", "trial", "14", "1"] {
        assert!(line.contains(wanted), "{wanted} in {line}");
    }
    let all = items_of(dir, &["tenant", "list"]);
    let one = all.iter().find(|tenant| tenant["slug"] == "green-clinic").unwrap();
    for (name, value) in [
        ("name", json!("Green Clinic")),
        ("state", json!("active")),
        ("users", json!(1)),
        ("plan", json!("starter")),
        ("subscription", json!("trial")),
        ("days_remaining", json!(14)),
    ] {
        assert_eq!(one[name], value, "{name} in {one}");
    }
    assert_eq!(one["placements"][0]["place"]["physical"], "tenant_green-clinic_1");
    assert!(one["email"].as_str().unwrap().contains('@'));
}
