//! Compares requests for records on MongoDB with hand-written code on the same driver: the same documents and indexes, the
//! same server, in alternating rounds. Both sides answer with JSON. Also compares making a tenant's database with making
//! the same collections and indexes by hand.

pub(crate) mod many;
mod mirror;
mod shared;

use crate::{
    postgres::{
        ROWS, Side, Work, measure,
        ours::{Ours, note},
        world::{BODY, Isolation, first_title, id, migration, model, place_of, title},
    },
    rounds::{Compared, alternate},
};
use anyhow::{Context, Result};
use clap::Args;
use mongodb::{
    Client, Collection, Database,
    bson::{Bson, DateTime, Document, doc},
    options::ClientOptions,
};
use serde::{Deserialize, Serialize};
use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
    time::Instant,
};
use tenantry_engine::{
    CacheLimits, Engine, MongoOptions, ServerSpec,
    schema::{Schema, Template},
    write::WriteOptions,
};
use tokio::runtime::Runtime;

/// What is compared, and how long.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// URL of the replica set.
    #[arg(long)]
    url: String,
    /// Rounds per figure.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds per round and side.
    #[arg(long, default_value_t = 1.5)]
    seconds: f64,
}

/// Number of a tenant's databases that are made in each round.
const MADE: usize = 5;
const CONNECTIONS: u32 = 32;

/// Prints the ratios.
///
/// # Errors
/// Returns the errors of the server.
pub(crate) fn run(options: &Options) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    for isolation in [Isolation::Database, Isolation::Pooled] {
        let world = runtime.block_on(World::make(&options.url, isolation))?;
        for work in [Work::ReadOne, Work::List, Work::Insert] {
            let compared = alternate(
                options.rounds,
                || Ok(measure(&runtime, &world.hand, work, options.seconds)?.0),
                || Ok(measure(&runtime, &world.ours, work, options.seconds)?.0),
            )?;
            print(&format!("{isolation:?}"), work.name(), &compared);
        }
        if isolation == Isolation::Database {
            let compared = alternate(
                options.rounds,
                || made(&runtime, || world.create_by_hand()),
                || made(&runtime, || world.create()),
            )?;
            print("", "create a database", &compared);
        }
        runtime.block_on(world.remove())?;
    }
    shared::run(&runtime, &options.url, options.rounds, options.seconds)?;
    mirror::run(&runtime, &options.url)
}

fn print(isolation: &str, what: &str, compared: &Compared) {
    let Compared { ours, baseline, ratio } = compared;
    println!("{isolation:10} {what:20} ours {ours:8.1}/s  by hand {baseline:8.1}/s  ratio {ratio:.2}");
}

/// Returns the number of databases that are made in a second.
fn made<F: Future<Output = Result<()>>>(runtime: &Runtime, one: impl Fn() -> F) -> Result<f64> {
    let began = Instant::now();
    for _ in 0..MADE {
        runtime.block_on(one())?;
    }
    Ok(MADE as f64 / began.elapsed().as_secs_f64())
}

/// A note as the hand-written side stores and returns it.
#[derive(Serialize, Deserialize)]
struct Note {
    #[serde(rename = "_id")]
    id: i64,
    title: String,
    body: Option<String>,
    done: bool,
    amount: Option<i64>,
    due: Option<String>,
    created_at: DateTime,
    updated_at: DateTime,
    version: i64,
    /// In a pool, the tenant of the note.
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_id: Option<i64>,
}

/// A page of a list.
#[derive(Serialize)]
struct Page {
    items: Vec<Note>,
    has_next: bool,
}

/// The hand-written side: the driver with typed documents.
#[derive(Clone)]
struct Hand {
    notes: Collection<Note>,
    last: Arc<AtomicI64>,
    /// In a pool, the tenant that every statement names.
    tenant: Option<i64>,
}

impl Hand {
    /// Returns a filter, confined to the tenant in a pool.
    fn own(&self, mut filter: Document) -> Document {
        if let Some(tenant) = self.tenant {
            filter.insert("tenant_id", tenant);
        }
        filter
    }

    fn new_note(&self, number: u64) -> Note {
        let now = DateTime::now();
        Note {
            id: self.last.fetch_add(1, Ordering::Relaxed) + 1,
            title: title(number),
            body: Some(BODY.into()),
            done: false,
            amount: Some(1250),
            due: Some("2026-03-04".into()),
            created_at: now,
            updated_at: now,
            version: 1,
            tenant_id: self.tenant,
        }
    }
}

impl Side for Hand {
    async fn run(&self, work: Work, number: u64) -> Result<Vec<u8>> {
        match work {
            Work::ReadOne => {
                let note = self
                    .notes
                    .find_one(self.own(doc! { "_id": id(number) }))
                    .await?
                    .context("no document")?;
                Ok(serde_json::to_vec(&note)?)
            }
            Work::List => {
                let from = self.own(doc! { "title": { "$gte": first_title(number) } });
                let mut cursor = self.notes.find(from).sort(doc! { "title": 1, "_id": 1 }).limit(21).await?;
                let mut items = Vec::with_capacity(21);
                while cursor.advance().await? {
                    items.push(cursor.deserialize_current()?);
                }
                // The 21st document shows whether there is a next page.
                let has_next = items.len() > 20;
                items.truncate(20);
                Ok(serde_json::to_vec(&Page { items, has_next })?)
            }
            Work::Insert => {
                let note = self.new_note(number);
                self.notes.insert_one(&note).await?;
                Ok(serde_json::to_vec(&note)?)
            }
        }
    }
}

/// Both sides of the comparison.
struct World {
    ours: Ours,
    hand: Hand,
    client: Client,
    prefix: String,
    made: AtomicUsize,
}

impl World {
    async fn make(url: &str, isolation: Isolation) -> Result<Self> {
        let prefix = format!("b{:x}_", std::process::id());
        let place = place_of(isolation, 7)?;
        let options = MongoOptions { url: url.into(), prefix: prefix.clone(), most_connections: CONNECTIONS };
        let spec = ServerSpec::mongo(place.server.clone(), options);
        let engine = Engine::open(vec![spec], CacheLimits::default())?;
        engine.set_platform("bench")?;
        let migrations = [migration(1)?];
        match isolation {
            Isolation::Pooled => {
                let pool = tenantry_engine::place::Place { tenant: None, ..place.clone() };
                engine.create_system(&pool).await?;
                engine.migrate(&pool, &migrations).await?;
                engine.enrol(&place).await?;
            }
            _ => engine.provision(&place, &Template::new(&place.store, &migrations)?).await?,
        }
        let schema = Arc::new(Schema::new(place.store.clone(), vec![model(1)?], &migrations)?);
        let mut options = ClientOptions::parse(url).await?;
        options.max_pool_size = Some(CONNECTIONS);
        let client = Client::with_options(options)?;
        let tenant = (isolation == Isolation::Pooled).then_some(7);
        let notes = collection(&client.database(&format!("{prefix}hand")), tenant.is_some()).await?;
        let hand = Hand { notes, last: Arc::default(), tenant };
        for batch in 0..ROWS / 500 {
            let numbers = (0..500).map(|n| u64::try_from(batch * 500 + n).unwrap_or(0));
            let changes = numbers.clone().map(note).collect::<Result<Vec<_>>>()?;
            let session = engine.session(&place, &schema).await?;
            session.write(changes, &WriteOptions::default()).await?;
            hand.notes.insert_many(numbers.map(|number| hand.new_note(number))).await?;
        }
        Ok(Self { ours: Ours { engine, place, schema }, hand, client, prefix, made: AtomicUsize::new(100) })
    }

    fn next(&self) -> usize {
        self.made.fetch_add(1, Ordering::Relaxed)
    }

    async fn create(&self) -> Result<()> {
        let place = place_of(Isolation::Database, self.next())?;
        let template = Template::new(&place.store, &[migration(1)?])?;
        Ok(self.ours.engine.provision(&place, &template).await?)
    }

    /// Makes the same collections with the same validators and indexes as in our database.
    async fn create_by_hand(&self) -> Result<()> {
        let from = self.client.database(&format!("{}{}", self.prefix, self.ours.place.physical));
        let to = self.client.database(&format!("{}hand{}", self.prefix, self.next()));
        let mut cursor = from.list_collections().await?;
        while cursor.advance().await? {
            let own = cursor.deserialize_current()?;
            let mut create = doc! { "create": &own.name };
            if let Some(validator) = own.options.validator {
                create.insert("validator", validator);
            }
            to.run_command(create).await?;
            let listed = from.run_command(doc! { "listIndexes": &own.name }).await?;
            let indexes = listed.get_document("cursor")?.get_array("firstBatch")?;
            let is_more = |index: &&Bson| {
                index.as_document().is_some_and(|one| one.get_str("name").is_ok_and(|name| name != "_id_"))
            };
            let indexes: Vec<_> = indexes.iter().filter(is_more).cloned().collect();
            if !indexes.is_empty() {
                to.run_command(doc! { "createIndexes": &own.name, "indexes": indexes }).await?;
            }
        }
        Ok(())
    }

    /// Removes everything that was created.
    async fn remove(self) -> Result<()> {
        let Self { ours, client, prefix, .. } = self;
        ours.engine.shutdown().await;
        for name in client.list_database_names().await? {
            if name.starts_with(&prefix) {
                client.database(&name).drop().await?;
            }
        }
        Ok(())
    }
}

/// Makes the hand-written side's collection with the index that the model declares.
async fn collection(database: &Database, pooled: bool) -> Result<Collection<Note>> {
    let mut key = if pooled {
        doc! { "tenant_id": 1 }
    } else {
        doc! {}
    };
    key.extend(doc! { "title": 1, "_id": 1 });
    let index = doc! { "name": "title", "key": key };
    database.run_command(doc! { "createIndexes": "notes", "indexes": [index] }).await?;
    Ok(database.collection("notes"))
}
