//! Limits of tenants' statements: the deadline holds inside every function, memory is counted per statement, and other
//! tenants' statements continue.

use crate::core_support::*;
use serde_json::{Value as Json, json};
use std::{
    sync::{Arc, LazyLock},
    time::{Duration, Instant},
};
use tenantry_engine::{Kind, Session, SqlLimits, schema::Schema};

/// How much longer than its deadline a statement may run.
const GRACE: Duration = Duration::from_millis(500);
const DEADLINE: Duration = Duration::from_millis(100);
/// Deadline for tests with thousands of statements.
const SHORT: Duration = Duration::from_millis(10);

async fn session(test: &TestEngine, number: i64) -> Session {
    test.engine.provision(&tenant(number), &bare()).await.unwrap();
    let conn = rusqlite::Connection::open(test.file(&tenant(number))).unwrap();
    conn.execute_batch(
        "CREATE TABLE doctors(id INTEGER PRIMARY KEY, name TEXT);
         CREATE VIRTUAL TABLE doctors__fts USING fts5(name, content='doctors', content_rowid='id');
         CREATE VIRTUAL TABLE older USING fts4(name);
         CREATE VIRTUAL TABLE \"create table \" USING rtree(id, low, high);
         CREATE VIEW found AS SELECT rowid FROM doctors__fts('a');
         CREATE VIEW Named AS SELECT id FROM doctors;
         INSERT INTO doctors(name) VALUES(replace(hex(zeroblob(60000)), '0', 'a '));
         INSERT INTO doctors__fts(doctors__fts) VALUES('rebuild');",
    )
    .unwrap();
    let schema = Arc::new(Schema::new(tenant(number).store, vec![], &[]).unwrap());
    test.engine.session(&tenant(number), &schema).await.unwrap()
}

/// Number of attempts at a statement with a time limit: on a busy machine, a single attempt may wait for a processor.
const ATTEMPTS: usize = 5;

/// Runs a statement with a deadline. Returns the time of the fastest attempt, and the outcome of the last one.
async fn run(session: &Session, sql: &str, deadline: Duration) -> (Duration, Result<(), Kind>) {
    let limits = SqlLimits { deadline, ..SqlLimits::default() };
    let mut fastest = Duration::MAX;
    for attempt in 1.. {
        let parameters = parameters(sql);
        let started = Instant::now();
        let done = session.sql(sql, parameters, limits).await;
        fastest = fastest.min(started.elapsed());
        if fastest < deadline + GRACE || attempt == ATTEMPTS {
            return (fastest, done.map(drop).map_err(|error| error.kind().clone()));
        }
    }
    unreachable!("attempts end")
}

/// Arguments on which at least one function is slow.
const WORST: &[&str] = &[
    // 260,000 times the same letter; then nearly the same text.
    "hex(zeroblob(130000))",
    "hex(zeroblob(65000)) || '1'",
    "zeroblob(250000)",
    // Many wildcards.
    "'%0%0%0%0%0%0%0%0%0%0%0%0%0%0%0%0%0%0%0%0%0%0%0%0%0%0%0%0%0%0%0%0%0%0%0%0%0%0%0%0%0%0%0%0%0%0%1'",
    "'*0*0*0*0*0*0*0*0*0*0*0*0*0*0*0*0*0*0*0*0*0*0*0*0*0*0*0*0*0*0*0*0*0*0*0*0*0*0*0*0*0*0*0*0*0*0*1'",
    // Nested and wide JSON, and paths into it.
    "replace(hex(zeroblob(400)), '00', '[') || '1' || replace(hex(zeroblob(60000)), '00', ',1') || replace(hex(zeroblob(400)), '00', ']')",
    ":wide",
    ":other",
    "'$' || replace(hex(zeroblob(60000)), '00', '.a')",
    "'%.200000f %200000d %s'",
    "1e308",
    "2147483647",
];

/// Calls with more arguments, or with arguments that match each other.
const SHAPES: &[&str] = &[
    "json_patch(:wide, :other)",
    "json_set('{}', '$' || replace(hex(zeroblob(80000)), '00', '.a'), 1)",
    "json_set('[]', '$' || replace(hex(zeroblob(60000)), '00', '[0]'), 1)",
    "json_set('[]', '$' || replace(hex(zeroblob(60000)), '00', '[#]'), 1)",
    "json_insert('{}', '$' || replace(hex(zeroblob(1000)), '00', '.a'), :wide)",
    "json_replace(:wide, '$' || replace(hex(zeroblob(80000)), '00', '.a'), 1)",
    "json_extract(:wide, '$.' || hex(zeroblob(120000)))",
    ":wide -> ('$' || replace(hex(zeroblob(80000)), '00', '.a'))",
    ":wide ->> ('$.' || hex(zeroblob(120000)))",
    "json_array_length(:wide, '$' || replace(hex(zeroblob(80000)), '00', '[0]'))",
    "json_type(:wide, '$' || replace(hex(zeroblob(80000)), '00', '[#-1]'))",
    "json_object(:wide, json(:other), :other, json(:wide))",
    "(SELECT count(fullkey || path) FROM json_tree(:wide) WHERE id > 100)",
    "(SELECT count(value) FROM json_each(:wide, '$' || replace(hex(zeroblob(80000)), '00', '.a')))",
    "(SELECT json_group_object(key, json(:other)) FROM json_each(:wide))",
    "(SELECT json_group_array(json(:other)) FROM json_each(:wide))",
    "(SELECT group_concat(DISTINCT key) FROM json_each(:wide))",
    "(SELECT string_agg(key, :other) FROM json_each(:wide))",
    "(SELECT sum(length(x)) FROM (SELECT group_concat(key, hex(zeroblob(5000))) OVER (ROWS 20 PRECEDING) x FROM json_each(:wide)))",
    "printf(replace(hex(zeroblob(40000)), '00', '%250000d'), 1, 2)",
    "printf(replace(hex(zeroblob(20000)), '00', '%.240000f'), 1e308, 2)",
    "printf(replace(hex(zeroblob(80000)), '00', '%.0q'), :wide, :other)",
    "printf(replace(hex(zeroblob(60000)), '00', '%.1Q'), :wide, :other)",
    "printf(replace(hex(zeroblob(80000)), '00', '%!s'), :wide, :other)",
    "printf('%*.*f', 240000, 240000, 1e-300)",
    "printf('%.*c', 240000, 'x')",
    "strftime(replace(hex(zeroblob(80000)), '00', '%Y'), 'now')",
    "strftime(replace(hex(zeroblob(20000)), '00', '%J'), 'now')",
    "date('now', '+999999999 months', '-99999999999 seconds', 'weekday 3')",
    "timediff('9999-12-31', '-4713-11-24')",
    "(hex(zeroblob(120000)) || 'b') LIKE '%0%0%0%0%0%0%0%0%0%0%0%0%0%0%0%0%0%0%0%0%0%0%0%0%0%0%0%0%a%b'",
    "(hex(zeroblob(120000)) || 'b') LIKE '%_0_%_0_%_0_%_0_%_0_%_0_%_0_%_0_%_0_%_0_%_0_%_0_%_0_%a%b'",
    "hex(zeroblob(120000)) GLOB '*[0-9]*[0-9]*[0-9]*[0-9]*[0-9]*[0-9]*[0-9]*[0-9]*[0-9]*[0-9]*[a-z]'",
    "hex(zeroblob(120000)) GLOB '*?[0-9]*?[0-9]*?[0-9]*?[0-9]*?[0-9]*?[0-9]*?[0-9]*?[0-9]*?[0-9]*x'",
    "substr(zeroblob(250000), -200000, 190000)",
    "replace(zeroblob(250000), zeroblob(1), zeroblob(0))",
    "instr(zeroblob(250000), zeroblob(120000) || x'01')",
    "unistr(replace(hex(zeroblob(40000)), '00', '\\0041'))",
    "unhex(hex(zeroblob(120000)), hex(zeroblob(120000)))",
    "json(replace(hex(zeroblob(120000)), '0', '['))",
    "json_valid(replace(hex(zeroblob(60000)), '00', '/**/'), 2)",
    "json_error_position(replace(hex(zeroblob(60000)), '00', '[1,'))",
    "json_quote(replace(hex(zeroblob(120000)), '0', char(1)))",
];

/// Returns an object with as many keys as one value may have, each beginning with `letter`.
fn wide(letter: char) -> String {
    let pairs: Vec<_> = (0..24_000).map(|n| format!("\"{letter}{n:x}\":1")).collect();
    format!("{{{}}}", pairs.join(","))
}

static OBJECTS: LazyLock<[String; 2]> = LazyLock::new(|| ['k', 'j'].map(wide));

/// Returns the values of the parameters that a statement names. Building them in the statement could take until its
/// deadline.
fn parameters(sql: &str) -> Json {
    let used =
        ["wide", "other"].into_iter().zip(&*OBJECTS).filter(|(name, _)| sql.contains(&format!(":{name}")));
    let values: serde_json::Map<_, _> =
        used.map(|(name, value)| (name.into(), value.as_str().into())).collect();
    if values.is_empty() { Json::Null } else { values.into() }
}

/// Returns name and number of arguments (-1 for any number) of every SQLite function, and whether it is an aggregate.
fn functions() -> Vec<(String, i64, bool)> {
    let conn = rusqlite::Connection::open_in_memory().unwrap();
    let sql = "SELECT DISTINCT name, narg, type IN ('a', 'w') FROM pragma_function_list ORDER BY 1, 2";
    let mut statement = conn.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

/// Returns argument lists for a function with this number of arguments.
fn arguments(count: i64) -> Vec<String> {
    let second = [0, 1, 3, 7, 8].map(|index| WORST[index]);
    let pairs = || WORST[..8].iter().flat_map(move |a| second.into_iter().map(move |b| (*a, b)));
    match count {
        0 => vec![String::new()],
        1 => WORST.iter().map(ToString::to_string).collect(),
        2 => pairs().map(|(a, b)| format!("{a}, {b}")).collect(),
        3 => pairs().step_by(3).map(|(a, b)| format!("{a}, {b}, {a}")).collect(),
        -1 => {
            let many = |a: &str, b: &str| format!("{a}{}", format!(", {b}, {a}").repeat(15));
            let lists = [(6, 8), (6, 7), (0, 1), (9, 6)].map(|(a, b)| many(WORST[a], WORST[b]));
            [arguments(1), arguments(2), arguments(3), lists.to_vec()].concat()
        }
        more => vec![vec![WORST[0]; usize::try_from(more).unwrap_or(4)].join(", ")],
    }
}

/// Calls every function of this SQLite with everything in `WORST`. Then repeats the first slow call of each function
/// endlessly.
#[tokio::test(flavor = "multi_thread")]
async fn no_function_outlasts_the_deadline() {
    let test = TestEngine::new(4);
    let session = session(&test, 1).await;
    let (mut calls, mut allowed, mut slowest) =
        (0, std::collections::BTreeSet::new(), (Duration::ZERO, String::new()));
    for (name, count, is_aggregate) in functions() {
        let mut is_repeated = false;
        let quoted = format!("\"{name}\"");
        for list in arguments(count) {
            let sql = match is_aggregate {
                true => format!("SELECT length({quoted}({list})) FROM json_each('[1,2,3]')"),
                false => format!("SELECT length({quoted}({list}))"),
            };
            let (took, done) = run(&session, &sql, SHORT).await;
            match done {
                Err(Kind::Denied(_)) => break,
                _ => allowed.insert(name.clone()),
            };
            calls += 1;
            assert!(took < SHORT + GRACE, "{sql} took {took:?}");
            if took > slowest.0 {
                slowest = (took, sql.clone());
            }
            if took > SHORT && !std::mem::replace(&mut is_repeated, true) {
                let without_end = format!(
                    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count({quoted}({list})) FROM n WHERE length(({}) || i) > 0",
                    if is_aggregate { "1".into() } else { format!("{quoted}({list})") },
                );
                let (took, _) = run(&session, &without_end, DEADLINE).await;
                assert!(took < DEADLINE + GRACE, "{without_end} took {took:?}");
            }
        }
    }
    for shape in SHAPES {
        let sql = format!("SELECT length({shape})");
        let (took, _) = run(&session, &sql, DEADLINE).await;
        assert!(took < DEADLINE + GRACE, "{sql} took {took:?}");
        calls += 1;
    }
    println!("slowest: {slowest:?}");
    assert!(allowed.len() > 80, "{allowed:?}");
    tenantry_testkit::tried("T3 functions", calls, "calls with worst arguments");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_long_in_one_instruction_is_stopped() {
    let test = TestEngine::new(4);
    let session = session(&test, 1).await;
    let numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)";
    for sql in [
        // The reported statement, which took 17 s.
        "SELECT length(trim(replace(hex(zeroblob(130000)), '0', '1'), hex(zeroblob(10900)) || '1'))"
            .to_owned(),
        format!("{numbers} SELECT i, count(*) FROM n GROUP BY i % 1000"),
        format!("{numbers} SELECT i * 7919 % 1000003 AS k FROM n ORDER BY k"),
        format!("{numbers} SELECT DISTINCT i * 7919 % 1000003 FROM n"),
        format!("{numbers} SELECT group_concat(i) FROM n"),
        format!("{numbers} SELECT sum(i) OVER (ORDER BY i ROWS UNBOUNDED PRECEDING) FROM n"),
        // Statements that are slow to prepare: 2^30 subqueries, and 64 tables in any order.
        format!("WITH t0 AS (SELECT 1){} SELECT count(*) FROM t30", doubled(30)),
        format!("SELECT count(*) FROM {}", vec!["doctors"; 64].join(", ")),
    ] {
        let (took, _) = run(&session, &sql, DEADLINE).await;
        assert!(took < DEADLINE + GRACE, "{sql:.200} took {took:?}");
    }
}

/// Returns common table expressions, each of which joins the previous one with itself.
fn doubled(levels: usize) -> String {
    (1..=levels).map(|n| format!(", t{n} AS (SELECT 1 FROM t{0} a, t{0} b)", n - 1)).collect()
}

/// A full-text search is one instruction, and with 500 terms it takes minutes: `NEAR` compares each term at each
/// position with every other. So a tenant's SQL cannot use it, however its text is built.
#[tokio::test(flavor = "multi_thread")]
async fn virtual_tables_are_not_read() {
    let test = TestEngine::new(4);
    let session = session(&test, 1).await;
    let (near, many) = (format!("NEAR({}, 100)", "a ".repeat(500)), "a ".repeat(5000));
    for (sql, params) in [
        (format!("SELECT (SELECT count(*) FROM doctors__fts('{near}'))"), Json::Null),
        ("SELECT count(*) FROM doctors__fts(?)".into(), json!([near])),
        ("SELECT count(*) FROM doctors__fts WHERE doctors__fts MATCH ?".into(), json!([many])),
        (
            "SELECT count(*) FROM doctors__fts WHERE name MATCH 'NEAR(' || trim(?) || ')'".into(),
            json!([many]),
        ),
        ("SELECT count(*) FROM doctors__fts".into(), Json::Null),
        ("SELECT 1 FROM Doctors__FTS LIMIT 1".into(), Json::Null),
        ("SELECT 1 FROM doctors__fts AS doctors LIMIT 1".into(), Json::Null),
        ("SELECT count(*) FROM older WHERE older MATCH 'a'".into(), Json::Null),
        ("SELECT * FROM [create table ]".into(), Json::Null),
        ("SELECT * FROM found".into(), Json::Null),
        ("SELECT bm25(doctors__fts) FROM doctors__fts('a')".into(), Json::Null),
        ("SELECT rowid FROM doctors__fts('a') ORDER BY rank".into(), Json::Null),
        // Unlike the others, this table needs nothing that the authorizer denies anyway.
        ("SELECT count(*) FROM dbstat".into(), Json::Null),
        ("SELECT 1 MATCH 2".into(), Json::Null),
        ("SELECT json_pretty('[1]')".into(), Json::Null),
        ("SELECT json_patch('{}', '{}')".into(), Json::Null),
    ] {
        let error = session.sql(&sql, params, SqlLimits::default()).await.unwrap_err();
        assert!(matches!(error.kind(), Kind::Denied(_)), "{sql:.200}: {error}");
    }
    for sql in ["SELECT id FROM Named", "SELECT id FROM \"DOCTORS\" WHERE name LIKE 'a%'"] {
        let rows = session.sql(sql, Json::Null, SqlLimits::default()).await.unwrap().rows;
        assert_eq!(rows.len(), 1, "{sql}");
    }
}

/// Holds values of 250 KB each until it is stopped.
const HOG: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) \
     SELECT json_group_array(hex(zeroblob(125000)) || i) FROM n";
/// Holds such values in a materialised table, which SQLite stores in a file.
const HOARDER: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n), \
     m AS MATERIALIZED (SELECT i, hex(zeroblob(120000)) || i AS x FROM n) SELECT count(x) FROM m";

fn resident_mb() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4 / 1024
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_and_files_are_counted_for_the_statement_that_takes_them() {
    let test = TestEngine::new(4);
    let (hog, neighbour) = (session(&test, 1).await, session(&test, 2).await);
    let before = resident_mb();
    let limits = SqlLimits { deadline: Duration::from_secs(60), ..SqlLimits::default() };
    let hogs = (0..16).map(|number| {
        let hog = hog.clone();
        let sql = if number % 2 == 0 { HOG } else { HOARDER };
        tokio::spawn(async move { hog.sql(sql, Json::Null, limits).await.unwrap_err().kind().clone() })
    });
    let hogs: Vec<_> = hogs.collect();
    // Harmless, and long enough to run while the hogs grow.
    let harmless =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000000) SELECT sum(i) FROM n";
    let (mut done, mut most) = (0, 0);
    while !hogs.iter().all(tokio::task::JoinHandle::is_finished) {
        let answer = neighbour.sql(harmless, Json::Null, limits).await;
        assert!(answer.is_ok(), "refused because of its neighbour: {answer:?}");
        (done, most) = (done + 1, most.max(resident_mb()));
    }
    assert!(done > 1, "the hogs were gone before the neighbour came");
    for (number, kind) in futures(hogs).await.into_iter().enumerate() {
        let limit = if number % 2 == 0 { "memory" } else { "scratch" };
        assert_eq!(kind, Kind::Limit(limit), "{number}");
    }
    println!(
        "resident: {before} MB before, at most {most} MB, {} MB after; {done} statements beside",
        resident_mb()
    );
    assert!(most < before + 400, "{before} MB grew to {most} MB");
    assert!(resident_mb() < before + 150, "{before} MB became {} MB", resident_mb());
}

/// Returns the `nice` values of the threads of this process that run a statement.
fn niceness_of_statements() -> Vec<i64> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let stats = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("stat")).ok());
    let statements = stats.filter_map(|stat| {
        let (_, after_name) = stat.split_once("(statement) ")?;
        after_name.split(' ').nth(16)?.parse().ok()
    });
    statements.collect()
}

/// Without a lower priority, long statements of one tenant would make the short statements of others wait for a time
/// slice.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_statement_lets_short_ones_go_first() {
    let test = TestEngine::new(4);
    let hog = session(&test, 1).await;
    let limits = SqlLimits { deadline: Duration::from_secs(5), ..SqlLimits::default() };
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    let running = tokio::spawn(async move { hog.sql(endless, Json::Null, limits).await });
    while niceness_of_statements() != [19] {
        assert!(!running.is_finished(), "the statement ended at the priority of short ones");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    running.abort();
}

async fn futures<T>(tasks: Vec<tokio::task::JoinHandle<T>>) -> Vec<T> {
    let mut done = vec![];
    for task in tasks {
        done.push(task.await.unwrap());
    }
    done
}

/// Eight endless statements of one tenant leave room for another tenant's.
#[tokio::test(flavor = "multi_thread")]
async fn one_tenant_takes_no_more_than_its_share() {
    let test = TestEngine::new(4);
    let (hog, neighbour) = (session(&test, 1).await, session(&test, 2).await);
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    let limits = SqlLimits { deadline: Duration::from_secs(20), ..SqlLimits::default() };
    let hogs: Vec<_> = (0..8)
        .map(|_| {
            let hog = hog.clone();
            tokio::spawn(async move { hog.sql(endless, Json::Null, limits).await.map(drop) })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(100)).await;
    for _ in 0..10 {
        let soon = neighbour.sql("SELECT count(*) FROM doctors", Json::Null, SqlLimits::default());
        tokio::time::timeout(Duration::from_secs(5), soon).await.expect("it waits for another's").unwrap();
    }
    assert!(hogs.iter().all(|hog| !hog.is_finished()), "they were over before");
    hogs.iter().for_each(tokio::task::JoinHandle::abort);
    // A statement whose caller is gone is stopped. Otherwise the endless statements would take another minute.
    let next = hog.sql("SELECT 1", Json::Null, SqlLimits::default());
    tokio::time::timeout(Duration::from_secs(5), next).await.expect("the others were not stopped").unwrap();
}
