//! Export, import and clone of a tenant over HTTP.

use super::{
    app::{Answer, Client, TestApp},
    records::patient,
};
use http::Method;
use rusqlite::Connection;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    io::{Cursor, Read, Write},
};
use tenantry::{config::DEFAULT_TOML, internals};
use tenantry_server::http::Options;
use zip::{ZipArchive, ZipWriter, write::SimpleFileOptions};

const CANARY: &str = "Quetzalcoatlus";

/// Creates the default platform, or one with pooled tenants.
pub(crate) async fn app(pooled: bool) -> TestApp {
    let text = match pooled {
        true => DEFAULT_TOML
            .replace("isolation = \"database\"", "isolation = \"pooled\"")
            .replace("name = \"tenant_{slug}\"", "name = \"tenants\""),
        false => DEFAULT_TOML.to_owned(),
    };
    TestApp::configured(&text, Options::default()).await
}

/// Creates a tenant with patients, an activity log, references to shared lists, and a report with a document.
pub(crate) async fn company(app: &TestApp, staff: &Client, slug: &str, canary: &str) -> Client {
    let acme = app.register(slug).await;
    let city = city(staff).await;
    for n in 0..3 {
        let mut body = patient(&format!("{canary}{n}"));
        body["city"] = city.clone();
        body["insurance_number"] = json!(format!("INS-{n}"));
        body["notes"] = json!(format!("about {canary}"));
        acme.post("/api/records/patients", &body).await.expect(201);
    }
    acme.patch("/api/records/patients/1", &json!({"notes": format!("new {canary}")})).await.expect(200);
    let report =
        json!({"title": "=Year", "kind": "medical", "from_date": "2026-01-01", "to_date": "2026-12-31"});
    acme.post("/api/records/reports", &report).await.expect(201);
    let document = format!("document of {canary}");
    let put = acme.with("x-file-name", "year: 2026.txt");
    put.send(Method::PUT, "/api/records/reports/1/files/document", Some("text/plain"), document)
        .await
        .expect(200);
    acme
}

/// Returns a row of a shared list.
async fn city(staff: &Client) -> Value {
    let found = staff.get("/api/records/cities?limit=1").await.expect(200).json();
    if let Some(city) = found["items"].get(0) {
        return city["id"].clone();
    }
    let region =
        staff.post("/api/records/regions", &json!({"name": "West", "code": "W"})).await.expect(201).json();
    let city = json!({"name": "Sofia", "region": region["id"]});
    staff.post("/api/records/cities", &city).await.expect(201).json()["id"].clone()
}

async fn exported(client: &Client) -> Vec<u8> {
    client.get("/api/tenant/export").await.expect(200).body.to_vec()
}

fn unzipped(archive: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut zip = ZipArchive::new(Cursor::new(archive)).unwrap();
    let mut entries = BTreeMap::new();
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index).unwrap();
        let mut bytes = vec![];
        entry.read_to_end(&mut bytes).unwrap();
        entries.insert(entry.name().unwrap().into_owned(), bytes);
    }
    entries
}

fn zipped(entries: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(vec![]));
    for (name, bytes) in entries {
        zip.start_file(name.as_str(), SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// Returns the archive with a changed manifest that still describes its contents correctly.
fn rewritten(archive: &[u8], change: impl FnOnce(&mut Value, &mut BTreeMap<String, Vec<u8>>)) -> Vec<u8> {
    let mut entries = unzipped(archive);
    let mut manifest: Value = serde_json::from_slice(&entries["manifest.json"]).unwrap();
    change(&mut manifest, &mut entries);
    for entry in manifest["entries"].as_array_mut().unwrap() {
        let bytes = &entries[entry["path"].as_str().unwrap()];
        entry["bytes"] = bytes.len().into();
        entry["blake3"] = blake3::hash(bytes).to_hex().to_string().into();
    }
    entries.insert("manifest.json".into(), serde_json::to_vec(&manifest).unwrap());
    zipped(&entries)
}

pub(crate) async fn import(staff: &Client, slug: &str, archive: Vec<u8>) -> Answer {
    let path = format!("/api/admin/import?slug={slug}&email=new@{slug}.example&wait=60");
    staff.send(Method::POST, &path, Some("application/zip"), archive).await
}

/// Returns why an import was refused, at once or by its operation; asserts that nothing of it remains.
async fn refusal(app: &TestApp, staff: &Client, archive: Vec<u8>) -> String {
    let answer = import(staff, "copy", archive).await;
    let said = match answer.status.as_u16() {
        422 => answer.json()["detail"].as_str().unwrap().to_owned(),
        200 => {
            let operation = answer.json();
            assert_eq!(operation["state"], "undone", "{operation}");
            operation["reason"].as_str().unwrap().to_owned()
        }
        other => panic!("{other}: {}", answer.text()),
    };
    staff.get("/api/admin/tenants/copy").await.expect(404);
    let left = std::fs::read_dir(app.platform().config().platform.data_dir.join("scratch"));
    assert!(left.is_ok_and(|dir| dir.count() <= 1), "scratch grows");
    said
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_company_takes_away_everything_it_has_in_forms_it_can_read() {
    for pooled in [false, true] {
        let app = app(pooled).await;
        let staff = app.staff().await;
        let acme = company(&app, &staff, "acme", CANARY).await;
        let rival = company(&app, &staff, "rival", "Pteranodon").await;
        let answer = acme.get("/api/tenant/export").await.expect(200);
        assert_eq!(answer.header("content-type"), "application/zip");
        assert!(answer.header("content-disposition").contains("acme-20"), "{:?}", answer.headers);
        let entries = unzipped(&answer.body);
        let names: Vec<_> = entries.keys().map(String::as_str).collect();
        for wanted in ["README.txt", "manifest.json", "members.csv", "files.csv", "data/tenant.sqlite"] {
            assert!(names.contains(&wanted), "{wanted} in {names:?}");
        }
        let text = |name: &str| String::from_utf8_lossy(&entries[name]).into_owned();
        assert!(text("csv/patients.csv").contains(&format!("{CANARY}2")));
        assert!(text("csv/reports.csv").contains("'=Year"), "no spreadsheet runs it");
        assert!(text("shared/cities.csv").contains("Sofia"));
        assert!(text("members.csv").contains("owner@acme.example"));
        assert!(text("README.txt").contains("Patients"));
        assert_eq!(text("files/reports/1-document/year_ 2026.txt"), format!("document of {CANARY}"));
        for (name, bytes) in &entries {
            assert!(!String::from_utf8_lossy(bytes).contains("Pteranodon"), "{name} has another's rows");
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &entries["data/tenant.sqlite"]).unwrap();
        let db = Connection::open(file.path()).unwrap();
        let found: i64 = db.query_row("SELECT count(*) FROM patients", [], |row| row.get(0)).unwrap();
        assert_eq!(found, 3);
        drop(rival);
        let audited = staff.get("/api/admin/audit").await.expect(200).text();
        assert!(audited.contains("tenant.export"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_owner_as_themselves_takes_it_away() {
    let (app, anon, acme) = TestApp::new().await;
    app.member(&acme, "m@acme.example", "admin").await.get("/api/tenant/export").await.expect(403);
    let key = acme.post("/api/tenant/keys", &json!({"name": "k", "role": "owner"})).await.expect(201).json();
    anon.with("x-api-key", key["key"].as_str().unwrap()).get("/api/tenant/export").await.expect(403);
    let staff = app.staff().await;
    let wish = json!({"tenant": "acme", "reason": "ticket 1", "minutes": 5});
    let acting = staff.post("/api/admin/impersonate", &wish).await;
    assert!(acting.status.is_success(), "{}", acting.text());
    let acting = anon.with_token(acting.json()["token"].as_str().unwrap());
    acting.get("/api/tenant/export").await.expect(403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_becomes_the_same_company_here_and_on_another_installation() {
    for (from, to) in [(false, false), (false, true), (true, false)] {
        let (here, there) = (app(from).await, app(to).await);
        let (staff, their_staff) = (here.staff().await, there.staff().await);
        let acme = company(&here, &staff, "acme", CANARY).await;
        let archive = exported(&acme).await;
        // The city must exist in the target installation, too.
        city(&their_staff).await;
        for (app, staff) in [(&here, &staff), (&there, &their_staff)] {
            let done = import(staff, "copy", archive.clone()).await.expect(200).json();
            assert_eq!(done["state"], "done", "{done}");
            assert_eq!((&done["result"]["rows"], &done["result"]["files"]), (&json!(4), &json!(1)), "{done}");
            let owner = json!({"email": "boss@copy.example", "password": super::app::PASSWORD});
            let user = staff.post("/api/admin/users", &owner).await.expect(201).json();
            let copy = member(app, user["id"].as_i64().unwrap(), "copy").await;
            for path in ["/api/records/patients", "/api/records/reports"] {
                assert_eq!(copy.get(path).await.expect(200).json(), acme.get(path).await.expect(200).json());
            }
            let found = copy.get(&format!("/api/records/patients?q={CANARY}1")).await.expect(200).json();
            assert_eq!(found["items"].as_array().unwrap().len(), 1, "full-text search came along: {found}");
            let file = copy.get("/api/records/reports/1/files/document").await.expect(200);
            assert_eq!(file.text(), format!("document of {CANARY}"));
            // Numbering of ids continues.
            let next = copy.post("/api/records/patients", &patient("Next")).await.expect(201).json();
            assert_eq!(next["id"], 4);
        }
        // The two tenants are independent.
        assert_eq!(acme.get("/api/records/patients?count=true").await.expect(200).json()["count"], 3);
    }
}

/// Makes a user an owner of a tenant and signs the user in.
pub(super) async fn member(app: &TestApp, user: i64, slug: &str) -> Client {
    let platform = app.platform();
    let id = platform.tenants().id_of(&tenantry::name::Slug::parse(slug).unwrap()).await.unwrap();
    let mut write = app.control().begin().await.unwrap();
    let (by, user) = (tenantry::audit::By::system(), tenantry::name::UserId::from_raw(user));
    let owner = tenantry::name::RoleName::parse("owner").unwrap();
    internals::members::add(&mut write, &by, user, id, &owner).await.unwrap();
    let email = internals::user(&mut write, user).await.unwrap().email;
    write.commit().await.unwrap();
    app.login(&email).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_strange_or_damaged_archive_leaves_nothing() {
    let app = app(false).await;
    let staff = app.staff().await;
    let acme = company(&app, &staff, "acme", CANARY).await;
    let archive = exported(&acme).await;
    let said = refusal(&app, &staff, archive[..archive.len() - 40].to_vec()).await;
    assert!(said.contains("cut off"), "{said}");
    let said = refusal(&app, &staff, b"PK nonsense".to_vec()).await;
    assert!(said.contains("zip"), "{said}");
    for (wanted, changed) in [
        ("no export", zipped(&BTreeMap::from([("a.txt".into(), b"a".to_vec())]))),
        ("manifest.json of more than", rewritten(&archive, |m, _| m["x"] = json!("x".repeat(5 << 20)))),
        ("format 9", rewritten(&archive, |m, _| m["format"] = json!(9))),
        ("another product", rewritten(&archive, |m, _| m["product"] = json!("other"))),
        ("fbs", rewritten(&archive, |m, _| m["apps"][0]["name"] = json!("fbs"))),
        ("store", rewritten(&archive, |m, _| m["stores"][0]["store"] = json!("other"))),
        ("another company's", rewritten(&archive, |m, _| m["tenant"]["id"] = json!(77))),
        ("rows", rewritten(&archive, |m, _| m["stores"][0]["models"][0]["rows"] = json!(99))),
        ("Plovdiv", rewritten(&archive, |_, e| swap(e, "shared/cities.csv", "Sofia", "Plovdiv"))),
        (
            "document",
            rewritten(&archive, |_, e| {
                swap(e, "files/reports/1-document/year_ 2026.txt", "document", "Document");
            }),
        ),
        (
            "did not make",
            rewritten(&archive, |_, e| {
                database(e, "CREATE TRIGGER spy AFTER INSERT ON patients BEGIN DELETE FROM doctors; END");
            }),
        ),
        ("did not make", rewritten(&archive, |_, e| database(e, "CREATE VIEW mine AS SELECT 1"))),
        (
            "newer",
            rewritten(&archive, |_, e| {
                database(
                    e,
                    "INSERT INTO _tenantry_ledger(app, migration, checksum, applied_at) \
                VALUES('medadmin', 'tenant/9999_later', 'x', '2030-01-01')",
                );
            }),
        ),
    ] {
        let said = refusal(&app, &staff, changed).await;
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    // Complete zip files in which one entry differs from the manifest.
    let good = unzipped(&archive);
    for name in good.keys().filter(|name| *name != "manifest.json") {
        let mut entries = good.clone();
        *entries.get_mut(name).unwrap().last_mut().unwrap() ^= 1;
        let said = refusal(&app, &staff, zipped(&entries)).await;
        assert!(said.contains(&format!("{name} is not what was exported")), "{name}: {said}");
    }
    // Bits are flipped in transit: each flip is found, or changes nothing.
    let mut found = 0;
    for n in 0..60 {
        let mut flipped = archive.clone();
        let at = n * (archive.len() - 1) / 59;
        flipped[at] ^= 1 << (n % 8);
        let answer = import(&staff, &format!("flip-{n}"), flipped.clone()).await;
        let refused = answer.status == 422 || answer.json()["state"] == "undone";
        if refused {
            found += 1;
        } else {
            let now = std::panic::catch_unwind(|| unzipped(&flipped));
            assert_eq!(now.ok().as_ref(), Some(&good), "byte {at} changed and was taken: {}", answer.text());
        }
    }
    println!("T7: {found} of 60 flipped archives refused, the others unchanged in content");
    assert!(found > 40, "{found}");
}

fn swap(entries: &mut BTreeMap<String, Vec<u8>>, name: &str, from: &str, to: &str) {
    let text = String::from_utf8(entries[name].clone()).unwrap();
    assert!(text.contains(from), "{name}: {text}");
    entries.insert(name.into(), text.replace(from, to).into_bytes());
}

fn database(entries: &mut BTreeMap<String, Vec<u8>>, sql: &str) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &entries["data/tenant.sqlite"]).unwrap();
    let db = Connection::open(file.path()).unwrap();
    db.execute_batch(sql).unwrap();
    db.close().unwrap();
    entries.insert("data/tenant.sqlite".into(), std::fs::read(file.path()).unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clone_is_the_same_and_lives_apart() {
    for pooled in [false, true] {
        let app = app(pooled).await;
        let staff = app.staff().await;
        let acme = company(&app, &staff, "acme", CANARY).await;
        let wish = json!({"slug": "staging", "owner": "owner@acme.example"});
        staff.post("/api/admin/tenants/nobody/clone", &wish).await.expect(404);
        staff.post("/api/admin/tenants/acme/clone", &json!({"slug": "acme"})).await.expect(409);
        let done = staff.post("/api/admin/tenants/acme/clone?wait=60", &wish).await.expect(200).json();
        assert_eq!(done["state"], "done", "{done}");
        let before = acme.get("/api/records/patients").await.expect(200).json();
        let clone = app.login("owner@acme.example").await;
        clone.post("/api/auth/switch", &json!({"tenant": "staging"})).await.expect(200);
        assert_eq!(clone.get("/api/records/patients").await.expect(200).json(), before);
        clone.patch("/api/records/patients/1", &json!({"last_name": "Changed"})).await.expect(200);
        assert_eq!(acme.get("/api/records/patients").await.expect(200).json(), before);
        let file = clone.get("/api/records/reports/1/files/document").await.expect(200);
        assert_eq!(file.text(), format!("document of {CANARY}"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blanked_clone_has_no_personal_data_in_rows_words_log_or_file() {
    let app = app(false).await;
    let staff = app.staff().await;
    let acme = company(&app, &staff, "acme", CANARY).await;
    let wish = json!({"slug": "staging", "owner": "owner@acme.example", "blank_personal": true});
    let done = staff.post("/api/admin/tenants/acme/clone?wait=60", &wish).await.expect(200).json();
    assert_eq!(done["state"], "done", "{done}");
    assert_eq!(done["result"]["blanked"]["rows"], 3, "{done}");
    let clone = app.login("owner@acme.example").await;
    clone.post("/api/auth/switch", &json!({"tenant": "staging"})).await.expect(200);
    let page = clone.get("/api/records/patients").await.expect(200);
    assert!(!page.text().contains(CANARY) && !page.text().contains("INS-"), "{}", page.text());
    let row = &page.json()["items"][0];
    assert_eq!(
        (&row["last_name"], &row["born_on"], &row["notes"]),
        (&json!("redacted"), &json!("1970-01-01"), &json!(null))
    );
    assert!(!row["city"].is_null(), "what is not personal stays: {row}");
    let found = clone.get(&format!("/api/records/patients?q={CANARY}1")).await.expect(200).json();
    assert_eq!(found["items"], json!([]));
    let found = clone.get("/api/records/patients?q=redacted").await.expect(200).json();
    assert_eq!(found["items"].as_array().unwrap().len(), 3);
    assert!(!clone.get("/api/tenant/activity").await.expect(200).text().contains(CANARY));
    // Byte by byte: the database of the clone, its -wal, free pages and word lists.
    let shown = staff.get("/api/admin/tenants/staging").await.expect(200).json();
    let physical = shown["placements"][0]["place"]["physical"].as_str().unwrap().to_owned();
    let root = app.platform().config().servers[0].path().unwrap();
    let mut looked = 0;
    for entry in std::fs::read_dir(root).unwrap().map(Result::unwrap) {
        if entry.file_name().to_string_lossy().starts_with(&physical) {
            let bytes = std::fs::read(entry.path()).unwrap();
            let low = String::from_utf8_lossy(&bytes).to_lowercase();
            assert!(!low.contains(&CANARY.to_lowercase()), "{:?}", entry.path());
            looked += 1;
        }
    }
    assert!(looked > 0);
    acme.get("/api/records/patients/1").await.expect(200);
}

/// A tenant can have one export at a time, whichever server runs it. The entry of a server that died expires.
#[tokio::test]
async fn a_tenant_is_exported_once_at_a_time_by_all_servers_together() {
    let (app, _, acme) = TestApp::new().await;
    for (seconds, expected) in [(40, 409), (-1, 200)] {
        let until = app.platform().now_us() + seconds * 1_000_000;
        let sql = format!(
            "INSERT INTO exports (tenant, owner, until) SELECT id, 'another-host/pid:[1]/1@5#0', {until} FROM tenants \
             WHERE slug = 'acme' ON CONFLICT (tenant) DO UPDATE SET owner = excluded.owner, until = excluded.until"
        );
        let mut write = internals::control(app.platform()).begin().await.unwrap();
        write.execute(&sql, &[]).await.unwrap();
        write.commit_unaudited().await.unwrap();
        acme.get("/api/tenant/export").await.expect(expected);
    }
}
