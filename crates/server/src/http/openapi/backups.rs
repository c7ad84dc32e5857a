//! Request bodies of the routes for backups and restores. Used by the document's builder.

use super::{
    bodies::object,
    formats::{email, flag, name, names, slug, text},
};
use serde_json::{Value, json};

/// Returns the request body of a route.
pub(super) fn request(key: &str) -> Option<Value> {
    Some(match key {
        "POST /api/admin/backups" => {
            let slugs = json!({"type": "array", "items": slug()});
            object(&[], json!({"tenants": slugs, "stores": names(), "system": flag()}))
        }
        "POST /api/admin/backups/drill" => object(&[], json!({"tenant": slug()})),
        "POST /api/admin/tenants/{slug}/restore" => {
            object(&["backup"], json!({"backup": text(), "stores": names()}))
        }
        "POST /api/admin/backups/{id}/restore-as" => object(
            &["slug"],
            json!({
                "slug": slug(), "name": text(), "email": email(), "plan": name(), "owner": email(),
                "members": flag(), "reason": text(),
            }),
        ),
        _ => return None,
    })
}
