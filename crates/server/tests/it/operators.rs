//! Pages of operators: items that need attention, the list of companies, one company, and running operations.

use super::{
    app::{PASSWORD, TestApp},
    console_data::{CANARY, filled},
    web::Web,
};

use serde_json::json;
use tenantry_server::http::Options;

const STAFF: &str = "staff@platform.example";

async fn staff_web() -> (TestApp, Web) {
    let (app, _) = filled().await;
    let web = Web::signed_in(&app, STAFF).await;
    (app, web)
}

/// Returns the slugs on a page of the list, in their order.
fn slugs(page: &super::web::Page) -> Vec<String> {
    let links = page.attrs("a", "href").into_iter();
    let slugs = links.filter_map(|href| {
        let slug = href.strip_prefix("/master-admin/companies/")?.strip_suffix('/')?.to_owned();
        (!slug.is_empty() && slug != "create").then_some(slug)
    });
    slugs.collect()
}

#[tokio::test]
async fn the_overview_says_what_needs_an_operator_and_leads_there() {
    let (app, mut web) = staff_web().await;
    let staff = app.login(STAFF).await;
    let page = web.get("/").await.expect(303);
    assert_eq!(page.location(), "/master-admin/");
    let text = web.get("/master-admin/").await.expect(200).text();
    assert!(text.contains("2 companies have no good backup"), "{text}");
    let closed = json!({"on": true, "reason": format!("Elevator {CANARY}")});
    staff.post("/api/admin/tenants/acme/maintenance", &closed).await.expect(200);
    let faults = app.platform().operations().faults();
    faults.arm("backup:take:before:fail");
    staff.post("/api/admin/tenants/rival/backups?wait=60", &json!({})).await;
    let page = web.get("/master-admin/").await.expect(200);
    let text = page.text();
    for part in
        ["acme is closed for maintenance", CANARY, "Failed and undone", "1 backup failed in the last day"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(page.attrs("a", "href").contains(&"/master-admin/companies/acme/maintenance/".to_owned()));
    let overview = staff.get("/api/admin/overview").await.expect(200).json();
    assert_eq!(overview["tenants"], json!([{"name": "active", "count": 2}]), "{overview}");
    let needs = overview["attention"].as_array().unwrap().iter();
    let problems: Vec<_> = needs.map(|need| need["problem"].as_str().unwrap()).collect();
    let wanted = ["backups_failed", "without_backup", "operation_failed", "maintenance"];
    assert_eq!(problems, wanted, "the most urgent first");
}

#[tokio::test]
async fn all_is_well_after_the_first_backups() {
    let app = TestApp::with(Options::default()).await;
    app.register("acme").await;
    let staff = app.staff().await;
    staff.post("/api/admin/tenants/acme/backups?wait=60", &json!({})).await.expect(200);
    let mut web = Web::signed_in(&app, STAFF).await;
    let text = web.get("/master-admin/").await.expect(200).text();
    assert!(text.contains("All is well"), "{text}");
}

#[tokio::test]
async fn companies_are_searched_filtered_sorted_and_paged_by_the_catalog() {
    let app = TestApp::with(Options::default()).await;
    let staff = app.staff().await;
    // Names and slugs have opposite orders.
    for n in 0..120 {
        let form = json!({"slug": format!("firm-{n:03}"), "company": format!("Name {:03}", 119 - n), "email": "a@b.example"});
        staff.post("/api/admin/tenants", &form).await.expect(201);
    }
    staff.post("/api/admin/tenants/firm-007/suspend", &json!({"reason": "x"})).await.expect(200);
    staff.post("/api/admin/tenants/firm-008/plan", &json!({"plan": "clinic"})).await.expect(200);
    staff.post("/api/admin/tenants/firm-009/backups?wait=60", &json!({})).await.expect(200);
    let mut web = Web::signed_in(&app, STAFF).await;
    for (sort, first, last) in [
        ("", 0, 119),
        ("sort=slug", 0, 119),
        ("sort=name", 119, 0),
        ("sort=newest", 119, 0),
        ("sort=backup", 0, 9),
    ] {
        let (mut path, mut seen) = (format!("/master-admin/companies/?{sort}"), vec![]);
        loop {
            let page = web.get(&path).await.expect(200);
            seen.extend(slugs(&page));
            let next = page.tags.iter().find(|tag| tag.attr("rel") == Some("next"));
            let Some(next) = next else { break };
            path = next.attr("href").unwrap().to_owned();
        }
        assert_eq!(seen.len(), 120, "{sort}");
        let ends = (seen.first().unwrap().clone(), seen.last().unwrap().clone());
        assert_eq!(ends, (format!("firm-{first:03}"), format!("firm-{last:03}")), "{sort}");
        let distinct: std::collections::BTreeSet<_> = seen.iter().collect();
        assert_eq!(distinct.len(), 120, "{sort}: a company is shown twice");
    }
    for (query, wanted) in [
        ("q=firm-007", vec!["firm-007"]),
        ("q=NAME+112", vec!["firm-007"]),
        ("state=suspended", vec!["firm-007"]),
        ("plan=clinic", vec!["firm-008"]),
        ("behind=true", vec![]),
        ("server=nowhere", vec![]),
        ("state=suspended&plan=clinic", vec![]),
    ] {
        let page = web.get(&format!("/master-admin/companies/?{query}")).await.expect(200);
        assert_eq!(slugs(&page), wanted, "{query}");
        let listed = staff.get(&format!("/api/admin/tenants?{query}")).await.expect(200).json();
        let of_api: Vec<_> =
            listed["items"].as_array().unwrap().iter().map(|t| t["slug"].as_str().unwrap()).collect();
        assert_eq!(of_api, wanted, "{query}");
    }
    let without = staff.get("/api/admin/tenants?without_backup=true&limit=1000").await.expect(200).json();
    assert_eq!(without["items"].as_array().unwrap().len(), 118, "one has a backup, one is suspended");
    let backed_up = staff.get("/api/admin/tenants/firm-009").await.expect(200).json();
    assert!(backed_up["last_backup_at"].is_string(), "{backed_up}");
    staff.get("/api/admin/tenants?sort=size").await.expect(422);
    web.get("/master-admin/companies/?state=nothing").await.expect(422);
}

#[tokio::test]
async fn a_refused_form_says_what_is_wrong_at_the_field() {
    let (_app, mut web) = staff_web().await;
    let form = web.get("/master-admin/companies/create/").await.expect(200);
    let wrong = [("company", "Elm"), ("slug", "X"), ("email", "nobody"), ("password", "short")];
    let refused = web.submit(&form, "", &wrong).await.expect(422);
    for field in ["slug", "email", "password"] {
        assert!(refused.body.contains(&format!("id=\"{field}-wrong\"")), "{field}: {}", refused.body);
    }
    assert!(refused.body.contains("value=\"Elm\"") && !refused.body.contains("short\""), "{}", refused.body);
    let taken = [("company", "Elm"), ("slug", "acme"), ("email", "a@b.example"), ("password", "")];
    let taken = web.submit(&form, "", &taken).await.expect(409);
    assert!(taken.text().contains("is taken"), "{}", taken.text());
    for act in ["cancel", "purge"] {
        let page = web.get(&format!("/master-admin/companies/acme/{act}/")).await.expect(200);
        if act == "cancel" {
            let refused = web.submit(&page, "", &[("confirm", "rival")]).await.expect(422);
            assert!(refused.body.contains("id=\"confirm-wrong\""), "{}", refused.body);
        } else {
            assert!(page.text().contains("Only a closed company can be purged"), "{}", page.text());
        }
    }
    for settings in ["[1]", "{", "nothing"] {
        let page = web.get("/master-admin/companies/acme/settings/").await.expect(200);
        let refused = web.submit(&page, "", &[("settings", settings)]).await.expect(422);
        assert!(refused.body.contains("id=\"settings-wrong\""), "{settings}: {}", refused.body);
    }
}

#[tokio::test]
async fn settings_that_are_left_out_are_removed() {
    let (app, mut web) = staff_web().await;
    let staff = app.login(STAFF).await;
    staff.patch("/api/admin/tenants/acme/settings", &json!({"a": 1, "b": 2})).await.expect(200);
    let page = web.get("/master-admin/companies/acme/settings/").await.expect(200);
    web.submit(&page, "", &[("settings", "{\"b\": 3}")]).await.expect(303);
    let kept = staff.get("/api/admin/tenants/acme/settings").await.expect(200).json();
    assert_eq!(kept["settings"], json!({"b": 3}), "{kept}");
}

/// Swapping a restore in and purging a company require the operator's own password.
#[tokio::test]
async fn what_cannot_be_undone_needs_the_own_password() {
    let (app, mut web) = staff_web().await;
    let staff = app.login(STAFF).await;
    let backup = staff.post("/api/admin/tenants/acme/backups?wait=60", &json!({})).await.expect(200).json();
    let backup = json!({"backup": backup["result"]["backup"]});
    staff.post("/api/admin/tenants/acme/restore?wait=60", &backup).await.expect(200);
    let now = json!({"confirm": "rival", "grace_days": 0, "retention_days": 0});
    staff.post("/api/admin/tenants/rival/cancel", &now).await.expect(200);
    for (path, fields) in [
        ("/master-admin/companies/acme/swap/", vec![]),
        ("/master-admin/companies/rival/purge/", vec![("confirm", "rival"), ("early", "yes")]),
    ] {
        let page = web.get(path).await.expect(200);
        let mut wrong = fields.clone();
        wrong.push(("password", "not the password"));
        let refused = web.submit(&page, "", &wrong).await.expect(422);
        assert!(refused.body.contains("id=\"password-wrong\""), "{path}: {}", refused.body);
    }
    let open = staff.get("/api/admin/operations?open=true").await.expect(200).json();
    assert_eq!(open["items"], json!([]), "nothing was started: {open}");
    let page = web.get("/master-admin/companies/rival/purge/").await.expect(200);
    assert!(page.text().contains("is removed"), "{}", page.text());
    let fields = [("confirm", "rival"), ("early", "yes"), ("password", PASSWORD)];
    let begun = web.submit(&page, "", &fields).await.expect(303);
    let id = begun.location().trim_end_matches('/').rsplit('/').next().unwrap().parse().unwrap();
    app.platform().operations().wait(id).await.unwrap();
    let operation = web.follow(&begun).await.expect(200);
    assert!(operation.attrs("a", "href").contains(&"/master-admin/companies/rival/certificate/".to_owned()));
    let certificate = web.get("/master-admin/companies/rival/certificate/").await.expect(200);
    let stored = staff.get("/api/admin/tenants/rival/certificate").await.expect(200).json();
    assert!(certificate.text().contains(stored["hash"].as_str().unwrap()), "{}", certificate.text());
    let gone = web.get("/master-admin/companies/rival/").await.expect(200);
    assert!(gone.text().contains("Purged"), "{}", gone.text());
}

/// Returns the parts of a page that a stream sends, and its last event.
async fn stream(web: &mut Web, path: &str) -> (Vec<String>, Option<String>) {
    let page = web.get(path).await.expect(200);
    assert_eq!(page.headers["content-type"], "text/event-stream");
    let mut parts = vec![];
    let mut last = None;
    for event in page.body.split("\n\n").filter(|event| !event.trim().is_empty() && !event.starts_with(':')) {
        let data: Vec<_> = event.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
        match event.lines().find_map(|line| line.strip_prefix("event: ")) {
            Some(name) => last = Some(name.to_owned()),
            None => parts.push(data.join("\n")),
        }
    }
    (parts, last)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operation_is_seen_as_it_happens() {
    let (app, mut web) = staff_web().await;
    app.platform().operations().faults().arm("backup:take:before:wait-300");
    let page = web.get("/master-admin/companies/acme/back-up/").await.expect(200);
    let begun = web.submit(&page, "", &[]).await.expect(303);
    let shown = web.follow(&begun).await.expect(200);
    assert!(shown.text().contains("runs now"), "{}", shown.text());
    let source = shown.attrs("live-part", "src");
    let (parts, last) = stream(&mut web, &source[0]).await;
    assert!(parts.len() > 1, "{parts:?}");
    assert!(parts[0].contains("class=\"now\"") && !parts[0].contains("<html"), "{}", parts[0]);
    assert!(parts.last().unwrap().contains(">Done<"), "{parts:?}");
    assert_eq!(last.as_deref(), Some("end"));
    let over = web.follow(&begun).await.expect(200);
    assert!(over.attrs("live-part", "src").is_empty(), "an operation that is over is not listened to");
    web.get("/master-admin/operations/999999/events/").await.expect(404);
    let mut member = Web::signed_in(&app, "owner@acme.example").await;
    member.get(&source[0]).await.expect(404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_says_how_long_writers_waited() {
    let settings =
        tenantry_testkit::Settings::default().two_servers().set("registration", "placement = \"first\"");
    let app = TestApp::configured(&settings, Options::default()).await;
    app.register("acme").await;
    app.staff().await;
    let mut web = Web::signed_in(&app, STAFF).await;
    let page = web.get("/master-admin/companies/acme/move/").await.expect(200);
    let begun = web.submit(&page, "", &[("server", "disk")]).await.expect(303);
    let id = begun.location().trim_end_matches('/').rsplit('/').next().unwrap().parse().unwrap();
    app.platform().operations().wait(id).await.unwrap();
    let text = web.follow(&begun).await.expect(200).text();
    assert!(text.contains(" ms") && text.contains("writers waited"), "{text}");
    assert!(web.get("/master-admin/companies/?server=disk").await.expect(200).text().contains("acme"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_tells_what_a_move_would_do_before_it_does_it() {
    let settings =
        tenantry_testkit::Settings::default().two_servers().set("registration", "placement = \"first\"");
    let app = TestApp::configured(&settings, Options::default()).await;
    let acme = app.register("acme").await;
    for name in ["Ada", "Ben"] {
        acme.post("/api/records/patients", &super::records::patient(name)).await.expect(201);
    }
    let staff = app.staff().await;
    let mut web = Web::signed_in(&app, STAFF).await;
    let state = async || {
        let shown = staff.get("/api/admin/tenants/acme").await.expect(200).json()["placements"].clone();
        let operations = staff.get("/api/admin/operations").await.expect(200).json();
        (shown, operations["items"].clone(), staff.get("/api/admin/audit").await.json()["items"][0].clone())
    };
    let before = state().await;
    let page = web.get("/master-admin/companies/acme/move/").await.expect(200);
    let looked = web.submit(&page, "", &[("server", "disk"), ("_check", "yes")]).await.expect(200);
    let text = looked.text();
    assert!(text.contains("Nothing is in the way") && text.contains("What would move"), "{text}");
    let chosen =
        looked.tags.iter().any(|tag| tag.name == "option" && tag.attrs.iter().any(|of| of.0 == "selected"));
    assert!(chosen, "the choice is kept");
    app.platform().operations().faults().arm("backup:take:before:wait-3000");
    staff.post("/api/admin/tenants/acme/backups", &json!({})).await.expect(202);
    let refused = web.submit(&page, "", &[("server", "disk"), ("_check", "yes")]).await.expect(200).text();
    assert!(refused.contains("One thing is in the way"), "{refused}");
    let back = web.get("/master-admin/companies/acme/move-back/").await.expect(200);
    let nowhere = web.submit(&back, "", &[("_check", "yes")]).await.expect(409).text();
    assert!(nowhere.contains("back"), "{nowhere}");
    assert_eq!(state().await.0, before.0);
}

#[tokio::test]
async fn the_log_names_people_and_its_chain_is_checked() {
    let (app, mut web) = staff_web().await;
    let page = web.get("/master-admin/audit/?tenant=acme").await.expect(200);
    assert!(page.text().contains("tenant.create") && !page.text().contains("user:"), "{}", page.text());
    let checked = web.get("/master-admin/audit/?verify=true").await.expect(200);
    assert!(checked.text().contains("The chain is intact"), "{}", checked.text());
    app.catalog("UPDATE audit SET detail = '{\"x\":1}' WHERE id = 3").await;
    let broken = web.get("/master-admin/audit/?verify=true").await.expect(200);
    assert!(broken.text().contains("The log is not intact"), "{}", broken.text());
    web.get("/master-admin/audit/?tenant=nobody").await.expect(404);
}

#[tokio::test]
async fn backups_and_servers_are_told_as_they_are() {
    let (app, mut web) = staff_web().await;
    let staff = app.login(STAFF).await;
    staff.post("/api/admin/tenants/acme/backups?wait=60", &json!({})).await.expect(200);
    let page = web.get("/master-admin/backups/").await.expect(200);
    assert!(page.attrs("a", "href").contains(&"/master-admin/companies/acme/".to_owned()), "{}", page.text());
    let root = app.platform().config().servers[0].path().unwrap();
    let stray = root.join("stray_1.db");
    std::fs::write(&stray, b"").unwrap();
    let hour = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
    std::fs::File::options().write(true).open(&stray).unwrap().set_modified(hour).unwrap();
    let text = web.get("/master-admin/servers/").await.expect(200).text();
    assert!(text.contains("stray_1.db") && text.contains("A file without a placement"), "{text}");
}

#[tokio::test]
async fn lists_name_people_and_a_purged_company_by_its_short_name() {
    let (app, mut web) = staff_web().await;
    let staff = app.login(STAFF).await;
    let backup = staff.post("/api/admin/tenants/acme/backups?wait=60", &json!({})).await.expect(200).json();
    staff.post("/api/admin/proofs?wait=60", &json!({})).await.expect(200);
    let operation = format!("/master-admin/operations/{}/", backup["id"]);
    for path in [
        "/master-admin/operations/?tenant=acme",
        &operation,
        "/master-admin/backups/",
        "/master-admin/proof/",
        "/master-admin/proof/1/",
        "/master-admin/companies/acme/",
    ] {
        let text = web.get(path).await.expect(200).text();
        assert!(text.contains(STAFF) && !text.contains("user:"), "{path}: {text}");
    }
    let now = json!({"confirm": "acme", "grace_days": 0, "retention_days": 0});
    staff.post("/api/admin/tenants/acme/cancel", &now).await.expect(200);
    let id = staff.get("/api/admin/tenants/acme").await.expect(200).json()["id"].clone();
    let purge = json!({"confirm": "acme", "id": id});
    staff.post("/api/admin/tenants/acme/purge?wait=60", &purge).await.expect(200);
    for path in ["/master-admin/companies/acme/", "/admin/companies/acme/"] {
        let page = web.get(path).await.expect(200);
        let head = page.tags.iter().skip_while(|tag| tag.name != "h1").nth(1).unwrap();
        assert_eq!(head.text.trim(), "acme", "{path}");
        let acts =
            page.attrs("a", "href").into_iter().filter(|to| to.contains("acme/") && to.contains("back-up"));
        assert_eq!(acts.count(), 0, "{path}: nothing is left to back up");
        assert!(!page.attrs("section", "id").contains(&"actions".to_owned()) || path.starts_with("/admin"));
    }
    let list = web.get("/master-admin/companies/?state=gone").await.expect(200).text();
    assert!(list.contains("acme"), "{list}");
}
