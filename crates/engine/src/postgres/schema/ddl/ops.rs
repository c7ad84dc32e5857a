//! Translates an operation to the steps that run it on tables in the state before the operation.

use super::{
    Layout, NewIndex,
    fields::{add_field, alter_field, drop_field, rename_field, renames},
    list, quoted, statement,
};
use crate::{
    error::Result,
    migration::{Op, State},
    model::Index,
    name::{FieldName, ModelName},
    postgres::places::roles,
};
use std::collections::BTreeSet;

/// One step of a migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// A statement.
    Sql(String),
    /// Statements written by the migration's author.
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
    /// Creates an index. A table with many rows gets it ahead of the migration, so that writes can continue.
    Index(NewIndex),
}

impl Step {
    /// Returns the statement if the step is a statement of ours, not of the author.
    pub(crate) fn sql(&self) -> Option<&str> {
        match self {
            Self::Sql(sql) => Some(sql),
            Self::Raw(_) | Self::Refuse { .. } | Self::Index(_) => None,
        }
    }
}

/// The steps of an operation, and the work that must follow them.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Steps {
    pub(crate) list: Vec<Step>,
    /// Whether the counters of the places must be set again, because rows or values may have changed.
    pub(crate) recount: bool,
    /// Whether the last integer ids must be read from the rows, because there may be new ids.
    pub(crate) renumber: bool,
    /// Models whose search words must be collected again.
    pub(crate) search: BTreeSet<ModelName>,
}

impl Steps {
    pub(super) fn sql(&mut self, statements: impl IntoIterator<Item = String>) {
        self.list.extend(statements.into_iter().map(Step::Sql));
    }
}

/// The states before and after an operation.
struct Around<'a> {
    before: &'a State,
    after: &'a State,
    pooled: bool,
}

impl<'a> Around<'a> {
    fn both(&self, model: &ModelName) -> Result<(Layout<'a>, Layout<'a>)> {
        Ok((self.earlier(model)?, self.later(model)?))
    }

    fn earlier(&self, model: &ModelName) -> Result<Layout<'a>> {
        layout(self.before, model, self.pooled)
    }

    fn later(&self, model: &ModelName) -> Result<Layout<'a>> {
        layout(self.after, model, self.pooled)
    }
}

fn layout<'a>(state: &'a State, model: &ModelName, pooled: bool) -> Result<Layout<'a>> {
    let found = state.model(model.as_str());
    let model = found.ok_or_else(|| statement(format!("there is no model `{model}`")))?;
    Ok(Layout { model, state, pooled })
}

/// Appends the steps of an operation to the steps of earlier operations of the same migration. Takes the states before
/// and after the operation.
///
/// # Errors
/// Returns `Statement` if the operation contradicts the models, or contains a value that cannot be stored.
pub(crate) fn steps(out: &mut Steps, op: &Op, before: &State, after: &State, pooled: bool) -> Result<()> {
    let around = Around { before, after, pooled };
    match op {
        Op::CreateModel { model } => create_model(out, &around.later(&model.name)?)?,
        Op::DropModel { model, .. } => drop_model(out, &around.earlier(model)?),
        Op::RenameModel { from, to, .. } => {
            rename_model(out, &around.earlier(from)?, &around.later(to)?)?;
        }
        Op::AddField { model, field, fill, .. } => {
            let (old, new) = around.both(model)?;
            add_field(out, &old, &new, field, fill.as_ref())?;
            out.recount |= field.default.is_some() || fill.is_some();
        }
        Op::AlterField { model, field, fill, .. } => {
            let (old, new) = around.both(model)?;
            alter_field(out, &old, &new, field, fill.as_ref())?;
            out.recount = true;
        }
        Op::RenameField { model, from, to, .. } => {
            let (old, new) = around.both(model)?;
            rename_field(out, &old, &new, from, to)?;
        }
        Op::DropField { model, field, .. } => {
            let (old, new) = around.both(model)?;
            drop_field(out, &old, &new, field);
            out.recount = true;
        }
        Op::AddIndex { model, index, .. } => add_index(out, &around.later(model)?, index),
        Op::DropIndex { model, index, .. } => out.sql([around.earlier(model)?.drop_index(index)]),
        Op::Raw { store, statements, .. } | Op::Data { store, statements } => {
            out.list.extend(statements.postgres.iter().cloned().map(Step::Raw));
            (out.recount, out.renumber) = (true, true);
            let searched = after.of_store(store).filter(|model| model.search_fields().next().is_some());
            out.search.extend(searched.map(|model| model.name.clone()));
        }
    }
    Ok(())
}

fn create_model(out: &mut Steps, new: &Layout<'_>) -> Result<()> {
    out.sql(new.create()?);
    let tenant = new.model.tenant_field.as_str();
    out.sql(roles::confine_table(new.pooled, new.model.name.as_str(), tenant));
    Ok(())
}

fn drop_model(out: &mut Steps, old: &Layout<'_>) {
    let name = &old.model.name;
    out.sql([
        format!("DROP TABLE {}", old.table()),
        format!("DELETE FROM _tenantry_seq WHERE model = '{name}'"),
    ]);
    out.search.remove(name);
    out.recount = true;
}

fn rename_model(out: &mut Steps, old: &Layout<'_>, new: &Layout<'_>) -> Result<()> {
    let (from, to) = (&old.model.name, &new.model.name);
    out.sql([
        format!("ALTER TABLE {} RENAME TO {}", old.table(), new.table()),
        format!("UPDATE _tenantry_seq SET model = '{to}' WHERE model = '{from}'"),
        format!("UPDATE _tenantry_activity SET model = '{to}' WHERE model = '{from}'"),
    ]);
    out.sql(renames(old, new)?);
    if out.search.remove(from) {
        out.search.insert(to.clone());
    }
    Ok(())
}

fn add_index(out: &mut Steps, new: &Layout<'_>, index: &Index) {
    out.list.extend(duplicates(new, index));
    out.list.push(Step::Index(new.new_index(index)));
}

/// Returns a check for rows that violate a new unique index. Its message is clearer than the error of the index.
pub(super) fn duplicates(layout: &Layout<'_>, index: &Index) -> Option<Step> {
    if !index.unique {
        return None;
    }
    let fields: Vec<&str> = index.fields.iter().map(FieldName::as_str).collect();
    let present: Vec<String> = fields.iter().map(|f| format!("{} IS NOT NULL", quoted(f))).collect();
    let columns = list(layout.tenant().into_iter().chain(fields.iter().copied()));
    let twice = format!(
        "FROM {} WHERE {} GROUP BY {columns} HAVING count(*) > 1",
        layout.table(),
        present.join(" AND ")
    );
    Some(Step::Refuse {
        count: format!("SELECT count(*) FROM (SELECT 1 {twice}) AS twice"),
        rows: Some(layout.refused_rows(&format!("({columns}) IN (SELECT {columns} {twice})"))),
        message: format!(
            "values of ({}) occur more than once in `{}`, but must be unique",
            fields.join(", "),
            layout.model.name
        ),
    })
}
