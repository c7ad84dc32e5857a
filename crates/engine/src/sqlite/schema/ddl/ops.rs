//! Translates an operation to the steps that run it on a database in the state before the operation.

use super::{
    convert::statement,
    fields::{add_field, alter_field, drop_field, rename_field},
    quoted,
    table::Layout,
};
use crate::{
    error::Result,
    migration::{Op, State},
    model::Index,
    name::FieldName,
    place::Isolation,
};

/// One step of a migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// A statement.
    Sql(String),
    /// A statement written by the migration's author.
    Raw(String),
    /// A query for a number that must be 0. If it is not, the migration fails with "{n} {message}".
    Refuse {
        /// The query.
        count: String,
        /// Query for the tenant (or null) and the id of the counted rows; `None` if every row counts.
        rows: Option<String>,
        /// Description of the rows that the number counts.
        message: String,
    },
}

/// The steps of an operation, and the work that must follow them.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Steps {
    pub(crate) list: Vec<Step>,
    /// Whether references must be checked before the commit.
    pub(crate) references: bool,
    /// Whether the tenants' counters must be set again, because rows may have changed, or values of pooled tenants,
    /// whose bytes are counted.
    pub(crate) recount: bool,
}

impl Steps {
    pub(super) fn sql(&mut self, statements: impl IntoIterator<Item = String>) {
        self.list.extend(statements.into_iter().map(Step::Sql));
    }

    /// Appends the steps of another operation.
    pub(crate) fn append(&mut self, more: Steps) {
        self.list.extend(more.list);
        self.references |= more.references;
        self.recount |= more.recount;
    }
}

/// The states before and after an operation.
struct Around<'a> {
    before: &'a State,
    after: &'a State,
    isolation: Isolation,
}

impl<'a> Around<'a> {
    fn earlier(&self, model: &str) -> Result<Layout<'a>> {
        layout(self.before, model, self.isolation)
    }

    fn later(&self, model: &str) -> Result<Layout<'a>> {
        layout(self.after, model, self.isolation)
    }
}

fn layout<'a>(state: &'a State, model: &str, isolation: Isolation) -> Result<Layout<'a>> {
    let model = state.model(model).ok_or_else(|| statement(format!("there is no model `{model}`")))?;
    Ok(Layout { model, state, isolation })
}

/// Returns the steps of an operation, given the states before and after it.
pub(crate) fn steps(op: &Op, before: &State, after: &State, isolation: Isolation) -> Result<Steps> {
    let around = Around { before, after, isolation };
    let mut out = Steps::default();
    match op {
        Op::CreateModel { model } => {
            let new = around.later(model.name.as_str())?;
            out.sql(super::create(new.model, after, isolation)?);
        }
        Op::DropModel { model, .. } => drop_model(&mut out, &around.earlier(model.as_str())?),
        Op::RenameModel { from, to, .. } => {
            rename_model(&mut out, &around.earlier(from.as_str())?, &around.later(to.as_str())?);
        }
        Op::AddField { model, field, fill, .. } => {
            let (old, new) = (around.earlier(model.as_str())?, around.later(model.as_str())?);
            add_field(&mut out, &old, &new, field, fill.as_ref())?;
            out.recount = field.default.is_some() || fill.is_some();
        }
        Op::AlterField { model, field, fill, .. } => {
            let (old, new) = (around.earlier(model.as_str())?, around.later(model.as_str())?);
            alter_field(&mut out, &old, &new, field, fill.as_ref())?;
            out.recount = true;
        }
        Op::RenameField { model, from, to, .. } => {
            rename_field(
                &mut out,
                &around.earlier(model.as_str())?,
                &around.later(model.as_str())?,
                from,
                to,
            );
        }
        Op::DropField { model, field, .. } => {
            drop_field(&mut out, &around.earlier(model.as_str())?, &around.later(model.as_str())?, field)?;
            out.recount = true;
        }
        Op::AddIndex { model, index, .. } => {
            let new = around.later(model.as_str())?;
            out.list.extend(duplicates(&new, index));
            out.sql([new.create_index(index)]);
        }
        Op::DropIndex { model, index, .. } => out.sql([around.earlier(model.as_str())?.drop_index(index)]),
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
        format!("UPDATE _tenantry_activity SET model = '{to}' WHERE model = '{from}'"),
    ]);
    out.sql(new.indexes());
    out.sql(new.fts());
    out.sql(new.fill_fts());
}

fn all_index_drops(layout: &Layout<'_>) -> Vec<String> {
    let own = layout.model.fields.iter().filter_map(|f| layout.drop_field_index(f));
    own.chain(layout.model.indexes.iter().map(|i| layout.drop_index(i))).collect()
}

/// Returns a check for rows that violate a new unique index. Its message is clearer than the error of the index.
pub(super) fn duplicates(layout: &Layout<'_>, index: &Index) -> Option<Step> {
    if !index.unique {
        return None;
    }
    let table = layout.model.name.as_str();
    let fields: Vec<&str> = index.fields.iter().map(FieldName::as_str).collect();
    let present: Vec<String> = fields.iter().map(|f| format!("{} IS NOT NULL", quoted(f))).collect();
    let columns = super::list(layout.tenant().into_iter().chain(fields.iter().copied()));
    let twice = format!(
        "FROM {} WHERE {} GROUP BY {columns} HAVING count(*) > 1",
        quoted(table),
        present.join(" AND ")
    );
    Some(Step::Refuse {
        count: format!("SELECT count(*) FROM (SELECT 1 {twice})"),
        rows: Some(super::refused_rows(layout, &format!("({columns}) IN (SELECT {columns} {twice})"))),
        message: format!(
            "values of ({}) occur more than once in `{table}`, but must be unique",
            fields.join(", ")
        ),
    })
}
