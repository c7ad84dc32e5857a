//! Statements that the authors of migrations write. They must stay inside the transaction and the schema of the
//! migration.
//!
//! Each statement is sent alone, so that PostgreSQL itself refuses a second one that this module did not detect. Its
//! first words must be allowed ones. Afterwards the settings of the transaction and the platform's tables must be as
//! before.

use super::ddl::quoted;
use crate::{
    error::{Error, Kind, Result},
    postgres::{connections::Connection, names::relations_of},
};

/// Reason for which a statement is refused.
pub(super) const REFUSED: &str = "it may not begin or end transactions, change roles, settings, databases or schemas, or touch the platform's tables";

/// First words of the statements that are allowed.
const ALLOWED: [&str; 21] = [
    "ALTER", "ANALYZE", "CALL", "CLUSTER", "COMMENT", "CREATE", "DELETE", "DO", "DROP", "EXPLAIN", "INSERT",
    "LOCK", "MERGE", "REFRESH", "REINDEX", "SELECT", "TABLE", "TRUNCATE", "UPDATE", "VALUES", "WITH",
];
/// Kinds of objects that a statement may not create, change or drop.
const ELSEWHERE: [&str; 11] = [
    "DATABASE",
    "DEFAULT",
    "EVENT",
    "GROUP",
    "PUBLICATION",
    "ROLE",
    "SCHEMA",
    "SUBSCRIPTION",
    "SYSTEM",
    "TABLESPACE",
    "USER",
];

/// Runs the statements of one text, in the transaction of the migration.
pub(super) async fn run(conn: &mut Connection, schema: &str, text: &str) -> Result<()> {
    let before = standing(conn, schema).await?;
    for statement in split(text) {
        if !is_allowed(statement) {
            return Err(denied());
        }
        conn.once(statement, &[]).await?;
    }
    if standing(conn, schema).await? != before {
        return Err(denied());
    }
    // Temporary tables would remain on the connection.
    conn.batch("DISCARD TEMP").await
}

fn denied() -> Error {
    Error::new(Kind::Denied("a statement of a migration".into()), REFUSED)
}

/// Returns a text of everything that statements may not change: the transaction, its settings, and the platform's
/// tables with their rows.
async fn standing(conn: &mut Connection, schema: &str) -> Result<String> {
    let sql = format!(
        "SELECT concat_ws(' ', pg_current_xact_id()::text, current_user, session_user, current_setting('search_path'), \
           current_setting('role'), current_setting('tenantry.all', true), current_setting('tenantry.tenant', true), \
           current_setting('row_security'), current_setting('session_replication_role'), \
           (SELECT string_agg(concat_ws(' ', c.relname, c.xmin, c.relfilenode, \
              pg_stat_get_xact_tuples_inserted(c.oid), pg_stat_get_xact_tuples_updated(c.oid), \
              pg_stat_get_xact_tuples_deleted(c.oid), \
              (SELECT string_agg(a.xmin::text, ' ' ORDER BY a.attnum) FROM pg_attribute AS a WHERE a.attrelid = c.oid)), \
              ' ' ORDER BY c.relname) \
            FROM {} AS c WHERE starts_with(c.relname, '_tenantry_')))",
        relations_of(&format!("'{}'::regnamespace", quoted(schema)))
    );
    let rows = conn.once(&sql, &[]).await?;
    Ok(rows.first().map(|row| row.get(0)).unwrap_or_default())
}

fn is_allowed(statement: &str) -> bool {
    let mut words = words(statement);
    let first = words.next().unwrap_or_default();
    if matches!(first.as_str(), "ALTER" | "CREATE" | "DROP") {
        return words.next().is_some_and(|what| !ELSEWHERE.contains(&what.as_str()));
    }
    ALLOWED.contains(&first.as_str())
}

/// Returns the words of a statement in upper case, without comments.
fn words(statement: &str) -> impl Iterator<Item = String> {
    let code: String = tokens(statement).filter(|token| !is_comment(token)).collect::<Vec<_>>().join(" ");
    let words = code.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty());
    words.take(2).map(str::to_uppercase).collect::<Vec<_>>().into_iter()
}

fn is_comment(token: &str) -> bool {
    token.starts_with("--") || token.starts_with("/*")
}

/// Returns the statements of a text. Semicolons inside literals, names, comments and bodies of functions do not end a
/// statement.
fn split(text: &str) -> Vec<&str> {
    let mut out = vec![];
    let (mut start, mut at, mut depth) = (0, 0, 0_usize);
    let mut seen: Vec<&str> = vec![];
    for token in tokens(text) {
        at += token.len();
        match token {
            ";" if depth == 0 => {
                out.push((&text[start..at - 1], !seen.is_empty()));
                (start, seen) = (at, vec![]);
            }
            _ if is_comment(token) || token.trim().is_empty() => {}
            word => {
                // The body of an SQL function.
                match word.to_uppercase().as_str() {
                    "ATOMIC" if seen.last().is_some_and(|last| last.eq_ignore_ascii_case("BEGIN")) => {
                        depth = 1
                    }
                    "CASE" if depth > 0 => depth += 1,
                    "END" if depth > 0 => depth -= 1,
                    _ => {}
                }
                seen.push(word);
            }
        }
    }
    out.push((&text[start..], !seen.is_empty()));
    out.into_iter().filter(|(_, has_code)| *has_code).map(|(statement, _)| statement).collect()
}

/// Splits a text into words, literals, quoted names, comments and single characters. The tokens contain the whole text.
fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (token, more) = rest.split_at(length(rest).clamp(1, rest.len()));
        rest = more;
        Some(token)
    })
}

/// Returns the length of the token at the beginning of a text, in bytes.
fn length(text: &str) -> usize {
    let to = |end: &str, from: usize| text[from..].find(end).map_or(text.len(), |at| from + at + end.len());
    let first = text.chars().next().unwrap_or_default();
    match first {
        '\'' => to("'", 1),
        '"' => to("\"", 1),
        'e' | 'E' if text[1..].starts_with('\'') => escaped(text),
        '-' if text.starts_with("--") => to("\n", 2),
        '/' if text.starts_with("/*") => comment(text),
        '$' => match text[1..].find('$').map(|at| &text[..at + 2]) {
            Some(tag) if tag[1..tag.len() - 1].chars().all(|c| c.is_alphanumeric() || c == '_') => {
                to(tag, tag.len())
            }
            _ => 1,
        },
        c if c.is_alphanumeric() || c == '_' => {
            text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).unwrap_or(text.len())
        }
        c => c.len_utf8(),
    }
}

/// Returns the length of a literal with escapes.
fn escaped(text: &str) -> usize {
    let mut chars = text.char_indices().skip(2);
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            '\'' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Returns the length of a comment, which may contain others.
fn comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        let rest = &text[at..];
        match (rest.starts_with("/*"), rest.starts_with("*/")) {
            (true, _) => (depth, at) = (depth + 1, at + 2),
            (_, true) => (depth, at) = (depth - 1, at + 2),
            _ => at += rest.chars().next().map_or(1, char::len_utf8),
        }
        if depth == 0 {
            break;
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_end_where_postgresql_ends_them() {
        let check = |text: &str, expect: &[&str]| {
            let found: Vec<&str> = split(text).iter().map(|s| s.trim()).collect();
            assert_eq!(found, expect, "{text}");
        };
        check("SELECT 1; SELECT 2;", &["SELECT 1", "SELECT 2"]);
        check(" -- only ; a comment\n ; ", &[]);
        check(
            "SELECT ';', \";\", $$;$$, $a$;$$;$a$, 'it''s;', E'\\';' ; X",
            &["SELECT ';', \";\", $$;$$, $a$;$$;$a$, 'it''s;', E'\\';'", "X"],
        );
        check("SELECT /* ; /* ; */ ; */ 1 -- ;\n; Y", &["SELECT /* ; /* ; */ ; */ 1 -- ;", "Y"]);
        check("SELECT $1; SELECT a$b FROM t", &["SELECT $1", "SELECT a$b FROM t"]);
        check(
            "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END; Z",
            &[
                "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END",
                "Z",
            ],
        );
        check("SELECT 'ä;ö'; ü", &["SELECT 'ä;ö'", "ü"]);
    }

    #[test]
    fn only_known_statements_are_allowed() {
        for good in [
            "SELECT 1",
            "/* why */ update t set a = 1",
            "CREATE VIEW v AS SELECT 1",
            "create or replace function f() returns int language sql as 'select 1'",
            "WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a",
            "(SELECT 1)",
            "ALTER TABLE t ADD CHECK (a > 0)",
        ] {
            assert!(is_allowed(good), "{good}");
        }
        for bad in [
            "COMMIT",
            "-- a\nBEGIN",
            "END",
            "Rollback",
            "SAVEPOINT s",
            "START TRANSACTION",
            "PREPARE TRANSACTION 'x'",
            "SET ROLE postgres",
            "RESET ALL",
            "SET search_path = public",
            "COPY t FROM stdin",
            "LISTEN x",
            "GRANT ALL ON t TO public",
            "DISCARD ALL",
            "CREATE ROLE r",
            "DROP SCHEMA s",
            "/* a */ CREATE /* b */ DATABASE d",
            "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO public",
            "",
        ] {
            assert!(!is_allowed(bad), "{bad}");
        }
    }
}
