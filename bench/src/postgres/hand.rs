//! The hand-written side: a pool of connections with prepared statements, and rows read into a struct.

use super::{Side, Work, world::Isolation};
use anyhow::{Context, Result};
use serde::Serialize;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;
use tokio_postgres::{Client, Config, NoTls, Row, Statement, types::ToSql};

/// A note as the API returns it.
#[derive(Serialize)]
struct Note<'r> {
    id: i64,
    title: &'r str,
    body: Option<&'r str>,
    done: bool,
    amount: Option<rust_decimal::Decimal>,
    due: Option<jiff::civil::Date>,
    created_at: jiff::Timestamp,
    updated_at: jiff::Timestamp,
    version: i64,
}

/// A page of a list.
#[derive(Serialize)]
struct Page<'r> {
    items: Vec<Note<'r>>,
    has_next: bool,
}

impl<'r> Note<'r> {
    fn of(row: &'r Row) -> Self {
        Self {
            id: row.get(0),
            title: row.get(1),
            body: row.get(2),
            done: row.get(3),
            amount: row.get(4),
            due: row.get(5),
            created_at: row.get(6),
            updated_at: row.get(7),
            version: row.get(8),
        }
    }
}

const COLUMNS: &str = "id, title, body, done, amount, due, created_at, updated_at, version";

struct Open {
    client: Client,
    one: Statement,
    list: Statement,
    insert: Statement,
}

struct Pool {
    config: Config,
    table: String,
    /// Tenant that each transaction sets in a pool.
    tenant: Option<i64>,
    free: Mutex<Vec<Open>>,
    places: Semaphore,
}

/// The connection pool of one application.
#[derive(Clone)]
pub(crate) struct Hand(Arc<Pool>);

impl Hand {
    pub(crate) fn new(config: Config, schema: &str, isolation: Isolation, tenant: i64, most: usize) -> Self {
        let tenant = (isolation == Isolation::Pooled).then_some(tenant);
        let table = format!("\"{schema}\".notes");
        Self(Arc::new(Pool { config, table, tenant, free: Mutex::default(), places: Semaphore::new(most) }))
    }

    async fn open(&self) -> Result<Open> {
        let (client, connection) = self.0.config.connect(NoTls).await?;
        tokio::spawn(connection);
        let table = &self.0.table;
        let (and, column, value) = match self.0.tenant {
            Some(tenant) => (format!("AND tenant_id = {tenant}"), "tenant_id, ", format!("{tenant}, ")),
            None => (String::new(), "", String::new()),
        };
        let one = client.prepare(&format!("SELECT {COLUMNS} FROM {table} WHERE id = $1 {and}")).await?;
        let list = format!(
            "SELECT {COLUMNS} FROM {table} WHERE title >= $1 {and} ORDER BY title NULLS FIRST, id LIMIT 21"
        );
        let list = client.prepare(&list).await?;
        let insert = format!(
            "INSERT INTO {table} ({column}id, title, body, done, amount, due, created_at, updated_at, version) \
             VALUES ({value}nextval('{sequence}'), $1, $2, false, $3, $4, now(), now(), 1) RETURNING {COLUMNS}",
            sequence = table.replace(".notes", ".hand_ids")
        );
        let insert = client.prepare(&insert).await?;
        Ok(Open { client, one, list, insert })
    }

    async fn rows(
        &self,
        open: &Open,
        statement: &Statement,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>> {
        let Some(tenant) = self.0.tenant else { return Ok(open.client.query(statement, params).await?) };
        let setting = format!("SET LOCAL tenantry.tenant = '{tenant}'");
        let begin = format!("BEGIN; {setting}");
        // The driver sends all three statements before the first answer arrives.
        let (begun, rows, committed) = tokio::join!(
            biased;
            open.client.batch_execute(&begin),
            open.client.query(statement, params),
            open.client.batch_execute("COMMIT"),
        );
        begun?;
        committed?;
        Ok(rows?)
    }
}

impl Side for Hand {
    async fn run(&self, work: Work, number: u64) -> Result<Vec<u8>> {
        let _place = self.0.places.acquire().await?;
        let free = self.0.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let open = match free {
            Some(open) => open,
            None => self.open().await?,
        };
        let answer = match work {
            Work::ReadOne => {
                let id = super::world::id(number);
                let rows = self.rows(&open, &open.one, &[&id]).await?;
                serde_json::to_vec(&Note::of(rows.first().context("no row")?))?
            }
            Work::List => {
                let rows = self.rows(&open, &open.list, &[&super::world::first_title(number)]).await?;
                // The 21st row shows whether there is a next page.
                let has_next = rows.len() > 20;
                let items: Vec<_> = rows.iter().take(20).map(Note::of).collect();
                serde_json::to_vec(&Page { items, has_next })?
            }
            Work::Insert => {
                let (title, body) = (super::world::title(number), super::world::BODY);
                let due = jiff::civil::date(2026, 3, 4);
                let amount = rust_decimal::Decimal::new(1250, 2);
                let rows = self.rows(&open, &open.insert, &[&title, &body, &amount, &due]).await?;
                serde_json::to_vec(&Note::of(rows.first().context("no row")?))?
            }
        };
        self.0.free.lock().unwrap_or_else(PoisonError::into_inner).push(open);
        Ok(answer)
    }
}
