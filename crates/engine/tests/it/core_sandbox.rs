//! T3: statements that try to leave the tenant's database. Oracle: files opened, files created, rows of other tenants
//! seen.

use crate::core_support::*;
use serde_json::{Value as Json, json};
use std::{
    collections::BTreeSet,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use tenantry_engine::{
    Kind, Session, SqlLimits,
    place::{Isolation, Place},
    schema::Schema,
};
use tenantry_testkit::{Random, dose, tried};

const CANARY: &str = "canary-of-the-neighbour";

/// Creates two tenants with a table each. The row of the second tenant is the canary.
async fn neighbours() -> (TestEngine, Session) {
    let test = TestEngine::new(8);
    for (number, name) in [(1, "mine"), (2, CANARY)] {
        test.engine.provision(&tenant(number), &bare()).await.unwrap();
        let conn = rusqlite::Connection::open(test.file(&tenant(number))).unwrap();
        conn.execute_batch(
            "CREATE TABLE doctors(id INTEGER PRIMARY KEY, name TEXT, photo BLOB);
             CREATE VIRTUAL TABLE doctors__fts USING fts5(name, content='doctors', content_rowid='id');",
        )
        .unwrap();
        conn.execute("INSERT INTO doctors(name, photo) VALUES(?1, x'0102')", [name]).unwrap();
        conn.execute_batch("INSERT INTO doctors__fts(doctors__fts) VALUES('rebuild')").unwrap();
    }
    let schema = Arc::new(Schema::new(tenant(1).store, vec![], &[]).unwrap());
    let session = test.engine.session(&tenant(1), &schema).await.unwrap();
    (test, session)
}

fn listing(root: &Path) -> BTreeSet<String> {
    let name = |entry: std::fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
    std::fs::read_dir(root).unwrap().map(|entry| name(entry.unwrap())).collect()
}

/// Returns the descriptors of this process on files of the neighbour or of the system.
fn strangers(root: &Path) -> Vec<String> {
    let links = std::fs::read_dir("/proc/self/fd")
        .unwrap()
        .flatten()
        .filter_map(|e| std::fs::read_link(e.path()).ok());
    let names = links.map(|path| path.to_string_lossy().into_owned());
    let root = root.canonicalize().unwrap().to_string_lossy().into_owned();
    names
        .filter(|name| {
            name.contains("etilqs")
                || name.starts_with("/etc/")
                || name.starts_with(&root) && !name.contains("tenant_1_1")
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_statement_of_the_corpus_leaves_the_database() {
    let (test, session) = neighbours().await;
    let before = listing(test.dir.path());
    let other = test.file(&tenant(2)).display().to_string();
    let out = test.dir.path().join("out").display().to_string();
    let corpus = [
        format!("ATTACH '{other}' AS o"),
        format!("ATTACH 'file:{other}?mode=ro' AS o"),
        "ATTACH ':memory:' AS o".into(),
        "ATTACH '' AS o".into(),
        "DETACH main".into(),
        format!("VACUUM INTO '{out}'"),
        "VACUUM".into(),
        "PRAGMA database_list".into(),
        "PRAGMA query_only = OFF".into(),
        "PRAGMA max_page_count = 4294967294".into(),
        "PRAGMA journal_mode = DELETE".into(),
        "PRAGMA writable_schema = ON".into(),
        "PRAGMA temp_store_directory = '/etc'".into(),
        "SELECT * FROM pragma_database_list".into(),
        "SELECT count(*) FROM pragma_database_list".into(),
        "SELECT * FROM pragma_table_info('doctors')".into(),
        "SELECT file FROM pragma_database_list()".into(),
        "SELECT load_extension('/lib/x.so')".into(),
        "SELECT LOAD_EXTENSION('/lib/x.so', 'init')".into(),
        format!("SELECT writefile('{out}', 'x')"),
        "SELECT readfile('/etc/passwd')".into(),
        "SELECT edit('x', 'vi')".into(),
        "SELECT fts3_tokenizer('simple')".into(),
        "SELECT fts3_tokenizer('x', x'0000000000000000')".into(),
        "SELECT randomblob(1000000000)".into(),
        "SELECT sqlite_compileoption_get(1)".into(),
        "SELECT sqlite_log(1, 'x')".into(),
        "SELECT * FROM _tenantry_place".into(),
        "SELECT count(*) FROM _tenantry_place".into(),
        "SELECT 1 FROM main.\"_TENANTRY_PLACE\"".into(),
        "SELECT (SELECT tenant FROM _tenantry_place)".into(),
        "WITH p AS (SELECT * FROM _tenantry_ledger) SELECT count(*) FROM p".into(),
        "SELECT * FROM doctors WHERE EXISTS (SELECT 1 FROM _tenantry_activity)".into(),
        "SELECT d.* FROM doctors d, _tenantry_seq".into(),
        "SELECT * FROM sqlite_temp_schema".into(),
        "SELECT * FROM sqlite_stat1".into(),
        "SELECT * FROM dbstat".into(),
        "SELECT * FROM sqlite_dbpage".into(),
        "INSERT INTO doctors(name) VALUES('x')".into(),
        "INSERT INTO doctors(name) VALUES('x') RETURNING id".into(),
        "WITH x AS (SELECT 1) INSERT INTO doctors(name) SELECT 'x' FROM x".into(),
        "UPDATE doctors SET name = 'x'".into(),
        "UPDATE sqlite_schema SET sql = ''".into(),
        "DELETE FROM doctors".into(),
        "REPLACE INTO doctors__fts_data(id, block) VALUES(1, x'00')".into(),
        "INSERT INTO doctors__fts(doctors__fts) VALUES('delete-all')".into(),
        "CREATE TABLE t(a)".into(),
        "CREATE TEMP TABLE t(a)".into(),
        "CREATE TEMP VIEW v AS SELECT 1".into(),
        "CREATE TEMP TRIGGER t AFTER INSERT ON doctors BEGIN SELECT 1; END".into(),
        "CREATE VIRTUAL TABLE temp.v USING fts5vocab('main', 'doctors__fts', 'row')".into(),
        "CREATE VIRTUAL TABLE t USING dbstat".into(),
        "DROP TABLE doctors".into(),
        "ALTER TABLE doctors RENAME TO d".into(),
        "REINDEX".into(),
        "ANALYZE".into(),
        "BEGIN".into(),
        "BEGIN EXCLUSIVE".into(),
        "COMMIT".into(),
        "SAVEPOINT s".into(),
        "SELECT 1; DROP TABLE doctors".into(),
        "SELECT 1; ATTACH '/etc/passwd' AS p".into(),
        "EXPLAIN DELETE FROM doctors".into(),
        "".into(),
    ];
    for text in &corpus {
        match session.sql(text, Json::Null, SqlLimits::default()).await {
            Ok(rows) => panic!("{text:?} was run: {rows:?}"),
            Err(error) => {
                assert!(matches!(error.kind(), Kind::Denied(_) | Kind::Statement(_)), "{text:?}: {error}")
            }
        }
        assert_eq!(strangers(test.dir.path()), Vec::<String>::new(), "{text:?}");
    }
    assert_eq!(listing(test.dir.path()), before);
    tried("T3 corpus", corpus.len() as u64, "statements");
}

#[tokio::test]
async fn what_a_tenant_needs_works() {
    let (_bed, session) = neighbours().await;
    let run =
        async |text: &str, params: Json| session.sql(text, params, SqlLimits::default()).await.unwrap().rows;
    assert_eq!(
        run("SELECT id, name, photo FROM doctors WHERE name = ?1", json!(["mine"])).await,
        [[json!(1), json!("mine"), json!("AQI=")]]
    );
    assert_eq!(
        run("SELECT count(*) FROM doctors WHERE id > :least", json!({"least": 0})).await,
        [[json!(1)]]
    );
    assert_eq!(run("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT sum(i) FROM n", Json::Null).await, [[json!(15)]]);
    assert_eq!(run("WITH c AS (SELECT 1) SELECT count(*) FROM c, doctors", Json::Null).await, [[json!(1)]]);
    assert_eq!(run("SELECT value ->> 'a' FROM json_each('[{\"a\":2}]')", Json::Null).await, [[json!(2)]]);
    assert_eq!(run("SELECT id FROM doctors WHERE name LIKE '%in%'", Json::Null).await, [[json!(1)]]);
    assert_eq!(
        run(
            "SELECT d.name, row_number() OVER (ORDER BY d.id) FROM doctors d JOIN doctors e USING (id)",
            Json::Null
        )
        .await
        .len(),
        1
    );
    assert_eq!(run("SELECT name FROM sqlite_schema WHERE name = 'doctors'", Json::Null).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_on_rows_bytes_time_and_memory_hold() {
    let (_bed, session) = neighbours().await;
    let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i, printf('%1000d', i) FROM n";
    let rows = session.sql(many, Json::Null, SqlLimits { rows: 10, ..SqlLimits::default() }).await.unwrap();
    assert!(rows.truncated && rows.rows.len() == 10);
    let rows =
        session.sql(many, Json::Null, SqlLimits { bytes: 5000, ..SqlLimits::default() }).await.unwrap();
    assert!(rows.truncated && rows.rows.len() == 4);

    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    let started = Instant::now();
    let limits = SqlLimits { deadline: Duration::from_millis(100), ..SqlLimits::default() };
    assert_eq!(*session.sql(endless, Json::Null, limits).await.unwrap_err().kind(), Kind::Deadline);
    assert!(started.elapsed() < Duration::from_secs(2));

    let hungry = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000000)
         SELECT hex(zeroblob(100000)) || i AS x FROM n ORDER BY x DESC";
    let error = session
        .sql(hungry, Json::Null, SqlLimits { deadline: Duration::from_secs(30), ..SqlLimits::default() })
        .await
        .unwrap_err();
    assert_eq!(*error.kind(), Kind::Limit("scratch"), "what is sorted goes to files: {error}");
    let hungry = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000000)
         SELECT json_group_array(hex(zeroblob(100000)) || i) FROM n";
    let limits = SqlLimits { deadline: Duration::from_secs(30), ..SqlLimits::default() };
    let error = session.sql(hungry, Json::Null, limits).await.unwrap_err();
    assert_eq!(*error.kind(), Kind::Limit("memory"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_whose_caller_is_gone_is_stopped() {
    let (test, session) = neighbours().await;
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    for _ in 0..40 {
        let limits = SqlLimits { deadline: Duration::from_secs(60), ..SqlLimits::default() };
        let dropped =
            tokio::time::timeout(Duration::from_millis(5), session.sql(endless, Json::Null, limits)).await;
        assert!(dropped.is_err());
    }
    // If these statements were still running, no thread would be free in time for the next one.
    let soon = session.sql("SELECT 1", Json::Null, SqlLimits::default());
    tokio::time::timeout(Duration::from_secs(5), soon).await.unwrap().unwrap();
    drop(test);
}

#[tokio::test]
async fn pooled_tenants_never_get_raw_sql() {
    let test = TestEngine::new(4);
    system(&test).await;
    let pooled = Place { isolation: Isolation::Pooled, physical: control().physical, ..tenant(7) };
    let schema = Arc::new(Schema::new(pooled.store.clone(), vec![], &[]).unwrap());
    assert_eq!(*test.engine.session(&pooled, &schema).await.unwrap_err().kind(), Kind::WrongIdentity);
    test.engine.enrol(&pooled).await.unwrap();
    test.engine.enrol(&pooled).await.unwrap();
    let session = test.engine.session(&pooled, &schema).await.unwrap();
    let denied = session.sql("SELECT 1", Json::Null, SqlLimits::default()).await.unwrap_err();
    assert!(matches!(denied.kind(), Kind::Denied(_)));
    // A database with several tenants is not opened as a tenant's own.
    let posing = Place { isolation: Isolation::Database, ..pooled.clone() };
    for engine in [&test.engine, &engine_at(test.dir.path(), 4)] {
        // The first engine has opened the database for one of several tenants; the second has not opened it.
        assert_eq!(*engine.session(&posing, &schema).await.unwrap_err().kind(), Kind::WrongIdentity);
    }
    let pool_first = engine_at(test.dir.path(), 4);
    pool_first.session(&pooled, &schema).await.unwrap();
    assert_eq!(*pool_first.session(&posing, &schema).await.unwrap_err().kind(), Kind::WrongIdentity);
}

/// Runs statements built from suspicious parts, while a thread watches the open files.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn generated_statements_leave_the_database_neither() {
    let seconds = dose(60, 8 * 3600);
    let (test, session) = neighbours().await;
    let before = listing(test.dir.path());
    let (stop, looks) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let watcher = std::thread::spawn({
        let (stop, looks, root) = (stop.clone(), looks.clone(), test.dir.path().to_owned());
        move || {
            while !stop.load(Relaxed) {
                assert_eq!(strangers(&root), Vec::<String>::new());
                looks.fetch_add(1, Relaxed);
                // Checks often enough to see a file while a statement has it open, without taking too much processor
                // time.
                std::thread::sleep(Duration::from_micros(500));
            }
        }
    });
    let (end, mut all, mut ran) = (Instant::now() + Duration::from_secs(seconds), 0, 0);
    let mut random = Random::new(1, 0);
    while Instant::now() < end {
        let text = generate(&mut random, &test);
        let limits = SqlLimits { deadline: Duration::from_millis(50), ..SqlLimits::default() };
        all += 1;
        if let Ok(rows) = session.sql(&text, Json::Null, limits).await {
            ran += 1;
            let seen = serde_json::to_string(&rows.rows).unwrap();
            assert!(
                !seen.contains(CANARY) && !seen.contains("tenant_1_1.db") && !seen.contains("root:"),
                "{text}: {seen}"
            );
        }
    }
    stop.store(true, Relaxed);
    watcher.join().unwrap();
    assert_eq!(listing(test.dir.path()), before);
    assert!(ran > 0 && looks.load(Relaxed) > 0);
    let what = format!("statements, {ran} ran, {} looks at the open files", looks.load(Relaxed));
    tried("T3 generated", all, &what);
}

fn generate(random: &mut Random, test: &TestEngine) -> String {
    const PIECES: &[&str] = &[
        "SELECT",
        "*",
        "FROM",
        "doctors",
        "doctors__fts",
        "doctors__fts_data",
        "_tenantry_place",
        "pragma_database_list",
        "ATTACH",
        "@other",
        "@out",
        "AS o",
        "o.doctors",
        "main.",
        "temp.",
        "VACUUM INTO",
        "PRAGMA",
        "database_list",
        "query_only = 0",
        "WITH x AS (",
        ")",
        "(",
        ",",
        ";",
        "UNION ALL",
        "JOIN",
        "WHERE",
        "EXISTS",
        "load_extension(",
        "readfile(",
        "'/etc/passwd'",
        "name",
        "id",
        "1",
        "CREATE TEMP TABLE",
        "CREATE VIRTUAL TABLE v USING",
        "fts5vocab(",
        "dbstat",
        "json_each(",
        "'[1]'",
        "INSERT INTO",
        "VALUES",
        "RETURNING",
        "sqlite_schema",
        "MATCH",
        "EXPLAIN",
        "/*",
        "*/",
        "--",
        "x",
        "EXPLAIN QUERY PLAN",
        "count(*)",
        "file",
    ];
    const STARTS: &[&str] = &[
        "SELECT * FROM",
        "SELECT",
        "WITH x AS (SELECT * FROM",
        "ATTACH",
        "PRAGMA",
        "EXPLAIN",
        "SELECT name FROM doctors UNION ALL SELECT",
        "",
    ];
    let mut text = random.pick(STARTS).to_string();
    for _ in 0..=random.below(8) {
        text.push(' ');
        text.push_str(random.pick::<&str>(PIECES));
    }
    text.replace("@other", &format!("'{}'", test.file(&tenant(2)).display()))
        .replace("@out", &format!("'{}/out'", test.dir.path().display()))
}
