//! The SQL texts of a model that never change. The tenant predicate is written only here; lists, updates and searches
//! build on these texts. In every statement `$1` is the tenant; reads also have `$2`, the generation, and `$3`, the ledger.
//!
//! A text has [`SCHEMA`] where the quoted name of the schema belongs, so that all places of a store share it.

use crate::{
    cell::Storage,
    model::Model,
    place::Isolation,
    postgres::{cells::column_type, names::quoted, search},
    schema::{Column, Plan},
};
use std::{fmt::Write, sync::OnceLock};

/// Stands for the schema in a text. No SQL has this character.
pub(crate) const SCHEMA: char = '\0';

/// SQL texts of one model, made at first use.
#[derive(Debug, Default)]
pub(crate) struct PlanTexts {
    pooled: OnceLock<Texts>,
    own: OnceLock<Texts>,
}

impl Plan {
    /// Returns PostgreSQL's texts of the model in one isolation.
    pub(crate) fn postgres(&self, isolation: Isolation) -> &Texts {
        let texts = if isolation.is_pooled() { &self.postgres.pooled } else { &self.postgres.own };
        texts.get_or_init(|| Texts::new(self, isolation.is_pooled()))
    }

    /// Returns true if rows of the model have the column of their words.
    pub(crate) fn is_searched(&self) -> bool {
        self.model.search_fields().next().is_some()
    }
}

/// SQL texts of one model.
#[derive(Debug)]
pub(crate) struct Texts {
    /// The table, with its schema.
    pub(crate) table: String,
    /// The rows of the tenant: a condition on `t`.
    pub(crate) scope: String,
    /// All columns of `t`.
    pub(crate) columns: String,
    /// Whether the place is where and as the session expects: the first column of every read.
    pub(crate) check: String,
    /// Selects the check, then all columns of the row with id `$4`.
    pub(crate) get: String,
    /// Inserts a row: `$2` id, `$3` now, `$4`… fields in order, then its words if the model is searched.
    pub(crate) insert: String,
    /// Deletes a row: `$2` id, `$3` expected version or null. Returns the version that was there, then the deleted row.
    pub(crate) delete: String,
}

impl Texts {
    fn new(plan: &Plan, pooled: bool) -> Self {
        let model = &plan.model;
        let table = format!("{SCHEMA}.{}", quoted(model.name.as_str()));
        let scope = match pooled {
            true => format!("t.{} = $1", quoted(model.tenant_field.as_str())),
            false => "true".into(),
        };
        let columns = list(&plan.columns, "t.");
        let check = check(model.store.as_str());
        let insert = insert(model, &plan.columns, &table, pooled, plan.is_searched());
        Self {
            get: format!("SELECT {check}, {columns} FROM {table} AS t WHERE {scope} AND t.\"id\" = $4"),
            insert: format!("{insert} RETURNING {columns}"),
            delete: format!(
                "WITH b AS (SELECT t.\"version\" FROM {table} AS t WHERE {scope} AND t.\"id\" = $2), \
                 d AS (DELETE FROM {table} AS t WHERE {scope} AND t.\"id\" = $2 \
                 AND ($3 IS NULL OR t.\"version\" = $3) RETURNING {columns}) \
                 SELECT b.\"version\", {} FROM b LEFT JOIN d ON true",
                list(&plan.columns, "d.")
            ),
            table,
            scope,
            columns,
            check,
        }
    }
}

fn insert(model: &Model, columns: &[Column], table: &str, pooled: bool, searched: bool) -> String {
    let (mut names, mut values) = (String::new(), String::new());
    if pooled {
        let _ = write!(names, "{}, ", quoted(model.tenant_field.as_str()));
        values.push_str("$1, ");
    }
    for (index, column) in columns.iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        let _ = write!(names, "{comma}{}", quoted(column.name.as_str()));
        // The id is $2, fields begin at $4, both times are $3, the version is 1.
        let _ = match columns.len() - index {
            1 => write!(values, ", 1"),
            2 | 3 => write!(values, ", $3"),
            _ => write!(values, "{comma}${}", if index == 0 { 2 } else { index + 3 }),
        };
    }
    if searched {
        let _ = write!(names, ", {}", quoted(search::COLUMN));
        let _ = write!(values, ", ${}::tsvector", columns.len());
    }
    format!("INSERT INTO {table} AS t ({names}) VALUES ({values})")
}

/// Returns the condition that the tenant's place is here, at generation `$2`, and the ledger at `$3`.
pub(crate) fn check(store: &str) -> String {
    format!(
        "(SELECT p.generation = $2 AND m.ledger = $3 FROM {SCHEMA}._tenantry_meta AS m, {SCHEMA}._tenantry_place AS p \
         WHERE p.tenant = $1 AND p.store = '{store}')"
    )
}

/// Returns `a.x, a.y` of these columns; `of` is the alias with its dot.
pub(crate) fn list(columns: &[Column], of: &str) -> String {
    let mut out = String::new();
    for (index, column) in columns.iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        let _ = write!(out, "{comma}{of}{}", quoted(column.name.as_str()));
    }
    out
}

/// Returns the type of a column without its collation, for casts.
pub(crate) fn cast_type(storage: Storage) -> String {
    match storage {
        Storage::Text => "text".into(),
        other => column_type(other),
    }
}
