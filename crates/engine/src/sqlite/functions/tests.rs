//! Compares the functions with SQLite's own, on arguments of every type.

use super::*;
use proptest::prelude::*;
use rusqlite::{params, types::Value};
use tenantry_testkit::property;

const LONGEST: usize = 1 << 18;

fn ours() -> Connection {
    let conn = Connection::open_in_memory().unwrap();
    add_own(&conn).unwrap();
    replace_quadratic(&conn, LONGEST).unwrap();
    conn
}

thread_local! {
    /// One connection with the platform's functions, and one with SQLite's own.
    static CONNECTIONS: (Connection, Connection) = (ours(), Connection::open_in_memory().unwrap());
}

/// Generates text of few letters, so that there are matches. It contains characters of one to four bytes, and a NUL.
fn letters() -> impl Strategy<Value = String> {
    proptest::collection::vec(
        prop_oneof![
            Just('a'),
            Just('A'),
            Just('b'),
            Just(' '),
            Just('é'),
            Just('è'),
            Just('漢'),
            Just('🦀'),
            Just('\0')
        ],
        0..12,
    )
    .prop_map(|letters| letters.into_iter().collect())
}

/// Generates bytes that need not be UTF-8, without characters that are too long for [`trim`].
fn not_utf8() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(prop_oneof![Just(0xc3_u8), Just(0xa9), Just(0x61), Just(0)], 0..6)
        .prop_filter("a character is too long", |bytes| Characters::of(bytes).is_ok())
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        6 => letters().prop_map(Value::Text),
        2 => letters().prop_map(|text| Value::Blob(text.into_bytes())),
        1 => not_utf8().prop_map(Value::Blob),
        1 => any::<i64>().prop_map(Value::Integer),
        1 => any::<f64>().prop_filter("no number", |n| !n.is_nan()).prop_map(Value::Real),
        1 => (-20..20_i64).prop_map(|n| Value::Real(n as f64 / 8.0)),
        1 => Just(Value::Null),
    ]
}

fn ask(conn: &Connection, sql: &str, values: &[Value; 3]) -> Option<Vec<u8>> {
    let [a, b, c] = values;
    let answer: Value = conn
        .query_row(&format!("SELECT {sql}, ?1, ?2, ?3"), params![a, b, c], |row| {
            // Text need not be valid UTF-8.
            Ok(match row.get_ref(0)? {
                ValueRef::Text(bytes) => Value::Blob([b"text:", bytes].concat()),
                other => Value::try_from(other)?,
            })
        })
        .unwrap_or_else(|error| panic!("{sql} of {values:?}: {error}"));
    (answer != Value::Null).then(|| format!("{answer:?}").into_bytes())
}

#[test]
fn answers_are_those_of_sqlite() {
    property(3_000, (value(), value(), value()), |(a, b, c)| {
        let values = [a, b, c];
        for sql in [
            "instr(?1, ?2)",
            "replace(?1, ?2, ?3)",
            "trim(?1)",
            "ltrim(?1)",
            "rtrim(?1)",
            "trim(?1, ?2)",
            "ltrim(?1, ?2)",
            "rtrim(?1, ?2)",
            "trim(?1, ?1)",
        ] {
            let (ours, theirs) =
                CONNECTIONS.with(|(ours, theirs)| (ask(ours, sql, &values), ask(theirs, sql, &values)));
            assert_eq!(ours, theirs, "{} of {:?}", sql, &values);
        }
    });
}

#[test]
fn a_character_of_five_bytes_is_not_trimmed() {
    for (bytes, trimmed) in [("'é' || x'a9a9'", true), ("'é' || x'a9a9a9'", false)] {
        let answer =
            ours().query_row(&format!("SELECT trim('a', {bytes})"), [], |row| row.get::<_, String>(0));
        assert_eq!(answer.is_ok(), trimmed, "{answer:?}");
    }
}

#[test]
fn contains_is_like() {
    property(3_000, (letters(), letters()), |(text, needle)| {
        // LIKE ends at a NUL, which never occurs in a filter's needle.
        let (text, needle) = (text.replace('\0', "-"), needle.replace('\0', "-"));
        let values = [Value::Text(text), Value::Text(needle), Value::Null];
        let (contains, like) = ("tenantry_contains(?1, ?2)", "?1 LIKE '%' || ?2 || '%'");
        let (ours, theirs) =
            CONNECTIONS.with(|(ours, _)| (ask(ours, contains, &values), ask(ours, like, &values)));
        assert_eq!(ours, theirs, "{:?}", &values);
    });
}

/// With a needle that nearly matches everywhere, SQLite's own functions take 60,000 times 30,000 steps.
#[test]
fn long_arguments_take_no_longer_than_they_are_long() {
    let conn = ours();
    let started = std::time::Instant::now();
    for sql in [
        "instr(hex(zeroblob(60000)), hex(zeroblob(30000)) || '1')",
        "instr(zeroblob(120000), zeroblob(60000) || x'01')",
        "length(replace(hex(zeroblob(60000)), hex(zeroblob(30000)) || '1', ''))",
        "length(trim(replace(hex(zeroblob(60000)), '0', '1'), hex(zeroblob(60000)) || '1'))",
        "length(rtrim(replace(hex(zeroblob(60000)), '0', '1'), hex(zeroblob(60000)) || '1'))",
        "tenantry_contains(hex(zeroblob(60000)), hex(zeroblob(30000)) || '1')",
    ] {
        conn.query_row(&format!("SELECT {sql}"), [], |row| row.get::<_, i64>(0)).unwrap();
    }
    let took = started.elapsed();
    assert!(took < std::time::Duration::from_secs(1), "{took:?}");
    let bomb =
        conn.query_row("SELECT replace(hex(zeroblob(60000)), '0', hex(zeroblob(60000)))", [], |_| Ok(()));
    assert_eq!(bomb.unwrap_err().sqlite_error_code(), Some(rusqlite::ErrorCode::TooBig));
}
