//! Kit for a store that contains tenants of both isolations, with records of every field type.

use crate::{
    installation::Installation,
    test_platform::{TestPlatform, operator, slug},
};
use serde_json::{Value, json};
use tenantry::{
    Result,
    moves::Target,
    name::{FieldName, StoreName},
    query::{Filter, Operator, Select},
    records::{CustomKind, ListQuery, NewCustomField},
    value,
};
use tenantry_engine::place::Isolation;

const ENTRIES: &str = "store = \"tenant\"\naudit = true\ncustom_fields = true\n[fields.name]\ntype = \"text\"\nrequired = true\n\
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
    /// The own fields, and what a condition on one of them finds.
    own: Vec<String>,
    rows: u64,
}

/// Creates an installation; `isolation` is that of the store.
pub(crate) async fn ward(isolation: &str) -> TestPlatform {
    Installation::new()
        .two_servers()
        .isolation(isolation)
        .set("plans.small.limits", &format!("rows = {MOST}"))
        .set("registration", "default_plan = \"small\"")
        .set("registration", "placement = \"first\"")
        .app("ward", &[("entries", ENTRIES), ("tags", TAGS)])
        .start()
        .await
}

/// Opens the installation with a newer version of the app that has an additional field; no tenant is migrated yet.
pub(crate) async fn with_a_field_more(ward: TestPlatform) -> TestPlatform {
    let here = ward.installation.clone();
    ward.shutdown().await;
    drop(ward);
    here.change_model("entries", &format!("{ENTRIES}{SHELF}"));
    assert!(here.dir.join("apps/ward/migrations").read_dir().unwrap().count() == 2);
    here.open().await
}

impl TestPlatform {
    /// Creates a tenant with records of every type, one of them changed, one deleted, one with a file.
    pub(crate) async fn admit(&self, name: &str) {
        self.create(name).await;
        let tag = self.add(name, "tags", json!({ "name": format!("tag of {name}") })).await;
        self.add_own_fields(name).await;
        for n in 1..=4 {
            let before = if n > 1 { json!(n - 1) } else { Value::Null };
            let entry = json!({
                "name": format!("{name} {n} \u{1f3e5} 'quoted'"), "amount": "99999999999.1200",
                "at": format!("2026-0{n}-28T23:59:59.123456Z"), "day": "2024-02-29", "count": i64::MIN + 1,
                "open": n % 2 == 0, "meta": { "z": [1, 2.5, null, "\u{0}x"], "a": { "n": 9_007_199_254_740_993_i64 } },
                "before": before, "tag": tag["id"],
                "custom": { "price": format!("{n}.5"), "checked": "2026-01-31T12:00:00+04:00", "of": name },
            });
            self.add(name, "entries", entry).await;
        }
        let tenant = self.enter(name).await;
        let entries = self.records(&tenant, "entries").unwrap();
        entries.patch("2", None, json!({ "amount": "-0.0001" }).as_object().unwrap()).await.unwrap();
        entries.patch("2", None, json!({ "meta": [] }).as_object().unwrap()).await.unwrap();
        entries.delete("4", None).await.unwrap();
        self.upload(name, ["entries", "3", "paper"], &format!("paper of {name}")).await;
    }

    /// Adds own fields of the tenant. One has the name of the tenant, so that no other tenant has it.
    async fn add_own_fields(&self, name: &str) {
        let tenant = self.enter(name).await;
        let records = self.records(&tenant, "entries").unwrap();
        let own = records.own_fields().unwrap();
        let kinds = [
            ("price", CustomKind::Decimal { scale: 2 }),
            ("checked", CustomKind::Datetime),
            ("of", CustomKind::Choice { choices: vec![name.to_owned()] }),
        ];
        for (field, kind) in kinds {
            let (name, label) = (field.to_owned(), field.to_owned());
            own.add(&NewCustomField { name, label, kind, required: false, personal: false }).await.unwrap();
        }
    }

    /// Returns the tenant's own fields, and the names of the entries that a condition on one of them finds.
    async fn own_fields(&self, name: &str) -> Vec<String> {
        let tenant = self.enter(name).await;
        let records = self.records(&tenant, "entries").unwrap().with_custom_fields().await.unwrap();
        let mut shown: Vec<_> = records.custom_fields().iter().map(|field| format!("{field:?}")).collect();
        let price = FieldName::parse("price").unwrap().custom();
        let least = value::Value::Decimal("2.50".parse().unwrap());
        let filter = Filter::Compare(price, Operator::Ge, least);
        let all = ListQuery { select: Select { filter, ..Select::default() }, ..ListQuery::default() };
        let page = records.list(&all).await.unwrap();
        shown.push(String::from_utf8(page.items).unwrap());
        shown
    }

    pub(crate) async fn picture(&self, name: &str) -> Picture {
        let tenant = self.enter(name).await;
        let store = StoreName::parse("tenant").unwrap();
        let mut documents = Vec::new();
        for model in ["entries", "tags"] {
            let all =
                ListQuery { select: Select { limit: 100, ..Select::default() }, ..ListQuery::default() };
            let page = self.records(&tenant, model).unwrap().list(&all).await.unwrap();
            let text = format!("[{}]", String::from_utf8(page.items).unwrap());
            documents.extend(serde_json::from_str::<Vec<Value>>(&text).unwrap());
        }
        let sums = self.exports().checksums(&slug(name)).await.unwrap();
        let sums = sums.into_iter().flat_map(|(_, tables)| tables);
        let activity = self.tenant(&tenant).activity(&store, None, 100).await.unwrap();
        let mut papers = Vec::new();
        for document in documents.iter().filter(|document| document["paper"].is_object()) {
            let file = ["entries", &document["id"].to_string(), "paper"];
            papers.push(self.download(name, file).await.unwrap());
        }
        assert_eq!(papers, [format!("paper of {name}")]);
        let own = self.own_fields(name).await;
        assert_eq!(own.len(), 4, "{own:?}");
        Picture {
            own,
            documents,
            sums: sums.map(|t| (t.model.to_string(), t.rows, t.blake3)).collect(),
            // The number of a line depends on the place.
            activity: activity
                .into_iter()
                .map(|a| format!("{} {} {} {} {:?}", a.at, a.actor, a.action, a.record, a.detail))
                .collect(),
            papers,
            rows: self.tenant(&tenant).usage(&store).await.unwrap().rows,
        }
    }

    /// Returns the isolation of the place in use.
    pub(crate) async fn isolation(&self, name: &str) -> Isolation {
        self.place(name).await.isolation
    }

    /// Moves the tenant to the other isolation and asserts that the move was verified.
    pub(crate) async fn cross(&self, name: &str) {
        let started = self.start_cross(name).await.unwrap();
        let over = self.done(started).await;
        assert_eq!(over.result.unwrap()["verified"], true);
    }

    pub(crate) async fn start_cross(&self, name: &str) -> Result<i64> {
        match self.isolation(name).await {
            Isolation::Pooled => self.moves().promote(&operator(), &slug(name), &Target::default()).await,
            Isolation::Schema | Isolation::Database => {
                self.moves().demote(&operator(), &slug(name), &Target::default()).await
            }
        }
    }

    /// Backs the tenant up, changes it, and restores it.
    pub(crate) async fn back_and_forth(&self, name: &str) {
        let then = self.picture(name).await;
        let backup = self.back_up(name).await;
        self.add(name, "entries", json!({ "name": "later" })).await;
        assert_ne!(self.picture(name).await, then);
        self.restore(name, &backup).await;
        self.swap(name).await;
        assert_eq!(self.picture(name).await, then, "{name}");
    }

    /// Writes until the plan's limit refuses a write, then removes the new rows.
    pub(crate) async fn is_limited(&self, name: &str) {
        let mut made = Vec::new();
        for _ in self.picture(name).await.rows..MOST {
            made.push(self.add(name, "entries", json!({ "name": "filling" })).await);
        }
        let refused = self.try_add(name, "entries", json!({ "name": "one too many" })).await.unwrap_err();
        assert_eq!(refused.code(), "limit_exceeded", "{name}: {refused}");
        let tenant = self.enter(name).await;
        for row in made {
            let entries = self.records(&tenant, "entries").unwrap();
            entries.delete(&row["id"].to_string(), None).await.unwrap();
        }
    }
}
