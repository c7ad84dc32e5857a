//! Bodies of the routes of backups and restores. Used by the builder of the document.

use super::bodies::object;
use serde_json::{Value, json};

/// What a request holds.
pub(super) fn request(key: &str) -> Option<Value> {
    let text = || json!({"type": "string"});
    let names = || json!({"type": "array", "items": text()});
    Some(match key {
        "POST /api/admin/backups" => {
            object(&[], json!({"tenants": names(), "stores": names(), "system": {"type": "boolean"}}))
        }
        "POST /api/admin/tenants/{slug}/restore" => {
            object(&["backup"], json!({"backup": text(), "stores": names()}))
        }
        "POST /api/admin/backups/{id}/restore-as" => object(
            &["slug", "company", "email"],
            json!({"slug": text(), "company": text(), "email": text(), "plan": text()}),
        ),
        _ => return None,
    })
}
