//! Writes the documents of one organisation, or the shared ones, as rows: each batch in one transaction, through the checks of
//! all other writes. May be repeated at any point.

use super::{
    convert::{Converted, Reference, converted},
    ids::{Assigned, Ids, Imported, SHARED},
    plan::{Plan, Planned},
    report::{Fault, Report},
    source::{SharedSource, Source},
    survey::{BATCH, Seen, repeated},
};
use crate::{
    Error, Result,
    control::Control,
    operations::Context,
    records::{Records, Scope},
};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};
use tenantry_engine::{
    Kind,
    model::IdKind,
    name::FieldName,
    query::{Change, RecordId},
    value::Value,
};
use uuid::Uuid;

/// Where documents are written to.
pub(super) struct Target<'t> {
    pub(super) context: &'t Context,
    pub(super) platform: &'t Arc<crate::platform::inner::Inner>,
    pub(super) scope: Scope<'t>,
    /// Id of the tenant; [`SHARED`] for shared rows.
    pub(super) tenant: i64,
    /// Id of the organisation in the source; empty for shared rows.
    pub(super) organisation: &'t str,
    pub(super) name: &'t SharedSource,
}

/// A document whose references are resolved.
struct Row {
    read: Converted,
    id: RecordId,
    values: Vec<(FieldName, Value)>,
}

impl<'t> Target<'t> {
    /// Returns the records of a model.
    pub(super) fn records(&self, planned: &Planned) -> Result<Records<'t>> {
        Ok(Records::of_any(self.platform, self.scope, planned.model.name.as_str())?.logging_all())
    }

    /// Returns the rows of a model that come from the source.
    pub(super) fn ids<'c>(&self, control: &'c Control, planned: &Planned) -> Ids<'c> {
        self.ids_of(control, &(planned.model.name.to_string(), planned.model.id), planned.system)
    }

    /// Returns the rows that come from the source, of a model with this name and kind of ids.
    pub(super) fn ids_of<'c>(
        &self,
        control: &'c Control,
        (model, kind): &(String, IdKind),
        system: bool,
    ) -> Ids<'c> {
        let tenant = if system { SHARED } else { self.tenant };
        Ids { control, source: self.name.to_string(), tenant, model: model.clone(), kind: *kind }
    }

    /// Returns the field and the id with which the source finds the organisation's documents; `None` for shared ones.
    pub(super) fn only<'p>(&'p self, plan: &'p Plan, planned: &'p Planned) -> Option<(&'p str, &'p str)> {
        (!planned.system).then(|| (plan.mapping.tenant_field(&planned.rules), self.organisation))
    }

    /// Writes the documents of one collection. Documents that cannot become rows are noted in the report.
    pub(super) async fn write(
        &self,
        plan: &Plan,
        planned: &Planned,
        source: &Source<'_>,
        report: &mut Report,
    ) -> Result<u64> {
        let only = self.only(plan, planned);
        let mut documents = source.documents(&planned.collection, planned.system, only).await?;
        let records = self.records(planned)?;
        let ids = self.ids(&self.context.control, planned);
        let next = ids.next().await?.max(records.largest_id().await? + 1);
        let mut writer =
            Writer { target: self, plan, planned, records, ids, next, own: Seen::default(), report };
        let mut stored = 0;
        loop {
            self.context.cancel.check()?;
            let batch = documents.next(BATCH).await?;
            if batch.is_empty() {
                return Ok(stored);
            }
            let read = batch.iter().map(|document| converted(plan, planned, document)).collect();
            stored += writer.batch(read).await?;
        }
    }
}

struct Writer<'w, 't> {
    target: &'w Target<'t>,
    plan: &'w Plan,
    planned: &'w Planned,
    records: Records<'t>,
    ids: Ids<'w>,
    /// Next integer id.
    next: i64,
    own: Seen,
    report: &'w mut Report,
}

impl Writer<'_, '_> {
    /// Writes a batch. Returns the number of its rows that are stored now.
    async fn batch(&mut self, read: Vec<Converted>) -> Result<u64> {
        let references = resolved(self.target, self.plan, &read).await?;
        let mut rows = vec![];
        for mut read in read {
            judge(self.plan, self.planned, &mut self.own, self.target.organisation, &mut read, &references);
            // The survey has told of all others.
            if read.faults.is_empty() {
                let values = values(&mut read, &references);
                rows.push((read, values));
            }
        }
        let keys: Vec<String> = rows.iter().filter_map(|(read, _)| read.key.clone()).collect();
        let known = self.ids.find("", &keys).await?;
        let (mut stored, mut left) = (0, vec![]);
        for (read, values) in rows {
            match read.key.as_ref().and_then(|key| known.get(key)) {
                Some(Imported { done: true, .. }) => stored += 1,
                Some(Imported { id, .. }) => left.push(Row { read, id: id.clone(), values }),
                None => left.push(Row { id: self.new_id(), read, values }),
            }
        }
        self.assign(&left).await?;
        self.target.context.pass(super::run::KIND, "assigned").await?;
        Ok(stored + self.rows(left).await?)
    }

    fn new_id(&mut self) -> RecordId {
        if self.planned.model.id == IdKind::Uuid {
            return RecordId::Uuid(Uuid::now_v7());
        }
        self.next += 1;
        RecordId::Integer(self.next - 1)
    }

    async fn assign(&self, rows: &[Row]) -> Result<()> {
        let lines = rows.iter().map(|row| Assigned {
            key: row.read.key.as_deref().unwrap_or_default(),
            id: &row.id,
            names: &row.read.names,
        });
        self.ids.assign(&lines.collect::<Vec<_>>()).await
    }

    /// Writes rows that are not known to be stored. Returns the number of those that are stored then.
    async fn rows(&mut self, mut left: Vec<Row>) -> Result<u64> {
        let (mut stored, mut is_first) = (0, true);
        while !left.is_empty() {
            // An attempt that was killed may have written some of them; a user may have taken the id of others.
            if std::mem::take(&mut is_first) {
                stored += self.recognise(&mut left).await?;
                continue;
            }
            let changes: Vec<_> = left.iter().map(|row| self.change(row)).collect();
            match self.records.insert_planned(changes).await {
                Ok(()) => {
                    self.target.context.pass(super::run::KIND, "batch").await?;
                    let ids: Vec<_> = left.iter().map(|row| row.id.clone()).collect();
                    self.ids.done(&ids).await?;
                    return Ok(stored + left.len() as u64);
                }
                Err(error) => stored += self.refused(&mut left, error).await?,
            }
        }
        Ok(stored)
    }

    fn change(&self, row: &Row) -> Change {
        let (model, id) = (self.planned.model.name.clone(), Some(row.id.clone()));
        Change::Insert { model, id, values: row.values.clone() }
    }

    /// Removes rows from `left` that an earlier attempt has stored, and gives new ids to those whose id a user's row has.
    async fn recognise(&mut self, left: &mut Vec<Row>) -> Result<u64> {
        let ids: Vec<_> = left.iter().map(|row| row.id.clone()).collect();
        let absent: HashSet<_> = self.records.absent(&ids).await?.into_iter().collect();
        let (mut own, mut taken) = (vec![], vec![]);
        for id in ids.into_iter().filter(|id| !absent.contains(id)) {
            if self.records.is_own(&id).await? { own.push(id) } else { taken.push(id) }
        }
        left.retain(|row| !own.contains(&row.id));
        self.ids.done(&own).await?;
        if !taken.is_empty() {
            self.next = self.next.max(self.records.largest_id().await? + 1);
            let fresh = taken.iter().map(|_| self.new_id()).collect::<Vec<_>>();
            for row in left.iter_mut() {
                if let Some(at) = taken.iter().position(|id| *id == row.id) {
                    row.id = fresh[at].clone();
                }
            }
            self.assign(left).await?;
        }
        Ok(own.len() as u64)
    }

    /// Removes the row from `left` that a write refused. Errors that concern no single row are returned.
    async fn refused(&mut self, left: &mut Vec<Row>, error: Error) -> Result<u64> {
        let Error::Engine(engine) = &error else { return Err(error) };
        let index = engine.index().or((left.len() == 1).then_some(0)).filter(|index| *index < left.len());
        let (Some(index), true) = (index, is_of_row(engine.kind())) else { return Err(error) };
        let id = left[index].id.clone();
        if self.records.absent(std::slice::from_ref(&id)).await?.is_empty() {
            return self.recognise(left).await;
        }
        let row = left.remove(index);
        self.ids.forget(&[id]).await?;
        let (field, reason) = match engine.kind() {
            Kind::Unique(fields) => {
                (fields.join(", "), "another record has the same value, which must be unique".into())
            }
            Kind::Invalid(field, rule) => (field.clone(), rule.clone()),
            _ => (String::new(), error.public_title()),
        };
        self.report.refuse(Fault {
            collection: self.planned.collection.clone(),
            organisation: row.read.organisation.clone(),
            document: row.read.key.clone().unwrap_or_default(),
            field,
            reason,
        });
        Ok(0)
    }
}

fn is_of_row(kind: &Kind) -> bool {
    matches!(kind, Kind::Unique(_) | Kind::Invalid(..) | Kind::Reference(_))
}

/// Returns the rows that references mean. A document that has not become a row is missing.
pub(super) async fn resolved(
    target: &Target<'_>,
    plan: &Plan,
    read: &[Converted],
) -> Result<HashMap<Reference, RecordId>> {
    let mut wanted: HashMap<(&str, &str), Vec<&Reference>> = HashMap::new();
    for reference in read.iter().flat_map(|read| &read.references) {
        wanted.entry((&reference.to, &reference.by)).or_default().push(reference);
    }
    let mut found = HashMap::new();
    for ((to, by), references) in wanted {
        let Some(planned) = plan.of_model(to) else { continue };
        let keys: HashSet<String> = references.iter().map(|reference| reference.key.clone()).collect();
        let keys: Vec<_> = keys.into_iter().collect();
        let rows = target.ids(&target.context.control, planned).find(by, &keys).await?;
        for reference in references {
            // A name leads to a row as soon as it is assigned; the write itself checks that the row is there.
            if let Some(imported) = rows.get(&reference.key) {
                found.insert(reference.clone(), imported.id.clone());
            }
        }
    }
    Ok(found)
}

/// Notes why a document cannot become a row now: a reference to a document that has not become one, or a repeated value.
pub(super) fn judge(
    plan: &Plan,
    planned: &Planned,
    own: &mut Seen,
    organisation: &str,
    read: &mut Converted,
    references: &HashMap<Reference, RecordId>,
) {
    for reference in &read.references {
        if !references.contains_key(reference) {
            let to = plan.of_model(&reference.to).map_or("", |to| to.collection.as_str());
            let why = format!("refers to a document of {to} that was not imported");
            read.faults.push((reference.field.to_string(), why));
        }
    }
    if read.faults.is_empty() {
        read.faults.extend(repeated(planned, own, organisation, read));
    }
}

/// Returns the values of a row with its references.
pub(super) fn values(
    read: &mut Converted,
    references: &HashMap<Reference, RecordId>,
) -> Vec<(FieldName, Value)> {
    let mut values = std::mem::take(&mut read.values);
    for reference in &read.references {
        let value = match references.get(reference) {
            Some(RecordId::Integer(id)) => Value::Integer(*id),
            Some(RecordId::Uuid(id)) => Value::Uuid(*id),
            None => continue,
        };
        values.push((reference.field.clone(), value));
    }
    values
}
