//! Settings of the platform that operators change while it runs: JSON values by key.
//!
//! The staff pages and the command line call it. Settings of the configuration file are not here.

use super::{Control, Subject, Write, params};
use crate::{Error, Result, audit::By};
use tenantry_engine::Tx;

/// Returns the value of a key, or `None` if it was never set.
///
/// # Errors
/// Returns [`Error::Internal`] for a value that is not JSON.
pub async fn get(tx: &mut Tx, key: &str) -> Result<Option<serde_json::Value>> {
    let rows = tx.query("SELECT value FROM settings WHERE key = ?", params![key]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    serde_json::from_str(row.text(0)?).map(Some).map_err(|e| Error::Internal(format!("setting {key}: {e}")))
}

/// Settings key of [`platform_id`].
const PLATFORM_ID: &str = "platform_id";

/// Returns the id of this installation, which is created once with its control store. Every database carries the id
/// inside, so a recreated catalog cannot adopt files of the former one.
pub(crate) async fn platform_id(control: &Control) -> Result<String> {
    if let Some(id) = known_platform_id(&mut control.snapshot().await?).await? {
        return Ok(id);
    }
    let mut write = control.begin().await?;
    // Another process may have created the id first.
    if let Some(id) = known_platform_id(&mut write).await? {
        return Ok(id);
    }
    let id = uuid::Uuid::now_v7().to_string();
    // This is not an action of a user or operator, so it is not audited. The log begins with the first action.
    note(&mut write, PLATFORM_ID, &serde_json::Value::String(id.clone())).await?;
    write.commit_unaudited().await?;
    Ok(id)
}

/// Returns the id of this installation, or `None` if it has none yet.
pub(crate) async fn known_platform_id(tx: &mut Tx) -> Result<Option<String>> {
    match get(tx, PLATFORM_ID).await? {
        Some(serde_json::Value::String(id)) => Ok(Some(id)),
        _ => Ok(None),
    }
}

/// Sets the value of a key for the platform's own bookkeeping, which is no action of a user or operator.
///
/// # Errors
/// Returns the errors of the control store.
pub(crate) async fn note(write: &mut Write, key: &str, value: &serde_json::Value) -> Result<()> {
    let at = write.at_us();
    let sql = "INSERT INTO settings (key, value, updated_at) VALUES (?, ?, ?) \
        ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at";
    write.execute(sql, params![key, value.to_string(), at]).await?;
    Ok(())
}

/// Sets the value of a key. A null value removes the key.
///
/// # Errors
/// Returns the errors of the control store.
pub async fn set(write: &mut Write, by: &By, key: &str, value: &serde_json::Value) -> Result<()> {
    match value.is_null() {
        true => drop(write.execute("DELETE FROM settings WHERE key = ?", params![key]).await?),
        false => note(write, key, value).await?,
    }
    write.audit(by, None, "settings.set", serde_json::json!({ "key": key, "value": value })).await?;
    write.invalidate(&Subject::Everything).await
}
