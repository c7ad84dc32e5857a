//! A read under construction: SQL text with the confinement, and its values.

use super::{Bound, merge, texts::first_value};
use crate::{
    cell::{Storage, Stored},
    error::Result,
    overrides::OverrideRow,
    place::Isolation,
    postgres::names::quoted,
    query::{Direction, Period},
    schema::{Plan, Schema},
    sql::{self, Statement as _},
};
use std::fmt::Write;

/// A read on one model. In a pool `$1` and `$2` are those of [`super::texts`]; the values of [`Query::bind`] follow.
pub(crate) struct Query<'p> {
    pub(crate) plan: &'p Plan,
    pub(crate) isolation: Isolation,
    pub(crate) sql: String,
    pub(crate) values: Vec<Bound<'static>>,
}

impl<'p> Query<'p> {
    /// Begins `SELECT `; the columns follow.
    pub(crate) fn new(plan: &'p Plan, isolation: Isolation) -> Self {
        let mut sql = String::with_capacity(768);
        sql.push_str("SELECT ");
        Self { plan, isolation, sql, values: vec![] }
    }

    /// Begins a query on a model of the schema.
    ///
    /// # Errors
    /// `NotFound` if there is no such model.
    pub(crate) fn of(schema: &'p Schema, model: &str, isolation: Isolation) -> Result<Self> {
        Ok(Self::new(schema.require(model)?, isolation))
    }

    /// Appends a placeholder for this value.
    pub(crate) fn bind(&mut self, value: Bound<'static>) {
        self.values.push(value);
        let first = first_value(self.isolation.is_pooled());
        let _ = write!(self.sql, "${}", first + self.values.len() - 1);
    }

    /// Appends ` FROM … AS t WHERE …` with the confinement; further conditions start with AND.
    pub(crate) fn from(&mut self, merge: Option<&[OverrideRow]>) -> Result<()> {
        match merge {
            Some(rows) if !rows.is_empty() => merge::write_from(self, rows),
            _ => {
                let texts = self.plan.postgres(self.isolation);
                let _ = write!(self.sql, " FROM {} AS t WHERE {}", texts.table, texts.read);
                Ok(())
            }
        }
    }

    /// Appends `t."column"` for each of these columns, with commas between them.
    pub(crate) fn columns(&mut self, positions: impl IntoIterator<Item = usize>) {
        for (index, position) in positions.into_iter().enumerate() {
            self.sql.push_str(if index == 0 { "" } else { ", " });
            self.column(position);
        }
    }
}

impl sql::Statement for Query<'_> {
    const TRUE: &'static str = "true";
    const FALSE: &'static str = "false";
    const DIFFERS: &'static str = " IS DISTINCT FROM ";

    fn plan(&self) -> &Plan {
        self.plan
    }

    fn text(&mut self) -> &mut String {
        &mut self.sql
    }

    fn column(&mut self, position: usize) {
        let _ = write!(self.sql, "t.{}", quoted(self.plan.columns[position].name.as_str()));
    }

    fn value(&mut self, position: usize, value: Stored<'static>) {
        self.bind(Bound::Stored(self.plan.storages[position], value));
    }

    fn one_of(&mut self, position: usize, values: Vec<Stored<'static>>) {
        self.column(position);
        self.sql.push_str(" = ANY(");
        self.bind(Bound::Many(self.plan.storages[position], values));
        self.sql.push(')');
    }

    fn contains(&mut self, position: usize, needle: &str) {
        self.lower("strpos", position, needle);
        self.sql.push_str(" > 0");
    }

    fn starts_with(&mut self, position: usize, needle: &str) {
        self.lower("starts_with", position, needle);
    }

    fn first_day(&mut self, position: usize, period: Period) {
        let unit = match period {
            Period::Year => "year",
            Period::Quarter => "quarter",
            Period::Month => "month",
            Period::Day => "day",
        };
        let _ = write!(self.sql, "date_trunc('{unit}', ");
        self.column(position);
        // A date becomes a timestamp without time zone.
        self.sql.push_str(match self.plan.storages[position] {
            Storage::Datetime => " AT TIME ZONE 'UTC')::date",
            _ => "::timestamp)::date",
        });
    }

    /// Sums of `bigint` and `numeric` are `numeric`.
    fn sum(&mut self, position: usize) {
        self.sql.push_str("sum(");
        self.column(position);
        self.sql.push(')');
    }

    /// PostgreSQL has nulls at the other end by default; indexes of fields have this order. The id is never null, and its
    /// index has the default.
    fn direction(position: usize, direction: Direction) -> &'static str {
        match (direction, position) {
            (Direction::Ascending, 0) => "",
            (Direction::Descending, 0) => " DESC",
            (Direction::Ascending, _) => " NULLS FIRST",
            (Direction::Descending, _) => " DESC NULLS LAST",
        }
    }
}

impl Query<'_> {
    /// Appends the call of a function of a text and another one, both in lower case. With the collation "C", only ASCII
    /// letters have a lower case.
    fn lower(&mut self, function: &str, position: usize, needle: &str) {
        let _ = write!(self.sql, "{function}(lower(");
        self.column(position);
        self.sql.push_str(" COLLATE \"C\"), ");
        self.bind(Bound::Text(needle.to_ascii_lowercase()));
        self.sql.push(')');
    }
}
