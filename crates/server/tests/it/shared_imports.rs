//! The import of a MongoDB database that organisations shared: counted, imported once whatever is killed or repeated, compared,
//! and the source unchanged.

use super::{
    app::{Client, TestApp},
    binary::{run, stdout, tenantry},
    shared_imports_kit::{KNOWN, Old, UNKNOWN, mapping},
    valuation::{configured, mongo, server_at, with_token},
};
use serde_json::{Value, json};
use std::{os::unix::process::ExitStatusExt, path::Path, process::Output, sync::Arc};
use tenantry_server::http::Options;
use tenantry_testkit::mongodb::{self, Document, Home, doc};

const URL: &str = "/api/admin/shared-imports?wait=120";

fn email(organisation: &str) -> String {
    format!("owner@{}.example", organisation.replace('_', "-"))
}

async fn create(staff: &Client) {
    for slug in KNOWN {
        let form = json!({"slug": slug, "company": slug, "email": email(slug), "password": "ten characters or more"});
        staff.post("/api/admin/tenants", &form).await.expect(201);
    }
}

/// Runs an import that is done, and returns its report.
async fn import(staff: &Client, old: &Old, with: Value) -> Value {
    let over = staff.post(URL, &old.form(with)).await.expect(200).json();
    assert_eq!(over["state"], "done", "{over:#}");
    over["result"].clone()
}

async fn count(of: &Client, model: &str) -> u64 {
    of.get(&format!("/api/records/{model}?count=true")).await.expect(200).json()["count"].as_u64().unwrap()
}

/// Where the new databases are.
#[derive(Debug, Clone, Copy, PartialEq)]
enum On {
    Files,
    Mongo,
}

/// The configuration with the old deployment as a server, and the new databases on this one.
fn settings(dir: &Path, home: &Home, on: On) -> String {
    let server = mongo(home);
    match on {
        On::Mongo => configured(dir, Some(("mongo", &server))),
        On::Files => {
            configured(dir, None).replace("[stores.control]", &format!("{server}\n[stores.control]"))
        }
    }
}

#[tokio::test]
async fn a_dry_run_counts_and_writes_nothing() {
    let (dir, home, old) = (tempfile::tempdir().unwrap(), Home::new().await, Old::new().await);
    let app = TestApp::configured(&settings(dir.path(), &home, On::Files), Options::default()).await;
    let staff = app.staff().await;
    create(&staff).await;
    old.insert(
        false,
        "reports",
        vec![doc! { "_id": "R", "organization_id": KNOWN[0], "reference": "R-1", "market_value": f64::NAN }],
    )
    .await;
    old.insert(false, "photos", vec![doc! { "organization_id": KNOWN[0] }]).await;
    old.insert(false, "users_settings", vec![doc! { "_id": "nobody", "email": "n@n.example" }]).await;
    let report = import(&staff, &old, json!({"dry_run": true})).await;
    let organisations = report["organisations"].as_array().unwrap();
    let found: Vec<_> = organisations
        .iter()
        .map(|one| {
            (
                one["id"].as_str().unwrap(),
                one["tenant"].is_null(),
                one["documents"]["reports"].as_u64().unwrap(),
                one["faulty"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            (KNOWN[0], false, 41, 1),
            (KNOWN[1], false, 40, 0),
            (KNOWN[2], false, 40, 1),
            (UNKNOWN, true, 40, 0)
        ]
    );
    assert_eq!(report["shared"], json!({"banks": 8, "common_fields": 12, "system_templates": 4}));
    assert_eq!((&report["faulty"], &report["unknown_organisations"]), (&json!(3), &json!(1)), "{report:#}");
    let unmapped = report["unmapped"].as_array().unwrap();
    assert_eq!(
        unmapped.iter().map(|one| one["collection"].as_str().unwrap()).collect::<Vec<_>>(),
        ["photos"]
    );
    let reasons: Vec<_> = report["faults"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| {
            (fault["document"].as_str().unwrap().to_owned(), fault["field"].as_str().unwrap().to_owned())
        })
        .collect();
    assert!(reasons.contains(&("R".into(), "market_value".into())), "{reasons:?}");
    assert!(reasons.contains(&("nobody".into(), "organization_id".into())), "{reasons:?}");
    assert_eq!(count(&staff, "banks").await, 0);
    assert!(!report.to_string().contains("Əli"), "a report has no values");

    // A run would leave these behind, so it is refused before it writes.
    let refused = staff.post(URL, &old.form(json!({"skip_invalid": true}))).await.expect(200).json();
    assert_eq!(refused["state"], "undone", "{refused:#}");
    assert!(refused["error"].as_str().unwrap_or_default().contains("photos"), "{refused:#}");
    let without =
        mapping().replace("keep_in = \"report_data\"", "") + "\n[collections.photos]\nskip = \"files\"\n";
    let refused = staff
        .post(URL, &old.form(json!({"skip_invalid": true, "mapping": without})))
        .await
        .expect(200)
        .json();
    assert!(refused["error"].as_str().unwrap_or_default().contains("of no model"), "{refused:#}");
    assert_eq!(count(&staff, "banks").await, 0);
}

#[tokio::test]
async fn documents_become_records_once_and_the_source_is_unchanged() {
    for on in [On::Files, On::Mongo] {
        let (dir, home, old) = (tempfile::tempdir().unwrap(), Home::new().await, Old::new().await);
        let app = TestApp::configured(&settings(dir.path(), &home, on), Options::default()).await;
        let staff = app.staff().await;
        create(&staff).await;
        let [first, _, third] = KNOWN.map(|slug| with_token(&app, slug, slug));
        // Users work here already.
        staff.post("/api/records/banks", &json!({"code": "HERE", "name": "Bank of here"})).await.expect(201);
        let own = json!({"reference": "OWN", "bank": 1, "property_type": "land", "applicant": "A"});
        first.post("/api/records/reports", &own).await.expect(201);
        let before = old.contents().await;

        let refused = staff.post(URL, &old.form(json!({}))).await.expect(200).json();
        assert_eq!(refused["state"], "undone", "an invalid document: {refused:#}");
        let report = import(&staff, &old, json!({"skip_invalid": true})).await;
        assert_eq!((&report["complete"], &report["faulty"]), (&json!(true), &json!(1)), "{report:#}");
        // 24 shared documents; 45 of each organisation, one of them invalid.
        assert_eq!(report["verified"], 24 + 3 * 45 - 1, "{report:#}");
        for one in report["organisations"].as_array().unwrap().iter().filter(|one| !one["tenant"].is_null()) {
            assert_eq!(one["digests"][0], one["digests"][1], "{one}");
        }
        assert_eq!(old.contents().await, before, "the source is only read");
        assert_eq!((count(&first, "reports").await, count(&third, "reports").await), (41, 39));

        is_as_it_was(&first).await;
        has_its_own_banks(&first, &third).await;
        let changed =
            first.get("/api/records/reports?reference=R-5").await.expect(200).json()["items"][0].clone();
        first
            .patch(&format!("/api/records/reports/{}", changed["id"]), &json!({"status": "approved"}))
            .await
            .expect(200);
        let gone = first.get("/api/records/reports?reference=R-6").await.expect(200).json()["items"][0]["id"]
            .clone();
        first.delete(&format!("/api/records/reports/{gone}")).await.expect(204);

        // The source goes on: a repeated import takes what is new, and nothing twice.
        let late = doc! { "_id": 77_i64, "organization_id": KNOWN[0], "reference": "LATE", "bank_code": "B0", "property_type": "land", "applicant_name": "L" };
        old.insert(false, "reports", vec![late]).await;
        let missing = json!({"skip_invalid": true, "create_missing": {"plan": app.platform().config().registration.default_plan, "email": "x@y.example"}});
        let report = import(&staff, &old, missing).await;
        assert_eq!((&report["complete"], &report["changed_here"]), (&json!(true), &json!(3)), "{report:#}");
        assert_eq!(count(&first, "reports").await, 41, "one more, one deleted");
        assert_eq!(
            staff.get(&format!("/api/admin/tenants/{UNKNOWN}")).await.expect(200).json()["slug"],
            UNKNOWN
        );
        let changed = first.get(&format!("/api/records/reports/{}", changed["id"])).await.expect(200).json();
        assert_eq!(changed["status"], "approved", "what changed here stays");
        let bank = first.get("/api/records/banks?code=B2").await.expect(200).json();
        assert_eq!(bank["items"][0]["name"], "Mine", "own values stay");

        // A document that changes after its import differs.
        let reports =
            mongodb::client().await.database(&old.database(false)).collection::<Document>("reports");
        reports
            .update_one(
                doc! { "reference": "R-7", "organization_id": KNOWN[1] },
                doc! { "$set": { "applicant_name": "Other" } },
            )
            .await
            .unwrap();
        let report = import(&staff, &old, json!({"skip_invalid": true})).await;
        assert_eq!((&report["complete"], &report["different"]), (&json!(false), &json!(1)), "{report:#}");
        assert_eq!(report["differences"][0]["what"], "differs in applicant", "{report:#}");
    }
}

/// Asserts the values, the references and the history of an imported report.
async fn is_as_it_was(first: &Client) {
    let found = first.get("/api/records/reports?reference=R-9&expand=bank,template").await.expect(200).json();
    let report = &found["items"][0];
    assert_eq!(
        (&report["market_value"], &report["valued_on"]),
        (&json!("1250000.50"), &json!("2022-01-17")),
        "{report:#}"
    );
    assert_eq!(report["applicant"], format!("Əli № 9 of {}", KNOWN[0]));
    assert_eq!(
        report["report_data"],
        json!({
            "area": 9_007_199_254_740_993_i64, "notes": [], "floor": 3, "inspected_at": "2023-11-14T22:13:20.123Z",
        })
    );
    assert_eq!(
        (&report["expand"]["bank"]["code"], &report["expand"]["template"]["name"]),
        (&json!("B1"), &json!("T1")),
        "{report:#}"
    );
    let history =
        first.get(&format!("/api/records/reports/{}/history", report["id"])).await.expect(200).json();
    let by = history["items"][0]["by"].as_str().or(history["items"][0]["actor"].as_str()).unwrap_or_default();
    assert!(by.starts_with("import:mongo/"), "{history:#}");
    // The log has the creation even of records whose model is not audited.
    let history = first.get("/api/records/users_settings/1/history").await.expect(200).json();
    assert_eq!(history["items"][0]["action"], "create", "{history:#}");
}

/// The import records the ids of rows before it writes the rows. If a user creates a record in between, the record may
/// take one of these ids; the import then gives its row another one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_that_a_user_takes_first_costs_no_document() {
    for on in [On::Files, On::Mongo] {
        let (dir, home, old) = (tempfile::tempdir().unwrap(), Home::new().await, Old::new().await);
        let app = TestApp::configured(&settings(dir.path(), &home, on), Options::default()).await;
        let staff = app.staff().await;
        create(&staff).await;
        let faster = staff.clone();
        app.platform().operations().faults().watch(Arc::new(move |at| {
            let faster = faster.clone();
            Box::pin(async move {
                if at == "shared_import:assigned:inside" {
                    // Only the first is new; the others are refused.
                    faster.post("/api/records/banks", &json!({"code": "FAST", "name": "Faster"})).await;
                }
                Ok(())
            })
        }));
        let report = import(&staff, &old, json!({"skip_invalid": true})).await;
        assert_eq!((&report["complete"], &report["faulty"]), (&json!(true), &json!(1)), "{report:#}");
        assert_eq!(count(&staff, "banks").await, 9);
        let faster = staff.get("/api/records/banks?code=FAST").await.expect(200).json();
        assert_eq!(faster["items"][0]["name"], "Faster", "{faster}");
        let first = with_token(&app, KNOWN[0], KNOWN[0]);
        let found = first.get("/api/records/reports?reference=R-9&expand=bank").await.expect(200).json();
        assert_eq!(found["items"][0]["expand"]["bank"]["code"], "B1", "{found}");
    }
}

/// Asserts that the organisations see banks as they did, then changes one.
async fn has_its_own_banks(first: &Client, third: &Client) {
    let bank = async |of: &Client, code: &str| {
        let found = of.get(&format!("/api/records/banks?code={code}")).await.expect(200).json();
        found["items"][0].clone()
    };
    let (renamed, hidden) = (bank(first, "B2").await, bank(first, "B4").await);
    assert_eq!(
        (&renamed["name"], &renamed["active"]),
        (&json!("Bank of demo_org_001"), &json!(true)),
        "{renamed}"
    );
    assert_eq!((&hidden["name"], &hidden["active"]), (&json!("Bank 4 «Çörək»"), &json!(false)), "{hidden}");
    assert_eq!(bank(third, "B2").await["name"], "Bank of demo_org_003");
    first
        .put(&format!("/api/records/banks/{}/override", renamed["id"]), &json!({"name": "Mine"}))
        .await
        .expect(200);
}

/// An organisation whose plan allows fewer records stops, and says so; the others go on.
#[tokio::test]
async fn an_organisation_that_reaches_its_limit_stops_and_the_others_go_on() {
    let (dir, home, old) = (tempfile::tempdir().unwrap(), Home::new().await, Old::new().await);
    let plans = "\n[plans.starter]\nlabel = \"Starter\"\n[plans.tiny]\nlabel = \"Tiny\"\n[plans.tiny.limits]\nrows = 20\n";
    let settings = settings(dir.path(), &home, On::Files) + plans;
    let app = TestApp::configured(&settings, Options::default()).await;
    let staff = app.staff().await;
    create(&staff).await;
    let tiny = json!({"skip_invalid": true, "create_missing": {"plan": "tiny", "email": "x@y.example"}});
    let report = import(&staff, &old, tiny).await;
    let stopped: Vec<_> =
        report["organisations"].as_array().unwrap().iter().map(|one| !one["stopped"].is_null()).collect();
    assert_eq!(stopped, [false, false, false, true], "{report:#}");
    assert_eq!(
        (&report["complete"], &report["verified"]),
        (&json!(false), &json!(24 + 3 * 45 - 1)),
        "{report:#}"
    );
}

#[tokio::test]
async fn documents_become_records_on_postgresql() {
    for server in tenantry_testkit::postgres::servers() {
        let (dir, home, old) = (tempfile::tempdir().unwrap(), Home::new().await, Old::new().await);
        let there = tenantry_testkit::postgres::Home::new(&server).await;
        std::fs::write(dir.path().join("pg.url"), there.url()).unwrap();
        let pg = format!("{}{}", mongo(&home), server_at(&dir.path().join("pg.url"), &there.prefix()));
        let settings = configured(dir.path(), Some(("pg", &pg)));
        let app = TestApp::configured(&settings, Options::default()).await;
        let staff = app.staff().await;
        create(&staff).await;
        let report = import(&staff, &old, json!({"skip_invalid": true})).await;
        assert_eq!(
            (&report["complete"], &report["verified"]),
            (&json!(true), &json!(24 + 3 * 45 - 1)),
            "{report:#}"
        );
        is_as_it_was(&with_token(&app, KNOWN[0], KNOWN[0])).await;
        let again = import(&staff, &old, json!({"skip_invalid": true})).await;
        assert_eq!(again["verified"], report["verified"]);
    }
}

fn killed(dir: &Path, args: &[&str], fault: &str) -> Output {
    tenantry(dir).args(args).env("TENANTRY_FAULT", fault).output().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_import_goes_on_and_neither_loses_nor_doubles() {
    for on in [On::Files, On::Mongo] {
        let (dir, home, old) = (tempfile::tempdir().unwrap(), Home::new().await, Old::new().await);
        std::fs::write(dir.path().join("tenantry.toml"), settings(dir.path(), &home, on)).unwrap();
        std::fs::write(dir.path().join("old.toml"), mapping()).unwrap();
        for slug in KNOWN {
            let made = run(dir.path(), &["tenant", "create", slug, "--email", &email(slug)]);
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        }
        let (database, shared) = (old.database(false), old.database(true));
        let args = [
            "import-shared-database",
            "--mapping",
            "old.toml",
            "--server",
            "mongo",
            "--database",
            &database,
            "--shared-database",
            &shared,
            "--skip-invalid",
            "--json",
        ];
        // Rows are stored and not recorded as stored; then the next process is killed where the first one went on.
        for fault in [
            "shared_import:batch:inside:kill",
            "shared_import:batch:inside:kill",
            "shared_import:organisation:inside:kill",
            "shared_import:batch:inside:kill",
        ] {
            let output = killed(dir.path(), &args, fault);
            assert_eq!(
                output.status.signal(),
                Some(9),
                "{fault}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        let output = run(dir.path(), &args);
        let report: Value = serde_json::from_str(&stdout(&output))
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
        assert_eq!(
            (&report["verified"], &report["different"]),
            (&json!(24 + 3 * 45 - 1), &json!(0)),
            "{report:#}"
        );
        assert_eq!(output.status.code(), Some(0), "{report:#}");
        for (slug, reports) in KNOWN.into_iter().zip([40, 40, 39]) {
            assert_eq!(stored(dir.path(), &home, on, slug).await, reports, "{slug}");
        }
    }
}

/// Returns the number of reports in an organisation's database, read without the platform.
async fn stored(dir: &Path, home: &Home, on: On, slug: &str) -> usize {
    if on == On::Mongo {
        return mongodb::contents(&mongodb::url(), &format!("{}{slug}", home.prefix()), "reports")
            .await
            .0
            .len();
    }
    let path = super::binary::find(dir, &format!("{slug}.db")).unwrap();
    let conn = rusqlite::Connection::open(path).unwrap();
    let count: i64 = conn.query_row("SELECT count(*) FROM reports", [], |row| row.get(0)).unwrap();
    count.try_into().unwrap()
}
