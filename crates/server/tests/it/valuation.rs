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
pub(crate) fn config(dir: &Path) -> String {
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

pub(crate) fn with_token(app: &TestApp, of: &str, organisation: &str) -> Client {
    let exp = jiff::Timestamp::now().as_second() + 3_600;
    let claims = json!({
        "iss": ISSUER, "aud": "valuation", "exp": exp, "email": email(of), "custom:organization_id": organisation,
    });
    let header = Header { kid: Some("k1".into()), ..Header::new(Algorithm::RS256) };
    app.anon().with_token(&jsonwebtoken::encode(&header, &claims, &key()).unwrap())
}

pub(crate) async fn organisations(app: &TestApp) -> (Client, [Client; 2]) {
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

pub(crate) fn report(reference: &str) -> Value {
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
    adds_banks(&staff, &first, &second).await;

    let activity = first.get("/api/tenant/activity").await.expect(200).json();
    assert!(
        activity["items"].as_array().unwrap().iter().any(|line| line["model"] == "reports"),
        "{activity}"
    );
}

/// An organisation adds banks of its own: it alone sees them, among the shared ones, and its reports may refer to them.
async fn adds_banks(staff: &Client, first: &Client, second: &Client) {
    let banks = "/api/records/banks";
    let own = json!({"code": "OWN", "name": "Mutual of Our Own", "branches": ["Main Street"]});
    let added = first.post(banks, &own).await.expect(201).json();
    assert_eq!(
        (&added["origin"], &added["active"], &added["version"]),
        (&json!("own"), &json!(true), &json!(1))
    );
    let id = added["id"].as_i64().unwrap();
    assert!(id < 0, "{added}");
    let path = format!("{banks}/{id}");
    assert_eq!(first.get(&path).await.expect(200).json(), added);
    for other in [second, staff] {
        other.get(&path).await.expect(404);
        let taken = other.patch(&path, &json!({"name": "Taken over"})).await.status;
        let deleted = other.delete(&path).await.status;
        assert_eq!((taken.as_u16(), deleted.as_u16()), (404, 404));
    }
    // Merged with the shared ones in filters, sorts, searches, pages, counts, groups and exports.
    assert_eq!(
        names(first, "/api/records/banks?sort=name").await,
        ["Bank of the South", "Mutual of Our Own", "North Bank"]
    );
    assert_eq!(
        names(first, "/api/records/banks?sort=-name&active=true").await,
        ["Mutual of Our Own", "Bank of the South"]
    );
    assert_eq!(names(first, "/api/records/banks?q=mutual+own").await, ["Mutual of Our Own"]);
    assert_eq!(
        names(first, "/api/records/banks?code__in=OWN,NB&sort=code").await,
        ["North Bank", "Mutual of Our Own"]
    );
    let (mut seen, mut after) = (vec![], String::new());
    loop {
        let page =
            first.get(&format!("{banks}?sort=-code&limit=1&count=true{after}")).await.expect(200).json();
        assert_eq!(page["count"], 3);
        let item = &page["items"][0];
        seen.push((item["code"].as_str().unwrap().to_owned(), item["origin"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(seen, [("SB", "shared"), ("OWN", "own"), ("NB", "shared")].map(|(a, b)| (a.into(), b.into())));
    let groups = first.get(&format!("{banks}/aggregate?group_by=active")).await.expect(200).json();
    let counts: Vec<_> =
        groups["groups"].as_array().unwrap().iter().map(|g| g["count"].as_i64().unwrap()).collect();
    assert_eq!(counts.iter().sum::<i64>(), 3, "{groups}");
    assert!(first.get(&format!("{banks}/export")).await.expect(200).text().contains("Mutual of Our Own"));
    refers_to_added_banks(first, second, id, &path).await;
}

async fn refers_to_added_banks(first: &Client, second: &Client, id: i64, path: &str) {
    let reports = "/api/records/reports";
    let with = |reference: &str, bank: i64| {
        let mut report = report(reference);
        report["bank"] = json!(bank);
        report
    };
    let made = first.post(reports, &with("OF-OWN", id)).await.expect(201).json();
    let wrong = second.post(reports, &with("OF-OTHERS", id)).await.expect(422).json();
    assert_eq!(wrong["errors"][0]["field"], "bank", "{wrong}");
    first.post(reports, &with("OF-NONE", id - 1)).await.expect(422);
    let shown = first.get(&format!("{reports}/{}?expand=bank", made["id"])).await.expect(200).json();
    assert_eq!(
        (&shown["expand"]["bank"]["name"], &shown["expand"]["bank"]["origin"]),
        (&json!("Mutual of Our Own"), &json!("own"))
    );
    let found =
        first.get(&format!("{reports}?bank.name=Mutual+of+Our+Own&count=true")).await.expect(200).json();
    assert_eq!(found["count"], 1, "{found}");
    first.delete(path).await.expect(409);
    // Its values are checked and unique, also among the shared rows.
    let banks = "/api/records/banks";
    first.post(banks, &json!({"code": "NB", "name": "Again"})).await.expect(409);
    first.post(banks, &json!({"code": "OWN", "name": "Again"})).await.expect(409);
    first.post(banks, &json!({"code": "X"})).await.expect(422);
    first.put(&format!("{path}/override"), &json!({"name": "Mine"})).await.expect(404);
    let changed = first.patch(path, &json!({"name": "Our Own", "contact": null})).await.expect(200).json();
    assert_eq!(
        (&changed["name"], &changed["code"], &changed["version"]),
        (&json!("Our Own"), &json!("OWN"), &json!(2))
    );
    first.patch(path, &json!({"code": "SB"})).await.expect(409);
    first.delete(&format!("{reports}/{}", made["id"])).await.expect(204);
    first.delete(path).await.expect(204);
    first.get(path).await.expect(404);
    first.delete(path).await.expect(404);
    let again = first.post(banks, &json!({"code": "OWN", "name": "Another"})).await.expect(201).json();
    assert!(again["id"].as_i64().unwrap() < id, "no id is used twice: {again}");
}

#[tokio::test]
async fn organisations_work_in_databases_that_are_called_like_them() {
    let dir = tempfile::tempdir().unwrap();
    let app = TestApp::configured(&configured(dir.path(), None), Options::default()).await;
    works(&app).await;
}

/// Returns the guide's configuration, with the stores of organisations and of shared records on another server, which the
/// section declares.
pub(crate) fn configured(dir: &Path, on: Option<(&str, &str)>) -> String {
    let text = config(dir);
    let Some((name, section)) = on else { return text };
    let (before, after) = text.split_once("[stores.shared]").unwrap();
    let on_it = after.replacen("server = \"main\"", &format!("server = \"{name}\""), 2);
    let before = before.replace("[stores.control]", &format!("{section}\n[stores.control]"));
    format!("{before}[stores.shared]{on_it}")
}

pub(crate) fn server_at(url_file: &Path, prefix: &str) -> String {
    let file = url_file.display();
    format!("[servers.pg]\nengine = \"postgres\"\nurl_file = \"{file}\"\nprefix = \"{prefix}\"\n")
}

#[cfg(feature = "mongodb")]
pub(crate) fn mongo(home: &tenantry_testkit::mongodb::Home) -> String {
    let (url, prefix) = (tenantry_testkit::mongodb::url(), home.prefix());
    format!("[servers.mongo]\nengine = \"mongodb\"\nurl = \"{url}\"\nprefix = \"{prefix}\"\n")
}

#[tokio::test]
async fn organisations_work_on_postgresql() {
    for server in tenantry_testkit::postgres::servers() {
        let (dir, home) =
            (tempfile::tempdir().unwrap(), tenantry_testkit::postgres::Home::new(&server).await);
        let file = dir.path().join("pg.url");
        std::fs::write(&file, home.url()).unwrap();
        let server = server_at(&file, &home.prefix());
        let app =
            TestApp::configured(&configured(dir.path(), Some(("pg", &server))), Options::default()).await;
        works(&app).await;
    }
}

#[cfg(feature = "mongodb")]
#[tokio::test]
async fn organisations_work_on_mongodb() {
    let (dir, home) = (tempfile::tempdir().unwrap(), tenantry_testkit::mongodb::Home::new().await);
    let server = mongo(&home);
    let app =
        TestApp::configured(&configured(dir.path(), Some(("mongo", &server))), Options::default()).await;
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
