//! Kit for the tests of outages and of poolers: tenants of every isolation on a server, and the doctors that they write
//! and read.

use crate::{
    records_kit::insert,
    records_models::models,
    transfer_kit::{migrations, of, store},
};
use std::sync::Arc;
use tenantry_engine::{
    Engine, Result, Template,
    name::{FieldName, PhysicalName, ServerName},
    place::{Isolation, Place},
    query::Select,
    row::Collect,
    schema::Schema,
    value::Value,
    write::WriteOptions,
};

/// A word that the notes of every doctor contain.
pub(crate) const WORD: &str = "words";

pub(crate) fn place(server: &str, isolation: Isolation, tenant: i64, generation: u64) -> Place {
    let physical = match isolation {
        Isolation::Pooled => "pool".to_owned(),
        Isolation::Schema | Isolation::Database => format!("tenant_{tenant}_g{generation}"),
    };
    Place {
        server: ServerName::parse(server).unwrap(),
        store: store(),
        isolation,
        physical: PhysicalName::parse(&physical).unwrap(),
        tenant: Some(of(tenant)),
        generation,
    }
}

pub(crate) struct Doctors {
    pub(crate) engine: Engine,
    pub(crate) schema: Arc<Schema>,
}

impl Doctors {
    pub(crate) fn new(engine: Engine) -> Self {
        let schema = Schema::new(store(), models(), &migrations(vec![])).unwrap();
        Self { engine, schema: Arc::new(schema) }
    }

    /// Creates the places, and the pool for those that are pooled.
    pub(crate) async fn make(&self, places: &[Place]) {
        let template = Template::new(&store(), &migrations(vec![])).unwrap();
        let pool = Place { tenant: None, ..place("pg", Isolation::Pooled, 1, 1) };
        self.engine.create_system(&pool).await.unwrap();
        self.engine.migrate(&pool, &migrations(vec![])).await.unwrap();
        for place in places {
            match place.isolation {
                Isolation::Pooled => self.engine.enrol(place).await.unwrap(),
                Isolation::Schema | Isolation::Database => {
                    self.engine.provision(place, &template).await.unwrap()
                }
            }
        }
    }

    pub(crate) async fn write(&self, place: &Place, name: &str) -> Result<()> {
        let session = self.engine.session(place, &self.schema).await?;
        let notes = format!("pooled {WORD}");
        let change = insert("doctors", &[("name", name.into()), ("notes", Value::Text(notes))]);
        session.write(vec![change], &WriteOptions::default()).await.map(drop)
    }

    /// Returns the names of all doctors, in order. With `search`, returns the doctors that the search finds.
    pub(crate) async fn names(&self, place: &Place, search: Option<&str>) -> Result<Vec<String>> {
        let session = self.engine.session(place, &self.schema).await?;
        let (fields, mut names) = (vec![FieldName::parse("name").unwrap()], vec![]);
        let search = search.map(str::to_owned);
        let mut select = Select { fields, search, limit: 500, ..Select::default() };
        loop {
            let (page, next) = session.select("doctors", &select, None, Collect::default()).await?;
            names.extend(page.rows.iter().map(|row| match &row[0] {
                Value::Text(name) => name.clone(),
                other => panic!("{other:?}"),
            }));
            select.after = next;
            if select.after.is_none() {
                names.sort();
                return Ok(names);
            }
        }
    }
}
