//! Writes the tenant's activity log, which names the user of each change, in the transaction of the change
//! (`audited-commit`). The log names personal fields but never copies their values, because it outlives the row.

use super::run::Run;
use crate::{
    error::Result,
    name::FieldName,
    query::RecordId,
    schema::Plan,
    write::{RowState, detail},
};
use rusqlite::params;

/// The kind of change of a record.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Action {
    Create,
    Update,
    Delete,
}

const LOG: &str = "INSERT INTO _tenantry_activity (tenant, at, actor, impersonator, action, model, record, detail) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

/// Logs a change. The detail of an update holds the changed fields with old and new values; the detail of a delete
/// holds the old values.
pub(super) fn record(
    run: &Run<'_>,
    plan: &Plan,
    action: Action,
    before: Option<&RowState>,
    after: &RowState,
) -> Result<()> {
    let (name, detail) = match (action, before) {
        (Action::Update, Some(before)) => {
            ("update", Some(detail::changed(plan, &run.options.personal, &before.values, &after.values)))
        }
        (Action::Update, None) => ("update", None),
        (Action::Delete, _) => ("delete", Some(detail::values(plan, &run.options.personal, &after.values))),
        (Action::Create, _) => ("create", None),
    };
    write(run, plan, name, &after.id()?, detail)
}

/// Logs that a reference was set to null because its target was deleted.
pub(super) fn set_null(run: &Run<'_>, plan: &Plan, record: &RecordId, field: &FieldName) -> Result<()> {
    write(run, plan, "update", record, Some(format!("{{\"{field}\":\"target deleted\"}}")))
}

fn write(run: &Run<'_>, plan: &Plan, action: &str, record: &RecordId, detail: Option<String>) -> Result<()> {
    let record = record.to_string();
    let (tenant, options) = (run.who.tenant, run.options);
    let mut statement = run.conn.prepare_cached(LOG)?;
    let model = plan.model.name.as_str();
    let row = params![tenant, run.now, options.actor, options.impersonator, action, model, record, detail];
    statement.execute(row)?;
    Ok(())
}
