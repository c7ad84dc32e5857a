//! Full-text search: the words of a search become quoted terms, so none of them is read as syntax. All terms must
//! occur, the last one as a prefix.

use super::{list::Query, merge};
use crate::{
    cell::Stored,
    error::{Error, Result},
    list::terms,
    overrides::{OverrideRow, touching},
    query::RecordId,
};
use rusqlite::Connection;
use std::fmt::Write;

/// Returns the text as an FTS5 expression, or `None` if it has no letter or digit to search for.
pub(crate) fn expression(text: &str) -> Result<Option<String>> {
    let terms = terms(text)?;
    let mut out = String::with_capacity(text.len() + 2 * terms.len() + 2);
    for term in &terms {
        let _ = write!(out, "\"{}\" ", term.replace('"', "\"\""));
    }
    Ok((!terms.is_empty()).then(|| format!("{}*", out.trim_end())))
}

/// Appends the condition that a row matches. Blank text adds no condition; other text without any word matches no row.
pub(crate) fn write(
    query: &mut Query<'_>,
    conn: &Connection,
    text: &str,
    merge: Option<&[OverrideRow]>,
) -> Result<()> {
    if !query.plan.model.fields.iter().any(|f| f.search) {
        return Err(Error::invalid("search", "this model has no field to search in"));
    }
    let Some(expression) = expression(text)? else {
        if !text.trim().is_empty() {
            query.sql.push_str(" AND 0");
        }
        return Ok(());
    };
    let changed = merge.map(|rows| touching(query.plan, rows)).unwrap_or_default();
    if changed.is_empty() {
        query.sql.push_str(" AND ");
        matches(query, expression);
        return Ok(());
    }
    // The index holds only shared texts, so rows whose texts the tenant overrides are matched separately.
    let found = merge::search(conn, query, &changed, &expression)?;
    query.sql.push_str(" AND (t.[id] IN (SELECT value FROM json_each(");
    query.bind(ids(&found));
    query.sql.push_str(")) OR (t.[id] NOT IN (SELECT value FROM json_each(");
    query.bind(ids(&changed.iter().map(|row| row.id.clone()).collect::<Vec<_>>()));
    query.sql.push_str(")) AND ");
    matches(query, expression);
    query.sql.push_str("))");
    Ok(())
}

fn matches(query: &mut Query<'_>, expression: String) {
    let (model, row) = (&query.plan.model.name, query.plan.texts(query.who.isolation).rowid);
    let _ = write!(query.sql, "t.[{row}] IN (SELECT rowid FROM [{model}__fts] WHERE [{model}__fts] MATCH ");
    query.bind(Stored::Text(expression.into()));
    query.sql.push(')');
}

/// Returns the ids as a JSON array to bind.
pub(crate) fn ids(list: &[RecordId]) -> Stored<'static> {
    let list = list.iter().map(RecordId::to_json).collect();
    Stored::Text(serde_json::Value::Array(list).to_string().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_typed_is_syntax() {
        let check =
            |text: &str, expect: Option<&str>| assert_eq!(expression(text).unwrap().as_deref(), expect);
        check("ann lee", Some(r#""ann" "lee"*"#));
        check("a* OR b:c", Some(r#""a*" "OR" "b:c"*"#));
        check(r#"say "hi"#, Some(r#""say" """hi"*"#));
        check("a\0b", Some(r#""a" "b"*"#));
        check(" -- ", None);
        assert!(expression(&"x".repeat(201)).is_err());
        assert!(expression(&"x ".repeat(17)).is_err());
    }
}
