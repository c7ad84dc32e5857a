//! Rules for an operator's UPDATE: it changes one model, and otherwise names only what a tenant's query may name.

use super::{
    rules::{harmless, single},
    tokens::Token,
};
use crate::error::{Error, Kind, Result};

/// Words that are refused because they have a special meaning after SET: returned rows are not wanted, and the copy has
/// no defaults.
const REFUSED: [&str; 2] = ["returning", "default"];

/// Returns the table that an UPDATE changes, and the statement without the semicolon at its end. The UPDATE must name
/// the table without a schema.
///
/// # Errors
/// Returns [`Kind::Denied`] for any other statement and for names and functions that are not allowed, and
/// [`Kind::Statement`] for several statements.
pub(super) fn target(text: &str) -> Result<(String, &str)> {
    let (all, statement) = single(text)?;
    let is = |at: usize, wanted: &str| matches!(all.get(at), Some(Token::Word(word)) if word == wanted);
    let named = |at: usize| match all.get(at) {
        Some(Token::Word(name) | Token::Quoted(name)) => Some(name.clone()),
        _ => None,
    };
    let at = 1 + usize::from(is(1, "only"));
    let (true, Some(table)) = (is(0, "update"), named(at)) else { return Err(denied("no UPDATE")) };
    let mut set = at + 1 + usize::from(is(at + 1, "as"));
    if !is(set, "set") && named(set).is_some() {
        set += 1;
    }
    if !is(set, "set") {
        return Err(denied("no UPDATE of one model"));
    }
    harmless(&all[..set])?;
    harmless(&all[set + 1..])?;
    for word in REFUSED {
        if all.contains(&Token::Word(word.into())) {
            return Err(denied(word));
        }
    }
    Ok((table, statement))
}

pub(super) fn denied(what: &str) -> Error {
    Error::new(Kind::Denied(what.chars().take(80).collect()), "not allowed in a correction of values")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_changed_model_is_found() {
        for (sql, table) in [
            ("UPDATE people SET name = 'x' WHERE id = 1;", "people"),
            ("/* why */ update only \"order\" AS o set (a, b) = (SELECT lower(c), 2 FROM t)", "order"),
            ("UPDATE People p SET name = upper(v.name) FROM visits AS v WHERE v.person = p.id", "people"),
            ("UPDATE people \"set\" SET \"default\" = 1, note = 'returning'", "people"),
        ] {
            assert_eq!(target(sql).unwrap().0, table, "{sql}");
        }
    }

    #[test]
    fn any_other_statement_is_refused() {
        for sql in [
            "SELECT 1",
            "DELETE FROM people",
            "INSERT INTO people VALUES (1)",
            "WITH a AS (SELECT 1) UPDATE people SET name = 'x'",
            "WITH a AS (DELETE FROM people RETURNING 1) UPDATE people SET name = 'x'",
            "UPDATE public.people SET name = 'x'",
            "UPDATE _tenantry_place SET rows = 0",
            "UPDATE people SET name = (SELECT datname FROM pg_database LIMIT 1)",
            "UPDATE people SET name = set_config('role', 'x', false)",
            "UPDATE people SET name = 'x' RETURNING *",
            "UPDATE people SET name = DEFAULT",
            "UPDATE people, visits SET name = 'x'",
            "UPDATE people a b SET name = 'x'",
            "SET ROLE x",
            "COMMIT",
            "REINDEX TABLE people",
        ] {
            let refused = target(sql).map(|found| found.0).map_err(|error| error.kind().clone());
            assert!(matches!(refused, Err(Kind::Denied(_))), "{sql}: {refused:?}");
        }
        let two = target("UPDATE people SET a = 1; DELETE FROM people").unwrap_err();
        assert!(matches!(two.kind(), Kind::Statement(_)));
    }
}
