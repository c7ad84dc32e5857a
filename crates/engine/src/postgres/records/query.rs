//! A read under construction: SQL text that begins with the check of the place and the confinement, and its values.

use super::{Bound, merge};
use crate::{
    error::Result,
    overrides::OverrideRow,
    place::Isolation,
    postgres::names::quoted,
    schema::{Plan, Schema},
};
use std::fmt::Write;

/// A read on one model. `$1` to `$3` are those of [`super::texts`]; the values of [`Query::bind`] follow.
pub(crate) struct Query<'p> {
    pub(crate) plan: &'p Plan,
    pub(crate) isolation: Isolation,
    pub(crate) sql: String,
    pub(crate) values: Vec<Bound<'static>>,
}

impl<'p> Query<'p> {
    /// Begins `SELECT check`; the columns follow, each after a comma.
    pub(crate) fn new(plan: &'p Plan, isolation: Isolation) -> Self {
        let mut sql = String::with_capacity(768);
        sql.push_str("SELECT ");
        sql.push_str(&plan.postgres(isolation).check);
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
        let _ = write!(self.sql, "${}", self.values.len() + 3);
    }

    /// Appends ` FROM … AS t WHERE …` with the confinement; further conditions start with AND.
    pub(crate) fn from(&mut self, merge: Option<&[OverrideRow]>) -> Result<()> {
        match merge {
            Some(rows) if !rows.is_empty() => merge::write_from(self, rows),
            _ => {
                let texts = self.plan.postgres(self.isolation);
                let _ = write!(self.sql, " FROM {} AS t WHERE {}", texts.table, texts.scope);
                Ok(())
            }
        }
    }

    /// Appends `, t."column"` for each of these columns.
    pub(crate) fn columns(&mut self, positions: &[usize]) {
        for position in positions {
            self.sql.push_str(", ");
            self.column(*position);
        }
    }

    /// Appends `t."column"`.
    pub(crate) fn column(&mut self, position: usize) {
        let _ = write!(self.sql, "t.{}", quoted(self.plan.columns[position].name.as_str()));
    }
}
