//! The catalog on both databases: the same tables, and statements that both accept.
//!
//! The test finds the statements in the source files, so none has to be listed: every text that begins like a
//! statement, with the constants of its file inserted. Statements with parts that only exist at run time are counted;
//! the suites that open the platform's stores on PostgreSQL run them.

use std::{collections::BTreeMap, fmt::Write, fs, path::Path};
use tenantry::internals::{Control, catalog_tables};
use tenantry_engine::{
    CacheLimits, Engine, PostgresOptions, ServerSpec, SystemDb,
    engine::ConnectionLimits,
    name::{PhysicalName, ServerName, StoreName},
    place::{Isolation, Place},
};
use tenantry_testkit::{
    postgres::{Home, servers},
    tried,
};

/// A control store on each database.
struct Stores {
    _dir: tempfile::TempDir,
    _homes: Vec<Home>,
    sqlite: SystemDb,
    postgres: Vec<SystemDb>,
}

async fn stores() -> Stores {
    let dir = tempfile::tempdir().unwrap();
    let name = |name: &str| ServerName::parse(name).unwrap();
    let mut specs = vec![ServerSpec::sqlite(name("main"), dir.path())];
    let mut homes = vec![];
    for (number, url) in servers().iter().enumerate() {
        let home = Home::new(url).await;
        let second = std::time::Duration::from_secs(1);
        let connections = ConnectionLimits { most: 5, per_database: 5, idle: second, wait: 30 * second };
        let options = PostgresOptions {
            url: home.url().to_owned(),
            prefix: home.prefix(),
            connections,
            prepares: true,
            join_url: None,
            sole: None,
        };
        specs.push(ServerSpec::postgres(name(&format!("pg{number}")), options));
        homes.push(home);
    }
    let engine = Engine::open(specs, CacheLimits::default()).unwrap();
    let mut opened = vec![];
    for server in engine.servers() {
        let place = Place {
            server,
            store: StoreName::parse("control").unwrap(),
            isolation: Isolation::Database,
            physical: PhysicalName::parse("control").unwrap(),
            tenant: None,
            generation: 1,
        };
        engine.create_system(&place).await.unwrap();
        let db = engine.system(&place).await.unwrap();
        Control::open(&engine, db.clone(), None).await.unwrap();
        // Another process finds the store.
        Control::open(&engine, db.clone(), None).await.unwrap();
        opened.push(db);
    }
    let sqlite = opened.remove(0);
    Stores { _dir: dir, _homes: homes, sqlite, postgres: opened }
}

/// Returns the columns of all tables, and the names of the indexes, with true for unique ones.
async fn shape(db: &SystemDb, indexes: &str) -> String {
    let mut tx = db.snapshot().await.unwrap();
    let mut out = String::new();
    for table in catalog_tables() {
        writeln!(out, "{table}").unwrap();
        let columns = tx.columns(table).await.unwrap();
        assert!(!columns.is_empty(), "no table {table}");
        for column in columns {
            writeln!(out, "  {column:?}").unwrap();
        }
        for row in tx.query(indexes, &[table.into()]).await.unwrap() {
            writeln!(out, "  index {} unique {}", row.text(0).unwrap(), row.integer(1).unwrap()).unwrap();
        }
    }
    out
}

#[tokio::test]
async fn the_catalog_has_the_same_tables_keys_and_indexes_on_both_databases() {
    let stores = stores().await;
    // The index of a unique column belongs to the database and has a name of the database's choice.
    let sqlite = shape(
        &stores.sqlite,
        "SELECT CASE origin WHEN 'u' THEN 'of a constraint' ELSE name END, \"unique\" FROM pragma_index_list(?1) \
         WHERE origin <> 'pk' ORDER BY 1",
    )
    .await;
    let of_postgres = "SELECT CASE WHEN k.oid IS NULL THEN c.relname ELSE 'of a constraint' END::text, i.indisunique \
        FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid LEFT JOIN pg_constraint AS k ON k.conindid = c.oid \
          AND k.contype = 'u' \
        WHERE i.indrelid = (?1::text)::regclass AND NOT i.indisprimary ORDER BY 1";
    for db in &stores.postgres {
        let postgres = shape(db, of_postgres).await;
        for (ours, theirs) in sqlite.lines().zip(postgres.lines()) {
            assert_eq!(ours, theirs);
        }
        assert_eq!(sqlite, postgres);
    }
}

/// Returns the string literals of a source file. Skips characters and comments.
fn literals(text: &str) -> Vec<String> {
    let (mut found, mut chars) = (vec![], text.chars().peekable());
    while let Some(c) = chars.next() {
        match c {
            '/' if chars.peek() == Some(&'/') => drop(chars.by_ref().find(|c| *c == '\n')),
            '\'' if chars.peek() == Some(&'"') => drop(chars.next()),
            '"' => found.push(literal(&mut chars)),
            _ => {}
        }
    }
    found
}

fn literal(chars: &mut impl Iterator<Item = char>) -> String {
    let mut out = String::new();
    while let Some(c) = chars.next() {
        match c {
            '"' => break,
            '\\' => match chars.next() {
                // The literal continues on the next line after the indentation.
                Some('\n') => {
                    if let Some(next) = chars.by_ref().find(|c| !c.is_whitespace()) {
                        match next {
                            '"' => break,
                            next => out.push(next),
                        }
                    }
                }
                Some('n') => out.push('\n'),
                Some(other) => out.push(other),
                None => {}
            },
            c => out.push(c),
        }
    }
    out
}

/// Returns the constants of a file that are string literals.
fn constants(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for part in text.split("const ").skip(1) {
        let Some((name, rest)) = part.split_once(": &str = \"") else { continue };
        if name.chars().all(|c| c.is_ascii_uppercase() || c == '_') {
            found.insert(name.to_owned(), literal(&mut rest.chars()));
        }
    }
    found
}

/// Replaces the names of constants by their values. Returns `None` if another part remains.
fn whole(text: &str, constants: &BTreeMap<String, String>) -> Option<String> {
    let mut text = text.to_owned();
    for _ in 0..3 {
        for (name, value) in constants {
            text = text.replace(&format!("{{{name}}}"), value);
        }
    }
    // Parts for which any value serves.
    for (piece, value) in [
        ("{columns}", &constants["placement"]),
        ("{whose}", &"tenant = ?1".to_owned()),
        ("{table}", &"known_networks".to_owned()),
        ("{number}", &"-1".to_owned()),
        ("{tenant}", &String::new()),
        ("{condition}", &"< ?2".to_owned()),
        ("{misplaced}", &"s.plan = ?".to_owned()),
        ("{MOST_ATTEMPTS}", &"5".to_owned()),
    ] {
        text = text.replace(piece, value);
    }
    (!text.contains('{')).then_some(text)
}

fn sources(dir: &Path, into: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => sources(&path, into),
            false if path.extension().is_some_and(|end| end == "rs") => into.push(path),
            false => {}
        }
    }
}

#[tokio::test]
async fn both_databases_take_every_statement_of_the_catalog() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let placement = constants(&fs::read_to_string(root.join("topology/placement.rs")).unwrap());
    let mut files = vec![];
    sources(&root, &mut files);
    let (mut statements, mut pieces) = (BTreeMap::new(), vec![]);
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let mut known = constants(&text);
        known.insert("placement".into(), placement["COLUMNS"].clone());
        for literal in literals(&text) {
            let begins = |text: &str| {
                ["SELECT ", "INSERT INTO ", "UPDATE ", "DELETE FROM "]
                    .iter()
                    .any(|verb| text.starts_with(verb))
            };
            match whole(&literal, &known) {
                Some(statement) if begins(&statement) => drop(statements.insert(statement, file.clone())),
                None if begins(&literal) => pieces.push(literal),
                _ => {}
            }
        }
    }
    let stores = stores().await;
    let mut faults = String::new();
    for (name, db) in
        [("sqlite", &stores.sqlite)].into_iter().chain(stores.postgres.iter().map(|db| ("postgres", db)))
    {
        for (statement, file) in &statements {
            let mut tx = db.snapshot().await.unwrap();
            if let Err(error) = tx.check(statement).await {
                let file = file.strip_prefix(&root).unwrap().display();
                writeln!(faults, "{file}, {name}: {error}\n  {statement}\n").unwrap();
            }
        }
    }
    assert!(faults.is_empty(), "{faults}");
    assert!(statements.len() > 250, "only {} statements were found", statements.len());
    assert!(pieces.len() < 36, "too much is made of pieces: {pieces:#?}");
    tried("T12 statements of the catalog on both databases", statements.len() as u64, "statements");
}
