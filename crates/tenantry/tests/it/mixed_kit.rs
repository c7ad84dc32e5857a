//! A platform whose one tenant store contains tenants of both isolations, with records of every field type.

use crate::test_platform::{operator, slug};
use futures_util::{TryStreamExt, stream};
use serde_json::{Value, json};
use std::{fs, path::Path};
use tenantry::access::Operator;
use tenantry::{
    Platform, Result,
    access::Tenant,
    apps::Apps,
    backups::Asked,
    config::Config,
    migrations::{
        fleet::{Options, Report},
        make,
    },
    moves::Target,
    name::StoreName,
    operations::{Filter, Listed, State},
    query::Select,
    records::{ListQuery, Upload},
    tenants::NewTenant,
};
use tenantry_engine::place::Isolation;

const ENTRIES: &str = "store = \"tenant\"\naudit = true\n[fields.name]\ntype = \"text\"\nrequired = true\n\
    search = true\n[fields.amount]\ntype = \"decimal\"\nscale = 4\n[fields.at]\ntype = \"datetime\"\n\
    [fields.day]\ntype = \"date\"\n[fields.count]\ntype = \"integer\"\n[fields.open]\ntype = \"boolean\"\n\
    [fields.meta]\ntype = \"json\"\n[fields.paper]\ntype = \"file\"\n[fields.before]\ntype = \"ref\"\n\
    to = \"entries\"\n[fields.tag]\ntype = \"ref\"\nto = \"tags\"\n";
const TAGS: &str = "store = \"tenant\"\nid = \"uuid\"\n[fields.name]\ntype = \"text\"\nunique = true\n";
const SHELF: &str = "[fields.shelf]\ntype = \"text\"\nindex = true\ndefault = \"top\"\n";
/// Number of rows that the plan allows.
pub(crate) const MOST: u64 = 12;

/// Visible state of a tenant: documents, checksums, activity log, file contents, number of rows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Picture {
    documents: Vec<Value>,
    sums: Vec<(String, u64, String)>,
    activity: Vec<String>,
    papers: Vec<String>,
    rows: u64,
}

pub(crate) struct Ward {
    pub(crate) platform: Platform,
}

fn config(dir: &Path, isolation: &str) -> Config {
    let text = format!(
        "[platform]\ndata_dir = \"data\"\n[servers.main]\npath = \"databases\"\n[servers.disk]\npath = \"more\"\n\
         [stores.control]\nserver = \"main\"\n[stores.shared]\nserver = \"main\"\n\
         [stores.tenant]\nservers = [\"main\", \"disk\"]\nisolation = \"{isolation}\"\n\
         [plans.small]\nlabel = \"Small\"\n[plans.small.limits]\nrows = {MOST}\n\
         [registration]\ndefault_plan = \"small\"\nplacement = \"first\"\n[apps]\nlist = [\"ward\"]\n"
    );
    Config::parse("tenantry.toml", &text, dir).unwrap_or_else(|p| panic!("{p}"))
}

fn make_migrations(config: &Config, entries: &str) {
    let app = config.apps.dir.join("ward");
    fs::create_dir_all(app.join("models")).unwrap();
    fs::write(app.join("app.toml"), "").unwrap();
    fs::write(app.join("models/entries.toml"), entries).unwrap();
    fs::write(app.join("models/tags.toml"), TAGS).unwrap();
    let apps = Apps::load(config).unwrap_or_else(|p| panic!("{p}"));
    make::make(&apps, &make::Options::default(), &mut |_| None).unwrap();
}

impl Ward {
    /// Creates a new installation; `isolation` is that of the store.
    pub(crate) async fn new(dir: &Path, isolation: &str) -> Self {
        let config = config(dir, isolation);
        make_migrations(&config, ENTRIES);
        let platform = Platform::open(config).await.unwrap();
        platform.plans().initialise(&Operator::new("system")).await.unwrap();
        Self { platform }
    }

    /// Opens the installation with a newer version of the app that has an additional field; no tenant is migrated yet.
    pub(crate) async fn with_a_field_more(self, dir: &Path) -> Self {
        let config = self.platform.config().clone();
        self.platform.shutdown().await;
        drop(self);
        make_migrations(&config, &format!("{ENTRIES}{SHELF}"));
        assert!(dir.join("apps/ward/migrations").read_dir().unwrap().count() == 2);
        Self { platform: Platform::open(config).await.unwrap() }
    }

    /// Creates a tenant with records of every type, one of them changed, one deleted, one with a file.
    pub(crate) async fn create(&self, name: &str) {
        let tenant = NewTenant { slug: slug(name), name: name.into(), email: format!("mail@{name}.test") };
        self.platform.tenants().create(&operator(), tenant, Some("small"), None).await.unwrap();
        let tag = self.add(name, "tags", json!({ "name": format!("tag of {name}") })).await.unwrap();
        for n in 1..=4 {
            let before = if n > 1 { json!(n - 1) } else { Value::Null };
            let entry = json!({
                "name": format!("{name} {n} \u{1f3e5} 'quoted'"), "amount": "99999999999.1200",
                "at": format!("2026-0{n}-28T23:59:59.123456Z"), "day": "2024-02-29", "count": i64::MIN + 1,
                "open": n % 2 == 0, "meta": { "z": [1, 2.5, null, "\u{0}x"], "a": { "n": 9_007_199_254_740_993_i64 } },
                "before": before, "tag": tag["id"],
            });
            self.add(name, "entries", entry).await.unwrap();
        }
        let tenant = self.enter(name).await;
        let entries = self.platform.records(&tenant, "entries").unwrap();
        entries.patch("2", None, json!({ "amount": "-0.0001" }).as_object().unwrap()).await.unwrap();
        entries.patch("2", None, json!({ "meta": [] }).as_object().unwrap()).await.unwrap();
        entries.delete("4", None).await.unwrap();
        let bytes = stream::iter([Ok(bytes::Bytes::from(format!("paper of {name}")))]);
        let upload = Upload { name: "paper.txt".into(), media_type: "text/plain".into(), bytes };
        entries.put_file("3", "paper", upload).await.unwrap();
    }

    async fn enter(&self, name: &str) -> Tenant {
        self.platform.refresh().await.unwrap();
        self.platform.tenants().enter(&operator(), &slug(name)).await.unwrap()
    }

    pub(crate) async fn add(&self, name: &str, model: &str, row: Value) -> Result<Value> {
        let tenant = self.enter(name).await;
        let made = self.platform.records(&tenant, model)?.create(row.as_object().unwrap()).await?;
        Ok(serde_json::from_slice(&made.body).unwrap())
    }

    pub(crate) async fn picture(&self, name: &str) -> Picture {
        let tenant = self.enter(name).await;
        let store = StoreName::parse("tenant").unwrap();
        let mut documents = Vec::new();
        for model in ["entries", "tags"] {
            let all =
                ListQuery { select: Select { limit: 100, ..Select::default() }, ..ListQuery::default() };
            let page = self.platform.records(&tenant, model).unwrap().list(&all).await.unwrap();
            let text = format!("[{}]", String::from_utf8(page.items).unwrap());
            documents.extend(serde_json::from_str::<Vec<Value>>(&text).unwrap());
        }
        let sums = self.platform.exports().checksums(&slug(name)).await.unwrap();
        let sums = sums.into_iter().flat_map(|(_, tables)| tables);
        let activity = self.platform.tenant(&tenant).activity(&store, None, 100).await.unwrap();
        let entries = self.platform.records(&tenant, "entries").unwrap();
        let mut papers = Vec::new();
        for document in documents.iter().filter(|document| document["paper"].is_object()) {
            let (_, bytes) = entries.get_file(&document["id"].to_string(), "paper").await.unwrap();
            let bytes: Vec<_> = bytes.try_collect().await.unwrap();
            papers.push(String::from_utf8(bytes.concat()).unwrap());
        }
        assert_eq!(papers, [format!("paper of {name}")]);
        Picture {
            documents,
            sums: sums.map(|t| (t.model.to_string(), t.rows, t.blake3)).collect(),
            // The number of a line differs from place to place.
            activity: activity
                .into_iter()
                .map(|a| format!("{} {} {} {} {:?}", a.at, a.actor, a.action, a.record, a.detail))
                .collect(),
            papers,
            rows: self.platform.tenant(&tenant).usage(&store).await.unwrap().rows,
        }
    }

    /// Returns the isolation of the place in use.
    pub(crate) async fn isolation(&self, name: &str) -> Isolation {
        let shown = self.platform.tenants().show(&slug(name)).await.unwrap();
        shown.placements[0].place.isolation
    }

    /// Moves the tenant to the other isolation and asserts that the move was verified.
    pub(crate) async fn cross(&self, name: &str) {
        let started = self.start_cross(name).await.unwrap();
        let over = self.done(started).await;
        assert_eq!(over.result.unwrap()["verified"], true);
    }

    pub(crate) async fn start_cross(&self, name: &str) -> Result<i64> {
        match self.isolation(name).await {
            Isolation::Pooled => {
                self.platform.moves().promote(&operator(), &slug(name), &Target::default()).await
            }
            Isolation::Schema | Isolation::Database => {
                self.platform.moves().demote(&operator(), &slug(name), &Target::default()).await
            }
        }
    }

    pub(crate) async fn over(&self, operation: i64) -> Listed {
        self.platform.operations().wait(operation).await.unwrap()
    }

    pub(crate) async fn done(&self, operation: i64) -> Listed {
        let over = self.over(operation).await;
        assert_eq!(over.state, State::Done, "{over:?}");
        over
    }

    pub(crate) async fn migrate(&self) -> Report {
        let mut reports =
            self.platform.migrations().run(&operator(), None, Options::default(), |_, _| {}).await.unwrap();
        assert_eq!(reports.len(), 1);
        reports.remove(0).1
    }

    /// Backs the tenant up, changes it, and restores it.
    pub(crate) async fn back_and_forth(&self, name: &str) {
        let then = self.picture(name).await;
        let Asked { backup, operation } =
            self.platform.backups().start(&operator(), &slug(name), None).await.unwrap();
        self.done(operation).await;
        self.add(name, "entries", json!({ "name": "later" })).await.unwrap();
        assert_ne!(self.picture(name).await, then);
        let restore = self.platform.restores().start(&operator(), &slug(name), &backup, None).await.unwrap();
        self.done(restore).await;
        self.done(self.platform.restores().swap(&operator(), &slug(name)).await.unwrap()).await;
        assert_eq!(self.picture(name).await, then, "{name}");
    }

    /// Writes until the plan's limit refuses a write, then removes the new rows.
    pub(crate) async fn is_limited(&self, name: &str) {
        let mut made = Vec::new();
        for _ in self.picture(name).await.rows..MOST {
            made.push(self.add(name, "entries", json!({ "name": "filling" })).await.unwrap());
        }
        let refused = self.add(name, "entries", json!({ "name": "one too many" })).await.unwrap_err();
        assert_eq!(refused.code(), "limit_exceeded", "{name}: {refused}");
        let tenant = self.enter(name).await;
        for row in made {
            let entries = self.platform.records(&tenant, "entries").unwrap();
            entries.delete(&row["id"].to_string(), None).await.unwrap();
        }
    }

    pub(crate) async fn found(&self) -> Vec<String> {
        let mut found = Vec::new();
        self.platform.check(None, true, |finding| found.push(finding.to_string()), |_, _| ()).await.unwrap();
        found
    }

    /// Asserts that no operation is stuck and every database matches the catalog.
    pub(crate) async fn whole(&self) {
        let open = Filter { open: true, ..Filter::default() };
        assert_eq!(self.platform.operations().list(&open).await.unwrap(), vec![]);
        assert_eq!(self.found().await, Vec::<String>::new());
        assert_eq!(self.platform.migrations().behind().await.unwrap(), 0);
        assert!(self.platform.audit().verify().await.unwrap().faults.is_empty());
    }
}
