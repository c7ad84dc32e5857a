//! Tenantry's side: runs the work through the engine.

use super::{Side, Work};
use anyhow::{Context, Result};
use std::sync::Arc;
use tenantry_engine::{
    Engine,
    name::{FieldName, ModelName},
    place::Place,
    query::{Change, Direction, Filter, Operator, RecordId, Select},
    row::json::{JsonRows, write_values},
    schema::Schema,
    value::Value,
    write::WriteOptions,
};

/// A place of an engine.
#[derive(Clone)]
pub(crate) struct Ours {
    pub(crate) engine: Engine,
    pub(crate) place: Place,
    pub(crate) schema: Arc<Schema>,
}

impl Ours {
    fn keys(&self) -> Result<tenantry_engine::row::json::JsonKeys> {
        Ok(self.schema.model("notes").context("no model")?.keys(&[])?)
    }
}

fn field(name: &str) -> Result<FieldName> {
    FieldName::parse(name).map_err(|error| anyhow::anyhow!("{error}"))
}

/// Returns the insert of a note.
pub(crate) fn note(number: u64) -> Result<Change> {
    let values = vec![
        (field("title")?, super::world::title(number).into()),
        (field("body")?, super::world::BODY.into()),
        (field("amount")?, Value::Decimal(rust_decimal::Decimal::new(1250, 2))),
        (field("due")?, Value::Date(jiff::civil::date(2026, 3, 4))),
    ];
    let model = ModelName::parse("notes").map_err(|error| anyhow::anyhow!("{error}"))?;
    Ok(Change::Insert { model, id: None, values })
}

impl Side for Ours {
    async fn run(&self, work: Work, number: u64) -> Result<Vec<u8>> {
        let session = self.engine.session(&self.place, &self.schema).await?;
        match work {
            Work::ReadOne => {
                let id = RecordId::Integer(super::world::id(number));
                let rows = JsonRows::new(self.keys()?, vec![]);
                Ok(session.get("notes", &id, &[], rows).await?.context("no row")?.out)
            }
            Work::List => {
                let title = field("title")?;
                let filter =
                    Filter::Compare(title.clone(), Operator::Ge, super::world::first_title(number).into());
                let sort = vec![(title, Direction::Ascending).into()];
                let select = Select { filter, sort, limit: 20, ..Select::default() };
                let rows = JsonRows::new(self.keys()?, vec![]);
                Ok(session.select("notes", &select, None, rows).await?.0.out)
            }
            Work::Insert => {
                let written = session.write(vec![note(number)?], &WriteOptions::default()).await?;
                let mut out = vec![];
                write_values(&mut out, &self.keys()?, &written[0].row);
                Ok(out)
            }
        }
    }
}
