//! Licences over HTTP and at the command line: what they grant and for how long, and keys that products verify offline. On
//! SQLite and PostgreSQL.

use super::{
    app::{Client, TestApp},
    binary,
    records::patient,
};
use serde_json::{Value, json};
use std::{fs, future::Future};
use tenantry::{
    clock::{DAY_US, iso},
    config::DEFAULT_TOML,
    internals,
    licences::{Claims, PublicKey, SigningKey},
    place::Isolation,
    plans::Limits,
};
use tenantry_server::http::Options;
use tenantry_testkit::postgres::servers;

/// A private key as `openssl genpkey -algorithm ed25519` writes it. Only tests use it.
const SIGNING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/licence-signing.pem");

/// Returns the line of `[licences]` that names the key.
pub(super) fn signing() -> String {
    format!("signing_key_file = {SIGNING:?}")
}

fn configuration() -> String {
    DEFAULT_TOML.replace("[licences]\n", &format!("[licences]\n{}\n", signing()))
}

fn signer() -> SigningKey {
    SigningKey::parse(&fs::read_to_string(SIGNING).unwrap()).unwrap()
}

/// Returns an app with a signing key, and its stores in files unless the suite runs on PostgreSQL.
pub(super) async fn here() -> TestApp {
    TestApp::configured(&configuration(), Options::default()).await
}

/// Runs the test with the control store in a file, and on every PostgreSQL server.
pub(super) async fn everywhere<F: Future<Output = ()>>(test: impl Fn(TestApp) -> F) {
    test(here().await).await;
    for url in servers() {
        test(TestApp::all_on_postgres_with(&url, Isolation::Schema, None, &configuration()).await).await;
    }
}

const ACME: &str = "/api/admin/tenants/acme/licence";

async fn issue(staff: &Client, terms: &Value) -> Value {
    staff.put(ACME, terms).await.expect(200).json()
}

async fn features(client: &Client) -> Vec<String> {
    let shown = client.get("/api/tenant").await.expect(200).json();
    shown["features"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_licence_adds_features_and_replaces_limits_until_it_is_suspended() {
    everywhere(async |app| {
        let (acme, rival, staff) =
            (app.register("acme").await, app.register("rival").await, app.staff().await);
        assert_eq!(acme.get("/api/tenant/licence").await.expect(200).json(), json!({"licence": null}));
        staff.get(ACME).await.expect(404);
        let terms = json!({"license_type": "enterprise", "features": ["forecasts"], "limits": {"rows": 1}});
        let issued = issue(&staff, &terms).await;
        assert_eq!(issued["state"], "active", "{issued}");
        let own = acme.get("/api/tenant/licence").await.expect(200).json();
        assert_eq!(own["licence"]["license_type"], "enterprise", "{own}");
        assert!(own["licence"].get("key").is_none(), "{own}");
        assert!(features(&acme).await.contains(&"forecasts".to_owned()));
        assert!(!features(&rival).await.contains(&"forecasts".to_owned()));
        assert_eq!(rival.get("/api/tenant/licence").await.expect(200).json(), json!({"licence": null}));
        acme.post("/api/records/patients", &patient("Ada")).await.expect(201);
        let over = acme.post("/api/records/patients", &patient("Eve")).await;
        assert!(over.status.is_client_error(), "{}", over.text());
        rival.post("/api/records/patients", &patient("Ada")).await.expect(201);
        rival.post("/api/records/patients", &patient("Eve")).await.expect(201);
        // A suspended licence leaves the plan as it is, from the next request on.
        staff.patch(ACME, &json!({"status": "suspended"})).await.expect(200);
        assert!(!features(&acme).await.contains(&"forecasts".to_owned()));
        acme.post("/api/records/patients", &patient("Eve")).await.expect(201);
        staff.post(&format!("{ACME}/renew"), &json!({})).await.expect(409);
        staff.patch(ACME, &json!({"status": "active"})).await.expect(200);
        assert!(features(&acme).await.contains(&"forecasts".to_owned()));
        let listed =
            staff.get("/api/admin/licences?status=active&license_type=enterprise").await.expect(200).json();
        assert_eq!(listed["items"][0]["slug"], "acme", "{listed}");
        let none = staff.get("/api/admin/licences?status=revoked").await.expect(200).json();
        assert_eq!(none["items"], json!([]), "{none}");
        let verified = staff.get("/api/admin/audit/verify").await.expect(200).json();
        assert_eq!(verified["faults"], json!([]), "{verified}");
    })
    .await;
}

#[tokio::test]
async fn only_time_that_passes_ends_a_licence() {
    everywhere(async |app| {
        let (acme, staff) = (app.register("acme").await, app.staff().await);
        let end = iso(app.clock().now_us() + 30 * DAY_US).unwrap();
        let terms =
            json!({"license_type": "year", "expires_at": end, "grace_days": 10, "features": ["forecasts"]});
        issue(&staff, &terms).await;
        let is_granted = async || {
            app.platform().refresh().await.unwrap();
            let id = tenantry::name::TenantId::from_raw(1);
            let record = app.platform().access().directory().tenant(id).await.unwrap();
            assert_eq!(record.slug.as_str(), "acme");
            record.entitlements(app.clock()).has("forecasts")
        };
        assert!(is_granted().await);
        app.clock().jump_us(800 * DAY_US);
        assert!(is_granted().await, "a clock that is set forward ends no licence");
        app.clock().jump_us(-800 * DAY_US);
        app.clock().advance_us(39 * DAY_US);
        assert!(is_granted().await, "the grace days are part of the licence");
        app.clock().advance_us(2 * DAY_US);
        assert!(!is_granted().await);
        app.clock().jump_us(-800 * DAY_US);
        assert!(!is_granted().await, "a clock that is set back revives no licence");
        app.clock().jump_us(800 * DAY_US);
        let staff = app.login("staff@platform.example").await;
        let shown = staff.get(ACME).await.expect(200).json();
        assert_eq!(shown["state"], "expired", "{shown}");
        let end = iso(app.clock().now_us() + 30 * DAY_US).unwrap();
        staff.post(&format!("{ACME}/renew"), &json!({"expires_at": end})).await.expect(200);
        assert!(is_granted().await);
        drop(acme);
    })
    .await;
}

#[tokio::test]
async fn a_key_that_was_replaced_or_revoked_is_in_the_signed_list() {
    everywhere(async |app| {
        app.register("acme").await;
        let (anon, staff) = (app.anon(), app.staff().await);
        let now = app.clock().now_us();
        let verify = async |key: &Value| {
            let list = anon.get("/api/licences/revoked").await.expect(200).json();
            let public = PublicKey::parse(list["public_key"].as_str().unwrap()).unwrap();
            assert_eq!(public, signer().public());
            let revoked = public.verify_revoked(list["revoked"].as_str().unwrap()).unwrap();
            public.verify(key.as_str().unwrap(), now + DAY_US, Some(&revoked)).map(|claims| claims.slug)
        };
        let first = issue(&staff, &json!({"license_type": "standard"})).await["key"].clone();
        assert_eq!(verify(&first).await.unwrap(), "acme");
        let end = iso(now + 30 * DAY_US).unwrap();
        let renewed = staff.post(&format!("{ACME}/renew"), &json!({"expires_at": end})).await.expect(200).json();
        assert!(verify(&first).await.unwrap_err().to_string().contains("revoked"));
        verify(&renewed["key"]).await.unwrap();
        staff.patch(ACME, &json!({"status": "revoked"})).await.expect(200);
        assert!(verify(&renewed["key"]).await.is_err());
        for (method, body) in [("resume", json!({"status": "active"})), ("suspend", json!({"status": "suspended"}))] {
            let refused = staff.patch(ACME, &body).await.expect(409);
            assert!(refused.text().contains("issue a new one"), "{method}: {}", refused.text());
        }
        let wrong = json!({"license_type": "", "grace_days": 99999, "features": ["A b"], "expires_at": "2001-01-01T00:00:00Z"});
        let refused = staff.put(ACME, &wrong).await.expect(422).text();
        for field in ["license_type", "grace_days", "features", "expires_at"] {
            assert!(refused.contains(field), "{field}: {refused}");
        }
    })
    .await;
}

#[tokio::test]
async fn lists_of_licences_use_their_indexes() {
    let app = TestApp::configured(&configuration(), Options::default()).await;
    let mut tx = internals::control(app.platform()).snapshot().await.unwrap();
    for (column, index) in [("status", "licences_status"), ("license_type", "licences_type")] {
        let sql = format!(
            "EXPLAIN QUERY PLAN SELECT * FROM licences l WHERE l.{column} = 'a' AND l.tenant > 1 ORDER BY l.tenant LIMIT 5"
        );
        let plan: Vec<_> =
            tx.query(&sql, &[]).await.unwrap().iter().map(|row| row.text(3).unwrap().to_owned()).collect();
        assert!(plan[0].contains(index) && plan.len() == 1, "{plan:?}");
    }
}

#[test]
fn a_key_is_verified_without_any_database() {
    let dir = tempfile::tempdir().unwrap();
    let claims = Claims {
        id: "k1".into(),
        installation: "here".into(),
        tenant: 1,
        slug: "acme".into(),
        license_type: "standard".into(),
        features: ["forecasts".to_owned()].into(),
        limits: Limits::default(),
        starts_at_us: 0,
        ends_at_us: Some(4_000_000_000_000_000),
    };
    let public = dir.path().join("public.pem");
    fs::write(&public, signer().public().to_pem()).unwrap();
    let key = signer().sign(&claims).unwrap();
    let run = |args: &[&str]| binary::run(dir.path(), args);
    let public = public.to_str().unwrap();
    let good = run(&["licence", "verify", &key, "--public-key", public]);
    assert!(good.status.success(), "{}", String::from_utf8_lossy(&good.stderr));
    assert!(String::from_utf8_lossy(&good.stdout).contains("valid: standard of acme"));
    let late = run(&["licence", "verify", &key, "--public-key", public, "--at", "2099-01-01T00:00:00Z"]);
    assert!(!late.status.success());
    assert!(
        String::from_utf8_lossy(&late.stderr).contains("expired"),
        "{}",
        String::from_utf8_lossy(&late.stderr)
    );
    let made = run(&["licence", "keygen", "own.pem"]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    assert!(!String::from_utf8_lossy(&made.stdout).contains("PRIVATE"));
    assert!(!run(&["licence", "keygen", "own.pem"]).status.success(), "no file is replaced");
    fs::write(
        dir.path().join("other.pem"),
        String::from_utf8_lossy(&made.stdout).split_once('\n').unwrap().1,
    )
    .unwrap();
    let other = run(&["licence", "verify", &key, "--public-key", "other.pem"]);
    assert!(!other.status.success(), "a key of another signer is refused");
    let mut left: Vec<_> =
        fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["other.pem", "own.pem", "public.pem"], "nothing else was created");
}
