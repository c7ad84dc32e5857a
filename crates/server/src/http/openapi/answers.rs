//! Shapes of the fixed routes' answers, in one table with a short notation.
//!
//! Used by the document's builder. A test calls the routes and compares. Notation: `name:type` is a property,
//! `name?:type` a property that may be absent; `?` after a type means nullable, `*` a list; a capital letter starts the
//! name of another shape. Status 202 stands for a started operation, and for 200 once it has ended.

use super::{answer, life, reference};
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
    ("PATCH /api/me", "200", "Named"),
    ("PATCH /api/tenant", "200", "Named"),
    ("GET /api/admin/mail", "200", "Letter*"),
    ("GET /api/plans", "200", "Plan*"),
    ("GET /api/tenant", "200", "Tenant"),
    ("GET /api/tenant/users", "200", "Member*"),
    ("GET /api/tenant/invitations", "200", "Invitation*"),
    ("POST /api/tenant/invitations", "201", "Invitation"),
    ("POST /api/invitations/show", "200", "Invited"),
    ("POST /api/invitations/accept", "201", "Session"),
    ("POST /api/auth/verify", "202", "Sent"),
    ("POST /api/auth/password/forgot", "202", "Sent"),
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
    ("GET /api/admin/tenants/{slug}/settings", "200", "Settings"),
    ("PATCH /api/admin/tenants/{slug}/settings", "200", "Settings"),
    ("GET /api/admin/users", "200", "User*"),
    ("POST /api/admin/users", "201", "User"),
    ("PATCH /api/admin/users/{id}", "200", "User"),
    ("POST /api/admin/users/{id}/unlock", "200", "User"),
    ("GET /api/admin/audit", "200", "AuditRow*"),
    ("GET /api/admin/audit/verify", "200", "AuditReport"),
    ("GET /api/openapi.json", "200", "Document"),
    ("POST /api/admin/impersonate", "201", "Impersonation"),
];

const SHAPES: &[(&str, &str)] = &[
    ("Settings", "settings:object"),
    ("Document", "openapi:string info:object servers:any* tags:any* paths:object components:object"),
    ("Impersonation", "token:string user:integer tenant:string expires_at:instant"),
    ("Session", "token:string expires_at:instant user:Person tenant:string? tenants:Choice*"),
    ("Person", "id:integer email:email name:string"),
    ("Myself", "id:integer email:email name:string confirmed:boolean staff:boolean superuser:boolean"),
    ("Choice", "tenant:integer slug:string name:string role:string"),
    ("Chosen", "tenant:string name:string"),
    (
        "OwnSession",
        "id:integer tenant:integer? created_at:instant expires_at:instant last_seen_at:instant \
         address:string? agent:string? impersonated:boolean current:boolean",
    ),
    (
        "Me",
        "actor:string user:Myself? impersonator:string? tenant:string? tenants:Choice* expires_at:instant?",
    ),
    (
        "Limits",
        "users:integer? rows:integer? bytes:integer? file_bytes:integer? requests_per_second:integer? concurrency:integer?",
    ),
    (
        "Plan",
        "code:string name:string price:string trial_days:integer limits:Limits features:string* self_service:boolean",
    ),
    (
        "Tenant",
        "id:integer slug:string name:string state:string maintenance:string? ends:Ends? role:string? plan:string? \
         subscription:string? days_remaining:integer? features:string* limits:Limits",
    ),
    ("Named", "id:integer name:string"),
    (
        "Letter",
        "id:integer kind:string address:email user:integer? tenant:integer? state:string attempts:integer \
         created_at:instant next_at:instant? error:string?",
    ),
    ("Member", "id:integer email:email name:string role:string since:instant"),
    ("Membership", "id:integer role:string"),
    (
        "Invitation",
        "id:integer email:email role:string created_at:instant expires_at:instant letter:string made_by:Inviter?",
    ),
    ("Inviter", "id:integer email:email"),
    ("Invited", "tenant:string name:string email:email role:string expires_at:instant has_account:boolean"),
    ("Joined", "tenant:string"),
    ("Sent", "sent:boolean"),
    (
        "Key",
        "id:integer name:string prefix:string role:string made_by:Maker? created_at:instant expires_at:instant? \
         last_seen_at:instant?",
    ),
    (
        "NewKey",
        "id:integer name:string prefix:string role:string made_by:Maker? created_at:instant expires_at:instant? \
         last_seen_at:instant? key:string",
    ),
    ("Maker", "id:integer email:email role:string?"),
    ("Usage", "stores:object limits:Limits"),
    (
        "Activity",
        "id:integer at:instant actor:string impersonator:string? action:string model:string record:string detail:any",
    ),
    ("SqlRows", "columns:string* rows:any* truncated:boolean"),
    (
        "Company",
        "id:integer slug:string name:string email:email state:string maintenance:string? ends:Ends? users:integer \
         plan:string? subscription:string? days_remaining:integer? created_at:instant placements:Placement*",
    ),
    (
        "Placement",
        "place:Place policy:string base:string state:string schema_version:string? migration_error:string? \
         until:instant? kept_at:instant?",
    ),
    (
        "Place",
        "server:string store:string isolation:string physical:string tenant:integer? generation:integer",
    ),
    ("Created", "tenant:integer owner:integer? databases:string*"),
    ("Attached", "database:string pending:string*"),
    (
        "User",
        "id:integer email:email name:string confirmed:boolean superuser:boolean staff:boolean active:boolean failed_logins:integer \
         locked_until:instant?",
    ),
    (
        "AuditRow",
        "id:integer at:instant actor:string impersonator:string? tenant:integer? action:string \
         detail:string prev_hash:string hash:string",
    ),
    ("AuditReport", "rows:integer heads:integer head:AuditHead faults:string*"),
    ("AuditHead", "id:integer hash:string"),
];

/// Returns true if a route starts an operation whose end a caller may wait for.
pub(super) fn begins(key: &str) -> bool {
    life::ANSWERS.iter().any(|(route, status, _)| *route == key && *status == "202")
}

/// Returns a route's answers by status; empty if neither table contains it.
pub(super) fn of(key: &str) -> Vec<(&'static str, Value)> {
    let found = ANSWERS.iter().chain(life::ANSWERS).find(|(route, ..)| *route == key);
    let Some((_, status, shape)) = found else { return vec![] };
    let (description, schema) = match shape.strip_suffix('*') {
        Some(one) => (
            "All of them",
            json!({"type": "object", "required": ["items"],
            "properties": {"items": {"type": "array", "items": reference(one)}}}),
        ),
        None => ("Done", reference(shape)),
    };
    match *status {
        "202" if *shape == "Sent" => {
            vec![("202", answer("Asked for; the answer is the same for every address", &schema))]
        }
        _ if key == "POST /api/invitations/accept" => vec![
            ("201", answer("A new account, signed in", &schema)),
            ("200", answer("Joined with the account that is signed in", &reference("Joined"))),
        ],
        "202" => vec![
            ("202", answer("Begun; `?wait=SECONDS` waits for the end", &schema)),
            ("200", answer("Over", &schema)),
        ],
        status => vec![(status, answer(description, &schema))],
    }
}

/// Returns all shapes as schemas.
pub(super) fn schemas() -> Map<String, Value> {
    let all = SHAPES.iter().chain(life::SHAPES);
    all.map(|(name, shape)| ((*name).to_owned(), schema(shape))).collect()
}

fn schema(shape: &str) -> Value {
    let (mut properties, mut required) = (Map::new(), vec![]);
    for (name, kind) in shape.split_whitespace().filter_map(|part| part.split_once(':')) {
        match name.strip_suffix('?') {
            Some(name) => drop(properties.insert(name.to_owned(), property(kind))),
            None => {
                required.push(name);
                properties.insert(name.to_owned(), property(kind));
            }
        }
    }
    json!({"type": "object", "required": required, "properties": properties})
}

fn property(kind: &str) -> Value {
    if let Some(list) = kind.strip_suffix("*?") {
        return json!({"type": ["array", "null"], "items": property(list)});
    }
    if let Some(one) = kind.strip_suffix('*') {
        return json!({"type": "array", "items": property(one)});
    }
    let (kind, nullable) = kind.strip_suffix('?').map_or((kind, false), |kind| (kind, true));
    let base = match kind {
        "any" => return json!({}),
        "instant" => json!({"type": "string", "format": "date-time"}),
        "email" => json!({"type": "string", "format": "email"}),
        name if name.starts_with(|c: char| c.is_ascii_uppercase()) => reference(name),
        plain => json!({"type": plain}),
    };
    match (nullable, base) {
        (true, base) if base.get("$ref").is_some() => json!({"anyOf": [base, {"type": "null"}]}),
        (true, Value::Object(mut map)) => {
            let kind = map.remove("type").unwrap_or_default();
            map.insert("type".into(), json!([kind, "null"]));
            map.into()
        }
        (_, base) => base,
    }
}
