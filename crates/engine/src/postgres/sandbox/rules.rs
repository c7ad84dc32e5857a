//! What a tenant's statement may name: its models, and functions without effect outside the statement. PostgreSQL lets
//! every role read its catalog, which names other tenants' databases, and call functions that run a text as SQL. So
//! everything not listed here is refused, including additions of future versions.
//!
//! The rules examine tokens, not meaning: a word before `(` is a function unless the grammar allows none there.

use super::tokens::{Token, tokens};
use crate::error::{Error, Kind, Result};

/// Functions without effect outside the statement, which a deadline can stop.
const FUNCTIONS: &[&str] = &[
    "abs",
    "age",
    "array_agg",
    "array_length",
    "array_position",
    "array_to_string",
    "ascii",
    "avg",
    "bit_and",
    "bit_or",
    "bool_and",
    "bool_or",
    "btrim",
    "cardinality",
    "ceil",
    "ceiling",
    "char_length",
    "character_length",
    "chr",
    "concat",
    "concat_ws",
    "corr",
    "count",
    "covar_pop",
    "covar_samp",
    "cume_dist",
    "date",
    "date_bin",
    "date_part",
    "date_trunc",
    "dense_rank",
    "div",
    "encode",
    "every",
    "exp",
    "first_value",
    "floor",
    "generate_series",
    "initcap",
    "json_agg",
    "json_array_elements",
    "json_array_elements_text",
    "json_array_length",
    "json_build_array",
    "json_build_object",
    "json_each",
    "json_each_text",
    "json_extract_path",
    "json_extract_path_text",
    "json_object_agg",
    "json_object_keys",
    "json_typeof",
    "jsonb_agg",
    "jsonb_array_elements",
    "jsonb_array_elements_text",
    "jsonb_array_length",
    "jsonb_build_array",
    "jsonb_build_object",
    "jsonb_each",
    "jsonb_each_text",
    "jsonb_extract_path",
    "jsonb_extract_path_text",
    "jsonb_object_agg",
    "jsonb_object_keys",
    "jsonb_typeof",
    "justify_days",
    "justify_hours",
    "justify_interval",
    "lag",
    "last_value",
    "lead",
    "length",
    "ln",
    "log",
    "log10",
    "lower",
    "ltrim",
    "make_date",
    "make_interval",
    "max",
    "md5",
    "min",
    "mod",
    "mode",
    "now",
    "nth_value",
    "ntile",
    "num_nonnulls",
    "num_nulls",
    "octet_length",
    "percent_rank",
    "percentile_cont",
    "percentile_disc",
    "pi",
    "power",
    "random",
    "rank",
    "regr_intercept",
    "regr_slope",
    "replace",
    "reverse",
    "round",
    "row_number",
    "row_to_json",
    "rtrim",
    "sign",
    "split_part",
    "sqrt",
    "starts_with",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "string_agg",
    "strpos",
    "substr",
    "sum",
    "timezone",
    "to_char",
    "to_date",
    "to_json",
    "to_jsonb",
    "to_number",
    "to_timestamp",
    "translate",
    "trunc",
    "unnest",
    "upper",
    "var_pop",
    "var_samp",
    "variance",
    "width_bucket",
];

/// Words before `(` that are not functions, or functions with their own grammar.
const KEYWORDS: &[&str] = &[
    "all",
    "and",
    "any",
    "array",
    "as",
    "between",
    "bit",
    "by",
    "case",
    "cast",
    "char",
    "character",
    "coalesce",
    "cross",
    "cube",
    "dec",
    "decimal",
    "distinct",
    "else",
    "escape",
    "except",
    "exists",
    "extract",
    "fetch",
    "filter",
    "first",
    "float",
    "from",
    "greatest",
    "group",
    "having",
    "ilike",
    "in",
    "inner",
    "intersect",
    "interval",
    "is",
    "join",
    "lateral",
    "least",
    "left",
    "like",
    "limit",
    "materialized",
    "natural",
    "next",
    "not",
    "nullif",
    "numeric",
    "offset",
    "on",
    "or",
    "order",
    "over",
    "overlay",
    "partition",
    "position",
    "right",
    "rollup",
    "row",
    "select",
    "sets",
    "similar",
    "some",
    "substring",
    "symmetric",
    "then",
    "time",
    "timestamp",
    "trim",
    "union",
    "using",
    "values",
    "varchar",
    "varying",
    "when",
    "where",
    "window",
];

/// Types that convert a number or name to the name of an object anywhere in the server.
const TYPES: &[&str] = &[
    "aclitem",
    "regclass",
    "regcollation",
    "regconfig",
    "regdatabase",
    "regdictionary",
    "regnamespace",
    "regoper",
    "regoperator",
    "regproc",
    "regprocedure",
    "regrole",
    "regtype",
];

/// Returns the statement without the semicolon at its end, if a tenant may run it.
///
/// # Errors
/// Returns [`Kind::Denied`] for what a tenant may not do, and [`Kind::Statement`] if the text is not exactly one query.
pub(super) fn check(text: &str) -> Result<&str> {
    let (all, statement) = single(text)?;
    first(&all)?;
    harmless(&all)?;
    Ok(statement)
}

/// Returns the tokens of a statement, and the statement without the semicolon at its end.
///
/// # Errors
/// Returns [`Kind::Statement`] if the text contains several statements.
pub(super) fn single(text: &str) -> Result<(Vec<Token>, &str)> {
    let mut found = tokens(text)?;
    let mut end = text.len();
    while let Some((at, Token::Sign(';'))) = found.last() {
        end = *at;
        found.pop();
    }
    let all: Vec<Token> = found.into_iter().map(|(_, token)| token).collect();
    if all.contains(&Token::Sign(';')) {
        return Err(Error::new(Kind::Statement("only one statement at a time".into()), "sql"));
    }
    Ok((all, &text[..end]))
}

/// Refuses names and functions that are not allowed.
///
/// # Errors
/// Returns [`Kind::Denied`] for the first such name or function.
pub(super) fn harmless(all: &[Token]) -> Result<()> {
    for token in all {
        name(token)?;
    }
    functions(all)
}

/// Refuses statements that are not queries.
fn first(all: &[Token]) -> Result<()> {
    let word = all.iter().find(|token| **token != Token::Sign('('));
    match word {
        Some(Token::Word(word)) if ["select", "with", "values"].contains(&&**word) => Ok(()),
        Some(Token::Word(word)) => Err(denied(word)),
        _ => Err(Error::new(Kind::Statement("not a query".into()), "sql")),
    }
}

/// Refuses names of the platform, of PostgreSQL's catalog, and of other objects outside the tenant's models.
fn name(token: &Token) -> Result<()> {
    let (Token::Word(name) | Token::Quoted(name)) = token else { return Ok(()) };
    let is_internal = ["pg_", "_tenantry_", "_pg_"].iter().any(|prefix| name.starts_with(prefix));
    match is_internal || name == "information_schema" || TYPES.contains(&&**name) {
        true => Err(denied(name)),
        false => Ok(()),
    }
}

/// Refuses calls of functions that are not allowed.
fn functions(all: &[Token]) -> Result<()> {
    // For each open bracket: whether it directly contains names of common table expressions.
    let mut names = vec![false];
    for (at, token) in all.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| &all[at]);
        match token {
            Token::Sign('(') => names.push(false),
            Token::Sign(')') => drop(names.pop()),
            Token::Word(word) if word == "with" && matches!(before, None | Some(Token::Sign('('))) => {
                names.last_mut().into_iter().for_each(|names| *names = true);
            }
            Token::Word(word) if ["select", "values"].contains(&&**word) => {
                names.last_mut().into_iter().for_each(|names| *names = false);
            }
            _ => {}
        }
        if all.get(at + 1) != Some(&Token::Sign('(')) || names.last() == Some(&true) {
            continue;
        }
        let (called, is_quoted) = match token {
            Token::Word(word) => (word, false),
            Token::Quoted(name) => (name, true),
            _ => continue,
        };
        let is_alias = matches!(before, Some(Token::Word(word)) if word == "as");
        let is_keyword = !is_quoted && KEYWORDS.contains(&&**called);
        if !is_alias && !is_keyword && !FUNCTIONS.contains(&&**called) {
            return Err(denied(called));
        }
    }
    Ok(())
}

fn denied(what: &str) -> Error {
    Error::new(Kind::Denied(what.chars().take(80).collect()), "not allowed in a tenant's statement")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_queries_pass() {
        for sql in [
            "SELECT name, count(*) FROM doctors GROUP BY name HAVING count(*) > 1 ORDER BY 2 DESC LIMIT 5;",
            "WITH a(x) AS (SELECT 1), b(y) AS MATERIALIZED (VALUES (2)) SELECT sum(x) FILTER (WHERE x > 0) FROM a, b",
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9) SELECT max(i) FROM n -- x",
            "SELECT rank() OVER (PARTITION BY a ORDER BY b) FROM t AS u(a, b) WHERE a IN (1, 2) AND EXISTS (SELECT 1)",
            "SELECT CAST(a AS varchar(3)), b::numeric(10, 2), extract(year FROM d), trim(BOTH FROM x) FROM \"t\"",
            "(SELECT region FROM t) UNION (SELECT 'pg_class')",
            "VALUES (1)",
        ] {
            assert!(check(sql).is_ok(), "{sql}: {:?}", check(sql));
        }
        assert_eq!(check("SELECT 1 ; ;").unwrap(), "SELECT 1 ");
    }

    #[test]
    fn what_reaches_beyond_the_models_is_refused() {
        for sql in [
            "SELECT datname FROM pg_database",
            "SELECT * FROM \"pg_catalog\".\"pg_roles\"",
            "SELECT * FROM information_schema.tables",
            "SELECT * FROM _tenantry_place",
            "SELECT query_to_xml('SELECT 1', true, true, '')",
            "SELECT \"query_to_xml\"('SELECT 1', true, true, '')",
            "SELECT DISTINCT ON (a) ts_stat('SELECT 1') FROM t",
            "SELECT * FROM (SELECT 1), dblink('x') AS (a int)",
            "SELECT * FROM unnest(a) WITH ORDINALITY, set_config('a', 'b', true)",
            "WITH a AS (SELECT 1) SELECT set_config('a', 'b', true)",
            "WITH a(x) AS (SELECT lo_import('/etc/passwd')) SELECT 1",
            "SELECT 1/**/, version/* */ ()",
            "SELECT 16384::regrole",
            "SELECT CAST(16384 AS \"regnamespace\")",
            "INSERT INTO doctors VALUES (1)",
            "SET ROLE x",
            "COPY doctors TO PROGRAM 'x'",
            "TABLE doctors",
            "EXPLAIN SELECT 1",
        ] {
            assert!(matches!(check(sql).unwrap_err().kind(), Kind::Denied(_)), "{sql}");
        }
        for sql in ["SELECT 1; SELECT 2", "", "1", "-- x"] {
            assert!(matches!(check(sql).unwrap_err().kind(), Kind::Statement(_)), "{sql}");
        }
    }
}
