//! A query under construction: SQL text that begins with the confinement, and its bound values.

use crate::{
    cell::Stored,
    error::Result,
    overrides::OverrideRow,
    schema::{Confinement, Plan},
    sqlite::records::merge,
};
use rusqlite::{Statement, types::ToSql};
use std::fmt::Write;

/// A query under construction. `?1` is the tenant; the values of [`Query::bind`] follow.
pub(crate) struct Query<'p> {
    pub(crate) plan: &'p Plan,
    pub(crate) who: &'p Confinement,
    pub(crate) sql: String,
    values: Vec<Stored<'static>>,
}

impl<'p> Query<'p> {
    pub(crate) fn new(plan: &'p Plan, who: &'p Confinement, start: &str) -> Self {
        let mut sql = String::with_capacity(512);
        sql.push_str(start);
        Self { plan, who, sql, values: vec![] }
    }

    /// Appends a placeholder for this value.
    pub(crate) fn bind(&mut self, value: Stored<'static>) {
        self.values.push(value);
        let _ = write!(self.sql, "?{}", self.values.len() + 1);
    }

    /// Appends ` FROM … AS t WHERE …` with the confinement; further conditions start with AND.
    pub(crate) fn from(&mut self, merge: Option<&[OverrideRow]>) -> Result<()> {
        match merge {
            Some(rows) if !rows.is_empty() => merge::write_from(self, rows),
            _ => {
                let _ = write!(self.sql, " FROM {}", self.plan.texts(self.who.isolation).from);
                Ok(())
            }
        }
    }

    /// Appends `t.[column]`.
    pub(crate) fn column(&mut self, position: usize) {
        let _ = write!(self.sql, "t.[{}]", self.plan.columns[position].name);
    }

    /// Returns all values in order, the tenant first. Leaves it out if the statement has no placeholder for it (a
    /// tenant's own database, no other value bound).
    pub(crate) fn params(&self, statement: &Statement<'_>) -> Vec<&dyn ToSql> {
        let mut params: Vec<&dyn ToSql> = vec![&self.who.tenant];
        params.extend(self.values.iter().map(|v| v as &dyn ToSql));
        params.truncate(statement.parameter_count());
        params
    }
}
