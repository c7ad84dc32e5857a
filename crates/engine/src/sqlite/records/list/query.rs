//! A query under construction: SQL text that begins with the confinement, and its bound values.

use crate::{
    cell::{Storage, Stored},
    error::Result,
    list::{Join, Joined, RANK, SortKey},
    name::FieldName,
    overrides::OverrideRow,
    place::Isolation,
    query::{Direction, Period},
    schema::{Confinement, Plan, Schema, custom::COLUMN},
    sql,
    sqlite::{
        functions::{CONTAINS, LOCAL_DAY},
        records::merge,
    },
};
use rusqlite::{Statement, types::ToSql};
use std::fmt::Write;

/// A query under construction. `?1` is the tenant; the values of [`Query::bind`] follow.
pub(crate) struct Query<'p> {
    pub(crate) schema: &'p Schema,
    pub(crate) plan: &'p Plan,
    pub(crate) who: &'p Confinement,
    pub(crate) sql: String,
    values: Vec<Stored<'static>>,
}

impl<'p> Query<'p> {
    pub(crate) fn new(schema: &'p Schema, plan: &'p Plan, who: &'p Confinement, start: &str) -> Self {
        let mut sql = String::with_capacity(512);
        sql.push_str(start);
        Self { schema, plan, who, sql, values: vec![] }
    }

    /// Appends a placeholder for this value.
    pub(crate) fn bind(&mut self, value: Stored<'static>) {
        self.values.push(value);
        let _ = write!(self.sql, "?{}", self.values.len() + 1);
    }

    /// Appends ` FROM … AS t WHERE …` with the confinement; further conditions start with AND.
    pub(crate) fn from(&mut self, merge: Option<&[OverrideRow]>) -> Result<()> {
        self.push_from(merge, &[])
    }

    /// Appends ` FROM … AS t LEFT JOIN … AS j1 … WHERE …` with the confinement of each table.
    pub(crate) fn push_from(&mut self, merge: Option<&[OverrideRow]>, joins: &[Join]) -> Result<()> {
        let texts = self.plan.texts(self.who.isolation);
        let condition = match merge {
            Some(rows) if !rows.is_empty() => {
                merge::write_from(self, rows)?;
                "1"
            }
            _ => {
                let _ = write!(self.sql, " FROM {}", texts.table);
                &texts.condition
            }
        };
        for (index, join) in joins.iter().enumerate() {
            self.join(index + 1, join)?;
        }
        let _ = write!(self.sql, " WHERE {condition}");
        Ok(())
    }

    fn join(&mut self, number: usize, join: &Join) -> Result<()> {
        let is_pooled = self.who.isolation == Isolation::Pooled;
        match &join.to {
            Joined::Rows(model) => {
                let _ = write!(self.sql, " LEFT JOIN [{model}] AS j{number} ON ");
                if is_pooled {
                    let tenant = &self.schema.require(model.as_str())?.model.tenant_field;
                    let _ = write!(self.sql, "j{number}.[{tenant}] = ?1 AND ");
                }
            }
            Joined::Ranks(ranks) => {
                let kind = if join.id == Storage::Uuid { "TEXT" } else { "INTEGER" };
                // CAST gives the column a type; SQLite builds no index over a column without one.
                let _ = write!(
                    self.sql,
                    " LEFT JOIN (SELECT CAST(value ->> 0 AS {kind}) AS [id], value ->> 1 AS [{RANK}] FROM json_each("
                );
                let list = ranks.iter().map(|(id, rank)| serde_json::json!([id.to_json(), rank])).collect();
                self.bind(Stored::Text(serde_json::Value::Array(list).to_string().into()));
                let _ = write!(self.sql, ")) AS j{number} ON ");
            }
        }
        let _ = write!(self.sql, "j{number}.[id] = {}.[{}]", alias(join.from), join.reference);
        Ok(())
    }

    /// Returns all values in order, the tenant first. Omits the tenant if the statement has no placeholder for it: in a
    /// tenant's own database, if no other value is bound.
    pub(crate) fn params(&self, statement: &Statement<'_>) -> Vec<&dyn ToSql> {
        let mut params: Vec<&dyn ToSql> = vec![&self.who.tenant];
        params.extend(self.values.iter().map(|v| v as &dyn ToSql));
        params.truncate(statement.parameter_count());
        params
    }
}

/// Returns the alias of a source: 0 for the listed rows, n for the nth join.
fn alias(source: usize) -> String {
    if source == 0 { "t".into() } else { format!("j{source}") }
}

impl sql::Statement for Query<'_> {
    const TRUE: &'static str = "1";
    const FALSE: &'static str = "0";
    const DIFFERS: &'static str = " IS NOT ";

    fn plan(&self) -> &Plan {
        self.plan
    }

    fn text(&mut self) -> &mut String {
        &mut self.sql
    }

    fn column(&mut self, position: usize) {
        let column = self.plan.at(position);
        push_column(&mut self.sql, "t", &column.name, column.storage);
    }

    fn sort_key(&mut self, key: &SortKey) {
        push_column(&mut self.sql, &alias(key.source), &key.name, key.storage);
    }

    fn value(&mut self, _: Storage, value: Stored<'static>) {
        self.bind(value);
    }

    fn referred(&mut self, field: &FieldName, condition: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        let to = self.schema.referred(self.plan, field)?;
        let _ = write!(self.sql, "(SELECT t.[id] FROM {} AND ", to.texts(self.who.isolation).from);
        let plan = std::mem::replace(&mut self.plan, to);
        let written = condition(self);
        self.plan = plan;
        self.sql.push(')');
        written
    }

    fn one_of(&mut self, position: usize, values: Vec<Stored<'static>>) {
        let list = values.iter().map(Stored::to_json).collect();
        self.column(position);
        self.sql.push_str(" IN (SELECT value FROM json_each(");
        self.bind(Stored::Text(serde_json::Value::Array(list).to_string().into()));
        self.sql.push_str("))");
    }

    fn contains(&mut self, position: usize, needle: &str) {
        let _ = write!(self.sql, "{CONTAINS}(");
        self.column(position);
        self.sql.push_str(", ");
        self.bind(Stored::Text(needle.to_owned().into()));
        self.sql.push(')');
    }

    fn starts_with(&mut self, position: usize, needle: &str) {
        self.column(position);
        self.sql.push_str(" LIKE ");
        self.bind(Stored::Text(pattern(needle).into()));
        self.sql.push_str(r" ESCAPE '\'");
    }

    fn first_day(&mut self, position: usize, period: Period, time_zone: Option<&str>) {
        // Dates and instants are texts that begin with YYYY-MM-DD.
        let column = format!("t.[{}]", self.plan.columns[position].name);
        let day = match time_zone.filter(|_| self.plan.columns[position].storage == Storage::Datetime) {
            Some(zone) => format!("{LOCAL_DAY}({column}, '{zone}')"),
            None => column,
        };
        let _ = match period {
            Period::Year => write!(self.sql, "substr({day}, 1, 4) || '-01-01'"),
            Period::Month => write!(self.sql, "substr({day}, 1, 7) || '-01'"),
            Period::Day => write!(self.sql, "substr({day}, 1, 10)"),
            Period::Quarter => write!(
                self.sql,
                "substr({day}, 1, 4) || substr('-01-01-04-01-07-01-10-01', (substr({day}, 6, 2) - 1) / 3 * 6 + 1, 6)"
            ),
        };
    }

    /// Sums the upper and the lower halves of the numbers, because SQLite's own sum fails beyond 64 bits. The result is
    /// a text with both sums.
    fn sum(&mut self, position: usize) {
        self.sql.push_str("sum(");
        self.column(position);
        self.sql.push_str(" >> 32) || ',' || sum(");
        self.column(position);
        self.sql.push_str(" & 4294967295)");
    }

    /// SQLite sorts nulls into these places by default.
    fn direction(_: bool, direction: Direction) -> &'static str {
        match direction {
            Direction::Ascending => "",
            Direction::Descending => " DESC",
        }
    }
}

/// Appends the value of a column. A tenant's own field is a member of a JSON object; a member of another type than the
/// field counts as null.
fn push_column(sql: &mut String, of: &str, name: &FieldName, storage: Storage) {
    let Some(member) = name.of_custom() else {
        let _ = write!(sql, "{of}.[{name}]");
        return;
    };
    let (object, path) = (format!("{of}.[{COLUMN}]"), format!("'$.{member}'"));
    let kind = format!("CASE json_type({object}, {path})");
    let value = format!("json_extract({object}, {path})");
    let _ = match storage {
        Storage::Integer => write!(sql, "({kind} WHEN 'integer' THEN {value} END)"),
        Storage::Boolean => write!(sql, "({kind} WHEN 'true' THEN 1 WHEN 'false' THEN 0 END)"),
        // A decimal is a text with all its decimals, so without its point it is the stored integer.
        Storage::Decimal(_) => {
            write!(sql, "({kind} WHEN 'text' THEN CAST(replace({value}, '.', '') AS INTEGER) END)")
        }
        _ => write!(sql, "({kind} WHEN 'text' THEN {value} END)"),
    };
}

/// Returns a pattern of LIKE for texts that start with `needle`.
fn pattern(needle: &str) -> String {
    let mut pattern = String::with_capacity(needle.len() + 1);
    for character in needle.chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}
