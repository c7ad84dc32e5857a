//! Compares records with an earlier state of the tenant's own data, and takes single records back from it.
//!
//! The earlier state is a backup that is staged next to the place in use. Records are taken back by ordinary writes:
//! with their ids, with every check, and with lines in the activity log.

use super::{FileInfo, Records, file_names, references::Claims, write::refused_of};
use crate::{Error, Result, access::gates::Verb};
use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use tenantry_engine::{
    engine::Session,
    model::{Field, IdKind},
    name::FieldName,
    place::Place,
    query::{Change, RecordId, Select},
    row::Collect,
    value::Value,
};

/// Largest number of records that one call takes back.
pub const MAX_TAKEN_BACK: usize = 100;
/// Number of rows read at a time.
const PAGE: u32 = 500;
/// Number of rows of both states after which a page of differences ends, even if it found no difference.
const READ_MAX: usize = 20_000;

/// Rows with all columns, by id.
type Rows = HashMap<RecordId, Vec<Value>>;

/// A record that differs between the data in use and the earlier state.
#[derive(Debug, Clone, PartialEq)]
pub struct Differing {
    /// Id of the record.
    pub id: RecordId,
    /// Values in use; `None` if the record was deleted since.
    pub now: Option<Vec<Value>>,
    /// Earlier values; `None` if the record was created since.
    pub then: Option<Vec<Value>>,
    /// The declared fields whose values differ; empty if only one of the states has the record.
    pub fields: Vec<FieldName>,
}

/// A page of differences.
#[derive(Debug, Clone, PartialEq)]
pub struct Differences {
    /// Names of the columns of the values.
    pub columns: Vec<FieldName>,
    /// Differing records in order of their ids.
    pub records: Vec<Differing>,
    /// The id after which the next page begins; `None` on the last page. A page that is not the last may be empty,
    /// because one page reads a limited number of rows.
    pub next: Option<RecordId>,
}

/// The result of taking records back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TakenBack {
    /// Number of deleted records that were created again.
    pub created: u64,
    /// Number of records that were set to their earlier values.
    pub changed: u64,
    /// Number of files of these records that are no longer stored; their fields are empty.
    pub files_lost: u64,
}

impl Records<'_> {
    /// Returns a page of the records that differ from those in `earlier`, a place of the same tenant.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] if the actor may not read the model, and the errors of reading either place.
    pub(crate) async fn differing(
        &self,
        earlier: &Place,
        after: Option<RecordId>,
        limit: usize,
    ) -> Result<Differences> {
        self.allow(Verb::Read)?;
        let columns = self.columns();
        let mut now = Pages::new(self.session().await?, after.as_ref());
        let mut then =
            Pages::new(self.inner.engine.session(earlier, &self.entry.schema).await?, after.as_ref());
        let (mut records, mut next) = (vec![], None);
        loop {
            let ids = (now.peek(self).await?, then.peek(self).await?);
            let Some(id) = ids.0.iter().chain(&ids.1).min().cloned() else {
                return Ok(Differences { columns, records, next: None });
            };
            if records.len() == limit || now.read + then.read > READ_MAX {
                return Ok(Differences { columns, records, next });
            }
            let now = if ids.0.as_ref() == Some(&id) { now.page.pop_front() } else { None };
            let then = if ids.1.as_ref() == Some(&id) { then.page.pop_front() } else { None };
            let fields = match (&now, &then) {
                (Some(now), Some(then)) => self.fields_that_differ(now, then),
                _ => vec![],
            };
            next = Some(id.clone());
            if now.is_none() || then.is_none() || !fields.is_empty() {
                records.push(Differing { id, now, then, fields });
            }
        }
    }

    /// Sets these records to their values in `earlier`, all or none. Skips records that do not differ. `put_back`
    /// restores the given files, as far as the backup has them.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] if the actor may not create or update records; [`Error::Invalid`] for a record that
    /// the earlier state lacks, and for too many records; the errors of [`Records::create`] and [`Records::patch`],
    /// with the id of the record.
    pub(crate) async fn take_back(
        &self,
        earlier: &Place,
        ids: &[RecordId],
        put_back: impl AsyncFnOnce(&[String]) -> Result<()>,
    ) -> Result<TakenBack> {
        if ids.is_empty() || ids.len() > MAX_TAKEN_BACK {
            return Err(Error::invalid("ids", format!("1 to {MAX_TAKEN_BACK} records at once")));
        }
        let then = self.inner.engine.session(earlier, &self.entry.schema).await?;
        let then = self.by_id(&then, ids).await?;
        let now = self.by_id(&self.session().await?, ids).await?;
        let missing = self.missing_files(&now, &then).await?;
        if !missing.is_empty() {
            put_back(&missing).await?;
        }
        let written = match self.within_file_limit().await {
            Ok(()) => self.write_back(ids, &now, &then).await,
            Err(error) => Err(error),
        };
        match written {
            Ok(taken) => {
                let replaced = now.iter().filter(|(id, _)| then.contains_key(id));
                let replaced = replaced.flat_map(|(id, now)| self.replaced_files(now, &then[id])).collect();
                self.forget_files(replaced).await;
                Ok(taken)
            }
            // The write may have been stored, so records may name the restored files.
            Err(error) if error.is_in_doubt() => Err(error),
            Err(error) => {
                // Another request may have taken the same records back meanwhile.
                let now = self.by_id(&self.session().await?, ids).await?;
                let named: HashSet<_> = now.values().flat_map(|row| self.files_of(row)).collect();
                let unnamed = missing.into_iter().filter(|file| !named.contains(file)).collect();
                self.forget_files(unnamed).await;
                Err(error)
            }
        }
    }

    /// Returns the ids of the files that a row names.
    fn files_of(&self, row: &[Value]) -> Vec<String> {
        let names = file_names(&self.entry.model);
        let files = names.iter().filter_map(|name| FileInfo::of(row[self.position(name)].clone()));
        files.map(|file| file.id).collect()
    }

    /// Returns the ids of the files that a row no longer names once it has its earlier values.
    fn replaced_files(&self, now: &[Value], then: &[Value]) -> Vec<String> {
        let kept = self.files_of(then);
        self.files_of(now).into_iter().filter(|file| !kept.contains(file)).collect()
    }

    /// Writes the records of `ids` with their values in `then`, all or none.
    async fn write_back(&self, ids: &[RecordId], now: &Rows, then: &Rows) -> Result<TakenBack> {
        let (mut taken, mut changes, mut written) = (TakenBack::default(), vec![], vec![]);
        let files = file_names(&self.entry.model);
        for id in ids.iter().collect::<BTreeSet<_>>() {
            let Some(then) = then.get(id) else {
                return Err(Error::invalid("ids", format!("record {id} is not in the backup")));
            };
            let now = now.get(id);
            let wanted = match now {
                Some(now) => self.free_of_states(self.fields_that_differ(now, then)),
                None => self.entry.model.fields.iter().map(|field| field.name.clone()).collect(),
            };
            if wanted.is_empty() {
                continue;
            }
            let mut values = Vec::with_capacity(wanted.len());
            for (field, value) in
                self.fields().zip(&then[1..]).filter(|(field, _)| wanted.contains(&field.name))
            {
                let value = match files.contains(&field.name) {
                    true => self.stored_file(value, &mut taken).await?,
                    false => value.clone(),
                };
                values.push((field.name.clone(), value));
            }
            self.known_values(&mut values).await?;
            if now.is_none() {
                self.return_to_state(id, &mut values).await?;
            }
            let model = self.entry.model.name.clone();
            match now {
                None => {
                    self.allow(Verb::Create)?;
                    taken.created += 1;
                    changes.push(Change::Insert { model, id: Some(id.clone()), values });
                }
                Some(now) => {
                    self.allow(Verb::Update)?;
                    taken.changed += 1;
                    let fields = self.agreeing_fields(&values);
                    let row = fields.iter().map(|name| now[self.position(name)].clone()).collect();
                    self.agree_after(&values, &fields, &[(id.clone(), row)]).await?;
                    let Some(Value::Integer(version)) = now.last() else { return Err(no_version()) };
                    let expected_version = Some(*version);
                    changes.push(Change::Update { model, id: id.clone(), expected_version, values });
                }
            }
            written.push(id.clone());
        }
        if changes.is_empty() {
            return Ok(taken);
        }
        self.agree(&changes, true).await?;
        let claims = Claims::of(&self.loaded, &self.entry.model, &changes);
        self.apply_claiming(&self.entry, &changes, &claims)
            .await
            .map_err(|error| refused_of(error, |index| written.get(index)))?;
        Ok(taken)
    }

    fn fields(&self) -> impl Iterator<Item = &Field> {
        self.entry.model.fields.iter()
    }

    /// Returns the names of all columns in the order of reads: id, declared fields, created_at, updated_at, version.
    fn columns(&self) -> Vec<FieldName> {
        let implicit = |name: &str| FieldName::parse(name).expect("an implicit column is a field name");
        let declared = self.fields().map(|field| field.name.clone());
        let last = ["created_at", "updated_at", "version"].map(implicit);
        std::iter::once(implicit("id")).chain(declared).chain(last).collect()
    }

    /// Returns the position of a declared field among all columns.
    fn position(&self, name: &FieldName) -> usize {
        self.fields().position(|field| field.name == *name).map_or(0, |index| index + 1)
    }

    fn fields_that_differ(&self, now: &[Value], then: &[Value]) -> Vec<FieldName> {
        let values = self.fields().zip(now[1..].iter().zip(&then[1..]));
        values.filter(|(_, (now, then))| now != then).map(|(field, _)| field.name.clone()).collect()
    }

    async fn by_id(&self, session: &Session, ids: &[RecordId]) -> Result<Rows> {
        let rows = session.by_ids(self.name(), ids, &[], Collect::default()).await?.rows;
        rows.into_iter().map(|row| Ok((self.id_of(&row)?, row))).collect()
    }

    /// Returns the ids of files that earlier rows name, that present rows do not name, and that are no longer stored.
    async fn missing_files(&self, now: &Rows, then: &Rows) -> Result<Vec<String>> {
        let mut missing = vec![];
        for name in file_names(&self.entry.model) {
            let position = self.position(&name);
            for (id, row) in then {
                let is_same = now.get(id).is_some_and(|now| now[position] == row[position]);
                if let Some(file) = FileInfo::of(row[position].clone())
                    && !is_same
                    && !self.has_file(&file.id).await?
                {
                    missing.push(file.id);
                }
            }
        }
        Ok(missing)
    }

    /// Returns the description of a file, or null if the file is no longer stored.
    async fn stored_file(&self, value: &Value, taken: &mut TakenBack) -> Result<Value> {
        let Some(file) = FileInfo::of(value.clone()) else { return Ok(Value::Null) };
        if self.has_file(&file.id).await? {
            return Ok(value.clone());
        }
        taken.files_lost += 1;
        Ok(Value::Null)
    }

    /// Returns the id of a row with all columns.
    pub(super) fn id_of(&self, row: &[Value]) -> Result<RecordId> {
        match (self.entry.model.id, row.first()) {
            (IdKind::Integer, Some(Value::Integer(id))) => Ok(RecordId::Integer(*id)),
            (IdKind::Uuid, Some(Value::Uuid(id))) => Ok(RecordId::Uuid(*id)),
            _ => Err(Error::Internal("a row without an id".into())),
        }
    }
}

fn no_version() -> Error {
    Error::Internal("a row without a version".into())
}

/// Rows of one place in order of their ids, read page by page.
struct Pages {
    session: Session,
    page: VecDeque<Vec<Value>>,
    /// Position at which the next page begins; `None` after the last page.
    after: Option<Option<Vec<Value>>>,
    /// Number of rows read.
    read: usize,
}

impl Pages {
    fn new(session: Session, after: Option<&RecordId>) -> Self {
        let after = after.map(|id| vec![super::read::id_value(id)]);
        Self { session, page: VecDeque::new(), after: Some(after), read: 0 }
    }

    /// Returns the id of the next row.
    async fn peek(&mut self, records: &Records<'_>) -> Result<Option<RecordId>> {
        while self.page.is_empty()
            && let Some(after) = self.after.take()
        {
            let select = Select { limit: PAGE, after, ..Select::default() };
            let page = self.session.select(records.name(), &select, None, Collect::default()).await?;
            self.page = page.0.rows.into();
            self.read += self.page.len();
            self.after = page.1.map(Some);
        }
        self.page.front().map(|row| records.id_of(row)).transpose()
    }
}
