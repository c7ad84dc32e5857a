//! T11 for acts on the whole fleet: each leaves its rows, through the API and through its form.

use super::{
    app::TestApp,
    audited::{self, Stage},
    web::Web,
};
use serde_json::json;
use tenantry_server::http::Options;

/// Routes of the API that act on the whole fleet, and the actions that each leaves in the log, in order.
pub(super) const API: &[(&str, &str, &[&str])] = &[
    // Nothing is behind, so no database is migrated.
    ("POST", "/api/admin/migrations", &["migrations.run"]),
    ("POST", "/api/admin/proofs", &["proof.run", "proof.record"]),
    // A source without documents.
    ("POST", SHARED_IMPORT, &["shared_import.run", "shared_import.record"]),
    // A dry run.
    ("POST", "/api/admin/migrations/check", &[]),
];

/// The route that imports a shared database.
const SHARED_IMPORT: &str = "/api/admin/shared-imports";

/// The form that sends an archive.
pub(super) const IMPORT: &str = "/master-admin/import/";

/// Route of a form, the route of the API that does the same, and the fields that are filled in.
type Form = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// Forms that do the same.
pub(super) const FORMS: &[Form] = &[
    ("/master-admin/migrations/run/", "/api/admin/migrations", &[]),
    ("/master-admin/proof/run/", "/api/admin/proofs", &[]),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_act_on_the_fleet_is_in_the_log() {
    let app = TestApp::configured(&audited::settings(), Options::default()).await;
    let staff = app.staff().await;
    let stage = Stage::set(&app, &staff, 9000).await;
    let source = app.platform().config().platform.data_dir.join("imports/old/shared");
    std::fs::create_dir_all(source).unwrap();
    let actions = async |start: i64| -> Vec<String> {
        let rows = stage.since(start).await;
        rows.iter().map(|row| row["action"].as_str().unwrap().to_owned()).collect()
    };
    for (_, path, wanted) in API {
        let start = stage.count().await;
        let body = match *path {
            SHARED_IMPORT => json!({"mapping": "[collections.cities]", "files": "old", "database": "shared"}),
            _ => json!({}),
        };
        let answer = staff.post(&format!("{path}?wait=60"), &body).await;
        let answer = if answer.status == 400 { staff.post(path, &body).await } else { answer };
        assert!(answer.status.is_success(), "{path}: {}", answer.text());
        assert_eq!(actions(start).await, *wanted, "{path}");
    }
    let mut web = Web::signed_in(&app, "staff@platform.example").await;
    for (form, path, fields) in FORMS {
        let page = web.get(form).await.expect(200);
        let start = stage.count().await;
        let sent = web.submit(&page, "", fields).await.expect(303);
        if let Some(rest) = sent.location().strip_prefix("/master-admin/operations/") {
            let id = rest.trim_end_matches('/').parse().unwrap();
            app.platform().operations().wait(id).await.unwrap();
        }
        let wanted = API.iter().find(|act| act.1 == *path).unwrap().2;
        assert_eq!(actions(start).await, *wanted, "{form}");
    }
    let archive = stage.owner.get("/api/tenant/export").await.expect(200).body;
    let page = web.get(IMPORT).await.expect(200);
    let start = stage.count().await;
    let nothing = web.send_file(&page, "", &[("slug", "moved-in")], None).await.expect(422);
    assert!(nothing.text().contains("Choose the archive"), "{}", nothing.text());
    let file = Some(("firm.zip", &archive[..]));
    let sent = web.send_file(&page, "", &[("slug", "moved-in")], file).await.expect(303);
    let id = sent.location().trim_end_matches('/').rsplit('/').next().unwrap().parse().unwrap();
    app.platform().operations().wait(id).await.unwrap();
    assert_eq!(actions(start).await, ["tenant.import", "tenant.create"], "{IMPORT}");
    web.get("/master-admin/companies/moved-in/").await.expect(200);
}
