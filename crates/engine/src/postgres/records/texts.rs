//! The constant SQL texts of a model. The tenant predicate is written only here; lists, updates and searches build on
//! these texts. In writes and in reads of a pool, `$1` is the tenant; reads of an own database or schema do not need
//! it.
//!
//! A text has [`SCHEMA`] in the place of the schema's quoted name, so that all places of a store share the text.

use crate::{
    cell::Storage,
    place::Isolation,
    postgres::{
        cells::column_type,
        names::{Quoted, quoted},
        search,
    },
    schema::{Column, Plan},
};
use std::{fmt::Write, sync::OnceLock};

/// Placeholder of the schema in a text. No SQL contains this character.
pub(crate) const SCHEMA: char = '\0';

/// SQL texts of one model, created at first use.
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

    /// Returns true if rows of the model have the column `_search`.
    pub(crate) fn is_searched(&self) -> bool {
        self.model.search_fields().next().is_some()
    }
}

/// SQL texts of one model.
#[derive(Debug)]
pub(crate) struct Texts {
    /// The table with its schema.
    pub(crate) table: String,
    /// The condition on `t` that selects the tenant's rows.
    pub(crate) scope: String,
    /// All columns of `t`.
    pub(crate) columns: String,
    /// Selects all columns of the row whose id is the first value.
    pub(crate) get: String,
    /// Inserts a row: `$2` id, `$3` now, `$4`… fields in order, then its words if the model has search fields.
    pub(crate) insert: String,
    /// Inserts rows in order: like `insert`, but every parameter except `$1` and `$3` is an array.
    pub(crate) insert_many: String,
    /// Deletes a row: `$2` id, `$3` expected version or null. Returns the row's version before the delete, then the
    /// deleted row.
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
        let insert = Insert::new(plan, pooled);
        Self {
            get: format!(
                "SELECT {columns} FROM {table} AS t WHERE {scope} AND t.\"id\" = ${}",
                first_value(pooled)
            ),
            insert: insert.one(&table, &columns),
            insert_many: insert.many(&table, &columns),
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
        }
    }
}

/// The columns of an insert with their values.
struct Insert<'p>(Vec<(Quoted<'p>, Given)>);

/// The value of a column in an insert.
enum Given {
    /// One value for every row.
    Fixed(&'static str),
    /// A parameter with its cast.
    Parameter(usize, &'static str),
}

impl<'p> Insert<'p> {
    fn new(plan: &'p Plan, pooled: bool) -> Self {
        let mut columns = vec![];
        if pooled {
            columns.push((quoted(plan.model.tenant_field.as_str()), Given::Fixed("$1")));
        }
        // The id is $2, fields begin at $4, both times are $3, the version is 1.
        for (index, column) in plan.columns.iter().enumerate() {
            let given = match plan.columns.len() - index {
                1 => Given::Fixed("1"),
                2 | 3 => Given::Fixed("$3"),
                _ => Given::Parameter(if index == 0 { 2 } else { index + 3 }, ""),
            };
            columns.push((quoted(column.name.as_str()), given));
        }
        if plan.is_searched() {
            columns.push((quoted(search::COLUMN), Given::Parameter(plan.columns.len(), "::tsvector")));
        }
        Self(columns)
    }

    fn one(&self, table: &str, returned: &str) -> String {
        let value = |(_, given): &(Quoted<'_>, Given)| match given {
            Given::Fixed(text) => (*text).to_owned(),
            Given::Parameter(number, cast) => format!("${number}{cast}"),
        };
        let values: Vec<_> = self.0.iter().map(value).collect();
        format!("{} VALUES ({}) RETURNING {returned}", self.into(table), values.join(", "))
    }

    fn many(&self, table: &str, returned: &str) -> String {
        let (mut arrays, mut names) = (vec![], vec![]);
        let values = self.0.iter().map(|(name, given)| match given {
            Given::Fixed(text) => (*text).to_owned(),
            Given::Parameter(number, cast) => {
                arrays.push(format!("${number}"));
                names.push(name.to_string());
                format!("n.{name}{cast}")
            }
        });
        let values = values.collect::<Vec<_>>().join(", ");
        let rows = format!("unnest({}) AS n({})", arrays.join(", "), names.join(", "));
        format!("{} SELECT {values} FROM {rows} RETURNING {returned}", self.into(table))
    }

    fn into(&self, table: &str) -> String {
        let names: Vec<_> = self.0.iter().map(|(name, _)| name.to_string()).collect();
        format!("INSERT INTO {table} AS t ({})", names.join(", "))
    }
}

/// Returns the number of the first parameter of a read that is not the tenant.
pub(super) fn first_value(pooled: bool) -> usize {
    if pooled { 2 } else { 1 }
}

/// Returns these columns as `a.x, a.y`. `of` is the alias with its dot.
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
