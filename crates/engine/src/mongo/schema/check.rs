//! Compares the derived data of a place with its documents, and every stored value with the rules of its field. It
//! reads one consistent state of the place and does not block writers.

use super::{compiled::Statements, recount::counted, wanted::storage};
use crate::{
    cell::{self, Raw, Stored},
    error::{Error, Kind, Result},
    input,
    model::Model,
    mongo::{
        cells::{value_ref, whole},
        place_state::info,
        records::search::{self, TEXTS, WORDS},
        server::Server,
        site::Site,
        tables::PLACES,
        transaction::Transaction,
    },
    place::Place,
    schema::{Fault, Script, note_value},
};
use futures_util::TryStreamExt;
use mongodb::{
    Database,
    bson::{Document, RawBsonRef, RawDocument, RawDocumentBuf, doc},
};

/// One consistent state of a place.
struct State<'a> {
    server: &'a Server,
    site: &'a Site,
    statements: &'a Statements,
    database: Database,
    transaction: Transaction,
}

impl Server {
    /// Compares the stored search words with the texts of the documents; in a pool, those of all tenants. The place
    /// must have all migrations of `script`.
    pub(crate) async fn check_search(&self, place: &Place, script: &Script) -> Result<Vec<Fault>> {
        let site = self.site(place)?;
        let mut state = State::open(self, &site, script.mongo(place.isolation)?).await?;
        let mut faults = vec![];
        for model in state.models().filter(|model| model.search_fields().next().is_some()) {
            if state.rows(model, None).await?.iter().any(|row| differs(row, model)) {
                faults.push(Fault::Search(model.name.to_string()));
            }
        }
        state.transaction.roll_back().await;
        Ok(faults)
    }

    /// Compares the counters of a place with its documents, and its values with their fields. The place must have all
    /// migrations of `script`.
    pub(crate) async fn check_rows(&self, place: &Place, script: &Script) -> Result<Vec<Fault>> {
        let site = self.site(place)?;
        let mut state = State::open(self, &site, script.mongo(place.isolation)?).await?;
        let mut faults = state.counters().await?;
        for model in state.models() {
            let rows = state.rows(model, Some(site.tenant)).await?;
            faults.extend(values(&rows, model, state.statements)?);
        }
        state.transaction.roll_back().await;
        Ok(faults)
    }
}

impl<'a> State<'a> {
    async fn open(server: &'a Server, site: &'a Site, statements: &'a Statements) -> Result<Self> {
        let found = server.identify(site).await?;
        statements.of.require_all(&found.applied(site), "the database")?;
        let (database, transaction) = (server.database(&site.database).await?, server.begin().await?);
        Ok(Self { server, site, statements, database, transaction })
    }

    fn models(&self) -> impl Iterator<Item = &'a Model> + use<'a> {
        self.statements.state().of_store(&self.statements.of.store)
    }

    async fn read(&mut self, collection: &str, pipeline: Vec<Document>) -> Result<Vec<RawDocumentBuf>> {
        let collection = self.database.collection::<Document>(collection);
        let session = &mut self.transaction.session;
        let read = async {
            let aggregate = collection.aggregate(pipeline).allow_disk_use(true);
            let mut cursor = aggregate.session(&mut *session).await?.with_type::<RawDocumentBuf>();
            cursor.stream(session).try_collect::<Vec<_>>().await
        };
        Ok(self.server.answer(read).await?)
    }

    /// Returns the documents of a model; in a pool, those of the tenant `of`, or of all tenants if it is `None`.
    async fn rows(&mut self, model: &Model, of: Option<i64>) -> Result<Vec<RawDocumentBuf>> {
        let own = of.filter(|_| self.statements.pooled);
        let own = own.map(|tenant| doc! { "$match": { model.tenant_field.as_str(): tenant } });
        let mut pipeline: Vec<Document> = own.into_iter().collect();
        pipeline.push(doc! { "$sort": { "_id": 1 } });
        self.read(model.name.as_str(), pipeline).await
    }

    /// Compares the counters of the place with its documents. Skips a place that is not open or records its changes,
    /// because a move may be carrying its rows.
    async fn counters(&mut self) -> Result<Vec<Fault>> {
        let own = vec![doc! { "$match": { "_id": &self.site.key } }];
        let place = self.read(PLACES, own).await?;
        let place = place.first().map(|place| Document::try_from(&**place)).transpose();
        let place =
            place.map_err(|error| Error::with_source(Kind::Corrupt, "the place cannot be read", error))?;
        let Some(place) = place else { return Ok(vec![]) };
        let found = info(&place, self.site)?;
        if !found.state.is_open() || found.recorder.is_some() {
            return Ok(vec![]);
        }
        let (mut rows, mut bytes) = (0, 0);
        for model in self.models() {
            let statements = self.statements;
            let pipeline = counted(model, statements.state(), statements.pooled, Some(self.site.tenant))?;
            for row in self.read(model.name.as_str(), pipeline).await? {
                rows += row.get_i64("rows").unwrap_or_default();
                bytes += row.get_i64("bytes").unwrap_or_default();
            }
        }
        let number = |name: &str| place.get(name).and_then(whole).unwrap_or_default();
        let (held, counted) = ((number("rows"), number("bytes")), (rows, bytes));
        Ok(if held == counted { vec![] } else { vec![Fault::Counters { held, counted }] })
    }
}

/// Returns true if the stored search words of a document are not those of its texts.
fn differs(row: &RawDocument, model: &Model) -> bool {
    let mut words = doc! {};
    search::add(&mut words, model.search_fields().filter_map(|field| row.get_str(field.name.as_str()).ok()));
    let held = Document::try_from(row).unwrap_or_default();
    [WORDS, TEXTS].iter().any(|name| held.get(*name) != words.get(*name))
}

/// Returns the faults in the values of one model, at most one for each field.
fn values(rows: &[RawDocumentBuf], model: &Model, statements: &Statements) -> Result<Vec<Fault>> {
    let mut faults = vec![];
    for field in &model.fields {
        let storage = storage(model, statements.state(), field.name.as_str())?;
        let most = input::most_bytes(model, field);
        let mut fault = None;
        for row in rows {
            let found = row.get(field.name.as_str()).ok().flatten().unwrap_or(RawBsonRef::Null);
            let stored = value_ref(storage, found).and_then(|value| cell::form(storage, value));
            let checked = match &stored {
                Ok(Stored::Null) => input::check_stored(field, most, Raw::Null),
                Ok(Stored::Integer(number)) => input::check_stored(field, most, Raw::Integer(*number)),
                Ok(Stored::Text(text)) => input::check_stored(field, most, Raw::Text(text.as_bytes())),
                Err(_) => Err(storage.wanted().into()),
            };
            if let Err(rule) = checked {
                note_value(&mut fault, model, field, &rule, id(row));
            }
        }
        faults.extend(fault);
    }
    Ok(faults)
}

fn id(row: &RawDocument) -> String {
    let id = row.get("_id").ok().flatten();
    let id = match id {
        Some(RawBsonRef::Document(pair)) => pair.get("i").ok().flatten(),
        id => id,
    };
    match id {
        Some(RawBsonRef::Int64(id)) => id.to_string(),
        Some(RawBsonRef::String(id)) => id.to_owned(),
        _ => String::new(),
    }
}
