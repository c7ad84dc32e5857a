//! The constant SQL texts of a model. The tenant predicate is written only here; updates and searches build on these
//! texts. No statement reads or writes a pooled table without `{tenant_field} = ?1`: `?1` is the tenant in every
//! statement.

use crate::{
    model::{IdKind, Model},
    place::Isolation,
    schema::{Column, Plan},
};
use std::fmt::Write;

/// SQL texts of one model in both isolations.
#[derive(Debug)]
pub(crate) struct PlanTexts {
    pooled: Texts,
    database: Texts,
}

impl PlanTexts {
    /// Compiles the texts of a model with these columns.
    pub(crate) fn new(model: &Model, columns: &[Column]) -> Self {
        Self {
            pooled: Texts::new(model, columns, Isolation::Pooled),
            database: Texts::new(model, columns, Isolation::Database),
        }
    }
}

impl Plan {
    /// Returns the SQL texts of the model in one isolation.
    pub(crate) fn texts(&self, isolation: Isolation) -> &Texts {
        match isolation {
            Isolation::Pooled => &self.sqlite.pooled,
            Isolation::Schema | Isolation::Database => &self.sqlite.database,
        }
    }

    /// Appends these columns as `t.[a], t.[b]`.
    pub(crate) fn list(&self, out: &mut String, positions: &[usize]) {
        for (index, &position) in positions.iter().enumerate() {
            out.push_str(if index == 0 { "t.[" } else { ", t.[" });
            out.push_str(self.columns[position].name.as_str());
            out.push(']');
        }
    }

    /// Returns ` RETURNING [a], [b]` with all columns.
    pub(crate) fn returning(&self) -> String {
        returning(&self.columns)
    }
}

/// SQL texts of one model in one isolation.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    /// The table with its alias: `[m] AS t`.
    pub(crate) table: String,
    /// The condition on `t` that selects the tenant's rows.
    pub(crate) condition: String,
    /// The beginning of every read: `[m] AS t WHERE …`.
    pub(crate) from: String,
    /// The condition of updates, which have no alias: `WHERE …`.
    pub(crate) scope: String,
    /// Selects all columns of the row with id `?2`.
    pub(crate) get: String,
    /// Inserts a row: `?2` id, `?3` now, `?4`… fields in order.
    pub(crate) insert: String,
    /// Deletes a row: `?2` id, `?3` expected version or null.
    pub(crate) delete: String,
    /// Column that the full-text index uses as rowid.
    pub(crate) rowid: &'static str,
}

impl Texts {
    fn new(model: &Model, columns: &[Column], isolation: Isolation) -> Self {
        let (table, tenant) = (&model.name, &model.tenant_field);
        let (condition, read, tenant_column, tenant_value) = match isolation {
            Isolation::Pooled => {
                (format!("[{tenant}] = ?1"), format!("t.[{tenant}] = ?1"), format!("[{tenant}], "), "?1, ")
            }
            Isolation::Schema | Isolation::Database => ("1".into(), "1".into(), String::new(), ""),
        };
        let from = format!("[{table}] AS t WHERE {read}");
        let (mut all, mut names, mut values) = (String::new(), String::new(), String::new());
        for (index, column) in columns.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            let _ = write!(all, "{comma}t.[{}]", column.name);
            let _ = write!(names, "{comma}[{}]", column.name);
            // id is ?2, fields from ?4, both times ?3, version 1
            let _ = match columns.len() - index {
                1 => write!(values, ", 1"),
                2 | 3 => write!(values, ", ?3"),
                _ => write!(values, "{comma}?{}", if index == 0 { 2 } else { index + 3 }),
            };
        }
        let returning = returning(columns);
        Self {
            get: format!("SELECT {all} FROM {from} AND t.[id] = ?2"),
            insert: format!(
                "INSERT INTO [{table}] ({tenant_column}{names}) VALUES ({tenant_value}{values}){returning}"
            ),
            delete: format!(
                "DELETE FROM [{table}] WHERE {condition} AND [id] = ?2 AND (?3 IS NULL OR [version] = ?3){returning}"
            ),
            rowid: if isolation == Isolation::Database && model.id == IdKind::Integer {
                "id"
            } else {
                "_row"
            },
            scope: format!("WHERE {condition}"),
            table: format!("[{table}] AS t"),
            condition: read,
            from,
        }
    }
}

/// Returns ` RETURNING [a], [b]` with all columns.
fn returning(columns: &[Column]) -> String {
    let names: Vec<_> = columns.iter().map(|c| format!("[{}]", c.name)).collect();
    format!(" RETURNING {}", names.join(", "))
}
