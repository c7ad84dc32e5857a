//! Compares derived data of a place with the rows it derives from, and each stored value with its field. Reads one
//! state of the place and does not delay writers.

use super::{
    compiled::Statements,
    ddl::{Layout, list, quoted},
    recount,
    rows::{Keyed, Rows},
    search,
};
use crate::{
    cell::{Raw, Storage, Stored, form},
    error::{Kind, Result},
    input,
    model::Model,
    place::Place,
    postgres::{
        cells::value_ref,
        connections::Connection,
        places::{How, Transaction},
        server::Server,
        site::Site,
    },
    schema::{Fault, Script, note_value},
};
use tokio_postgres::{Row, types::Type};

impl Server {
    /// Compares the search words with the rows; in a pool, with the rows of all tenants. The place must have all
    /// migrations of `script`.
    pub(crate) async fn check_search(&self, place: &Place, script: &Script) -> Result<Vec<Fault>> {
        let site = self.site(place)?;
        let statements = script.postgres(place.isolation)?;
        let mut transaction = self.one_state(&site, statements).await?;
        let found = words(transaction.connection()?, statements).await;
        transaction.roll_back().await?;
        found
    }

    /// Compares the counters of a place with its rows, and its values with their fields. The place must have all
    /// migrations of `script`.
    pub(crate) async fn check_rows(&self, place: &Place, script: &Script) -> Result<Vec<Fault>> {
        let site = self.site(place)?;
        let statements = script.postgres(place.isolation)?;
        let mut transaction = self.one_state(&site, statements).await?;
        let found = contents(transaction.connection()?, &site, statements).await;
        transaction.roll_back().await?;
        found
    }

    /// Begins a transaction that reads one state. Locks the tables before that state is fixed: otherwise a table that a
    /// migration rewrites would be empty in it.
    async fn one_state(&self, site: &Site, statements: &Statements) -> Result<Transaction> {
        let mut transaction = self.as_owner(site, How::Snapshot).await?;
        let conn = transaction.connection()?;
        let tables = list(statements.state().of_store(&statements.of.store).map(|model| model.name.as_str()));
        if !tables.is_empty() {
            conn.batch(&format!("LOCK TABLE {tables} IN ACCESS SHARE MODE")).await?;
        }
        let applied = self.applied_in(conn, site).await?;
        statements.of.require_all(&applied, "the database")?;
        Ok(transaction)
    }
}

async fn words(conn: &mut Connection, statements: &Statements) -> Result<Vec<Fault>> {
    let mut faults = vec![];
    for layout in layouts(statements).filter(Layout::is_searched) {
        if search::differs(conn, &layout).await? {
            faults.push(Fault::Search(layout.model.name.to_string()));
        }
    }
    Ok(faults)
}

async fn contents(conn: &mut Connection, site: &Site, statements: &Statements) -> Result<Vec<Fault>> {
    let mut faults = counters(conn, site, statements).await?;
    for layout in layouts(statements) {
        faults.extend(values(conn, site, &layout).await?);
    }
    Ok(faults)
}

fn layouts(statements: &Statements) -> impl Iterator<Item = Layout<'_>> {
    let (state, pooled) = (statements.state(), statements.pooled);
    state.of_store(&statements.of.store).map(move |model| Layout { model, state, pooled })
}

async fn counters(conn: &mut Connection, site: &Site, statements: &Statements) -> Result<Vec<Fault>> {
    let sql = recount::compared(statements.state(), &statements.of.store, statements.pooled);
    let rows = conn.once(&sql, &[(&site.tenant, Type::INT8)]).await?;
    let pairs = rows.iter().map(|row| ((row.get(0), row.get(1)), (row.get(2), row.get(3))));
    let wrong = pairs.filter(|(held, counted)| held != counted);
    Ok(wrong.map(|(held, counted)| Fault::Counters { held, counted }).collect())
}

/// Returns the faults in the values of one model, at most one for each field.
async fn values(conn: &mut Connection, site: &Site, layout: &Layout<'_>) -> Result<Vec<Fault>> {
    let Model { fields, .. } = layout.model;
    let columns: Vec<String> = fields.iter().map(|field| quoted(field.name.as_str())).collect();
    let storages = fields.iter().map(|field| layout.storage(&field.kind)).collect::<Result<Vec<_>>>()?;
    let mut rows = Rows::new(layout, &columns, Some(site.tenant));
    let mut found: Vec<Option<Fault>> = vec![None; fields.len()];
    loop {
        let page = rows.next(conn).await?;
        if page.is_empty() {
            return Ok(found.into_iter().flatten().collect());
        }
        for Keyed { id, row, .. } in &page {
            for (index, field) in fields.iter().enumerate() {
                let broken = match read(row, Keyed::FIRST + index, storages[index])? {
                    Some(value) => {
                        input::check_stored(field, input::most_bytes(layout.model, field), raw(&value)).err()
                    }
                    None => Some(storages[index].wanted().into()),
                };
                if let Some(rule) = broken {
                    note_value(&mut found[index], layout.model, field, &rule, shown(id));
                }
            }
        }
    }
}

/// Returns the stored form of a value; `None` if the value has no stored form.
pub(crate) fn read(row: &Row, index: usize, storage: Storage) -> Result<Option<Stored<'_>>> {
    match value_ref(row, index, storage).and_then(|value| form(storage, value)) {
        Err(error) if *error.kind() == Kind::Corrupt => Ok(None),
        read => read.map(Some),
    }
}

pub(crate) fn raw<'v>(value: &'v Stored<'_>) -> Raw<'v> {
    match value {
        Stored::Null => Raw::Null,
        Stored::Integer(number) => Raw::Integer(*number),
        Stored::Text(text) => Raw::Text(text.as_bytes()),
    }
}

pub(crate) fn shown(id: &Stored<'_>) -> String {
    match id {
        Stored::Null => String::new(),
        Stored::Integer(id) => id.to_string(),
        Stored::Text(id) => id.to_string(),
    }
}
