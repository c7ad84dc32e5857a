//! Runs one step of a migration on a connection, and checks references before the commit.

use crate::{
    error::{Error, Kind, Result},
    name::TenantId,
    refused::{NAMED_MAX, RefusedRows},
    sqlite::schema::ddl::Step,
};
use rusqlite::{
    Connection,
    hooks::{AuthAction, AuthContext, Authorization},
    types::ValueRef,
};

/// Runs a step inside the migration's transaction.
pub(super) fn run_step(conn: &mut Connection, step: &Step) -> Result<()> {
    match step {
        Step::Sql(sql) => Ok(conn.execute_batch(sql)?),
        Step::Raw(sql) => {
            conn.authorizer(Some(raw_may))?;
            let outcome = conn.execute_batch(sql);
            conn.authorizer(None::<fn(AuthContext<'_>) -> Authorization>)?;
            Ok(outcome?)
        }
        Step::Refuse { count, rows, message } => {
            let found: i64 = conn.query_row(count, [], |row| row.get(0))?;
            if found == 0 {
                return Ok(());
            }
            let mut rows = match rows {
                Some(query) => refused_rows(conn, query)?,
                None => RefusedRows::default(),
            };
            rows.count = found.unsigned_abs();
            let why = format!("refused: {found} {message}{}", rows.own());
            Err(Error::with_source(Kind::Statement(why.clone()), why, rows))
        }
    }
}

/// Reads the refused rows with a query for the tenant (or null) and the id.
fn refused_rows(conn: &Connection, query: &str) -> Result<RefusedRows> {
    let mut found = RefusedRows::default();
    let mut statement = conn.prepare(query)?;
    let mut rows = statement.query([])?;
    let mut count = 0;
    while let Some(row) = rows.next()? {
        if count == NAMED_MAX {
            found.more = true;
            break;
        }
        count += 1;
        let tenant = row.get::<_, Option<i64>>(0)?.map(TenantId::from_raw);
        found.ids.entry(tenant).or_default().push(shown(row.get_ref(1)?));
    }
    Ok(found)
}

fn shown(id: ValueRef<'_>) -> String {
    match id {
        ValueRef::Integer(id) => id.to_string(),
        ValueRef::Text(id) => String::from_utf8_lossy(id).into_owned(),
        ValueRef::Blob(bytes) => match uuid::Uuid::from_slice(bytes) {
            Ok(id) => id.to_string(),
            Err(_) => "?".into(),
        },
        ValueRef::Real(_) | ValueRef::Null => "?".into(),
    }
}

/// Decides whether a statement of a migration file is allowed: it must stay inside the migration's transaction and
/// database.
fn raw_may(context: AuthContext<'_>) -> Authorization {
    match context.action {
        // FTS5 runs this pragma on its own tables.
        AuthAction::Pragma { pragma_name: "data_version", pragma_value: None } => Authorization::Allow,
        AuthAction::Transaction { .. }
        | AuthAction::Savepoint { .. }
        | AuthAction::Attach { .. }
        | AuthAction::Detach { .. }
        | AuthAction::Pragma { .. } => Authorization::Deny,
        // Identity, fence, counters and ledger belong to the platform.
        AuthAction::Insert { table_name }
        | AuthAction::Update { table_name, .. }
        | AuthAction::Delete { table_name }
        | AuthAction::DropTable { table_name }
        | AuthAction::AlterTable { table_name, .. }
            if table_name.starts_with("_tenantry_") =>
        {
            Authorization::Deny
        }
        _ => Authorization::Allow,
    }
}

/// Fails if any reference in the database refers to a missing row.
pub(super) fn check_references(conn: &Connection) -> Result<()> {
    let mut query = conn.prepare("SELECT \"table\", rowid, parent FROM pragma_foreign_key_check LIMIT 1")?;
    let mut rows = query.query([])?;
    match rows.next()? {
        None => Ok(()),
        Some(row) => {
            let (table, parent): (String, String) = (row.get(0)?, row.get(2)?);
            let row: Option<i64> = row.get(1)?;
            let detail =
                format!("row {} of `{table}` refers to a missing row of `{parent}`", row.unwrap_or(0));
            Err(Error::new(Kind::Reference(table), detail))
        }
    }
}
