//! The settings of a tenant: a JSON object that the platform stores without interpreting it, except for
//! `external_id`, the tenant's name at token issuers, and `language` and `time_zone` of its pages.
//!
//! The staff API and the command line call it.

use super::{Tenants, by_slug};
use crate::{
    Error, Result,
    access::Actor,
    audit::By,
    control::{Subject, Write, params},
    locale,
};
use serde_json::{Map, Value};
use tenantry_engine::{
    Kind, Tx,
    name::{Slug, TenantId},
};

/// Largest size of a tenant's settings as text, in bytes.
const SETTINGS_BYTES: usize = 64 << 10;
/// Largest number of characters in an `external_id`.
const EXTERNAL_CHARS: usize = 200;

impl Tenants<'_> {
    /// Returns the settings of a tenant.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] when there is no such tenant.
    pub async fn settings(&self, slug: &Slug) -> Result<Value> {
        let mut tx = self.platform.control().snapshot().await?;
        let id = by_slug(&mut tx, slug).await?.id;
        settings(&mut tx, id).await
    }

    /// Merges `changes` into the settings (RFC 7396: a null removes its key). Returns the merged settings.
    ///
    /// # Errors
    /// Returns [`Error::Conflict`] for an `external_id` that another tenant has.
    pub async fn change_settings(
        &self,
        actor: &Actor,
        slug: &Slug,
        changes: Map<String, Value>,
    ) -> Result<Value> {
        actor.require_staff()?;
        let by = &actor.by();
        let mut write = self.platform.control().begin().await?;
        let id = by_slug(&mut write, slug).await?.id;
        change_settings(&mut write, by, id, changes).await?;
        let now = settings(&mut write, id).await?;
        write.commit().await?;
        Ok(now)
    }
}

/// Returns the settings of a tenant, a JSON object that the platform does not interpret.
///
/// # Errors
/// Returns [`Error::NotFound`] when there is no such tenant.
pub(crate) async fn settings(tx: &mut Tx, id: TenantId) -> Result<Value> {
    let rows = tx.query("SELECT settings FROM tenants WHERE id = ?", params![id.get()]).await?;
    let text = rows.first().ok_or(Error::NotFound("tenant"))?.text(0)?;
    serde_json::from_str(text).map_err(|e| Error::Internal(format!("settings of tenant {id}: {e}")))
}

/// Merges `changes` into the settings (RFC 7396). A null value removes its key.
///
/// # Errors
/// Returns [`Error::Invalid`] if `external_id`, `language` or `time_zone` is invalid, or the settings exceed 64 KiB;
/// [`Error::Conflict`] if another tenant has the same `external_id`, or has or had it as its slug.
pub(crate) async fn change_settings(
    write: &mut Write,
    by: &By,
    id: TenantId,
    changes: Map<String, Value>,
) -> Result<()> {
    locale::check_settings(&changes)?;
    let whole = |text: &str| !text.is_empty() && text.chars().count() <= EXTERNAL_CHARS;
    match changes.get("external_id") {
        None | Some(Value::Null) => {}
        Some(Value::String(text)) if whole(text) => require_no_slug(write, id, text).await?,
        Some(_) => return Err(Error::invalid("external_id", "a text of 1 to 200 characters, or null")),
    }
    let patch = Value::Object(changes);
    let mut merged = settings(write, id).await?;
    merge(&mut merged, &patch);
    let merged = merged.to_string();
    if merged.len() > SETTINGS_BYTES {
        return Err(Error::invalid("settings", "at most 64 KiB in all"));
    }
    let sql = "UPDATE tenants SET settings = ? WHERE id = ?";
    match write.execute(sql, params![merged, id.get()]).await {
        // `external_id` is the only setting with a unique index.
        Err(e) if matches!(e.kind(), Kind::Unique(_)) => {
            return Err(Error::Conflict("another tenant has this external_id".into()));
        }
        changed => changed?,
    };
    write.audit(by, Some(id), "tenant.settings", patch).await?;
    write.invalidate(&Subject::Tenant(id)).await
}

/// Merges a patch into a value (RFC 7396).
fn merge(into: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *into = patch.clone();
        return;
    };
    if !into.is_object() {
        *into = Value::Object(Map::new());
    }
    let Value::Object(fields) = into else { return };
    for (key, change) in changes {
        match change {
            Value::Null => drop(fields.remove(key)),
            change => merge(fields.entry(key.clone()).or_insert(Value::Null), change),
        }
    }
}

/// Refuses an `external_id` that is or was another tenant's slug: a token with it would name two tenants.
async fn require_no_slug(tx: &mut Tx, id: TenantId, external: &str) -> Result<()> {
    let sql = "SELECT 1 FROM tenants WHERE slug = ?1 AND id <> ?2 \
               UNION ALL SELECT 1 FROM retired_slugs WHERE slug = ?1 AND tenant IS DISTINCT FROM ?2";
    match tx.query(sql, params![external, id.get()]).await?.is_empty() {
        true => Ok(()),
        false => {
            Err(Error::Conflict("this external_id is the name of another tenant: choose another".into()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_patch_merges_objects_replaces_all_else_and_removes_with_null() {
        let mut value = json!({"a": 1, "b": {"c": 2, "d": [1]}, "e": "x"});
        merge(
            &mut value,
            &json!({"a": null, "b": {"c": null, "d": {"f": null, "g": 3}}, "e": {"h": null}, "i": null}),
        );
        assert_eq!(value, json!({"b": {"d": {"g": 3}}, "e": {}}));
    }
}
