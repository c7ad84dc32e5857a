//! A database in the old layout, which organisations shared, for the tests of its import.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use tenantry_testkit::mongodb::{
    self, Document, Home,
    bson::{Bson, DateTime, Decimal128, oid::ObjectId},
    doc,
};

const GUIDE: &str = include_str!("../../../../docs/guides/valuation.md");
pub(super) const KNOWN: [&str; 3] = ["demo_org_001", "demo_org_002", "demo_org_003"];
pub(super) const UNKNOWN: &str = "demo_org_004";
/// Number of reports of each organisation.
const REPORTS: usize = 40;

/// Returns the mapping of the guide.
pub(super) fn mapping() -> String {
    let (_, section) = GUIDE.split_once("## From the old layout").unwrap();
    section.split("\n```toml\n").nth(1).unwrap().split("\n```").next().unwrap().to_owned()
}

/// A source in the old layout, in two databases of its own.
pub(super) struct Old {
    home: Home,
}

impl Old {
    /// Makes 200 documents: 160 reports of four organisations, the last without a required value, and what they refer to.
    pub(super) async fn new() -> Self {
        let old = Self { home: Home::new().await };
        let banks: Vec<_> = (0..8).map(|n| {
            let name = format!("Bank {n} «Çörək»");
            doc! { "_id": ObjectId::new(), "bank_code": format!("B{n}"), "bank_name": name, "branches": ["Main", "West"], "is_active": n % 2 == 0, "__v": 0 }
        }).collect();
        old.insert(true, "banks", banks).await;
        let fields = (0..12).map(|n| {
            doc! { "_id": n, "field_code": format!("F{n}"), "label": format!("Field {n}"), "field_type": "number", "order": n as f64, "required": false }
        });
        old.insert(true, "common_fields", fields.collect()).await;
        let layout = doc! { "pages": [{ "w": 210.5_f64, "made": DateTime::from_millis(1_700_000_000_123) }] };
        let system = (0..4).map(|n| {
            doc! { "_id": ObjectId::new(), "bank_code": format!("B{n}"), "property_type": "land", "name": format!("S{n}"), "layout": layout.clone() }
        });
        old.insert(true, "system_templates", system.collect()).await;
        let (mut templates, mut settings, mut reports) = (vec![], vec![], vec![]);
        for organisation in KNOWN.iter().chain([&UNKNOWN]) {
            let made: Vec<_> = (0..2).map(|_| ObjectId::new()).collect();
            for (n, id) in made.iter().enumerate() {
                templates.push(doc! { "_id": *id, "organization_id": *organisation, "name": format!("T{n}"), "bank_code": "B1", "property_type": "house", "layout": {} });
            }
            settings.push(doc! { "_id": format!("settings-{organisation}"), "organization_id": *organisation, "email": format!("a@{organisation}.example"), "theme": "dark" });
            for n in 0..REPORTS {
                let mut report = doc! {
                    "_id": if n % 3 == 0 { Bson::ObjectId(ObjectId::new()) } else { Bson::String(format!("{organisation}/r{n}")) },
                    "organization_id": *organisation, "reference": format!("R-{n}"), "bank_code": format!("B{}", n % 8),
                    // A reference as the hex of an object id, or as the object id.
                    "template_id": if n % 2 == 0 { Bson::String(made[n % 2].to_hex()) } else { Bson::ObjectId(made[n % 2]) },
                    "property_type": "land", "status": "Draft", "applicant_name": format!("Əli № {n} of {organisation}"),
                    "valued_on": DateTime::from_millis(86_400_000 * (19_000 + n as i64)),
                    "market_value": Bson::Decimal128("1250000.50".parse::<Decimal128>().unwrap()),
                    "report_data": { "area": 9_007_199_254_740_993_i64, "notes": [] },
                    "floor": 3_i32, "inspected_at": DateTime::from_millis(1_700_000_000_123), "__v": 2,
                };
                if *organisation == KNOWN[2] && n == REPORTS - 1 {
                    report.remove("applicant_name");
                }
                reports.push(report);
            }
        }
        let own = KNOWN.iter().chain([&UNKNOWN]).flat_map(|organisation| {
            let of = |bank: &str| doc! { "_id": format!("{organisation}/{bank}"), "organization_id": *organisation, "bank_code": bank };
            let mut renamed = of("B2");
            renamed.insert("bank_name", format!("Bank of {organisation}"));
            let mut hidden = of("B4");
            hidden.insert("is_active", false);
            [renamed, hidden]
        });
        old.insert(false, "bank_overrides", own.collect()).await;
        old.insert(false, "custom_templates", templates).await;
        old.insert(false, "users_settings", settings).await;
        old.insert(false, "reports", reports).await;
        old.insert(false, "activity_logs", vec![doc! { "organization_id": KNOWN[0], "did": "something" }; 4])
            .await;
        old
    }

    pub(super) fn database(&self, shared: bool) -> String {
        format!("{}{}", self.home.prefix(), if shared { "valuation" } else { "valuation_reports" })
    }

    pub(super) async fn insert(&self, shared: bool, collection: &str, documents: Vec<Document>) {
        let database = mongodb::client().await.database(&self.database(shared));
        database.collection::<Document>(collection).insert_many(documents).await.unwrap();
    }

    /// Returns every document and every index of the source.
    pub(super) async fn contents(&self) -> BTreeMap<String, (Vec<Document>, Vec<String>)> {
        let mut all = BTreeMap::new();
        for shared in [false, true] {
            let database = self.database(shared);
            for collection in mongodb::collections(&mongodb::url(), &database).await {
                let contents = mongodb::contents(&mongodb::url(), &database, &collection).await;
                all.insert(format!("{database}.{collection}"), contents);
            }
        }
        all
    }

    pub(super) fn form(&self, with: Value) -> Value {
        let mut form = json!({
            "mapping": mapping(), "server": "mongo", "database": self.database(false),
            "shared_database": self.database(true),
        });
        form.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
        form
    }
}
