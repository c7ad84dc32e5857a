//! What the fixed routes answer with: their shapes in one table, written short.
//!
//! Used by the document's builder. A test asks the routes themselves and compares.
//! `name:type` is a property; `?` after a type: or null; `*`: a list of; a large letter: another shape.

use super::{answer, reference};
use serde_json::{Map, Value, json};

/// Route, status, shape.
const ANSWERS: &[(&str, &str, &str)] = &[
    ("POST /api/auth/login", "200", "Session"),
    ("POST /api/auth/password", "200", "Session"),
    ("POST /api/register", "201", "Session"),
    ("POST /subscription/register/", "201", "Session"),
    ("GET /api/auth/sessions", "200", "OwnSession*"),
    ("POST /api/auth/switch", "200", "Chosen"),
    ("GET /api/me", "200", "Me"),
    ("GET /api/plans", "200", "Plan*"),
    ("GET /api/tenant", "200", "Tenant"),
    ("GET /api/tenant/users", "200", "Member*"),
    ("POST /api/tenant/users", "201", "Membership"),
    ("PATCH /api/tenant/users/{id}", "200", "Membership"),
    ("GET /api/tenant/keys", "200", "Key*"),
    ("POST /api/tenant/keys", "201", "NewKey"),
    ("GET /api/tenant/usage", "200", "Usage"),
    ("GET /api/tenant/activity", "200", "Activity*"),
    ("POST /api/tenant/sql", "200", "SqlRows"),
    ("GET /api/admin/tenants", "200", "Company*"),
    ("GET /api/admin/tenants/{slug}", "200", "Company"),
    ("POST /api/admin/tenants", "201", "Created"),
    ("POST /api/admin/tenants/{slug}/databases", "200", "Created"),
    ("POST /api/admin/tenants/{slug}/attach", "200", "Attached"),
    ("POST /api/admin/tenants/{slug}/suspend", "200", "Company"),
    ("POST /api/admin/tenants/{slug}/resume", "200", "Company"),
    ("POST /api/admin/tenants/{slug}/plan", "200", "Company"),
    ("GET /api/admin/users", "200", "User*"),
    ("POST /api/admin/users", "201", "User"),
    ("PATCH /api/admin/users/{id}", "200", "User"),
    ("POST /api/admin/users/{id}/unlock", "200", "User"),
    ("GET /api/admin/audit", "200", "AuditRow*"),
    ("GET /api/admin/audit/verify", "200", "AuditReport"),
    ("GET /api/admin/operations", "200", "Operation*"),
];

const SHAPES: &[(&str, &str)] = &[
    ("Session", "token:string expires_at:instant user:Person tenant:string? tenants:Choice*"),
    ("Person", "id:integer email:email name:string"),
    ("Choice", "tenant:integer slug:string name:string role:string"),
    ("Chosen", "tenant:string name:string"),
    (
        "OwnSession",
        "id:integer tenant:integer? created_at:instant expires_at:instant last_seen_at:instant \
         address:string? agent:string? impersonated:boolean current:boolean",
    ),
    (
        "Me",
        "actor:string user:object? impersonator:string? tenant:string? tenants:Choice* expires_at:instant?",
    ),
    (
        "Limits",
        "users:integer? rows:integer? bytes:integer? file_bytes:integer? requests_per_second:integer? concurrency:integer?",
    ),
    ("Plan", "code:string name:string price:string trial_days:integer limits:Limits features:string*"),
    (
        "Tenant",
        "id:integer slug:string name:string state:string maintenance:string? ends:object? role:string? plan:string? \
         subscription:string? days_remaining:integer? features:string* limits:Limits",
    ),
    ("Member", "id:integer email:email name:string role:string since:instant"),
    ("Membership", "id:integer role:string"),
    (
        "Key",
        "id:integer name:string prefix:string role:string created_at:instant expires_at:instant? \
         last_seen_at:instant?",
    ),
    (
        "NewKey",
        "id:integer name:string prefix:string role:string created_at:instant expires_at:instant? \
         last_seen_at:instant? key:string",
    ),
    ("Usage", "stores:object limits:Limits"),
    (
        "Activity",
        "id:integer at:instant actor:string impersonator:string? action:string model:string record:string detail:any",
    ),
    ("SqlRows", "columns:string* rows:any* truncated:boolean"),
    (
        "Company",
        "id:integer slug:string name:string email:email state:string maintenance:string? ends:object? users:integer \
         plan:string? subscription:string? days_remaining:integer? created_at:instant placements:Placement*",
    ),
    (
        "Placement",
        "place:Place policy:string base:string state:string schema_version:string? migration_error:string? \
         until_us:integer?",
    ),
    (
        "Place",
        "server:string store:string isolation:string physical:string tenant:integer? generation:integer",
    ),
    ("Created", "tenant:integer owner:integer? databases:string*"),
    ("Attached", "database:string pending:string*"),
    (
        "User",
        "id:integer email:email name:string superuser:boolean staff:boolean active:boolean failed_logins:integer \
         locked_until:instant?",
    ),
    (
        "AuditRow",
        "id:integer at:instant at_us:integer actor:string impersonator:string? tenant:integer? action:string \
         detail:string prev_hash:string hash:string",
    ),
    ("AuditReport", "rows:integer heads:integer head:AuditHead faults:string*"),
    ("AuditHead", "id:integer hash:string"),
    (
        "Operation",
        "id:integer kind:string what:string tenant:integer? slug:string? state:string cursor:integer steps:any* \
         progress:any result:any cancel_requested:boolean past_return:boolean stuck:boolean resting:boolean \
         actor:string reason:string? error:string? attempts:integer started_at:instant updated_at:instant \
         started_at_us:integer updated_at_us:integer",
    ),
];

/// What a route answers, where the table knows it.
pub(super) fn of(key: &str) -> Option<(&'static str, Value)> {
    let (_, status, shape) = ANSWERS.iter().find(|(route, ..)| *route == key)?;
    let (description, schema) = match shape.strip_suffix('*') {
        Some(one) => (
            "All of them",
            json!({"type": "object", "required": ["items"],
            "properties": {"items": {"type": "array", "items": reference(one)}}}),
        ),
        None => ("Done", reference(shape)),
    };
    Some((status, answer(description, &schema)))
}

/// All shapes as schemas.
pub(super) fn schemas() -> Map<String, Value> {
    SHAPES.iter().map(|(name, shape)| ((*name).to_owned(), schema(shape))).collect()
}

fn schema(shape: &str) -> Value {
    let parts = shape.split_whitespace().filter_map(|part| part.split_once(':'));
    let properties: Map<_, _> = parts.map(|(name, kind)| (name.to_owned(), property(kind))).collect();
    let required: Vec<_> = properties.keys().cloned().collect();
    json!({"type": "object", "required": required, "properties": properties})
}

fn property(kind: &str) -> Value {
    if let Some(one) = kind.strip_suffix('*') {
        return json!({"type": "array", "items": property(one)});
    }
    let (kind, nullable) = kind.strip_suffix('?').map_or((kind, false), |kind| (kind, true));
    let base = match kind {
        "any" => return json!({}),
        "instant" => json!({"type": "string", "format": "date-time"}),
        "email" => json!({"type": "string", "format": "email"}),
        name if name.starts_with(|c: char| c.is_ascii_uppercase()) => return reference(name),
        plain => json!({"type": plain}),
    };
    match (nullable, base) {
        (true, Value::Object(mut map)) => {
            let kind = map.remove("type").unwrap_or_default();
            map.insert("type".into(), json!([kind, "null"]));
            map.into()
        }
        (_, base) => base,
    }
}
