//! Bodies of the routes on a company's life: rename, end, copies.
//!
//! Used by `bodies`, which has the rest.

use super::bodies::object;
use serde_json::{Value, json};

/// What a JSON body holds; none: the route takes none.
pub(super) fn request(key: &str) -> Option<Value> {
    let text = || json!({"type": "string"});
    let email = || json!({"type": "string", "format": "email", "maxLength": 254});
    Some(match key {
        "POST /api/admin/tenants/{slug}/purge" => object(
            &["confirm", "id"],
            json!({"confirm": text(), "id": {"type": "integer"}, "early": {"type": "boolean"}}),
        ),
        "POST /api/admin/tenants/{slug}/clone" => object(
            &["slug"],
            json!({
                "slug": text(), "name": text(), "email": email(), "plan": text(), "owner": email(),
                "blank_personal": {"type": "boolean"},
            }),
        ),
        "POST /api/tenant/cancel" => object(&["confirm"], json!({"confirm": text(), "reason": text()})),
        "POST /api/admin/tenants/{slug}/rename" => object(&["slug"], json!({"slug": text()})),
        "POST /api/admin/tenants/{slug}/retire" => {
            let days = || json!({"type": "integer", "minimum": 0});
            object(
                &["confirm"],
                json!({"confirm": text(), "reason": text(), "grace_days": days(), "retention_days": days()}),
            )
        }
        _ => return None,
    })
}

/// An archive is no JSON, and what becomes of it stands in the query.
pub(super) fn describe(key: &str, operation: &mut Value) {
    if key == "POST /api/admin/import" {
        operation["requestBody"] = json!({"required": true, "content": {"application/zip": {}}});
        operation["parameters"] = ["slug", "name", "email", "plan", "owner"]
            .map(|name| json!({"name": name, "in": "query", "required": name == "slug", "schema": {"type": "string"}}))
            .into();
    }
}
