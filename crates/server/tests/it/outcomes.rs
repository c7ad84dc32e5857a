//! Information that callers can get with ids of outcomes that they invent. `postgres_outage` has real ids.

use super::{
    app::{Client, TestApp},
    records::patient,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// Returns the id that a write of this caller in doubt would have.
pub(crate) async fn outcome_id(of: &Client, tenant: i64, doubt: &str) -> String {
    let me = of.get("/api/me").await.expect(200).json();
    let by = blake3::hash(me["actor"].as_str().unwrap().as_bytes()).to_hex();
    URL_SAFE_NO_PAD.encode(format!("write {} {tenant} {doubt}", &by[..16]))
}

#[tokio::test]
async fn an_id_tells_no_more_than_its_caller_could_find_out_by_writing() {
    let (app, anon, acme) = TestApp::new().await;
    let rival = app.register("rival").await;
    let made = acme.post("/api/records/patients", &patient("Ada")).await.expect(201).json();
    let at: jiff::Timestamp = made["created_at"].as_str().unwrap().parse().unwrap();
    let doubt = |tenant| format!("create.patients.{}.1.{}.{tenant}.7", made["id"], at.as_microsecond());
    let ask = async |of: &Client, id: &str| of.get(&format!("/api/outcomes/{id}")).await;
    let own = outcome_id(&acme, 1, &doubt(1)).await;
    assert_eq!(ask(&acme, &own).await.expect(200).json()["outcome"], "stored");
    ask(&anon, &own).await.expect(401);
    ask(&rival, &own).await.expect(404);
    // A caller who puts itself in the place of the other still has to enter the tenant.
    ask(&rival, &outcome_id(&rival, 1, &doubt(1)).await).await.expect(404);
    ask(&acme, &outcome_id(&acme, 0, &doubt(1)).await).await.expect(404);
    // A caller who may not create records cannot ask about them.
    let viewer = app.member(&acme, "v@acme.example", "viewer").await;
    ask(&viewer, &outcome_id(&viewer, 1, &doubt(1)).await).await.expect(403);
    ask(&acme, &outcome_id(&acme, 1, "create.none.1.1.1").await).await.expect(404);
    let gone = outcome_id(&acme, 1, "create.patients.77.1.1").await;
    assert_eq!(ask(&acme, &gone).await.expect(200).json()["outcome"], "unknown");
    let action = URL_SAFE_NO_PAD.encode("action 1 x");
    assert_eq!(ask(&acme, &action).await.expect(200).json()["outcome"], "not_stored");
    for id in ["x", "write", "%20"] {
        ask(&acme, id).await.expect(404);
    }
}
