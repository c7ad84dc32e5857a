//! One operation → the steps that carry it out on a database in the state before it.

use super::convert::{Conversion, convert, statement};
use super::{Layout, literal, quoted, rebuild::rebuild};
use crate::error::Result;
use crate::migration::{Op, State, fill_value};
use crate::model::{Field, FieldKind, Index, Model};
use crate::name::FieldName;
use crate::place::Isolation;
use serde_json::Value as Json;

/// One step of a migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// A statement.
    Sql(String),
    /// A statement as the migration's author wrote it.
    Raw(String),
    /// A query for a number that must be 0; otherwise the migration refuses: "{n} {message}".
    Refuse {
        /// The query.
        count: String,
        /// What the number counts.
        message: String,
    },
}

/// Steps of an operation and what must follow them.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Steps {
    pub(crate) list: Vec<Step>,
    /// References must be checked before the commit.
    pub(crate) references: bool,
    /// Rows may have come or gone: the tenant's row count must be taken anew.
    pub(crate) recount: bool,
}

impl Steps {
    fn sql(&mut self, statements: impl IntoIterator<Item = String>) {
        self.list.extend(statements.into_iter().map(Step::Sql));
    }

    /// Steps of another operation after these.
    pub(crate) fn append(&mut self, more: Steps) {
        self.list.extend(more.list);
        self.references |= more.references;
        self.recount |= more.recount;
    }
}

/// The states around an operation.
struct Around<'a> {
    before: &'a State,
    after: &'a State,
    isolation: Isolation,
}

impl<'a> Around<'a> {
    fn old(&self, model: &str) -> Result<Layout<'a>> {
        layout(self.before, model, self.isolation)
    }

    fn new(&self, model: &str) -> Result<Layout<'a>> {
        layout(self.after, model, self.isolation)
    }
}

fn layout<'a>(state: &'a State, model: &str, isolation: Isolation) -> Result<Layout<'a>> {
    let model = state.model(model).ok_or_else(|| statement(format!("there is no model `{model}`")))?;
    Ok(Layout { model, state, isolation })
}

/// Steps of an operation, given the states before and after it.
pub(crate) fn steps(op: &Op, before: &State, after: &State, isolation: Isolation) -> Result<Steps> {
    let around = Around { before, after, isolation };
    let mut out = Steps::default();
    match op {
        Op::CreateModel { model } => {
            let new = around.new(model.name.as_str())?;
            out.sql(super::create(new.model, after, isolation)?);
        }
        Op::DropModel { model, .. } => drop_model(&mut out, &around.old(model.as_str())?),
        Op::RenameModel { from, to, .. } => {
            rename_model(&mut out, &around.old(from.as_str())?, &around.new(to.as_str())?);
        }
        Op::AddField { model, field, fill, .. } => {
            let (old, new) = (around.old(model.as_str())?, around.new(model.as_str())?);
            add_field(&mut out, &old, &new, field, fill.as_ref())?;
        }
        Op::AlterField { model, field, fill, .. } => {
            let (old, new) = (around.old(model.as_str())?, around.new(model.as_str())?);
            alter_field(&mut out, &old, &new, field, fill.as_ref())?;
        }
        Op::RenameField { model, from, to, .. } => {
            rename_field(&mut out, &around.old(model.as_str())?, &around.new(model.as_str())?, from, to);
        }
        Op::DropField { model, field, .. } => {
            drop_field(&mut out, &around.old(model.as_str())?, &around.new(model.as_str())?, field)?;
        }
        Op::AddIndex { model, index, .. } => {
            let new = around.new(model.as_str())?;
            out.list.extend(duplicates(&new, index));
            out.sql([new.create_index(index)]);
        }
        Op::DropIndex { model, index, .. } => out.sql([around.old(model.as_str())?.drop_index(index)]),
        Op::Raw { statements, .. } | Op::Data { statements, .. } => {
            out.list.extend(statements.sqlite.iter().cloned().map(Step::Raw));
            out.references = true;
            out.recount = true;
        }
    }
    Ok(out)
}

fn drop_model(out: &mut Steps, old: &Layout<'_>) {
    let name = old.model.name.as_str();
    out.sql(old.drop_fts());
    out.sql([
        format!("DROP TABLE {}", quoted(name)),
        format!("DELETE FROM _tenantry_seq WHERE model = '{name}'"),
    ]);
    out.recount = true;
}

fn rename_model(out: &mut Steps, old: &Layout<'_>, new: &Layout<'_>) {
    let (from, to) = (old.model.name.as_str(), new.model.name.as_str());
    out.sql(old.drop_fts());
    out.sql(all_index_drops(old));
    out.sql([
        format!("ALTER TABLE {} RENAME TO {}", quoted(from), quoted(to)),
        format!("UPDATE _tenantry_seq SET model = '{to}' WHERE model = '{from}'"),
    ]);
    out.sql(new.indexes());
    out.sql(new.fts());
    out.sql(new.fill_fts());
}

fn all_index_drops(layout: &Layout<'_>) -> Vec<String> {
    let own = layout.model.fields.iter().filter_map(|f| layout.drop_field_index(f));
    own.chain(layout.model.indexes.iter().map(|i| layout.drop_index(i))).collect()
}

fn add_field(
    out: &mut Steps,
    old: &Layout<'_>,
    new: &Layout<'_>,
    field: &Field,
    fill: Option<&Json>,
) -> Result<()> {
    let table = new.model.name.as_str();
    let in_constraint = new.isolation == Isolation::Pooled && new.target(&field.kind)?.is_some();
    let in_place = fill.is_none() && !in_constraint && (!field.required || field.default.is_some());
    if !in_place {
        let filled = match fill {
            Some(json) => Some(
                fill_value(&field.kind, json)
                    .map_err(|e| statement(format!("{table}.{}: {e}", field.name)))?,
            ),
            None => field.default_value(),
        };
        if field.required && filled.is_none() {
            out.list.push(Step::Refuse {
                count: format!("SELECT count(*) FROM {}", quoted(table)),
                message: format!("rows of `{table}` would have no `{}`, which is required", field.name),
            });
        }
        let value = filled.map_or("NULL".to_owned(), |v| literal(&field.kind, &v));
        let of = |column: &str| if column == field.name.as_str() { value.clone() } else { quoted(column) };
        out.sql(rebuild(old, new, &of)?);
        out.references |= new.target(&field.kind)?.is_some();
        return Ok(());
    }
    out.sql([format!("ALTER TABLE {} ADD COLUMN {}", quoted(table), new.column(field)?)]);
    out.sql(new.field_index(field));
    if field.search {
        renew_fts(out, old, new);
    }
    Ok(())
}

fn renew_fts(out: &mut Steps, old: &Layout<'_>, new: &Layout<'_>) {
    out.sql(old.drop_fts());
    out.sql(new.fts());
    out.sql(new.fill_fts());
}

fn alter_field(
    out: &mut Steps,
    old: &Layout<'_>,
    new: &Layout<'_>,
    field: &Field,
    fill: Option<&Json>,
) -> Result<()> {
    let table = new.model.name.as_str();
    let name = field.name.as_str();
    let was =
        old.model.field(name).ok_or_else(|| statement(format!("there is no field `{table}.{name}`")))?;
    let storage_moves = old.storage(&was.kind)? != new.storage(&field.kind)?;
    if storage_moves
        && matches!((&was.kind, &field.kind), (FieldKind::Ref { .. }, _) | (_, FieldKind::Ref { .. }))
    {
        return Err(statement(format!(
            "`{table}.{name}` refers to ids of another kind: add a new field instead"
        )));
    }
    let Conversion { expr, checks } = convert(table, was, field, fill)?;
    out.list.extend(checks);
    if field.unique && !was.unique {
        out.list.extend(duplicates(new, &Index { fields: vec![field.name.clone()], unique: true }));
    }
    let same_target = old.target(&was.kind)?.map(|m| &m.name) == new.target(&field.kind)?.map(|m| &m.name);
    if same_target && expr == quoted(name) && old.column(was)? == new.column(field)? {
        alter_around(out, old, new, was, field);
        return Ok(());
    }
    let of = |column: &str| if column == name { expr.clone() } else { quoted(column) };
    out.sql(rebuild(old, new, &of)?);
    out.references |= new.target(&field.kind)?.is_some();
    Ok(())
}

/// The column itself stays: only its index or its part in search changes.
fn alter_around(out: &mut Steps, old: &Layout<'_>, new: &Layout<'_>, was: &Field, field: &Field) {
    if old.field_index(was) != new.field_index(field) {
        out.sql(old.drop_field_index(was));
        out.sql(new.field_index(field));
    }
    if was.search != field.search {
        renew_fts(out, old, new);
    }
}

fn rename_field(out: &mut Steps, old: &Layout<'_>, new: &Layout<'_>, from: &FieldName, to: &FieldName) {
    let searched = new.model.field(to.as_str()).is_some_and(|f| f.search);
    if searched {
        out.sql(old.drop_fts());
    }
    let touched = |model: &Model, name: &FieldName| -> Vec<Index> {
        model.indexes.iter().filter(|i| i.fields.contains(name)).cloned().collect()
    };
    out.sql(old.model.field(from.as_str()).and_then(|f| old.drop_field_index(f)));
    out.sql(touched(old.model, from).iter().map(|i| old.drop_index(i)));
    let table = quoted(new.model.name.as_str());
    let (old_name, new_name) = (quoted(from.as_str()), quoted(to.as_str()));
    out.sql([format!("ALTER TABLE {table} RENAME COLUMN {old_name} TO {new_name}")]);
    out.sql(new.model.field(to.as_str()).and_then(|f| new.field_index(f)));
    out.sql(touched(new.model, to).iter().map(|i| new.create_index(i)));
    if searched {
        out.sql(new.fts());
        out.sql(new.fill_fts());
    }
}

fn drop_field(out: &mut Steps, old: &Layout<'_>, new: &Layout<'_>, name: &FieldName) -> Result<()> {
    let Some(field) = old.model.field(name.as_str()) else { return Ok(()) };
    if old.target(&field.kind)?.is_some() {
        out.sql(rebuild(old, new, &quoted)?);
        return Ok(());
    }
    if field.search {
        out.sql(old.drop_fts());
    }
    out.sql(old.drop_field_index(field));
    let table = quoted(new.model.name.as_str());
    out.sql([format!("ALTER TABLE {table} DROP COLUMN {}", quoted(name.as_str()))]);
    if field.search {
        out.sql(new.fts());
        out.sql(new.fill_fts());
    }
    Ok(())
}

/// Refuses rows that a new unique index would find twice, in words instead of the index's own error.
fn duplicates(layout: &Layout<'_>, index: &Index) -> Option<Step> {
    if !index.unique {
        return None;
    }
    let table = layout.model.name.as_str();
    let fields: Vec<&str> = index.fields.iter().map(FieldName::as_str).collect();
    let present: Vec<String> = fields.iter().map(|f| format!("{} IS NOT NULL", quoted(f))).collect();
    let columns = super::list(layout.tenant().into_iter().chain(fields.iter().copied()));
    Some(Step::Refuse {
        count: format!(
            "SELECT count(*) FROM (SELECT 1 FROM {} WHERE {} GROUP BY {columns} HAVING count(*) > 1)",
            quoted(table),
            present.join(" AND ")
        ),
        message: format!(
            "values of ({}) occur more than once in `{table}`, but must be unique",
            fields.join(", ")
        ),
    })
}
