//! Injection canaries: markup in every text field of every model of every app, and in the names and reasons of the
//! catalog. Each role opens every page. No page contains the markup, and every canary is shown as text
//! (`cross-site-request`).

use super::{
    app::{Client, PASSWORD, TestApp},
    audited_pages,
    crawl::Crawl,
    web::{Page, Web},
};
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, sync::Arc};
use tenantry::{
    config::{DEFAULT_TOML, Scope},
    model::{Field, FieldKind, Model},
};
use tenantry_server::http::Options;
use tenantry_testkit::tried;

const FBS: &str = include_str!("../../../../apps/fbs/demo/tenantry.toml");
const VALUATION: &str = include_str!("../../../../apps/valuation/demo/tenantry.toml");
const STAFF: &str = "staff@platform.example";
const OWNER: &str = "owner@acme.example";
/// Largest number of pages of one route that a crawl opens.
const MOST: usize = 30;

/// The canaries, each with the place where it was planted.
#[derive(Default)]
struct Planted(BTreeMap<String, String>);

impl Planted {
    /// Returns a new text of at most `longest` characters that breaks out of an attribute and of an element.
    fn text(&mut self, place: impl Into<String>, longest: Option<u32>) -> String {
        let n = 100 + self.0.len();
        let text = match longest {
            Some(longest) if longest < 24 => format!("\"><i>{n}"),
            _ => format!("\"><img src=x id={n}>"),
        };
        self.0.insert(text.clone(), place.into());
        text
    }

    /// Returns the places whose canaries no page shows.
    fn unseen(&self, pages: &[Page]) -> Vec<&str> {
        let mut unseen = self.0.clone();
        for page in pages {
            let texts = page
                .tags
                .iter()
                .flat_map(|tag| std::iter::once(&tag.text).chain(tag.attrs.iter().map(|(_, value)| value)));
            let shown: Vec<_> = texts.filter(|text| text.contains("<i")).cloned().collect();
            let shown = shown.join("\n");
            unseen.retain(|canary, _| !shown.contains(canary.as_str()));
        }
        self.0
            .iter()
            .filter(|(canary, _)| unseen.contains_key(*canary))
            .map(|(_, place)| place.as_str())
            .collect()
    }
}

/// A platform with one company, and the canaries in it.
struct Sown {
    app: TestApp,
    staff: Client,
    owner: Client,
    planted: Planted,
    /// Pages with which the owner begins.
    of_owner: Vec<String>,
    /// Pages with which staff begin.
    of_staff: Vec<String>,
}

impl Sown {
    async fn new(config: &str) -> Self {
        let config = config.replacen("requests_per_second = 50", "requests_per_second = 1_000_000", 1);
        let app = TestApp::configured(&config, Options::default()).await;
        let staff = app.staff().await;
        let form = json!({"slug": "acme", "company": "Acme", "email": OWNER, "password": PASSWORD});
        staff.post("/api/admin/tenants", &form).await.expect(201);
        let owner = app.login(OWNER).await;
        let (of_owner, of_staff) = (vec!["/".into()], vec!["/".into(), "/admin/".into()]);
        Self { app, staff, owner, planted: Planted::default(), of_owner, of_staff }
    }

    fn is_shared(&self, model: &Model) -> bool {
        let config = self.app.platform().config();
        config.store(model.store.as_str()).is_some_and(|store| store.scope == Scope::System)
    }

    /// Creates a record of each model, those that others refer to first. All references are to record 1.
    async fn records(&mut self) {
        let mut waiting = self.app.platform().models();
        while !waiting.is_empty() {
            let names: Vec<_> = waiting.iter().map(|model| model.name.clone()).collect();
            let is_ready = |model: &Arc<Model>| {
                model.fields.iter().all(|field| match &field.kind {
                    FieldKind::Ref { to, .. } => *to == model.name || !names.contains(to),
                    _ => true,
                })
            };
            let (ready, later): (Vec<_>, Vec<_>) = waiting.into_iter().partition(is_ready);
            assert!(!ready.is_empty(), "models refer to each other in a circle: {names:?}");
            for model in &ready {
                self.record(model).await;
            }
            waiting = later;
        }
    }

    async fn record(&mut self, model: &Model) {
        let mut row = Map::new();
        let is_free =
            |field: &&Field| model.workflow.as_ref().is_none_or(|workflow| !workflow.owns(&field.name));
        for field in model.fields.iter().filter(is_free) {
            if let Some(value) = self.value(model, field) {
                row.insert(field.name.to_string(), value);
            }
        }
        let path = format!("/api/records/{}", model.name);
        let is_shared = self.is_shared(model);
        let client = if is_shared { &self.staff } else { &self.owner };
        client.post(&path, &Value::Object(row)).await.expect(201);
        self.of_owner.extend([format!("/{}/", model.name), format!("/{}/1/", model.name)]);
        if is_shared {
            self.of_staff
                .extend(["", "1/", "1/edit/"].map(|end| format!("/admin/data/{}/{end}", model.name)));
        } else {
            self.of_owner.push(format!("/{}/1/edit/", model.name));
        }
        if is_shared && let Some(overrides) = &model.overrides {
            self.own_values(model, &overrides.fields).await;
        }
    }

    /// Gives the company its own values of a shared record.
    async fn own_values(&mut self, model: &Model, fields: &[tenantry::name::FieldName]) {
        let mut own = Map::new();
        for field in fields.iter().filter_map(|name| model.field(name.as_str())) {
            if let FieldKind::Text { max_length } = field.kind {
                let text = self.planted.text(format!("own {}.{}", model.name, field.name), max_length);
                own.insert(field.name.to_string(), text.into());
            }
        }
        let path = format!("/api/records/{}/1/override", model.name);
        self.owner.put(&path, &Value::Object(own)).await.expect(200);
        self.of_owner.push(format!("/{}/1/override/", model.name));
    }

    /// Returns a value of a field: a canary where text is possible. `None` if the field stays empty.
    fn value(&mut self, model: &Model, field: &Field) -> Option<Value> {
        let place = format!("{}.{}", model.name, field.name);
        Some(match &field.kind {
            FieldKind::Text { max_length } => {
                assert!(max_length.is_none_or(|most| most >= 8), "no canary fits into {place}");
                self.planted.text(place, *max_length).into()
            }
            FieldKind::Json => json!({"text": self.planted.text(place, None)}),
            FieldKind::Ref { to, .. } if *to != model.name => 1.into(),
            FieldKind::Choice { choices } => choices[0].as_str().into(),
            FieldKind::Date => "2026-01-01".into(),
            FieldKind::Datetime => "2026-01-01T08:00:00Z".into(),
            FieldKind::Decimal { .. } => "1.00".into(),
            FieldKind::Integer { min, .. } => min.unwrap_or(1).into(),
            _ => return None,
        })
    }

    /// Plants canaries in the names and reasons of the catalog.
    async fn catalog(&mut self) {
        let (staff, owner, planted) = (&self.staff, &self.owner, &mut self.planted);
        let name = planted.text("name of the tenant", None);
        owner.patch("/api/tenant", &json!({"name": name})).await.expect(200);
        let name = planted.text("name of the user", None);
        owner.patch("/api/me", &json!({"name": name})).await.expect(200);
        let key = json!({"name": planted.text("name of the key", None), "role": "viewer"});
        owner.post("/api/tenant/keys", &key).await.expect(201);
        let model =
            self.app.platform().models().into_iter().find(|model| model.name.as_str() != "banks").unwrap();
        let view = json!({"name": planted.text("name of the view", None), "query": "", "shared": true});
        owner.post(&format!("/api/views/{}", model.name), &view).await.expect(201);
        self.of_owner.push(format!("/{}/views/", model.name));
        let texts = (planted.text("name of the plan", None), planted.text("price of the plan", None));
        let plan = json!({"code": "old", "name": texts.0, "price": texts.1, "limits": {}});
        staff.post("/api/admin/plans", &plan).await.expect(201);
        let held = json!({"slug": "held", "company": planted.text("name of a new tenant", None), "email": "held@x.example"});
        staff.post("/api/admin/tenants", &held).await.expect(201);
        let reason = json!({"reason": planted.text("reason of the suspension", None)});
        staff.post("/api/admin/tenants/held/suspend", &reason).await.expect(200);
        let shut = json!({"slug": "shut", "company": "Shut", "email": "shut@x.example"});
        staff.post("/api/admin/tenants", &shut).await.expect(201);
        let reason = json!({"on": true, "reason": planted.text("reason of the maintenance", None)});
        staff.post("/api/admin/tenants/shut/maintenance", &reason).await.expect(200);
        let reason = json!({"confirm": "held", "reason": planted.text("reason of the cancellation", None)});
        staff.post("/api/admin/tenants/held/cancel", &reason).await.expect(200);
        self.of_staff.extend(["held", "shut"].map(|slug| format!("/master-admin/companies/{slug}/")));
    }

    /// Plants canaries where the app has places for them: labels of own fields, and names of files.
    async fn own_fields_and_files(&mut self, web: &mut Web) {
        let mut models = self.app.platform().models();
        models.retain(|model| !self.is_shared(model));
        for model in models {
            if model.has_custom_fields() {
                let label = self.planted.text(format!("label of an own field of {}", model.name), None);
                let field = json!({"name": "floor", "label": label, "type": "integer"});
                let path = format!("/api/tenant/fields/{}", model.name);
                self.owner.post(&path, &field).await.expect(201);
            }
            if model.fields.iter().any(|field| matches!(field.kind, FieldKind::File { .. })) {
                let text = self.planted.text(format!("name of a file of {}", model.name), None);
                // A quotation mark ends the name of a file in a form.
                let name = text.trim_start_matches("\">").to_owned();
                let place = self.planted.0.remove(&text).unwrap();
                self.planted.0.insert(name.clone(), place);
                let form = web.get(&format!("/{}/1/edit/", model.name)).await.expect(200);
                web.send_file(&form, "", &[], Some((&name, b"text"))).await.expect(303);
            }
        }
    }

    /// Opens the pages of all roles. Returns them.
    async fn open(&mut self) -> Vec<Page> {
        let mut crawl = Crawl::keeping();
        let mut owner = Web::signed_in(&self.app, OWNER).await;
        let starts: Vec<_> = self.of_owner.iter().map(String::as_str).collect();
        crawl.follow_from(&mut owner, "owner", &starts, MOST).await;
        let mut staff = Web::signed_in(&self.app, STAFF).await;
        let starts: Vec<_> = self.of_staff.iter().map(String::as_str).collect();
        crawl.follow_from(&mut staff, "staff", &starts, MOST).await;
        let reason = self.planted.text("reason of the support visit", None);
        assert_eq!(audited_pages::enter_because(&mut staff, "acme", &reason).await, 303);
        crawl.follow_from(&mut staff, "staff as a member", &["/dashboard/"], 1).await;
        crawl
            .follow_from(&mut owner, "owner after the visit", &["/settings/activity/", "/account/"], 2)
            .await;
        std::mem::take(&mut crawl.kept)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_text_of_any_model_or_name_of_the_catalog_is_markup() {
    for (app, config) in [("medadmin", DEFAULT_TOML), ("valuation", VALUATION), ("fbs", FBS)] {
        let mut sown = Sown::new(config).await;
        sown.records().await;
        sown.catalog().await;
        let mut web = Web::signed_in(&sown.app, OWNER).await;
        sown.own_fields_and_files(&mut web).await;
        let pages = sown.open().await;
        assert_eq!(sown.planted.unseen(&pages), Vec::<&str>::new(), "{app}: no page shows these");
        letters(&sown).await;
        tried("canaries", sown.planted.0.len() as u64, "texts with markup, each on all pages of an app");
        tried("canaries", pages.len() as u64, "pages without markup of a value");
    }
}

/// Letters are plain text, so markup in names is text there, and a name cannot add a header.
async fn letters(sown: &Sown) {
    let invitation = json!({"email": "new@x.example", "role": "viewer"});
    sown.owner.post("/api/tenant/invitations", &invitation).await.expect(201);
    sown.app.platform().letters().send_due().await.unwrap();
    let folder = std::fs::read_dir(&sown.app.platform().config().mail.folder).unwrap();
    let all = folder.map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap());
    let letter = all.into_iter().find(|text| text.contains("To: new@x.example\r\n")).unwrap();
    let (head, _) = letter.split_once("\r\n\r\n").unwrap();
    let head = head.to_lowercase();
    assert!(head.contains("content-type: text/plain") && !head.contains("text/html"), "{letter}");
    assert_eq!(head.matches("\r\nfrom:").count() + usize::from(head.starts_with("from:")), 1, "{letter}");
}
