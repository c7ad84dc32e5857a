//! A migration is refused because of one row in a pool or in a shared store. That store stays at its schema version,
//! everything else works, the row is named, and the installation is repaired with its own commands.

use super::{
    binary::{TestBinary, run, start, stdout},
    lives::fine,
    versions::copy,
};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
};
use tenantry::demo::PASSWORD;

/// A model of the store `store` with one text.
fn model(label: &str, store: &str) -> String {
    format!(
        "label = \"{label}\"\nstore = \"{store}\"\n[fields.note]\ntype = \"text\"\nsearch = true\n\
         [permissions]\nread = [\"owner\"]\nwrite = [\"owner\"]\n"
    )
}

/// Two folders, each with its own apps, and one data directory. The tenants acme and beta are in a pool, gamma was
/// promoted, and all of them also have rows in the pool of another store.
struct Installation {
    _dir: tempfile::TempDir,
    old: PathBuf,
    new: PathBuf,
}

impl Installation {
    /// Creates the installation. The new apps make the note of each model in `changed` a number. A row of `refused` has
    /// a note that is no number; it belongs to beta if the model is the tenants'.
    fn new(changed: &[&str], refused: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (old, new) = (dir.path().join("old"), dir.path().join("new"));
        fs::create_dir_all(&old).unwrap();
        fine(&old, &["init"]);
        fine(&old, &["app", "new", "money"]);
        fs::remove_file(old.join("apps/money/models/money_items.toml")).unwrap();
        for (name, store) in [("bills", "tenant"), ("grades", "shared"), ("letters", "second")] {
            fs::write(old.join(format!("apps/money/models/{name}.toml")), model(name, store)).unwrap();
        }
        let config = fs::read_to_string(old.join("tenantry.toml")).unwrap();
        let config = config
            .replacen("list = [\"medadmin\"]", "list = [\"money\"]", 1)
            .replacen("data_dir = \"tenantry-data\"", "data_dir = \"../data\"", 1)
            .replacen("isolation = \"database\"", "isolation = \"pooled\"", 1)
            .replace("name = \"tenant_{slug}\"", "name = \"tenant_pool\"");
        let second = "[stores.second]\nscope = \"tenant\"\nserver = \"main\"\nisolation = \"pooled\"\n\
            name = \"second_pool\"\n[apps]\n";
        fs::write(old.join("tenantry.toml"), config.replacen("[apps]\n", second, 1)).unwrap();
        fine(&old, &["migrate", "make"]);
        fine(&old, &["user", "create-superuser", "--email", "root@x.example", "--password", PASSWORD]);
        for slug in ["acme", "beta", "gamma"] {
            let email = format!("owner@{slug}.example");
            fine(&old, &["tenant", "create", slug, "--email", &email, "--password", PASSWORD]);
        }
        fine(&old, &["tenant", "promote", "gamma", "--store", "tenant"]);
        copy(&old, &new);
        for changed in changed {
            let path = new.join(format!("apps/money/models/{changed}.toml"));
            let text = fs::read_to_string(&path).unwrap();
            fs::write(&path, text.replace("type = \"text\"\nsearch = true", "type = \"integer\"")).unwrap();
        }
        fine(&new, &["migrate", "make"]);
        let all = Self { _dir: dir, old, new };
        let server = start(&all.old, "serve");
        let note =
            |model: &str, fine: &str| if model == refused { "abc".to_owned() } else { fine.to_owned() };
        for (slug, number) in [("acme", "7"), ("beta", "8"), ("gamma", "9")] {
            let bad = slug == "beta";
            add(&server, slug, "bills", if bad { note("bills", number) } else { number.into() });
            add(&server, slug, "letters", number.into());
        }
        let token = server.log_in("root@x.example");
        let grade = json!({ "note": note("grades", "3") });
        assert_eq!(server.ask("POST", "/api/records/grades", &token, Some(&grade)).0, 201);
        drop(server);
        all
    }
}

fn owner(server: &TestBinary, slug: &str) -> String {
    server.log_in(&format!("owner@{slug}.example"))
}

fn add(server: &TestBinary, slug: &str, model: &str, note: String) {
    let path = format!("/api/records/{model}");
    let (status, answer) = server.ask("POST", &path, &owner(server, slug), Some(&json!({ "note": note })));
    assert_eq!(status, 201, "{answer}");
}

/// Reads the first record of a model, and returns its note.
fn note(server: &TestBinary, slug: &str, model: &str) -> Value {
    let path = format!("/api/records/{model}/1");
    let (status, answer) = server.ask("GET", &path, &owner(server, slug), None);
    assert_eq!(status, 200, "{slug} {model}: {answer}");
    answer["note"].clone()
}

/// Asserts that requests for the model are refused with the reason. Returns the whole answer.
fn pending(server: &TestBinary, slug: &str, model: &str) -> String {
    let (status, answer) = server.ask("GET", &format!("/api/records/{model}"), &owner(server, slug), None);
    assert_eq!((status, answer["code"].as_str()), (503, Some("migrations_pending")), "{answer}");
    assert!(answer.to_string().contains("that is not a whole number"), "{answer}");
    answer.to_string()
}

/// Asserts that the process is ready, and that its probes name the store and the number of its rows.
fn observed(server: &TestBinary, store: &str, rows: Option<u32>) {
    let (status, ready) = server.ask_raw("GET", "/readyz", "");
    let metrics = server.ask_raw("GET", "/metrics", &server.log_in("root@x.example")).1;
    assert_eq!(status, 200, "{ready}");
    match rows {
        Some(rows) => {
            let told = format!("store {store}: a migration is refused ({})", tenantry::counted(rows, "row"));
            assert!(ready.contains(&told), "{ready}");
            let gauge = format!("tenantry_store_refused_rows{{store=\"{store}\"}} {rows}");
            assert!(metrics.contains(&gauge), "{metrics}");
        }
        None => {
            assert!(!ready.contains("is refused"), "{ready}");
            assert!(!metrics.contains("tenantry_store_refused_rows{"), "{metrics}");
        }
    }
}

/// Asserts that commands that read and back up work, and that `check` and `migrate` name the row and the command that
/// corrects it.
fn the_rest_works(new: &Path, row: &str, command: &str) {
    let listed = fine(new, &["tenant", "list"]);
    assert!(listed.contains("acme") && listed.contains("beta"), "{listed}");
    fine(new, &["operation", "list"]);
    fine(new, &["audit", "verify"]);
    fine(new, &["backup", "create", "--all"]);
    fine(new, &["backup", "create", "--system"]);
    for args in ["check", "migrate"] {
        let output = run(new, &[args]);
        let said = stdout(&output);
        assert!(!output.status.success(), "{args}: {said}");
        assert!(said.contains("that is not a whole number") && said.contains(row), "{args}: {said}");
        assert!(said.contains(command) && said.contains("then run: tenantry migrate "), "{args}: {said}");
        assert!(!said.contains("Statement("), "{args}: {said}");
    }
}

#[test]
fn a_row_of_a_pool_stops_its_store_only() {
    let all = Installation::new(&["bills"], "bills");
    let old = start(&all.old, "serve");
    the_rest_works(&all.new, "row 1 of beta", "tenantry sql beta --store tenant --write");
    let server = start(&all.new, "serve");
    observed(&server, "tenant", Some(1));
    for slug in ["acme", "beta"] {
        let text = pending(&server, slug, "bills");
        let other = if slug == "acme" { "beta" } else { "acme" };
        assert!(!text.contains(other) && !text.contains("row 1"), "rows of others are private: {text}");
        assert_eq!(note(&server, slug, "grades"), "3");
    }
    assert_eq!(
        (note(&server, "acme", "letters"), note(&server, "beta", "letters")),
        (json!("7"), json!("8"))
    );
    assert_eq!(note(&old, "acme", "bills"), "7", "a process with the apps of before still serves the pool");

    let output = run(&all.new, &["migrate", "tenants"]);
    let said = stdout(&output);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("beta: not migrated") && said.contains("row 1 of"), "{said}");
    assert!(said.contains("tenantry check names their tenants"), "{said}");
    assert_eq!(note(&server, "gamma", "bills"), 9, "a database of its own is migrated");

    confined(&all.new);
    let said = fine(&all.new, &["sql", "beta", "--write", "UPDATE bills SET note = '12' WHERE note = 'abc'"]);
    assert!(said.contains("1 row changed") && said.contains("tenantry migrate tenants"), "{said}");
    fine(&all.new, &["migrate", "tenants"]);
    fine(&all.new, &["check"]);
    observed(&server, "tenant", None);
    assert_eq!((note(&server, "acme", "bills"), note(&server, "beta", "bills")), (json!(7), json!(12)));
    assert!(fine(&all.new, &["audit", "list"]).contains("UPDATE bills SET note"));
    // The backup was made of the refused pool, and contains the rows of the pool.
    fine(&all.new, &["restore", "swap", "acme", "latest"]);
    assert_eq!(note(&server, "acme", "bills"), 7);
    let output = run(&all.new, &["restore", "swap", "beta", "latest"]);
    assert!(!output.status.success(), "its row does not fit the new apps: {}", stdout(&output));
    assert_eq!(note(&server, "beta", "bills"), 12);
}

/// A statement on a tenant in a pool neither reads nor changes rows of other tenants, nor keys.
fn confined(new: &Path) {
    let seen =
        fine(new, &["sql", "acme", "SELECT group_concat(note) AS n, count(*) AS c FROM bills", "--json"]);
    assert!(seen.contains("\"7\"") && seen.contains("\"c\": 1") && !seen.contains("abc"), "{seen}");
    for wrong in [
        "SELECT note FROM main.bills",
        "SELECT count(*) FROM main.bills",
        "WITH bills AS (SELECT note FROM main.bills) SELECT note FROM bills",
        "SELECT * FROM bills__fts",
        "SELECT * FROM bills__fts_data",
        "SELECT count(*) FROM _tenantry_place",
        "SELECT company_id FROM bills",
        "SELECT sql FROM sqlite_temp_schema",
    ] {
        let output = run(new, &["sql", "acme", wrong, "--json"]);
        assert!(!output.status.success(), "{wrong}: {}", stdout(&output));
    }
    for wrong in [
        "UPDATE main.bills SET note = '1'",
        "UPDATE bills SET note = (SELECT max(note) FROM main.bills)",
        "WITH x AS (SELECT note FROM main.bills) UPDATE bills SET note = (SELECT note FROM x)",
        "UPDATE bills SET company_id = 2",
        "UPDATE bills SET id = 9",
        "UPDATE bills SET version = 9",
        "UPDATE letters SET note = '1'",
        "UPDATE _tenantry_place SET state = 'fenced'",
        "UPDATE bills SET note = '1' RETURNING id",
        "DELETE FROM bills",
        "INSERT INTO bills(note) VALUES('x')",
        "INSERT INTO bills__fts(bills__fts) VALUES('delete-all')",
        "SELECT 1",
        "DROP TABLE main.bills",
        "COMMIT",
    ] {
        let output = run(new, &["sql", "acme", "--write", wrong]);
        assert!(!output.status.success(), "{wrong}: {}", stdout(&output));
    }
    // The id exists in both tenants.
    fine(new, &["sql", "acme", "--write", "UPDATE bills SET note = '7' WHERE id = 1"]);
    assert!(fine(new, &["sql", "beta", "SELECT note FROM bills WHERE id = 1", "--json"]).contains("abc"));
}

#[test]
fn a_row_of_a_shared_store_stops_its_store_only() {
    let all = Installation::new(&["grades"], "grades");
    the_rest_works(&all.new, "(id 1)", "tenantry sql shared --system --write");
    let server = start(&all.new, "serve");
    observed(&server, "shared", Some(1));
    assert!(pending(&server, "acme", "grades").contains("tenantry migrate system"));
    assert_eq!(note(&server, "acme", "bills"), "7");
    let seen = fine(&all.new, &["sql", "shared", "--system", "SELECT count(*) AS c FROM grades", "--json"]);
    assert!(seen.contains("\"c\": 1"), "{seen}");
    for wrong in [
        ["sql", "shared", "--system", "SELECT 1 FROM _tenantry_place"],
        ["sql", "control", "--system", "SELECT 1"],
    ] {
        assert!(!run(&all.new, &wrong).status.success(), "{wrong:?}");
    }
    let said = fine(
        &all.new,
        &["sql", "shared", "--system", "--write", "UPDATE grades SET note = '12' WHERE id = 1"],
    );
    assert!(said.contains("1 row changed; continue with: tenantry migrate system\n"), "{said}");
    fine(&all.new, &["migrate", "system"]);
    observed(&server, "shared", None);
    assert_eq!(note(&server, "acme", "grades"), 12, "the server that found it refused serves it");
    assert!(fine(&all.new, &["audit", "list"]).contains("store.sql"));
}

/// If one store refuses a reload, no other store changes: the server continues with its current apps.
#[test]
fn a_refused_reload_changes_no_store() {
    let all = Installation::new(&["grades", "bills"], "bills");
    let server = start(&all.old, "serve");
    fs::rename(all.old.join("apps"), all.old.join("apps-before")).unwrap();
    copy(&all.new.join("apps"), &all.old.join("apps"));
    let output = run(&all.old, &["reload"]);
    let said = stdout(&output);
    assert!(!output.status.success() && said.contains("row 1 of beta"), "{said}");
    for slug in ["acme", "beta"] {
        assert_eq!(note(&server, slug, "grades"), "3", "the other store was not migrated");
    }
    assert_eq!(note(&server, "acme", "bills"), "7");
    let right = json!({ "note": "12" });
    let token = owner(&server, "beta");
    assert_eq!(server.ask("PATCH", "/api/records/bills/1", &token, Some(&right)).0, 200);
    fine(&all.old, &["reload"]);
    assert_eq!(note(&server, "acme", "grades"), 3);
    assert_eq!((note(&server, "acme", "bills"), note(&server, "beta", "bills")), (json!(7), json!(12)));
}

/// At most twenty rows are named.
#[test]
fn the_named_rows_are_bounded() {
    let all = Installation::new(&["bills"], "bills");
    let server = start(&all.old, "serve");
    for _ in 0..25 {
        add(&server, "acme", "bills", "none".into());
    }
    drop(server);
    let said = stdout(&run(&all.new, &["check"]));
    assert!(said.contains("refused: 26 rows") && said.contains("20, 21 of acme, and more"), "{said}");
    assert!(!said.contains("22"), "{said}");
}
