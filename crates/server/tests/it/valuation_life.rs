//! What an organisation adds to the product stays with it through its life: own fields with their values, own banks, own
//! values of shared banks. It is moved between databases of all kinds, backed up and restored, cloned, exported and
//! imported.

use super::{
    app::{Client, TestApp},
    valuation::{config, organisations, report, with_token},
};
use http::Method;
use serde_json::{Value, json};
use std::path::Path;
use tenantry_server::http::Options;
use tenantry_testkit::postgres;

const ORGANISATION: &str = "demo_org_001";
const FIELDS: &str = "/api/tenant/fields/reports";
const REPORTS: &str = "/api/records/reports";
const BANKS: &str = "/api/records/banks";
const SECRET: &str = "Quetzalcoatlus";

/// Returns the guide's configuration, with the databases of organisations on any of the servers.
async fn with_servers(dir: &Path, pg: &postgres::Home, mongo: Option<String>) -> (String, Vec<&'static str>) {
    let file = dir.join("pg.url");
    std::fs::write(&file, pg.url()).unwrap();
    let mut names = vec!["main", "pg"];
    names.extend(mongo.is_some().then_some("mongo"));
    let servers = super::valuation::server_at(&file, &pg.prefix()) + &mongo.unwrap_or_default();
    let text = config(dir).replace("[stores.control]", &format!("{servers}[stores.control]"));
    let (before, org) = text.split_once("[stores.org]").unwrap();
    let org = org.replacen("server = \"main\"", &format!("servers = {names:?}"), 1);
    (format!("{before}[registration]\nplacement = \"first\"\n[stores.org]{org}"), names)
}

#[cfg(feature = "mongodb")]
async fn mongo() -> (Option<tenantry_testkit::mongodb::Home>, Option<String>) {
    let home = tenantry_testkit::mongodb::Home::new().await;
    let section = super::valuation::mongo(&home);
    (Some(home), Some(section))
}

#[cfg(not(feature = "mongodb"))]
async fn mongo() -> (Option<()>, Option<String>) {
    (None, None)
}

/// Adds own fields of every kind, records with and without values, an own bank, and own values of a shared one.
async fn furnish(staff: &Client, of: &Client) {
    for (code, name) in [("NB", "North Bank"), ("SB", "South Bank")] {
        staff.post(BANKS, &json!({"code": code, "name": name})).await.expect(201);
    }
    of.put(&format!("{BANKS}/2/override"), &json!({"name": "Bank of the South"})).await.expect(200);
    let own = json!({"code": "OWN", "name": "Mutual of Our Own", "branches": ["Main Street"]});
    let own = of.post(BANKS, &own).await.expect(201).json()["id"].clone();
    for field in [
        json!({"name": "floor", "label": "Floor", "type": "integer", "min": -3, "max": 200}),
        json!({"name": "fee", "label": "Fee", "type": "decimal", "scale": 2}),
        json!({"name": "lift", "label": "Lift", "type": "boolean"}),
        json!({"name": "built", "label": "Built on", "type": "date"}),
        json!({"name": "seen", "label": "Seen at", "type": "datetime"}),
        json!({"name": "kind", "label": "Kind", "type": "choice", "choices": ["flat", "house"]}),
        json!({"name": "contact", "label": "Contact", "type": "text", "personal": true}),
    ] {
        of.post(FIELDS, &field).await.expect(201);
    }
    let customs = [
        json!({"floor": -3, "fee": "10.05", "lift": true, "built": "2024-02-29", "contact": SECRET,
            "seen": "2026-01-31T12:00:00.000001Z", "kind": "house"}),
        json!({"floor": 200, "fee": "9.9", "lift": false}),
        Value::Null,
    ];
    for (number, custom) in customs.into_iter().enumerate() {
        let mut body = report(&format!("R{number}"));
        body["bank"] = if number == 0 { own.clone() } else { json!(2) };
        if !custom.is_null() {
            body["custom"] = custom;
        }
        of.post(REPORTS, &body).await.expect(201);
    }
}

/// Returns everything that the organisation sees of what it added. Times of changes are left out.
async fn picture(of: &Client) -> Value {
    let paths = [
        FIELDS.to_owned(),
        format!("{REPORTS}?sort=id&count=true"),
        format!("{REPORTS}?sort=-custom.fee,id&custom.fee__gte=9.9"),
        format!("{REPORTS}?custom.kind=house&expand=bank"),
        format!("{REPORTS}?bank.name=Mutual+of+Our+Own"),
        format!("{REPORTS}/aggregate?group_by=custom.lift&sum=custom.fee"),
        format!("{BANKS}?sort=name"),
        format!("{BANKS}?active=true&sort=-code"),
    ];
    let mut seen = vec![];
    for path in paths {
        let mut answer = of.get(&path).await.expect(200).json();
        for item in answer["items"].as_array_mut().into_iter().flatten() {
            item.as_object_mut().unwrap().remove("updated_at");
        }
        seen.push(answer);
    }
    Value::Array(seen)
}

/// Runs an operation of staff to its end and returns it.
async fn done(staff: &Client, path: &str, body: &Value) -> Value {
    let ended = staff.post(&format!("/api/admin/{path}?wait=60"), body).await;
    assert!(ended.status.is_success(), "{path}: {}", ended.text());
    let ended = ended.json();
    assert_eq!(ended["state"], "done", "{path}: {ended}");
    ended
}

/// Backs the organisation up, changes what it added, and restores it.
async fn restores(staff: &Client, of: &Client) {
    let then = picture(of).await;
    let at = format!("tenants/{ORGANISATION}");
    done(staff, &format!("{at}/backups"), &json!({})).await;
    let backups = staff.get(&format!("/api/admin/{at}/backups")).await.expect(200).json();
    of.delete(&format!("{FIELDS}/floor")).await.expect(200);
    of.patch(&format!("{REPORTS}/2"), &json!({"custom": {"fee": "1.00"}})).await.expect(200);
    of.post(BANKS, &json!({"code": "LATE", "name": "Late Bank"})).await.expect(201);
    assert_ne!(picture(of).await, then);
    done(staff, &format!("{at}/restore"), &json!({"backup": backups["items"][0]["id"]})).await;
    done(staff, &format!("{at}/restore/swap"), &json!({})).await;
    assert_eq!(picture(of).await, then);
}

/// Clones the organisation without its personal data, and in full from an archive; both live apart from it.
async fn is_cloned(app: &TestApp, staff: &Client, of: &Client, on: &str) {
    let then = picture(of).await;
    let owner = format!("owner@{}.example", ORGANISATION.replace('_', "-"));
    let blanked = format!("blank_{on}");
    let wish = json!({"slug": blanked, "owner": owner, "blank_personal": true});
    done(staff, &format!("tenants/{ORGANISATION}/clone"), &wish).await;
    let clone = with_token(app, ORGANISATION, &blanked);
    let seen = picture(&clone).await;
    assert!(!seen.to_string().contains(SECRET), "{seen}");
    assert_eq!(seen[1]["items"][0]["custom"]["fee"], "10.05", "what is not personal stays: {seen}");
    assert_eq!((&seen[6], &seen[0]), (&then[6], &then[0]), "own banks and fields are cloned");
    assert!(!clone.get("/api/tenant/activity").await.expect(200).text().contains(SECRET));

    let archive = of.get("/api/tenant/export").await.expect(200).body;
    let copy = format!("copy_{on}");
    let path =
        format!("/api/admin/import?slug={copy}&email={owner}&owner={owner}&reason=copy+of+its+owner&wait=60");
    let ended = staff.send(Method::POST, &path, Some("application/zip"), archive).await;
    assert_eq!(ended.json()["state"], "done", "{}", ended.text());
    let clone = with_token(app, ORGANISATION, &copy);
    assert_eq!(picture(&clone).await, then, "{on}");
    clone.delete(&format!("{FIELDS}/floor")).await.expect(200);
    clone.patch(&format!("{REPORTS}/1"), &json!({"custom": {"fee": "3.00"}})).await.expect(200);
    assert_eq!(picture(of).await, then, "{on}: a copy lives apart");
}

#[tokio::test]
async fn what_an_organisation_adds_stays_with_it_on_every_database() {
    for server in postgres::servers() {
        let (dir, pg) = (tempfile::tempdir().unwrap(), postgres::Home::new(&server).await);
        let (_mongo, section) = mongo().await;
        let (text, names) = with_servers(dir.path(), &pg, section).await;
        let app = TestApp::configured(&text, Options::default()).await;
        let (staff, [first, second]) = organisations(&app).await;
        furnish(&staff, &first).await;
        let then = picture(&first).await;
        assert_eq!(then[1]["count"], 3, "{then}");
        // Each database to each other one.
        let mut path = vec![];
        for (index, from) in names.iter().enumerate() {
            path.extend(names[..index].iter().rev().flat_map(|to| [*from, *to]));
        }
        for on in path.into_iter().chain(["main"]) {
            let shown = staff.get(&format!("/api/admin/tenants/{ORGANISATION}")).await.expect(200).json();
            if shown["placements"][0]["place"]["server"] != on {
                done(&staff, &format!("tenants/{ORGANISATION}/move"), &json!({"server": on})).await;
                assert_eq!(picture(&first).await, then, "{on}");
            }
        }
        for on in &names {
            if *on != "main" {
                done(&staff, &format!("tenants/{ORGANISATION}/move"), &json!({"server": on})).await;
            }
            restores(&staff, &first).await;
            is_cloned(&app, &staff, &first, on).await;
        }
        assert_eq!(second.get(FIELDS).await.expect(200).json()["items"], json!([]));
    }
}
