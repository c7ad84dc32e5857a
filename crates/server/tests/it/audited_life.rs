//! The slow part of T11: backups, restores, moves and attaching really happen, and their audit rows are checked.
//!
//! Called by `audited` for the routes that it does not handle.

use super::{app::Answer, audited::Stage, records::patient};
use serde_json::{Value, json};

impl Stage {
    /// Starts an operation on the tenant and waits for its end; returns its result.
    async fn done(&self, verb: &str, form: &Value) -> Value {
        let over = self.staff.post(&format!("{}?wait=60", self.at(verb)), form).await.expect(200).json();
        assert_eq!(over["state"], "done", "{over}");
        over["result"].clone()
    }

    async fn back_up(&self) -> String {
        self.done("backups", &json!({})).await["backup"].as_str().unwrap().to_owned()
    }

    /// Stages a restore of a new backup.
    async fn restored(&self) {
        let backup = self.back_up().await;
        self.done("restore", &json!({"backup": backup})).await;
    }

    /// Returns an operation that has failed and rests, because its undo failed too.
    async fn stuck(&self) -> Value {
        let faults = self.app.platform().operations().faults();
        faults.arm("provision:activate:before:fail");
        faults.arm("provision:databases:undo-before:fail");
        let form = json!({"slug": format!("stuck-{}", self.slug), "company": "S", "email": "s@x.example"});
        self.staff.post("/api/admin/tenants", &form).await.expect(500);
        let open = self.staff.get("/api/admin/operations?open=true").await.expect(200).json();
        open["items"][0]["id"].clone()
    }

    /// Changes the catalog without the platform's verbs.
    async fn catalog(&self, sql: &str) {
        assert_eq!(self.app.catalog(sql).await, 1, "{sql}");
    }
}

/// Creates the objects that must exist before acts that need a backup, a move or a brought database.
pub(super) async fn before(s: &Stage, route: &str) -> Value {
    match route {
        "POST /api/admin/tenants/{slug}/attach" => {
            let root = s.app.platform().config().servers[0].path().unwrap();
            std::fs::write(root.join(format!("visits_{}.db", s.slug)), b"").unwrap();
        }
        "POST /api/admin/tenants/{slug}/promote" | "POST /api/admin/tenants/{slug}/promote/check" => {
            drop(s.done("demote", &json!({})).await)
        }
        "POST /api/admin/tenants/{slug}/release" => drop(s.done("move", &json!({"server": "disk"})).await),
        "POST /api/tenant/restore"
        | "POST /api/admin/tenants/{slug}/restore"
        | "POST /api/admin/backups/{id}/verify"
        | "POST /api/admin/backups/drill"
        | "POST /api/admin/backups/{id}/restore-as" => return json!(s.back_up().await),
        "POST /api/tenant/restore/records" => {
            let made = s.owner.post("/api/records/patients", &patient("Ash")).await.expect(201).json();
            s.restored().await;
            return made["id"].clone();
        }
        "DELETE /api/tenant/restore"
        | "DELETE /api/admin/tenants/{slug}/restore"
        | "POST /api/admin/tenants/{slug}/restore/swap" => {
            s.restored().await;
        }
        "POST /api/admin/tenants/{slug}/restore/undo" => {
            s.restored().await;
            s.done("restore/swap", &json!({})).await;
        }
        "POST /api/admin/backups/rescan" => {
            let backup = s.back_up().await;
            s.catalog(&format!("DELETE FROM backups WHERE id = '{backup}'")).await;
        }
        "POST /api/admin/backups/prune" => {
            let (old, new, day_us) = (s.back_up().await, s.back_up().await, 86_460_000_000_i64);
            // Two backups of the same past day.
            s.catalog(&format!("UPDATE backups SET at = at - {day_us} WHERE id = '{new}'")).await;
            let of_new = format!("SELECT at - 1 FROM backups WHERE id = '{new}'");
            s.catalog(&format!("UPDATE backups SET at = ({of_new}) WHERE id = '{old}'")).await;
        }
        "POST /api/admin/operations/{id}/cancel" => {
            s.app.platform().operations().faults().arm("backup:take:before:wait-400");
            let begun = s.staff.post(&s.at("backups"), &json!({})).await.expect(202).json();
            return begun["id"].clone();
        }
        "POST /api/admin/operations/{id}/retry" | "POST /api/admin/operations/{id}/abandon" => {
            return s.stuck().await;
        }
        "POST /api/admin/users/{id}/unlock" => {
            let values = "(user_id, network, failed, locked_until, at)";
            s.catalog(&format!("INSERT INTO login_failures {values} VALUES ({}, '', 10, 1, 1)", s.member))
                .await;
        }
        _ => {}
    }
    Value::Null
}

/// Performs backups, restores, moves and attaching.
pub(super) async fn act(s: &Stage, route: &str, ready: &Value, n: usize) -> Answer {
    let (staff, none) = (&s.staff, json!({}));
    let waiting = |end: &str| format!("{}?wait=60", s.at(end));
    let backup = |end: &str| format!("/api/admin/backups/{}/{end}?wait=60", ready.as_str().unwrap());
    match route {
        "POST /api/admin/tenants/{slug}/attach" => {
            staff.post(&s.at("attach"), &json!({"store": "visits"})).await
        }
        "POST /api/admin/tenants/{slug}/move" => {
            staff.post(&waiting("move"), &json!({"server": "disk"})).await
        }
        "POST /api/admin/tenants/{slug}/promote" => staff.post(&waiting("promote"), &none).await,
        "POST /api/admin/tenants/{slug}/demote" => staff.post(&waiting("demote"), &none).await,
        "POST /api/admin/tenants/{slug}/move/check" => {
            staff.post(&s.at("move/check"), &json!({"server": "disk"})).await
        }
        "POST /api/admin/tenants/{slug}/promote/check" => staff.post(&s.at("promote/check"), &none).await,
        "POST /api/admin/tenants/{slug}/demote/check" => staff.post(&s.at("demote/check"), &none).await,
        "POST /api/admin/tenants/{slug}/release" => staff.post(&s.at("release"), &none).await,
        "POST /api/admin/tenants/{slug}/backups" => staff.post(&waiting("backups"), &none).await,
        "POST /api/tenant/backups" => s.owner.post("/api/tenant/backups?wait=60", &none).await,
        "POST /api/admin/backups" => {
            staff.post("/api/admin/backups?wait=60", &json!({"tenants": [s.slug]})).await
        }
        "POST /api/admin/backups/{id}/verify" => staff.post(&backup("verify"), &none).await,
        "POST /api/admin/backups/{id}/restore-as" => {
            let name = format!("then-{n}");
            let new = json!({"slug": name, "members": true, "reason": "they look at the old rows"});
            staff.post(&backup("restore-as"), &new).await
        }
        "POST /api/admin/backups/prune" => staff.post("/api/admin/backups/prune?wait=60", &none).await,
        "POST /api/admin/backups/rescan" => staff.post("/api/admin/backups/rescan?wait=60", &none).await,
        "POST /api/tenant/restore" => {
            s.owner.post("/api/tenant/restore?wait=60", &json!({"backup": ready})).await
        }
        "POST /api/tenant/restore/records" => {
            let one = json!({"model": "patients", "ids": [ready]});
            s.owner.post("/api/tenant/restore/records", &one).await
        }
        "DELETE /api/tenant/restore" => s.owner.delete("/api/tenant/restore").await,
        "POST /api/admin/tenants/{slug}/restore" => {
            staff.post(&waiting("restore"), &json!({"backup": ready})).await
        }
        "DELETE /api/admin/tenants/{slug}/restore" => staff.delete(&s.at("restore")).await,
        "POST /api/admin/tenants/{slug}/restore/swap" => staff.post(&waiting("restore/swap"), &none).await,
        "POST /api/admin/tenants/{slug}/restore/undo" => staff.post(&waiting("restore/undo"), &none).await,
        "POST /api/admin/operations/{id}/abandon" => {
            staff.post(&format!("/api/admin/operations/{ready}/abandon"), &none).await
        }
        "POST /api/admin/backups/drill" => {
            staff.post("/api/admin/backups/drill?wait=60", &json!({"tenant": s.slug})).await
        }
        "POST /api/admin/operations/{id}/cancel" | "POST /api/admin/operations/{id}/retry" => {
            let verb = route.rsplit('/').next().unwrap();
            staff.post(&format!("/api/admin/operations/{ready}/{verb}?wait=60"), &none).await
        }
        "POST /api/admin/users/{id}/unlock" => {
            staff.post(&format!("/api/admin/users/{}/unlock", s.member), &none).await
        }
        "POST /api/tenant/sql" => {
            s.owner.post("/api/tenant/sql", &json!({"sql": "SELECT count(*) FROM patients"})).await
        }
        other => panic!("no act for {other}"),
    }
}
