//! A read under construction: SQL text with the confinement, and its values.

use super::{
    Bound, merge,
    texts::{cast_type, first_value},
};
use crate::{
    cell::{Storage, Stored},
    error::Result,
    list::{Join, Joined, RANK, SortKey},
    name::FieldName,
    overrides::OverrideRow,
    place::Isolation,
    postgres::names::quoted,
    query::{Direction, Period},
    schema::{Plan, Schema, custom::COLUMN},
    sql::{self, Statement as _},
};
use std::fmt::Write;

/// A read on one model. In a pool `$1` is the tenant; the values of [`Query::bind`] follow.
pub(crate) struct Query<'p> {
    pub(crate) schema: &'p Schema,
    pub(crate) plan: &'p Plan,
    pub(crate) isolation: Isolation,
    pub(crate) sql: String,
    pub(crate) values: Vec<Bound<'static>>,
}

impl<'p> Query<'p> {
    /// Begins a query with `SELECT `. The caller appends the columns.
    pub(crate) fn new(schema: &'p Schema, plan: &'p Plan, isolation: Isolation) -> Self {
        let mut sql = String::with_capacity(768);
        sql.push_str("SELECT ");
        Self { schema, plan, isolation, sql, values: vec![] }
    }

    /// Begins a query on a model of the schema.
    ///
    /// # Errors
    /// Returns `NotFound` if there is no such model.
    pub(crate) fn of(schema: &'p Schema, model: &str, isolation: Isolation) -> Result<Self> {
        Ok(Self::new(schema, schema.require(model)?, isolation))
    }

    /// Appends a placeholder for this value.
    pub(crate) fn bind(&mut self, value: Bound<'static>) {
        self.values.push(value);
        let first = first_value(self.isolation.is_pooled());
        let _ = write!(self.sql, "${}", first + self.values.len() - 1);
    }

    /// Appends ` FROM … AS t WHERE …` with the confinement; further conditions start with AND.
    pub(crate) fn from(&mut self, merge: Option<&[OverrideRow]>) -> Result<()> {
        self.push_from(merge, &[])
    }

    /// Appends ` FROM … AS t LEFT JOIN … AS j1 … WHERE …` with the confinement of each table.
    pub(crate) fn push_from(&mut self, merge: Option<&[OverrideRow]>, joins: &[Join]) -> Result<()> {
        let texts = self.plan.postgres(self.isolation);
        let condition = match merge {
            Some(rows) if !rows.is_empty() => {
                merge::write_from(self, rows)?;
                "true"
            }
            _ => {
                let _ = write!(self.sql, " FROM {} AS t", texts.table);
                &texts.scope
            }
        };
        for (index, join) in joins.iter().enumerate() {
            self.join(index + 1, join)?;
        }
        let _ = write!(self.sql, " WHERE {condition}");
        Ok(())
    }

    fn join(&mut self, number: usize, join: &Join) -> Result<()> {
        match &join.to {
            Joined::Rows(model) => {
                let to = self.schema.require(model.as_str())?;
                let table = &to.postgres(self.isolation).table;
                let _ = write!(self.sql, " LEFT JOIN {table} AS j{number} ON ");
                if self.isolation.is_pooled() {
                    let tenant = quoted(to.model.tenant_field.as_str());
                    let _ = write!(self.sql, "j{number}.{tenant} = $1 AND ");
                }
            }
            Joined::Ranks(ranks) => {
                let key = cast_type(join.id);
                let _ = write!(
                    self.sql,
                    " LEFT JOIN (SELECT (e.value ->> 0)::{key} AS \"id\", (e.value ->> 1)::bigint AS \"{RANK}\" \
                     FROM jsonb_array_elements("
                );
                let list = ranks.iter().map(|(id, rank)| serde_json::json!([id.to_json(), rank])).collect();
                self.bind(Bound::Text(serde_json::Value::Array(list).to_string()));
                let _ = write!(self.sql, "::jsonb) AS e) AS j{number} ON ");
            }
        }
        let reference = quoted(join.reference.as_str());
        let _ = write!(self.sql, "j{number}.\"id\" = {}.{reference}", alias(join.from));
        Ok(())
    }

    /// Appends `t."column"` for each of these columns, with commas between them.
    pub(crate) fn columns(&mut self, positions: impl IntoIterator<Item = usize>) {
        for (index, position) in positions.into_iter().enumerate() {
            self.sql.push_str(if index == 0 { "" } else { ", " });
            self.column(position);
        }
    }
}

/// Returns the alias of a source: 0 for the listed rows, n for the nth join.
fn alias(source: usize) -> String {
    if source == 0 { "t".into() } else { format!("j{source}") }
}

/// Appends the value of a column. A tenant's own field is a member of a JSON object; a member that is no value of the
/// field counts as null, and no cast fails.
fn push_column(sql: &mut String, of: &str, name: &FieldName, storage: Storage) {
    let Some(member) = name.of_custom() else {
        let _ = write!(sql, "{of}.{}", quoted(name.as_str()));
        return;
    };
    let object = format!("{of}.\"{COLUMN}\"");
    let kind = format!("CASE json_typeof({object} -> '{member}')");
    let text = format!("({object} ->> '{member}')");
    let _ = match storage {
        Storage::Integer => write!(
            sql,
            "({kind} WHEN 'number' THEN CASE WHEN {text} ~ '^-?[0-9]{{1,19}}$' THEN CASE WHEN {text}::numeric \
             BETWEEN {} AND {} THEN {text}::bigint END END END)",
            i64::MIN,
            i64::MAX
        ),
        Storage::Boolean => write!(sql, "({kind} WHEN 'boolean' THEN {text} = 'true' END)"),
        Storage::Decimal(_) => write!(
            sql,
            "({kind} WHEN 'string' THEN CASE WHEN {text} ~ '^-?[0-9]{{1,18}}([.][0-9]{{1,9}})?$' \
             THEN {text}::numeric END END)"
        ),
        _ => write!(sql, "({kind} WHEN 'string' THEN {text} END COLLATE \"C\")"),
    };
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
        let column = self.plan.at(position);
        push_column(&mut self.sql, "t", &column.name, column.storage);
    }

    fn sort_key(&mut self, key: &SortKey) {
        push_column(&mut self.sql, &alias(key.source), &key.name, key.storage);
    }

    fn value(&mut self, storage: Storage, value: Stored<'static>) {
        self.bind(Bound::Stored(storage, value));
    }

    fn referred(&mut self, field: &FieldName, condition: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        let to = self.schema.referred(self.plan, field)?;
        let texts = to.postgres(self.isolation);
        let _ = write!(self.sql, "(SELECT t.\"id\" FROM {} AS t WHERE {} AND ", texts.table, texts.scope);
        let plan = std::mem::replace(&mut self.plan, to);
        let written = condition(self);
        self.plan = plan;
        self.sql.push(')');
        written
    }

    fn one_of(&mut self, position: usize, values: Vec<Stored<'static>>) {
        self.column(position);
        self.sql.push_str(" = ANY(");
        self.bind(Bound::Many(self.plan.at(position).compared(), values));
        self.sql.push(')');
    }

    fn contains(&mut self, position: usize, needle: &str) {
        self.lower("strpos", position, needle);
        self.sql.push_str(" > 0");
    }

    fn starts_with(&mut self, position: usize, needle: &str) {
        self.lower("starts_with", position, needle);
    }

    fn first_day(&mut self, position: usize, period: Period, time_zone: Option<&str>) {
        let unit = match period {
            Period::Year => "year",
            Period::Quarter => "quarter",
            Period::Month => "month",
            Period::Day => "day",
        };
        let _ = write!(self.sql, "date_trunc('{unit}', ");
        self.column(position);
        // A date becomes a timestamp without time zone.
        let _ = match self.plan.at(position).storage {
            Storage::Datetime => write!(self.sql, " AT TIME ZONE '{}')::date", time_zone.unwrap_or("UTC")),
            _ => write!(self.sql, "::timestamp)::date"),
        };
    }

    /// Sums of `bigint` and `numeric` are `numeric`.
    fn sum(&mut self, position: usize) {
        self.sql.push_str("sum(");
        self.column(position);
        self.sql.push(')');
    }

    /// PostgreSQL puts nulls at the other end by default; the indexes of fields have this order. The id is never null,
    /// and its index has the default order.
    fn direction(is_id: bool, direction: Direction) -> &'static str {
        match (direction, is_id) {
            (Direction::Ascending, true) => "",
            (Direction::Descending, true) => " DESC",
            (Direction::Ascending, false) => " NULLS FIRST",
            (Direction::Descending, false) => " DESC NULLS LAST",
        }
    }
}

impl Query<'_> {
    /// Appends the call of a function on a text and `needle`, both in lower case. With the collation "C", only ASCII
    /// letters have a lower case.
    fn lower(&mut self, function: &str, position: usize, needle: &str) {
        let _ = write!(self.sql, "{function}(lower(");
        self.column(position);
        self.sql.push_str(" COLLATE \"C\"), ");
        self.bind(Bound::Text(needle.to_ascii_lowercase()));
        self.sql.push(')');
    }
}
