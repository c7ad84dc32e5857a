//! Detects drift: the differences between a live database and the schema that its migrations produce.
//!
//! Compares normalised definitions as text, because the text of a column contains everything: type, NOT NULL, DEFAULT,
//! CHECK, REFERENCES. The order of columns does not matter, because `ADD COLUMN` appends. Only reads. Ignores tables
//! that belong to no model: migrations may create tables of their own.

use super::ddl;
use crate::{
    error::Result,
    migration::State,
    name::StoreName,
    place::Isolation,
    schema::{Drift, Inspection},
    sqlite::{identity, schema::Statements},
};
use rusqlite::Connection;
use std::collections::BTreeMap;

/// The schema of a database: the definition of each object by its kind and name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// `table doctors`, `column doctors.name`, `constraint doctors: …`, `index …`, `trigger …` → definition.
    objects: BTreeMap<String, String>,
}

/// Inspects a database of the script's store.
///
/// # Errors
/// Returns `Statement` if an applied migration's file was changed afterwards.
pub(crate) fn inspect(conn: &Connection, script: &Statements) -> Result<Inspection> {
    let (pending, unknown) = script.pending(conn)?;
    let (mut drift, mut undeclared) = (vec![], vec![]);
    if pending.is_empty() {
        let live = Snapshot::read(conn)?;
        drift = live.drift(script.wanted());
        if !identity::has_other_stores(conn, script.store())? {
            undeclared = live.undeclared(script.wanted());
        }
    }
    Ok(Inspection { pending, unknown, drift, undeclared })
}

impl Snapshot {
    /// Returns the schema that a store's databases should have.
    ///
    /// # Errors
    /// Returns `Statement` if a model refers to a model that `state` does not know.
    pub fn wanted(state: &State, store: &StoreName, isolation: Isolation) -> Result<Self> {
        let mut out = Self::default();
        for model in state.of_store(store) {
            for sql in ddl::create(model, state, isolation)? {
                out.add(&sql);
            }
        }
        Ok(out)
    }

    /// Reads the schema that a database has.
    ///
    /// # Errors
    /// Returns SQLite's error if the schema cannot be read.
    pub fn read(conn: &Connection) -> Result<Self> {
        let mut query = conn.prepare(
            "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
             AND name NOT LIKE '\\_tenantry\\_%' ESCAPE '\\'",
        )?;
        let mut rows = query.query([])?;
        let mut out = Self::default();
        while let Some(row) = rows.next()? {
            out.add(row.get_ref(0)?.as_str().unwrap_or_default());
        }
        Ok(out)
    }

    /// Adds the objects that one statement of a schema defines.
    fn add(&mut self, sql: &str) {
        let text = normal(sql);
        let mut words = text.split([' ', '(']);
        let kind =
            words.by_ref().skip(1).find(|w| !matches!(*w, "UNIQUE" | "VIRTUAL" | "TEMP")).unwrap_or_default();
        let name = words.next().unwrap_or_default();
        // The platform makes names with `__`. FTS5's own tables have names that begin with `model__fts_`.
        let shadow = name.contains("__fts_") && kind == "TABLE";
        if shadow {
            return;
        }
        if kind != "TABLE" || text.starts_with("CREATE VIRTUAL") {
            self.objects.insert(format!("{} {name}", kind.to_lowercase()), text);
            return;
        }
        self.objects
            .insert(format!("table {name}"), if text.ends_with("STRICT") { "STRICT" } else { "" }.into());
        for part in definitions(&text) {
            let first = part.split([' ', '(']).next().unwrap_or_default();
            let key = match first {
                "UNIQUE" | "FOREIGN" | "PRIMARY" | "CHECK" | "CONSTRAINT" => {
                    format!("constraint {name}: {part}")
                }
                column => format!("column {name}.{column}"),
            };
            // Older tables have this check without the null test.
            let (before, now) = (
                format!("CHECK(json_valid({first}))"),
                format!("CHECK({first} IS NULL OR json_valid({first}))"),
            );
            self.objects.insert(key, part.replace(&before, &now));
        }
    }

    /// Returns the differences between this schema, of a live database, and the wanted one. Ignores objects that belong
    /// to no wanted table, and objects whose names the platform does not make.
    pub fn drift(&self, wanted: &Snapshot) -> Vec<Drift> {
        let mut out = Vec::new();
        for (object, text) in &wanted.objects {
            let found = self.objects.get(object);
            let lost_table =
                table_of(object).is_some_and(|t| !self.objects.contains_key(&format!("table {t}")));
            if found != Some(text) && !lost_table {
                out.push(Drift { object: object.clone(), found: found.cloned(), wanted: Some(text.clone()) });
            }
        }
        for (object, text) in &self.objects {
            if !wanted.objects.contains_key(object) && wanted.owns(object) {
                out.push(Drift { object: object.clone(), found: Some(text.clone()), wanted: None });
            }
        }
        out
    }

    /// Returns the tables and views that no model declares.
    fn undeclared(&self, wanted: &Snapshot) -> Vec<String> {
        let whole = |object: &&String| object.starts_with("table ") || object.starts_with("view ");
        let made = |object: &&String| wanted.objects.contains_key(*object) || wanted.owns(object);
        self.objects.keys().filter(whole).filter(|object| !made(object)).cloned().collect()
    }

    /// Returns true if the object belongs to one of this schema's tables.
    fn owns(&self, object: &str) -> bool {
        table_of(object).is_some_and(|t| self.objects.contains_key(&format!("table {t}")))
    }
}

/// Returns the model that an object belongs to, from its key; `None` for whole tables and for names that the platform
/// does not make.
fn table_of(object: &str) -> Option<&str> {
    let (kind, name) = object.split_once(' ')?;
    match kind {
        "column" => name.split_once('.').map(|(table, _)| table),
        "constraint" => name.split_once(':').map(|(table, _)| table),
        _ => name.split_once("__").map(|(table, _)| table),
    }
}

/// Normalises SQL: single spaces between words, no spaces around punctuation, no quotes around names.
fn normal(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len());
    let mut chars = sql.chars();
    while let Some(c) = chars.next() {
        match c {
            '\'' => copy_literal(&mut out, &mut chars),
            '"' => {}
            c if c.is_whitespace() => {
                if !out.ends_with([' ', '(', ',']) {
                    out.push(' ');
                }
            }
            '(' | ')' | ',' => {
                if out.ends_with(' ') {
                    out.pop();
                }
                out.push(c);
            }
            c => {
                if out.ends_with(')') {
                    out.push(' ');
                }
                out.push(c);
            }
        }
    }
    out
}

/// Copies a literal up to its closing quote. A doubled quote ends one literal and starts the next, which gives the same
/// text.
fn copy_literal(out: &mut String, chars: &mut std::str::Chars<'_>) {
    if out.ends_with(')') {
        out.push(' ');
    }
    out.push('\'');
    for c in chars.by_ref() {
        out.push(c);
        if c == '\'' {
            return;
        }
    }
}

/// Returns the parts of a normalised `CREATE TABLE` between its outer parentheses, split at outer commas.
fn definitions(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let (mut depth, mut literal, mut part) = (0_usize, false, String::new());
    for c in text.chars() {
        if c == '\'' {
            literal = !literal;
        }
        match c {
            '(' if !literal => {
                depth += 1;
                if depth == 1 {
                    continue;
                }
            }
            ')' if !literal => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    break;
                }
            }
            ',' if !literal && depth == 1 => {
                out.push(std::mem::take(&mut part));
                continue;
            }
            _ => {}
        }
        if depth > 0 {
            part.push(c);
        }
    }
    out.push(part);
    out.iter().map(|p| p.trim().to_owned()).filter(|p| !p.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_of_json_from_before_is_no_drift() {
        let made = |check: &str| {
            let mut snapshot = Snapshot::default();
            snapshot.add(&format!("CREATE TABLE \"t\" (\"extra\" TEXT CHECK ({check})) STRICT"));
            snapshot
        };
        let now = made("\"extra\" IS NULL OR json_valid(\"extra\")");
        assert_eq!(made("json_valid(\"extra\")").drift(&now), []);
        assert_ne!(made("\"extra\" <> ''").drift(&now), []);
    }

    #[test]
    fn definitions_survive_quotes_commas_and_parentheses() {
        let text = normal(
            "CREATE TABLE \"t\" (\n  \"a\" TEXT DEFAULT 'x, (''y'')' ,\"b\" INTEGER CHECK ( \"b\" IN (0, 1) )) STRICT",
        );
        assert_eq!(definitions(&text), ["a TEXT DEFAULT 'x, (''y'')'", "b INTEGER CHECK(b IN(0,1))"]);
        assert!(text.ends_with("STRICT"));
    }
}
