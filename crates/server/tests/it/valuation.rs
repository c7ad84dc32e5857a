//! The Valuation product, as its guide configures it: a token names the organisation, whose database is called like it, and
//! banks are shared, with each organisation's own values.

use super::app::{Client, TestApp};
use jsonwebtoken::{Algorithm, EncodingKey, Header, jwk::Jwk};
use serde_json::{Value, json};
use std::path::Path;
use tenantry_server::http::Options;

const GUIDE: &str = include_str!("../../../../docs/guides/valuation.md");
const ISSUER: &str = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_EXAMPLE";
const KEY: &str = include_str!("../../../tenantry/tests/it/keys/rsa.pem");
const ORGANISATIONS: [&str; 2] = ["demo_org_001", "demo_org_002"];

fn key() -> EncodingKey {
    EncodingKey::from_rsa_pem(KEY.as_bytes()).unwrap()
}

/// Returns the guide's configuration, with the key set in a file of `dir`.
fn config(dir: &Path) -> String {
    let mut jwk = serde_json::to_value(Jwk::from_encoding_key(&key(), Algorithm::RS256).unwrap()).unwrap();
    jwk["kid"] = json!("k1");
    let file = dir.join("jwks.json");
    std::fs::write(&file, json!({ "keys": [jwk] }).to_string()).unwrap();
    let text = GUIDE.split("\n```toml\n").nth(1).unwrap().split("\n```").next().unwrap();
    let url = format!("jwks_url = \"{ISSUER}/.well-known/jwks.json\"");
    assert!(text.contains(&url), "{text}");
    text.replace(&url, &format!("jwks_file = \"{}\"", file.display()))
}

fn email(organisation: &str) -> String {
    format!("owner@{}.example", organisation.replace('_', "-"))
}

fn with_token(app: &TestApp, of: &str, organisation: &str) -> Client {
    let exp = jiff::Timestamp::now().as_second() + 3_600;
    let claims = json!({
        "iss": ISSUER, "aud": "valuation", "exp": exp, "email": email(of), "custom:organization_id": organisation,
    });
    let header = Header { kid: Some("k1".into()), ..Header::new(Algorithm::RS256) };
    app.anon().with_token(&jsonwebtoken::encode(&header, &claims, &key()).unwrap())
}

async fn organisations(app: &TestApp) -> (Client, [Client; 2]) {
    let staff = app.staff().await;
    for slug in ORGANISATIONS {
        let form = json!({"slug": slug, "company": slug, "email": email(slug), "password": "ten characters or more"});
        staff.post("/api/admin/tenants", &form).await.expect(201);
    }
    (staff, ORGANISATIONS.map(|slug| with_token(app, slug, slug)))
}

async fn names(of: &Client, path: &str) -> Vec<String> {
    let found = of.get(path).await.expect(200).json();
    let items = found["items"].as_array().unwrap().iter();
    items.map(|item| item["name"].as_str().unwrap_or_default().to_owned()).collect()
}

fn report(reference: &str) -> Value {
    json!({"reference": reference, "bank": 1, "property_type": "land", "applicant": "A. Applicant",
        "market_value": "1250000.50", "report_data": {"floor": 3}})
}

/// Does what the product does, with its organisations on whichever database.
async fn works(app: &TestApp) {
    let (staff, [first, second]) = organisations(app).await;
    for (code, name) in [("NB", "North Bank"), ("SB", "South Bank")] {
        staff.post("/api/records/banks", &json!({"code": code, "name": name})).await.expect(201);
    }
    for (slug, of) in ORGANISATIONS.iter().zip([&first, &second]) {
        let shown = staff.get(&format!("/api/admin/tenants/{slug}")).await.expect(200).json();
        assert_eq!(shown["placements"][0]["place"]["physical"], *slug, "{shown}");
        of.post("/api/records/reports", &report(slug)).await.expect(201);
        let found = of.get("/api/records/reports?count=true").await.expect(200).json();
        assert_eq!((&found["count"], &found["items"][0]["reference"]), (&json!(1), &json!(slug)));
        assert_eq!(found["items"][0]["market_value"], "1250000.50");
    }
    // A report refers to a bank, which therefore stays.
    staff.delete("/api/records/banks/1").await.expect(409);

    let active = "/api/records/banks?active=true&sort=id";
    first.put("/api/records/banks/1/override", &json!({"active": false})).await.expect(200);
    first.put("/api/records/banks/2/override", &json!({"name": "Bank of the South"})).await.expect(200);
    assert_eq!(names(&first, active).await, ["Bank of the South"]);
    assert_eq!(names(&second, active).await, ["North Bank", "South Bank"]);
    // What the staff change, every organisation sees at once, except for its own values.
    staff.patch("/api/records/banks/2", &json!({"name": "Southern", "contact": "555"})).await.expect(200);
    assert_eq!(names(&first, active).await, ["Bank of the South"]);
    assert_eq!(names(&second, active).await, ["North Bank", "Southern"]);
    let bank = first.get("/api/records/banks/2").await.expect(200).json();
    assert_eq!(bank["contact"], "555", "{bank}");

    let activity = first.get("/api/tenant/activity").await.expect(200).json();
    assert!(
        activity["items"].as_array().unwrap().iter().any(|line| line["model"] == "reports"),
        "{activity}"
    );
}

#[tokio::test]
async fn organisations_work_in_databases_that_are_called_like_them() {
    let dir = tempfile::tempdir().unwrap();
    let app = TestApp::configured(&config(dir.path()), Options::default()).await;
    works(&app).await;
}

#[cfg(feature = "mongodb")]
#[tokio::test]
async fn organisations_work_on_mongodb() {
    let (dir, home) = (tempfile::tempdir().unwrap(), tenantry_testkit::mongodb::Home::new().await);
    let (url, prefix) = (tenantry_testkit::mongodb::url(), home.prefix());
    let server = format!(
        "[servers.mongo]\nengine = \"mongodb\"\nurl = \"{url}\"\nprefix = \"{prefix}\"\n\n[stores.control]"
    );
    let (before, after) =
        config(dir.path()).split_once("[stores.shared]").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let on_mongo = after.replacen("server = \"main\"", "server = \"mongo\"", 2);
    let text = format!("{}[stores.shared]{on_mongo}", before.replace("[stores.control]", &server));
    let app = TestApp::configured(&text, Options::default()).await;
    works(&app).await;
}

/// The claim decides the organisation, and no other part of a request.
#[tokio::test]
async fn a_token_reaches_the_organisation_of_its_claim_only() {
    let dir = tempfile::tempdir().unwrap();
    let app = TestApp::configured(&config(dir.path()), Options::default()).await;
    let (staff, [first, _]) = organisations(&app).await;
    staff.post("/api/records/banks", &json!({"code": "NB", "name": "North Bank"})).await.expect(201);
    first.post("/api/records/reports", &report("R1")).await.expect(201);
    for organisation in
        ["demo_org_002", "demo_org_003", "DEMO_ORG_001", "demo-org-001", "../demo_org_001", ""]
    {
        let stranger = with_token(&app, "demo_org_001", organisation);
        let answer = stranger.get("/api/records/reports").await;
        assert!([401, 403, 404].contains(&answer.status.as_u16()), "{organisation}: {}", answer.text());
        assert!(!answer.text().contains("R1"), "{organisation}");
    }
    let other_key = app.anon().with_token("eyJhbGciOiJub25lIn0.e30.");
    other_key.get("/api/records/reports").await.expect(401);
}
