//! T11 for rows: every route that changes records leaves one line per record in the log of the changed store, with the
//! actor: the tenant's own store or the shared one. Reading leaves none.

use super::{
    app::{Answer, Client, TestApp},
    records::patient,
};
use http::Method;
use rusqlite::{Connection, OpenFlags};
use serde_json::json;
use tenantry_testkit::{Settings, tried};

/// Method and path of a route, and the lines that it leaves: action, model.
type Logged = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// Routes that change records.
pub(super) const LOGGED: &[Logged] = &[
    ("POST", "/api/records/{model}", &[("create", "patients")]),
    ("PATCH", "/api/records/{model}", &[("update", "patients")]),
    ("DELETE", "/api/records/{model}", &[("delete", "patients")]),
    ("POST", "/api/records/{model}/batch", &[("create", "patients"), ("create", "patients")]),
    ("POST", "/api/records/{model}/import", &[("create", "patients"), ("create", "patients")]),
    ("PATCH", "/api/records/{model}/{id}", &[("update", "patients")]),
    ("DELETE", "/api/records/{model}/{id}", &[("delete", "patients")]),
    ("POST", "/api/tenant/fields/{model_name}", &[("update", "scans_custom_fields")]),
    ("PATCH", "/api/tenant/fields/{model_name}/{name}", &[("update", "scans_custom_fields")]),
    // No record takes a value any more, the record with a value loses it, and the field goes.
    (
        "DELETE",
        "/api/tenant/fields/{model_name}/{name}",
        &[("update", "scans_custom_fields"), ("update", "scans"), ("update", "scans_custom_fields")],
    ),
    ("POST", "/api/records/{model}/{id}/transitions/{name}", &[("update", "scans")]),
    ("PUT", "/api/records/{model}/{id}/override", &[("create", "clinics_overrides")]),
    ("DELETE", "/api/records/{model}/{id}/override", &[("delete", "clinics_overrides")]),
    ("PUT", "/api/records/{model}/{id}/files/{field}", &[("update", "scans")]),
    ("DELETE", "/api/records/{model}/{id}/files/{field}", &[("update", "scans")]),
];

const SCANS: &str = "store = \"tenant\"\naudit = true\ncustom_fields = true\n[fields.title]\ntype = \"text\"\n[fields.picture]\n\
    type = \"file\"\nmax_bytes = 1000\n[fields.state]\ntype = \"choice\"\nchoices = [\"open\", \"shut\"]\nrequired = true\n\
    default = \"open\"\n[workflow]\nfield = \"state\"\ninitial = \"open\"\n[workflow.transitions.close]\nfrom = [\"open\"]\n\
    to = \"shut\"\n[workflow.transitions.reopen]\nfrom = [\"shut\"]\nto = \"open\"\n";

/// The activity logs of databases, read by another SQLite client.
pub(super) struct Lines(Connection);

impl Lines {
    /// Opens the database with the first tenant's rows.
    pub(super) async fn open(app: &TestApp) -> Self {
        let shown = app.platform().tenants().show(&"acme".parse().unwrap()).await.unwrap();
        Self::of(app, shown.placements[0].place.physical.as_str())
    }

    pub(super) fn of(app: &TestApp, database: &str) -> Self {
        let path = app.platform().config().servers[0].path().unwrap().join(format!("{database}.db"));
        Self(Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap())
    }

    pub(super) fn number(&self, sql: &str) -> i64 {
        self.0.query_row(sql, [], |row| row.get(0)).unwrap_or_else(|e| panic!("{sql}: {e}"))
    }

    /// Returns the lines after this one: actor, action, model.
    pub(super) fn after(&self, last: i64) -> Vec<[String; 3]> {
        let sql = "SELECT actor, action, model FROM _tenantry_activity WHERE id > ?1 ORDER BY id";
        let mut statement = self.0.prepare(sql).unwrap();
        let rows = statement.query_map([last], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?]));
        rows.unwrap().map(Result::unwrap).collect()
    }

    pub(super) fn last(&self) -> i64 {
        self.number("SELECT coalesce(max(id), 0) FROM _tenantry_activity")
    }
}

async fn act(client: &Client, route: &str, id: i64) -> Answer {
    let (one, two) = (patient("Ash"), json!([patient("Elm"), patient("Oak")]));
    let (of_patients, of_scan) =
        (format!("/api/records/patients/{id}"), "/api/records/scans/1/files/picture");
    let clinic = "/api/records/clinics/1/override";
    match route {
        "POST /api/records/{model}" => client.post("/api/records/patients", &one).await,
        "PATCH /api/records/{model}" => {
            let path = format!("/api/records/patients?expect=1&id={id}");
            client.patch(&path, &json!({"notes": "all"})).await
        }
        "DELETE /api/records/{model}" => {
            client.delete(&format!("/api/records/patients?expect=1&id={id}")).await
        }
        "POST /api/records/{model}/batch" => client.post("/api/records/patients/batch", &two).await,
        "POST /api/records/{model}/import" => {
            let csv = "first_name,last_name,born_on\nA,B,1990-01-01\nC,D,soon\nE,F,1990-01-01\n";
            client.send(Method::POST, "/api/records/patients/import", Some("text/csv"), csv).await
        }
        "PATCH /api/records/{model}/{id}" => client.patch(&of_patients, &json!({"notes": "n"})).await,
        "DELETE /api/records/{model}/{id}" => client.delete(&of_patients).await,
        "POST /api/tenant/fields/{model_name}" => {
            let field = json!({"name": "dose", "label": "Dose", "type": "integer"});
            client.post("/api/tenant/fields/scans", &field).await
        }
        "PATCH /api/tenant/fields/{model_name}/{name}" => {
            client.patch("/api/tenant/fields/scans/dose", &json!({"label": "Dose in mGy"})).await
        }
        "DELETE /api/tenant/fields/{model_name}/{name}" => {
            client.delete("/api/tenant/fields/scans/dose").await
        }
        "POST /api/records/{model}/{id}/transitions/{name}" => {
            let scan = "/api/records/scans/1/transitions";
            let offered = client.get(scan).await.expect(200).json()["transitions"][0]["name"].clone();
            client.post(&format!("{scan}/{}", offered.as_str().unwrap()), &json!({})).await
        }
        "PUT /api/records/{model}/{id}/override" => client.put(clinic, &json!({"phone": "5"})).await,
        "DELETE /api/records/{model}/{id}/override" => client.delete(clinic).await,
        "PUT /api/records/{model}/{id}/files/{field}" => {
            client.send(Method::PUT, of_scan, Some("text/plain"), "x").await
        }
        "DELETE /api/records/{model}/{id}/files/{field}" => client.delete(of_scan).await,
        other => panic!("no act for {other}"),
    }
}

async fn setting(isolation: &str) -> (TestApp, Client, Client) {
    let app = TestApp::with_own("scans", SCANS, &Settings::default().isolation(isolation)).await;
    let staff = app.staff().await;
    staff.post("/api/records/regions", &json!({"name": "North", "code": "N"})).await.expect(201);
    staff.post("/api/records/cities", &json!({"name": "Ahlen", "region": 1})).await.expect(201);
    staff.post("/api/records/clinics", &json!({"name": "Elm Street", "city": 1})).await.expect(201);
    let acme = app.register("acme").await;
    acme.post("/api/records/scans", &json!({"title": "x"})).await.expect(201);
    let room = json!({"name": "room", "label": "Room", "type": "text"});
    acme.post("/api/tenant/fields/scans", &room).await.expect(201);
    (app, acme, staff)
}

#[tokio::test]
async fn every_change_of_a_record_is_in_its_companys_log_by_who_did_it() {
    let mut rows = 0;
    for isolation in ["database", "pooled"] {
        let (app, acme, _) = setting(isolation).await;
        let key =
            acme.post("/api/tenant/keys", &json!({"name": "k", "role": "owner"})).await.expect(201).json();
        let key = app.anon().with("x-api-key", key["key"].as_str().unwrap());
        let lines = Lines::open(&app).await;
        for (who, client) in [("user:", &acme), ("key:", &key)] {
            for (method, path, wanted) in LOGGED {
                if *method == "DELETE" && path.contains("/fields/") {
                    acme.patch("/api/records/scans/1", &json!({"custom": {"dose": 3}})).await.expect(200);
                }
                let (route, last) = (format!("{method} {path}"), lines.last());
                let id = lines.number("SELECT coalesce(max(id), 0) FROM patients");
                let answer = act(client, &route, id).await;
                assert!(answer.status.is_success(), "{route}: {}", answer.text());
                let found = lines.after(last);
                let told: Vec<_> =
                    found.iter().map(|[_, action, model]| (action.as_str(), model.as_str())).collect();
                assert_eq!(told, *wanted, "{route} {isolation}");
                assert!(found.iter().all(|line| line[0].starts_with(who)), "{route}: {found:?}");
                rows += found.len() as u64;
            }
        }
        let last = lines.last();
        for path in ["patients", "patients/1", "patients/export", "scans/1/files/picture", "clinics/1"] {
            acme.get(&format!("/api/records/{path}")).await;
        }
        acme.post("/api/records/patients", &json!({"first_name": "A"})).await.expect(422);
        assert_eq!(lines.last(), last, "who reads, or is refused, leaves no line");
    }
    tried("T11 changes of records", rows, "each with its line");
}

/// Staff change shared data. The log of the shared store names them, whatever the model's setting is.
#[tokio::test]
async fn every_change_of_what_all_share_is_logged_with_the_member_of_staff() {
    let (app, _, staff) = setting("database").await;
    let lines = Lines::of(&app, "shared");
    let last = lines.last();
    staff.post("/api/records/regions", &json!({"name": "South", "code": "S"})).await.expect(201);
    staff.patch("/api/records/regions/2", &json!({"code": "SO"})).await.expect(200);
    staff.delete("/api/records/regions/2").await.expect(204);
    let csv = "name,code\nEast,E\n";
    staff.send(Method::POST, "/api/records/regions/import", Some("text/csv"), csv).await.expect(200);
    let me = staff.get("/api/me").await.expect(200).json()["actor"].as_str().unwrap().to_owned();
    let wanted =
        ["create", "update", "delete", "create"].map(|action| [me.clone(), action.into(), "regions".into()]);
    assert_eq!(lines.after(last), wanted);
}
