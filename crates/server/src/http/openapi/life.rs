//! Bodies and answers of the routes for a tenant's life: operations, backups, moves, copies, cancellation.
//!
//! Used by `bodies` and `answers`, which contain the others, and written in the same notation.

use super::{
    bodies::object,
    formats::{email, flag, name, number, query, slug, text},
};
use serde_json::{Value, json};

/// Route, status, shape.
pub(super) const ANSWERS: &[(&str, &str, &str)] = &[
    ("GET /api/admin/operations", "200", "Operation*"),
    ("GET /api/admin/operations/{id}", "200", "Operation"),
    ("POST /api/admin/operations/{id}/cancel", "202", "Operation"),
    ("POST /api/admin/operations/{id}/retry", "202", "Operation"),
    ("POST /api/admin/operations/{id}/abandon", "200", "Operation"),
    ("GET /api/admin/orphans", "200", "Orphan*"),
    ("GET /api/tenant/operations", "200", "OwnOperation*"),
    ("POST /api/admin/tenants/{slug}/move", "202", "Operation"),
    ("POST /api/admin/tenants/{slug}/promote", "202", "Operation"),
    ("POST /api/admin/tenants/{slug}/demote", "202", "Operation"),
    ("POST /api/admin/tenants/{slug}/release", "200", "Released"),
    ("POST /api/admin/tenants/{slug}/maintenance", "200", "Company"),
    ("POST /api/admin/tenants/{slug}/clone", "202", "Operation"),
    ("POST /api/admin/import", "202", "Operation"),
    ("POST /api/admin/tenants/{slug}/rename", "200", "Company"),
    ("POST /api/admin/tenants/{slug}/retire", "200", "Company"),
    ("POST /api/admin/tenants/{slug}/keep", "200", "Company"),
    ("GET /api/admin/tenants/{slug}/survey", "200", "Survey"),
    ("POST /api/admin/tenants/{slug}/purge", "202", "Operation"),
    ("GET /api/admin/tenants/{slug}/certificate", "200", "Certificate"),
    ("POST /api/tenant/cancel", "200", "Ending"),
    ("DELETE /api/tenant/cancel", "200", "Ending"),
    ("GET /api/admin/backups", "200", "Backup*"),
    ("GET /api/admin/tenants/{slug}/backups", "200", "Backup*"),
    ("GET /api/admin/backups/{id}", "200", "BackupWhole"),
    ("GET /api/admin/backups/status", "200", "BackupStatus"),
    ("GET /api/admin/backups/drill", "200", "RestoreDrill"),
    ("POST /api/admin/backups/drill", "202", "Operation"),
    ("GET /api/admin/backups/runs", "200", "BackupRun*"),
    ("POST /api/admin/backups/prune", "200", "Pruned"),
    ("POST /api/admin/backups/rescan", "200", "Rescanned"),
    ("POST /api/admin/backups", "202", "Operation"),
    ("POST /api/admin/tenants/{slug}/backups", "202", "Operation"),
    ("POST /api/admin/backups/{id}/verify", "202", "Operation"),
    ("POST /api/admin/backups/{id}/restore-as", "202", "Operation"),
    ("GET /api/admin/tenants/{slug}/restore", "200", "Beside"),
    ("POST /api/admin/tenants/{slug}/restore", "202", "Operation"),
    ("POST /api/admin/tenants/{slug}/restore/swap", "202", "Operation"),
    ("POST /api/admin/tenants/{slug}/restore/undo", "202", "Operation"),
    ("GET /api/tenant/backups", "200", "OwnBackup*"),
    ("POST /api/tenant/backups", "202", "OwnBackupBegun"),
];

pub(super) const SHAPES: &[(&str, &str)] = &[
    ("Ends", "cancelled_at:instant closes_at:instant purges_at:instant"),
    ("Ending", "slug:string ends:Ends?"),
    (
        "Operation",
        "id:integer kind:string what:string tenant:integer? slug:string? state:string cursor:integer steps:Step* \
         progress:Amount? result:any cancel_requested:boolean past_return:boolean stuck:boolean resting:boolean \
         actor:string reason:string? code:string? error:string? attempts:integer started_at:instant updated_at:instant",
    ),
    ("Step", "name:string state:string"),
    ("Amount", "done:integer total:integer unit:string"),
    (
        "OwnOperation",
        "id:integer kind:string what:string state:string progress:Amount? reason:string? code:string? started_at:instant \
         updated_at:instant",
    ),
    (
        "Orphan",
        "kind:string server?:string file?:string bytes?:integer modified_at?:instant holds?:string \
         physical?:string store?:string tenant?:integer? place?:Place",
    ),
    ("Released", "released:integer"),
    ("Survey", "tenant:integer slug:string state:string ends:Ends? traces:Trace*"),
    ("Trace", "what:string place:string count:integer bytes:integer? fate:string detail?:any"),
    ("Certificate", "row:integer at:instant by:string detail:object hash:string"),
    (
        "Backup",
        "id:string tenant:integer? slug:string? state:string reason:string schedule:string? run:integer? at:instant \
 rows:integer bytes:integer stored_bytes:integer by:string error:string? verified_at:instant?",
    ),
    (
        "BackupWhole",
        "id:string tenant:integer? slug:string? state:string reason:string schedule:string? run:integer? at:instant \
 rows:integer bytes:integer stored_bytes:integer by:string error:string? verified_at:instant? \
 manifest:Manifest?",
    ),
    (
        "Manifest",
        "format:integer id:string platform:string tenant:ManifestCompany? at:instant by:string reason:string \
         schedule:string? compression:integer apps:ManifestApp* stores:ManifestStore* files:ManifestFiles?",
    ),
    ("ManifestCompany", "id:integer slug:string name:string created_at?:instant"),
    ("ManifestApp", "app:string version:string? migration:string?"),
    (
        "ManifestStore",
        "store:string isolation:string generation:integer schema:string rows:integer tables:ManifestTable* \
         raw:Stored object:string stored:Stored",
    ),
    ("ManifestTable", "model:string rows:integer blake3:string"),
    ("ManifestFiles", "files:integer bytes:integer object:string stored:Stored"),
    ("Stored", "bytes:integer blake3:string"),
    (
        "BackupStatus",
        "target:string inside_data_dir:boolean newest:instant? age_seconds:integer? good:integer \
         stored_bytes:integer failed_day:integer damaged:integer tenants_without:integer overdue:integer schedules:BackupSchedule* \
         drill:RestoreDrill",
    ),
    (
        "RestoreDrill",
        "cron:string? next:instant? last_at:instant? backup:string? error:string? good:instant? overdue:boolean",
    ),
    ("BackupSchedule", "name:string cron:string next:instant? good:instant? overdue:boolean"),
    (
        "BackupRun",
        "id:integer schedule:string? slot:instant? by:string started_at:instant \
 finished_at:instant? good:integer failed:integer",
    ),
    ("Pruned", "removed:string*"),
    (
        "Rescanned",
        "found:integer taken_up:integer others:integer not_its:integer closed:integer damaged:integer",
    ),
    ("Beside", "backup:string state:string at:instant stores:StoreDifference*"),
    ("StoreDifference", "store:string models:ModelDifference*?"),
    ("ModelDifference", "model:string added:integer changed:integer removed:integer"),
    (
        "OwnBackup",
        "id:string state:string reason:string at:instant rows:integer bytes:integer verified_at:instant?",
    ),
    (
        "OwnBackupBegun",
        "id:integer kind:string what:string state:string progress:Amount? reason:string? code:string? started_at:instant \
         updated_at:instant backup:string",
    ),
];

/// Returns the JSON body of a route; `None` if it takes none.
pub(super) fn request(key: &str) -> Option<Value> {
    Some(match key {
        "POST /api/admin/tenants/{slug}/purge" => {
            object(&["confirm", "id"], json!({"confirm": text(), "id": number(), "early": flag()}))
        }
        "POST /api/admin/tenants/{slug}/clone" => object(
            &["slug"],
            json!({
                "slug": slug(), "name": text(), "email": email(), "plan": name(), "owner": email(),
                "reason": text(), "blank_personal": flag(),
            }),
        ),
        "POST /api/tenant/cancel" => object(&["confirm"], json!({"confirm": text(), "reason": text()})),
        "POST /api/admin/tenants/{slug}/rename" => object(&["slug"], json!({"slug": slug()})),
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

/// Describes the body of an import, which is an archive and not JSON; its options are in the query.
pub(super) fn describe(key: &str, operation: &mut Value) {
    if key == "POST /api/admin/import" {
        operation["requestBody"] = json!({"required": true, "content": {"application/zip": {}}});
        let mut required = query("slug", "The new tenant's name in URLs.", slug());
        required["required"] = json!(true);
        let others = [
            query("name", "The new tenant's name; as exported when it is left out.", text()),
            query("email", "The new tenant's address.", email()),
            query("plan", "The plan; the default one when it is left out.", name()),
            query("owner", "Address of a user who becomes the owner.", email()),
            query("reason", "Why; for the audit log.", text()),
        ];
        let own = operation["parameters"].as_array().cloned().unwrap_or_default();
        operation["parameters"] = std::iter::once(required).chain(others).chain(own).collect();
    }
}
