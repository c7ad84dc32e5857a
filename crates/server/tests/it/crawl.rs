//! Every page × every role, in process. The crawl follows each link and checks that each page is well-formed and
//! private. A page route to which no role's links and forms lead fails (`unscoped-route`, `shared-cache`).

use super::{
    app::TestApp,
    console_data::{CANARY, filled},
    web::{Page, Tag, Web},
};
use http::Method;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use tenantry_console::POLICY;
use tenantry_server::http::{ROUTES, Route};
use tenantry_testkit::tried;

/// Largest number of pages of one route that a crawl opens.
const MOST: usize = 12;
/// Largest page, bytes.
const LARGEST: usize = 200_000;

/// Returns the page route that a path belongs to.
fn route_of(method: &Method, path: &str) -> Option<&'static Route> {
    let path = path.split('?').next().unwrap();
    let fits = |route: &&Route| {
        let (ours, theirs): (Vec<_>, Vec<_>) = (route.path.split('/').collect(), path.split('/').collect());
        ours.len() == theirs.len()
            && ours
                .iter()
                .zip(theirs)
                .all(|(our, their)| our.starts_with('{') && !their.is_empty() || *our == their)
    };
    let found = ROUTES.iter().filter(|route| route.is_page && route.method == *method).filter(fits);
    // As in the router, constant segments take precedence over parameters.
    found.min_by_key(|route| route.path.matches('{').count())
}

#[derive(Default)]
pub(super) struct Crawl {
    /// Routes that were opened or that a form leads to.
    seen: BTreeSet<(String, &'static str)>,
    pages: u64,
    /// Language of the pages; empty: English.
    language: &'static str,
    keeps: bool,
    /// The pages that were opened, if the crawl retains them.
    pub(super) kept: Vec<Page>,
}

impl Crawl {
    /// Returns a crawl that retains its pages.
    pub(super) fn keeping() -> Self {
        Self { keeps: true, ..Self::default() }
    }

    /// Returns a crawl that retains the pages of this language.
    pub(super) fn in_language(language: &'static str) -> Self {
        Self { language, ..Self::keeping() }
    }

    /// Follows every link of the pages that a role sees.
    pub(super) async fn follow(&mut self, web: &mut Web, role: &str) {
        // Links in letters lead to the last three pages.
        let starts = ["/", "/login/", "/account/reset/", "/account/verify/", "/account/invitation/"];
        self.follow_from(web, role, &starts, MOST).await;
    }

    pub(super) async fn follow_from(&mut self, web: &mut Web, role: &str, starts: &[&str], most: usize) {
        let mut waiting: VecDeque<String> = starts.iter().map(|start| (*start).to_owned()).collect();
        let mut known: BTreeSet<String> = waiting.iter().cloned().collect();
        let mut opened: BTreeMap<&str, usize> = BTreeMap::new();
        while let Some(path) = waiting.pop_front() {
            let Some(route) = route_of(&Method::GET, &path) else {
                assert!(path.starts_with("/api/"), "{role}: {path} is no page");
                let answer = web.get(&path).await;
                assert!(answer.status.is_success(), "{role}: {path}: {}", answer.status);
                continue;
            };
            let count = opened.entry(route.path).or_default();
            *count += 1;
            if *count > most {
                continue;
            }
            let page = web.get(&path).await;
            self.seen.insert(("GET".into(), route.path));
            self.pages += 1;
            let mut next = if page.status.is_redirection() { vec![page.location()] } else { vec![] };
            if next.is_empty() {
                assert_eq!(page.status, 200, "{role}: a dead link, {path}: {}", page.text());
            }
            let is_file = route.path.starts_with("/assets/")
                || route.path.ends_with("/export/")
                || route.path.ends_with("/files/{field}/");
            if is_file || route.path.ends_with("/events/") {
                continue;
            }
            if next.is_empty() {
                check(&page, role, if self.language.is_empty() { "en" } else { self.language });
                next = page.attrs("a", "href");
                next.extend(page.attrs("link", "href"));
                next.extend(page.attrs("script", "src"));
                next.extend(page.attrs("live-part", "src"));
                self.forms(&page, role, &mut next);
                if self.keeps {
                    self.kept.push(page);
                }
            }
            for link in next {
                let link = link.split('#').next().unwrap().to_owned();
                let link = if link.starts_with('?') {
                    format!("{}{link}", path.split('?').next().unwrap())
                } else {
                    link
                };
                if !link.is_empty() && known.insert(link.clone()) {
                    waiting.push_back(link);
                }
            }
        }
    }

    fn forms(&mut self, page: &Page, role: &str, next: &mut Vec<String>) {
        for form in page.forms() {
            let action = if form.action.is_empty() { page.path.clone() } else { form.action.clone() };
            if form.method == "get" {
                next.push(action);
                continue;
            }
            // Browsers and programs register by the same route.
            if action == "/subscription/register/" {
                continue;
            }
            let route = route_of(&Method::POST, &action);
            let route = route.unwrap_or_else(|| panic!("{role}: {} has a form to {action}", page.path));
            self.seen.insert(("POST".into(), route.path));
            let has_token = form.fields.iter().any(|(name, value)| name == "_token" && value.len() > 60);
            assert!(
                has_token || route.access == tenantry_server::http::Access::Public,
                "{role}: {action} without a token"
            );
        }
    }
}

/// Checks the properties that every page must have.
pub(super) fn check(page: &Page, role: &str, language: &str) {
    let at = format!("{role} {}", page.path);
    let count = |name: &str| page.tags.iter().filter(|tag| tag.name == name).count();
    // Parts of drawings have titles too.
    let head = page.tags.iter().take_while(|tag| tag.name != "body");
    let titles = head.filter(|tag| tag.name == "title").count();
    assert_eq!((count("h1"), count("main"), titles), (1, 1, 1), "{at}");
    assert_eq!(page.attrs("html", "lang"), [language], "{at}");
    assert_eq!(page.headers["content-security-policy"], POLICY, "{at}");
    assert_eq!(page.headers["cache-control"], "private, no-store", "{at}");
    assert!(page.body.len() < LARGEST, "{at}: {} bytes", page.body.len());
    assert!(!page.body.contains("<img src=x") && !page.body.contains("<i>"), "{at}: markup of a value");
    let mut ids = BTreeSet::new();
    for tag in &page.tags {
        for (name, value) in &tag.attrs {
            assert!(name != "style" && !name.starts_with("on"), "{at}: {name} of {}", tag.name);
            let is_own =
                value.starts_with("/assets/") || tag.name == "live-part" && value.starts_with("/master");
            assert!(name != "src" || is_own, "{at}: {value}");
            assert!(name != "id" || ids.insert(value.clone()), "{at}: two elements are called {value}");
        }
    }
    let labelled = page.attrs("label", "for");
    for tag in page.tags.iter().filter(|tag| matches!(tag.name.as_str(), "input" | "select" | "textarea")) {
        let is_named = tag.attr("aria-label").is_some()
            || tag.attr("id").is_some_and(|id| labelled.iter().any(|l| l == id));
        assert!(is_named || tag.attr("type") == Some("hidden"), "{at}: {tag:?} has no label");
    }
    let described = page.tags.iter().filter_map(|tag: &Tag| tag.attr("aria-describedby"));
    for id in described.flat_map(str::split_whitespace) {
        assert!(ids.contains(id), "{at}: {id} describes a field and is not there");
    }
}

/// Routes that the crawl cannot reach: only a page that exists for a moment leads to them, or only the list of a model
/// that no tenant refers to or that has file fields or a workflow, and no model of the demo is like that.
/// `audited_operators`, `audited_staff` and `console_workflow` send their forms.
const UNSEEN: &[&str] = &[
    "/master-admin/operations/{id}/cancel/",
    "/admin/data/{model}/delete/",
    "/admin/data/{model}/{id}/files/{field}/",
    "/admin/data/{model}/{id}/transition/",
    "/{model}/{id}/transition/",
];

/// Creates tenants in the states that only operators see, and an operation that is stuck.
pub(super) async fn in_every_state(app: &TestApp) {
    let staff = app.login("staff@platform.example").await;
    for slug in ["held", "ended", "gone"] {
        app.register(slug).await;
        if slug != "held" {
            let now = json!({"confirm": slug, "grace_days": 0, "retention_days": 0});
            staff.post(&format!("/api/admin/tenants/{slug}/cancel"), &now).await.expect(200);
        }
    }
    staff.post("/api/admin/tenants/held/suspend", &json!({"reason": "x"})).await.expect(200);
    let over = json!({"state": "cancelled", "ends_at": "2090-01-01T00:00:00Z"});
    staff.post("/api/admin/tenants/held/plan", &over).await.expect(200);
    staff.patch("/api/admin/plans/clinic", &json!({"price": CANARY})).await.expect(200);
    let plan = json!({"code": "old", "name": CANARY, "limits": {}});
    staff.post("/api/admin/plans", &plan).await.expect(201);
    staff.patch("/api/admin/plans/old", &json!({"archived": true})).await.expect(200);
    let far = json!({"code": "far", "name": CANARY, "limits": {}, "servers": {"region": "moon"}});
    staff.post("/api/admin/plans", &far).await.expect(201);
    staff.post("/api/admin/tenants/held/plan", &json!({"plan": "far"})).await.expect(200);
    let wrong = json!({"email": "owner@held.example", "password": "not the password"});
    app.anon().post("/api/auth/login", &wrong).await.expect(401);
    app.platform().access().flush().await.unwrap();
    app.platform().letters().send_due().await.unwrap();
    let behind = "UPDATE placements SET schema_version = 'x' WHERE tenant = (SELECT id FROM tenants WHERE slug = 'held')";
    app.catalog(behind).await;
    staff.post("/api/admin/proofs?wait=60", &json!({})).await.expect(200);
    let gone = staff.get("/api/admin/tenants/gone").await.expect(200).json();
    let purge = json!({"confirm": "gone", "id": gone["id"]});
    staff.post("/api/admin/tenants/gone/purge?wait=60", &purge).await.expect(200);
    let faults = app.platform().operations().faults();
    faults.arm("provision:activate:before:fail");
    faults.arm("provision:databases:undo-before:fail");
    let form = json!({"slug": "stuck", "company": "S", "email": "s@x.example"});
    staff.post("/api/admin/tenants", &form).await.expect(500);
}

#[tokio::test]
async fn every_page_of_every_role_is_sound_and_leads_nowhere_dead() {
    let (app, people) = filled().await;
    let owner = app.login(people[0]).await;
    super::take_back::stage(&owner).await;
    owner.patch("/api/records/patients/1", &json!({"notes": CANARY, "blood_type": "B-"})).await.expect(200);
    owner.delete("/api/records/reports/1").await.expect(204);
    let report = json!({"title": "Q", "kind": "medical", "from_date": "2026-01-01", "to_date": "2026-03-31"});
    owner.post("/api/records/reports", &report).await.expect(201);
    let file = "/api/records/reports/2/files/document";
    owner.send(Method::PUT, file, Some("text/plain"), CANARY).await.expect(200);
    let view = json!({"name": CANARY, "query": "sort=-id", "shared": true});
    owner.post("/api/views/patients", &view).await.expect(201);
    let field = json!({"name": "floor", "label": CANARY, "type": "integer"});
    owner.post("/api/tenant/fields/appointments", &field).await.expect(201);
    in_every_state(&app).await;
    let mut crawl = Crawl::default();
    crawl.follow(&mut Web::new(&app), "visitor").await;
    for email in people {
        crawl.follow(&mut Web::signed_in(&app, email).await, email).await;
    }
    let mut acting = Web::signed_in(&app, people[3]).await;
    assert_eq!(super::audited_pages::enter(&mut acting, "acme").await, 303);
    crawl.follow_from(&mut acting, "staff as a member", &["/dashboard/"], 1).await;
    let pages = ROUTES.iter().filter(|route| route.is_page);
    let pages: BTreeSet<_> = pages.map(|route| (route.method.to_string(), route.path)).collect();
    let missed: Vec<_> = pages.difference(&crawl.seen).filter(|missed| !UNSEEN.contains(&missed.1)).collect();
    assert!(missed.is_empty(), "no link or form leads to {missed:?}");
    tried("T4 pages", crawl.pages, "pages, each as each role");
}

/// Markup in names and values is text (`cross-site-request`).
#[tokio::test]
async fn markup_in_names_and_values_is_shown_as_text() {
    let (app, people) = filled().await;
    let mut shown = 0;
    for email in people {
        let mut web = Web::signed_in(&app, email).await;
        for path in [
            "/dashboard/",
            "/settings/members/",
            "/settings/activity/",
            "/settings/company/",
            "/settings/close/",
            "/settings/subscription/",
            "/settings/backups/",
            "/settings/compare/patients/",
            "/analytics/?model=patients&group_by=city",
            "/analytics/?model=patients&group_by=blood_type&city=%22%3E%3Cimg+src%3Dx%3E",
            "/companies/",
            "/account/",
            "/patients/",
            "/patients/1/",
            "/doctors/1/",
            "/reports/1/",
            "/clinics/1/",
            "/admin/",
            "/admin/companies/",
            "/admin/companies/acme/",
            "/admin/subscriptions/acme/",
            "/admin/users/?q=ann",
            "/admin/users/1/",
            "/admin/letters/",
            "/admin/data/clinics/1/",
            "/admin/data/clinics/1/impact/",
            "/patients/?q=%22%3E%3Cimg+src%3Dx%3E&gone=%22%3E%3Cimg+src%3Dx%3E",
            "/account/?_done=%22%3E%3Cimg%20src=x%20onerror=a()%3E",
        ] {
            let page = web.get(path).await;
            assert!(matches!(page.status.as_u16(), 200 | 303 | 403 | 404), "{path}: {}", page.status);
            assert!(!page.body.contains("<img src=x"), "{path}");
            shown += usize::from(page.text().contains(CANARY));
        }
        let page = web.get("/login/?again=1&next=%22%3E%3Cimg%20src=x%3E").await.expect(200);
        assert!(!page.body.contains("<img src=x"));
    }
    assert!(shown >= 20, "{shown} pages show the canary");
}

#[tokio::test]
async fn a_page_of_another_session_or_company_sends_no_form_cross_site_request() {
    let (app, people) = filled().await;
    let mut web = Web::signed_in(&app, people[0]).await;
    let page = web.get("/account/").await.expect(200);
    let rename =
        |token: &str| vec![("_token".to_owned(), token.to_owned()), ("name".into(), "Mallory".into())];
    let good = page.form("/account/").fields[0].1.clone();
    let mut other = Web::signed_in(&app, people[0]).await;
    for token in ["", "x", ".", &good[..good.len() - 1]] {
        web.post("/account/", &rename(token)).await.expect(409);
    }
    let refused = other.post("/account/", &rename(&good)).await.expect(409);
    assert!(refused.text().contains("This form is out of date"), "{}", refused.body);
    assert!(!web.get("/account/").await.body.contains("Mallory"));
    let done = web.post("/account/", &rename(&good)).await.expect(303);
    assert!(web.follow(&done).await.body.contains("Mallory"));
}

#[tokio::test]
async fn a_visitor_signs_in_and_comes_back_to_the_page() {
    let app = TestApp::with(tenantry_server::http::Options::default()).await;
    app.register("acme").await;
    let mut web = Web::new(&app);
    let asked = web.get("/account/?_done=name").await.expect(303);
    assert_eq!(asked.location(), "/login/?next=/account/%3F_done%3Dname");
    assert_eq!(web.get("/account").await.expect(308).location(), "/account/");
    let login = web.follow(&asked).await.expect(200);
    let wrong = [("email", "owner@acme.example"), ("password", "not the password")];
    let refused = web.submit(&login, "/login/", &wrong).await.expect(401);
    assert!(refused.text().contains("The address or the password is wrong"), "{}", refused.body);
    assert!(refused.body.contains("value=\"owner@acme.example\""), "what was typed is kept");
    let right = [("password", super::app::PASSWORD)];
    let done = web.submit(&refused, "/login/", &right).await.expect(303);
    assert_eq!(done.location(), "/account/?_done=name");
    assert!(web.follow(&done).await.expect(200).text().contains("Your name is saved."));
    let page = web.get("/companies/").await.expect(200);
    let left = web.submit(&page, "/logout/", &[]).await.expect(303);
    assert!(web.follow(&left).await.text().contains("You are signed out."));
    web.get("/companies/").await.expect(303);
}

/// A problem is a page for browsers, with a remedy, and JSON for programs.
#[tokio::test]
async fn a_problem_is_a_page_where_a_browser_asks() {
    let (app, people) = filled().await;
    let mut web = Web::signed_in(&app, people[0]).await;
    for path in ["/nothing/here/or/there/", "/assets/x/no.css", "/api/records/nothing"] {
        let page = web.get(path).await.expect(404);
        check(&page, "problem", "en");
        assert!(page.text().contains("Check the address"), "{}", page.text());
    }
    let json = app.anon().get("/companies/").await.expect(401);
    assert_eq!(json.code(), "unauthenticated");
    let style =
        app.anon().get(&format!("/assets/{}/app.css", tenantry_console::assets::version())).await.expect(200);
    assert_eq!(style.header("cache-control"), "public, max-age=31536000, immutable");
    let older = app.anon().get("/assets/older/app.css").await.expect(200);
    assert_eq!(older.header("cache-control"), "no-cache");
}
