//! The beginning of a write transaction: it locks the place, then reads the values that the changes need.

use super::transaction::Statement;
use crate::{
    cell::Key,
    error::{Error, Kind, Result},
    model::IdKind,
    postgres::{
        opened::{Opened, Sealed},
        records::{Bound, bound::keys, search::searched, usage},
    },
    schema::Plan,
    write::{Act, Ready, Write},
};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use tokio_postgres::Row;

/// State of the place before the changes.
pub(super) struct Start {
    /// Whether the place has the seal with which it was verified.
    pub(super) is_sealed: bool,
    /// Last numbers of models.
    pub(super) numbers: BTreeMap<String, i64>,
    pub(super) texts: Texts,
}

/// Searched texts of rows. A change of one text needs the others, because they share the column `_search`.
#[derive(Default)]
pub(super) struct Texts {
    /// False if no change needs the texts.
    needed: bool,
    of: HashMap<(String, Key), Vec<Option<String>>>,
}

impl Texts {
    pub(super) fn of(&self, plan: &Plan, id: Key) -> Option<&Vec<Option<String>>> {
        if self.needed { self.of.get(&(plan.model.name.to_string(), id)) } else { None }
    }

    pub(super) fn put(&mut self, plan: &Plan, id: Key, texts: &[Option<&str>]) {
        if self.needed {
            let texts = texts.iter().map(|text| text.map(str::to_owned)).collect();
            self.of.insert((plan.model.name.to_string(), id), texts);
        }
    }
}

/// Values that the changes need.
pub(super) struct Needs<'a> {
    /// Models whose next number is needed.
    numbered: BTreeSet<&'a str>,
    /// Rows whose searched texts are needed.
    texts: BTreeMap<&'a str, (&'a Plan, Vec<Key>)>,
}

impl<'a> Needs<'a> {
    pub(super) fn of(writes: &'a [Write<'a>]) -> Self {
        let mut needs = Self { numbered: BTreeSet::new(), texts: BTreeMap::new() };
        for change in writes.iter().flat_map(|write| &write.changes) {
            needs.add(change);
        }
        needs
    }

    fn add(&mut self, change: &'a Ready<'a>) {
        let (plan, name) = (change.plan, change.plan.model.name.as_str());
        match &change.act {
            Act::Insert { .. } if plan.model.id == IdKind::Integer => {
                self.numbered.insert(name);
            }
            Act::Update { id, values, .. } => {
                let fields = searched(plan);
                let given = fields.iter().filter(|field| values.iter().any(|(p, _)| p == *field)).count();
                if (1..fields.len()).contains(&given) {
                    self.texts.entry(name).or_insert((plan, vec![])).1.push(*id);
                }
            }
            _ => {}
        }
    }

    /// Returns the statements: the lock, the numbers, then the texts of each model.
    pub(super) fn statements(&self, place: &Opened, sealed: &Sealed, store: &str) -> Vec<Statement<'static>> {
        let (tenant, generation) = (place.site.tenant, place.site.generation);
        let integer = |number| Bound::Integer(Some(number));
        let numbered = self.numbered.iter().map(|name| Some((*name).to_owned())).collect();
        let mut statements = vec![
            Statement {
                sql: place.text(&usage::lock(store)),
                values: vec![integer(tenant), integer(generation)],
            },
            Statement {
                sql: place.text(&usage::numbers(&sealed.seal.is_there(&place.site))),
                values: vec![integer(tenant), Bound::Texts(numbered)],
            },
        ];
        for (plan, ids) in self.texts.values() {
            let texts = plan.postgres(place.site.place.isolation);
            let columns: String =
                searched(plan).iter().map(|p| format!(", t.\"{}\"", plan.columns[*p].name)).collect();
            let sql = format!(
                "SELECT t.\"id\"{columns} FROM {} AS t WHERE {} AND t.\"id\" = ANY($2)",
                texts.table, texts.scope
            );
            let values = vec![integer(tenant), keys(plan.storages[0], ids.clone())];
            statements.push(Statement { sql: place.text(&sql), values });
        }
        statements
    }

    /// Reads the answers to [`Needs::statements`], except the answer of the lock.
    pub(super) fn read(&self, answers: &[Vec<Row>]) -> Result<Start> {
        let [rows, texts @ ..] = answers else { return Err(Error::new(Kind::Internal, "no answer")) };
        let first = rows.first();
        let first = first.ok_or_else(|| Error::new(Kind::Corrupt, "the platform's tables have no row"))?;
        let number = |row: &Row| Some((row.get::<_, Option<String>>(1)?, row.get(2)));
        let numbers = rows.iter().filter_map(number).collect();
        let mut start = Start { is_sealed: first.get(0), numbers, texts: Texts::default() };
        start.texts.needed = !self.texts.is_empty();
        for ((plan, _), rows) in self.texts.values().zip(texts) {
            for row in rows {
                let id = match plan.model.id {
                    IdKind::Integer => Key::Integer(row.get(0)),
                    IdKind::Uuid => Key::uuid(row.get(0)),
                };
                let values: Vec<Option<&str>> = (1..row.len()).map(|index| row.get(index)).collect();
                start.texts.put(plan, id, &values);
            }
        }
        Ok(start)
    }
}
