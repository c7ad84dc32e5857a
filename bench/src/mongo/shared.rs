//! Reads of shared records as a tenant sees them, compared with two queries and a merge by hand: 300 banks, of which the
//! tenant has changed eight, and two that it has added.

use super::print;
use crate::rounds::alternate;
use anyhow::{Context, Result, anyhow};
use mongodb::{
    Client, Collection,
    bson::{DateTime, doc},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value as Json, json};
use std::{collections::HashMap, path::Path, time::Instant};
use tenantry::{
    Platform,
    access::{Operator, Tenant},
    apps::demo_config,
    config::Config,
    demo,
    name::{FieldName, Slug},
    query::{Direction, Filter, Operator as Is, Select},
    records::{ListQuery, Scope, Want},
    tenants::NewTenant,
    value::Value,
};
use tokio::runtime::Runtime;

const BANKS: i64 = 300;
const CHANGED: i64 = 8;
const ADDED: i64 = 2;

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Bank {
    #[serde(rename = "_id")]
    id: i64,
    code: String,
    name: String,
    branches: Vec<String>,
    contact: Option<String>,
    active: bool,
    created_at: DateTime,
    updated_at: DateTime,
    version: i64,
}

/// Values of one organisation: of a shared bank, or of one that it has added.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Own {
    #[serde(rename = "_id")]
    bank: i64,
    name: Option<String>,
    contact: Option<String>,
    active: Option<bool>,
    added: Option<Bank>,
}

impl Own {
    fn change(self, bank: &mut Bank) {
        let Self { name, contact, active, .. } = self;
        bank.name = name.unwrap_or(std::mem::take(&mut bank.name));
        bank.contact = contact.or(bank.contact.take());
        bank.active = active.unwrap_or(bank.active);
    }
}

fn bank(number: i64) -> Json {
    json!({"code": format!("B{number:04}"), "name": format!("Bank number {}", number * 7919 % 1000),
        "branches": ["Head office", "Station Road"], "contact": format!("desk{number}@banks.example")})
}

/// The hand-written side.
struct Hand {
    banks: Collection<Bank>,
    own: Collection<Own>,
}

impl Hand {
    async fn make(client: &Client, prefix: &str) -> Result<Self> {
        let banks = client.database(&format!("{prefix}hand_shared")).collection("banks");
        let own = client.database(&format!("{prefix}hand_org")).collection("bank_overrides");
        let now = DateTime::now();
        let typed = |number: i64| -> Result<Bank> {
            let mut bank = bank(number);
            let all = bank.as_object_mut().context("an object")?;
            all.insert("_id".into(), number.into());
            all.insert("active".into(), true.into());
            all.insert("version".into(), 1.into());
            for name in ["created_at", "updated_at"] {
                all.insert(name.into(), serde_json::to_value(now)?);
            }
            Ok(serde_json::from_value(bank)?)
        };
        banks.insert_many((1..=BANKS).map(typed).collect::<Result<Vec<_>>>()?).await?;
        let changed = (1..=CHANGED).map(|number| Own {
            bank: number * 30,
            name: Some(format!("Our bank {number}")),
            contact: None,
            active: Some(number % 4 != 0),
            added: None,
        });
        let mut all: Vec<_> = changed.collect();
        for number in 1..=ADDED {
            let added = Some(Bank { id: -number, ..typed(BANKS + number)? });
            all.push(Own { bank: -number, name: None, contact: None, active: None, added });
        }
        own.insert_many(all).await?;
        Ok(Self { banks, own })
    }

    async fn list(&self) -> Result<Vec<u8>> {
        let (mut banks, own) = tokio::try_join!(all(&self.banks), all(&self.own))?;
        let mut changes: HashMap<i64, Own> = own.into_iter().map(|own| (own.bank, own)).collect();
        for bank in &mut banks {
            if let Some(own) = changes.remove(&bank.id) {
                own.change(bank);
            }
        }
        banks.extend(changes.into_values().filter_map(|own| own.added));
        banks.retain(|bank| bank.active);
        banks.sort_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id)));
        Ok(serde_json::to_vec(&banks)?)
    }

    async fn one(&self, id: i64) -> Result<Vec<u8>> {
        let bank = async { self.banks.find_one(doc! { "_id": id }).await };
        let own = async { self.own.find_one(doc! { "_id": id }).await };
        let (bank, own) = tokio::try_join!(bank, own)?;
        let mut bank = bank.context("no bank")?;
        if let Some(own) = own {
            own.change(&mut bank);
        }
        Ok(serde_json::to_vec(&bank)?)
    }
}

/// Reads a collection in one answer of the server.
async fn all<T: DeserializeOwned + Unpin + Send + Sync>(
    of: &Collection<T>,
) -> mongodb::error::Result<Vec<T>> {
    let mut cursor = of.find(doc! {}).batch_size(1000).await?;
    let mut found = Vec::new();
    while cursor.advance().await? {
        found.push(cursor.deserialize_current()?);
    }
    Ok(found)
}

/// Our side: the platform as a library, on the same deployment.
struct Ours {
    platform: Platform,
    tenant: Tenant,
}

impl Ours {
    async fn make(dir: &Path, url: &str, prefix: &str) -> Result<Self> {
        let text = demo_config("valuation").context("the app valuation")?;
        let mut config = Config::parse("bench", text, dir).map_err(|problems| anyhow!("{problems}"))?;
        demo::on_mongodb(&mut config, url, prefix)?;
        let (platform, by) = (Platform::open(config).await?, Operator::new("bench"));
        platform.plans().initialise(&by).await?;
        let slug = Slug::parse("bench-org")?;
        let new = NewTenant { slug: slug.clone(), name: "Bench".into(), email: "bench@example.com".into() };
        platform.tenants().create(&by, new, None, None).await?;
        let tenant = platform.tenants().enter(&by, &slug).await?;
        let banks: Vec<Map<String, Json>> =
            (1..=BANKS).filter_map(|number| bank(number).as_object().cloned()).collect();
        platform.records(Scope::Staff(&by), "banks")?.create_many(&banks).await?;
        let own = platform.records(&tenant, "banks")?;
        for number in 1..=CHANGED {
            let values = json!({"name": format!("Our bank {number}"), "active": number % 4 != 0});
            let values = values.as_object().context("an object")?;
            own.set_override(&(number * 30).to_string(), values).await?;
        }
        for number in 1..=ADDED {
            own.create(bank(BANKS + number).as_object().context("an object")?).await?;
        }
        drop(own);
        Ok(Self { platform, tenant })
    }

    async fn list(&self) -> Result<Vec<u8>> {
        let active = Filter::Compare(FieldName::parse("active")?, Is::Eq, Value::Boolean(true));
        let sort = vec![(FieldName::parse("name")?, Direction::Ascending).into()];
        let select = Select { filter: active, sort, limit: 1000, ..Select::default() };
        let query = ListQuery { select, ..ListQuery::default() };
        Ok(self.platform.records(&self.tenant, "banks")?.list(&query).await?.items)
    }

    async fn one(&self, id: i64) -> Result<Vec<u8>> {
        let records = self.platform.records(&self.tenant, "banks")?;
        Ok(records.get(&id.to_string(), &Want::default()).await?.body)
    }
}

/// Returns the number of reads in a second, one after the other.
fn reads<F: Future<Output = Result<Vec<u8>>>>(
    runtime: &Runtime,
    seconds: f64,
    read: impl Fn(i64) -> F,
) -> Result<f64> {
    runtime.block_on(async {
        let (began, mut done) = (Instant::now(), 0_i64);
        while began.elapsed().as_secs_f64() < seconds {
            anyhow::ensure!(read(done % BANKS + 1).await?.len() > 100, "an answer without rows");
            done += 1;
        }
        Ok(done as f64 / began.elapsed().as_secs_f64())
    })
}

/// Prints the ratios.
///
/// # Errors
/// Returns the errors of the server.
pub(super) fn run(runtime: &Runtime, url: &str, rounds: usize, seconds: f64) -> Result<()> {
    let (dir, prefix) = (tempfile::tempdir()?, format!("b{:x}s_", std::process::id()));
    let client = runtime.block_on(Client::with_uri_str(url))?;
    let hand = runtime.block_on(Hand::make(&client, &prefix))?;
    let ours = runtime.block_on(Ours::make(dir.path(), url, &prefix))?;
    let number = |body: &[u8], key: &str| String::from_utf8_lossy(body).matches(key).count();
    let (theirs, own) = (runtime.block_on(hand.list())?, runtime.block_on(ours.list())?);
    let counts = (number(&theirs, "\"code\""), number(&own, "\"code\""));
    anyhow::ensure!(counts.0 == counts.1, "both sides must see the same banks: {counts:?}");
    let compared = alternate(
        rounds,
        || reads(runtime, seconds, |_| hand.list()),
        || reads(runtime, seconds, |_| ours.list()),
    )?;
    print("Shared", "list 300 merged", &compared);
    let compared = alternate(
        rounds,
        || reads(runtime, seconds, |id| hand.one(id)),
        || reads(runtime, seconds, |id| ours.one(id)),
    )?;
    print("Shared", "read one merged", &compared);
    runtime.block_on(async {
        ours.platform.shutdown().await;
        for name in client.list_database_names().await? {
            if name.starts_with(&prefix) {
                client.database(&name).drop().await?;
            }
        }
        Ok(())
    })
}
