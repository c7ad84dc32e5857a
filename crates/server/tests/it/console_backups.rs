//! The forms about the backups of all companies, in pages.

use super::{
    app::{Client, TestApp},
    console_data::filled,
    web::{Page, Web},
};
use serde_json::{Value, json};

const STAFF: &str = "staff@platform.example";

/// Waits for the operation to which a form led, and returns its final state and result.
async fn over(app: &TestApp, sent: &Page) -> (String, Value) {
    assert_eq!(sent.status, 303, "{}", sent.text());
    let id = sent.location().trim_end_matches('/').rsplit('/').next().unwrap().parse().unwrap();
    let one = app.platform().operations().wait(id).await.unwrap();
    (format!("{:?}", one.state), one.result.unwrap_or_default())
}

/// Returns the slugs of all backups; an empty text stands for the platform's own.
async fn backed_up(staff: &Client) -> Vec<String> {
    let all = staff.get("/api/admin/backups").await.expect(200).json();
    let slugs =
        all["items"].as_array().unwrap().iter().map(|one| one["slug"].as_str().unwrap_or("").to_owned());
    slugs.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_forms_about_backups_do_what_they_say() {
    let (app, _) = filled().await;
    let (mut web, staff) = (Web::signed_in(&app, STAFF).await, app.login(STAFF).await);
    // A run over one company, and none over a company that does not exist.
    let form = web.get("/master-admin/backups/run/").await.expect(200);
    let refused = web.submit(&form, "", &[("tenants", "acme nobody")]).await.expect(422);
    assert!(
        refused.body.contains("id=\"tenants-wrong\"") && refused.text().contains("acme nobody"),
        "{}",
        refused.text()
    );
    let begun = web.submit(&refused, "", &[("tenants", "acme"), ("system", "")]).await;
    assert_eq!(over(&app, &begun).await.0, "Done");
    assert_eq!(backed_up(&staff).await, ["acme"]);
    // The backup as a new company: no member of the first one gets its rows unasked.
    let backup = staff.get("/api/admin/backups").await.json()["items"][0]["id"].as_str().unwrap().to_owned();
    let form = web.get(&format!("/master-admin/backups/{backup}/restore-as/")).await.expect(200);
    let taken = web.submit(&form, "", &[("slug", "rival")]).await;
    assert!(taken.status == 409 || taken.status == 422, "{} {}", taken.status, taken.text());
    let begun = web.submit(&form, "", &[("slug", "again"), ("name", "Again")]).await;
    assert_eq!(over(&app, &begun).await.0, "Done");
    let again = staff.get("/api/admin/tenants/again").await.expect(200).json();
    assert_eq!((&again["name"], &again["users"]), (&json!("Again"), &json!(0)), "{again}");
    // A drill of one company; retention; a scan of the store.
    let form = web.get("/master-admin/backups/drill/").await.expect(200);
    let refused = web.submit(&form, "", &[("tenant", "nobody")]).await.expect(422);
    assert!(refused.body.contains("id=\"tenant-wrong\""), "{}", refused.text());
    let begun = web.submit(&refused, "", &[("tenant", "acme")]).await;
    assert_eq!(over(&app, &begun).await.0, "Done");
    for act in ["prune", "rescan"] {
        let form = web.get(&format!("/master-admin/backups/{act}/")).await.expect(200);
        let begun = web.submit(&form, "", &[]).await;
        assert_eq!(over(&app, &begun).await.0, "Done", "{act}");
    }
    assert_eq!(backed_up(&staff).await, ["acme"], "retention keeps a new backup");
}
