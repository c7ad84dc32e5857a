//! Documents with an organisation's own values of shared records, such as its names of banks. They become what the
//! organisation would have set itself.

use super::{
    ids::Assigned,
    plan::{Owned, Plan},
    report::{Difference, Fault, Report},
    source::{Documents, Source},
    survey::{BATCH, Seen},
    values,
    write::Target,
};
use crate::{Result, records::Records};
use serde_json::{Map, Value as Json};
use std::collections::HashSet;
use tenantry_engine::{
    input, input::foreign::ForeignDocument, name::FieldName, query::RecordId, value::Value,
};

/// A document that was read, valid or not.
#[derive(Default)]
pub(super) struct OwnDocument {
    pub(super) key: Option<String>,
    pub(super) organisation: Option<String>,
    /// Key of the shared document whose values the organisation changes.
    pub(super) record: Option<String>,
    pub(super) changes: Map<String, Json>,
    /// The changes as values of the fields.
    values: Vec<(FieldName, Value)>,
    /// Fields that an organisation cannot change and no rule names.
    pub(super) unknown: Vec<String>,
    /// Fields and the reasons why their values are refused.
    pub(super) faults: Vec<(String, String)>,
}

/// Reads a document.
pub(super) fn read(plan: &Plan, owned: &Owned, document: &ForeignDocument) -> OwnDocument {
    let mut out = OwnDocument::default();
    let rules = &owned.rules;
    for (name, value) in document {
        if name == "_id" {
            out.key = value.key();
        } else if name == plan.mapping.tenant_field(rules) {
            out.organisation = value.key();
        } else if *name == owned.record {
            out.record = value.key();
        } else if !rules.ignore.contains(name) {
            let target = rules.rename.get(name).unwrap_or(name);
            let field = owned.fields.iter().find(|field| field.as_str() == target);
            let Some(field) = field.and_then(|field| owned.model.field(field.as_str())) else {
                out.unknown.push(name.clone());
                continue;
            };
            let names = rules.values.get(target);
            let read = values::json_of_field(field, &plan.time_zone, names, value).and_then(|json| {
                let value = input::from_json(field, &json).map_err(|error| error.to_string())?;
                Ok((json, value))
            });
            match read {
                Ok((Json::Null, _)) => {}
                Ok((json, value)) => {
                    out.values.push((field.name.clone(), value));
                    out.changes.insert(target.clone(), json);
                }
                Err(why) => out.faults.push((name.clone(), why)),
            }
        }
    }
    for (is_missing, field, why) in [
        (out.key.is_none(), "_id", "is neither an object id, a text, a number nor a UUID"),
        (out.record.is_none(), owned.record.as_str(), "names no shared document"),
        (out.changes.is_empty() && out.faults.is_empty(), "", "changes nothing"),
    ] {
        if is_missing {
            out.faults.push((field.to_owned(), why.to_owned()));
        }
    }
    out
}

/// Notes a second document of an organisation about the same record.
pub(super) fn repeated(own: &mut Seen, organisation: &str, read: &mut OwnDocument) {
    if let Some(record) = &read.record
        && read.faults.is_empty()
        && !own.note(organisation, "", record)
    {
        read.faults.push((String::new(), "another document changes the same record".into()));
    }
}

impl Target<'_> {
    /// Sets the organisation's own values that are not set yet.
    pub(super) async fn set_own_values(
        &self,
        plan: &Plan,
        owned: &Owned,
        source: &Source<'_>,
        report: &mut Report,
    ) -> Result<()> {
        let records = Records::of_any(self.platform, self.scope, owned.model.name.as_str())?;
        let ids = self.ids_of(&self.context.control, &owned.stored_as(), false);
        let mut batches = Batches::new(self, plan, owned, source).await?;
        while let Some(found) = batches.next().await? {
            for one in found {
                let (Some(record), false) = (&one.record, one.done) else { continue };
                let id = record.to_string();
                let now = records.own_values(&id).await?.own;
                if now.is_empty() {
                    records.set_override(&id, &one.read.changes).await?;
                } else if !is_same(&one.read, &now) {
                    report.refuse(Fault {
                        collection: owned.collection.clone(),
                        organisation: one.read.organisation.clone(),
                        document: one.key.clone(),
                        field: owned.record.clone(),
                        reason: "the organisation has own values of this record here already".into(),
                    });
                    continue;
                }
                ids.assign(&[Assigned { key: &one.key, id: record, names: &[] }]).await?;
                ids.done(std::slice::from_ref(record)).await?;
            }
        }
        Ok(())
    }

    /// Compares the organisation's own values with their documents. Returns the numbers of those that are the same, and of
    /// documents that cannot be imported.
    pub(super) async fn compare_own_values(
        &self,
        plan: &Plan,
        owned: &Owned,
        source: &Source<'_>,
        report: &mut Report,
    ) -> Result<(u64, u64)> {
        let records = Records::of_any(self.platform, self.scope, owned.model.name.as_str())?;
        let mut verified = 0;
        let mut batches = Batches::new(self, plan, owned, source).await?;
        while let Some(found) = batches.next().await? {
            for one in found {
                let what = match (&one.record, one.done) {
                    (Some(record), true) => {
                        let now = records.own_values(&record.to_string()).await?.own;
                        if is_same(&one.read, &now) {
                            verified += 1;
                            continue;
                        }
                        if records.own_values_version(record).await? != Some(1) {
                            report.changed_here += 1;
                            continue;
                        }
                        "differs from the organisation's own values"
                    }
                    _ => "was not imported",
                };
                report.difference(Difference {
                    collection: owned.collection.clone(),
                    organisation: one.read.organisation.clone(),
                    document: one.key,
                    what: what.into(),
                });
            }
        }
        Ok((verified, batches.invalid))
    }
}

/// A valid document, and what has become of it.
struct Found {
    read: OwnDocument,
    key: String,
    /// Id of the shared record.
    record: Option<RecordId>,
    /// True if its values were set.
    done: bool,
}

/// The documents of an organisation, batch by batch.
struct Batches<'b, 't> {
    target: &'b Target<'t>,
    plan: &'b Plan,
    owned: &'b Owned,
    documents: Documents,
    seen: Seen,
    /// Number of documents that cannot be imported.
    invalid: u64,
}

impl<'b, 't> Batches<'b, 't> {
    async fn new(
        target: &'b Target<'t>,
        plan: &'b Plan,
        owned: &'b Owned,
        source: &Source<'_>,
    ) -> Result<Self> {
        let only = Some((plan.mapping.tenant_field(&owned.rules), target.organisation));
        let documents = source.documents(&owned.collection, false, only).await?;
        Ok(Self { target, plan, owned, documents, seen: Seen::default(), invalid: 0 })
    }

    /// Returns the valid documents of the next batch; `None` after the last one.
    async fn next(&mut self) -> Result<Option<Vec<Found>>> {
        let (target, owned) = (self.target, self.owned);
        target.context.cancel.check()?;
        let batch = self.documents.next(BATCH).await?;
        if batch.is_empty() {
            return Ok(None);
        }
        let mut valid = vec![];
        for document in &batch {
            let mut read = read(self.plan, owned, document);
            repeated(&mut self.seen, target.organisation, &mut read);
            match read.faults.is_empty() && read.unknown.is_empty() {
                true => valid.push(read),
                false => self.invalid += 1,
            }
        }
        let control = &target.context.control;
        let wanted: HashSet<String> = valid.iter().filter_map(|read| read.record.clone()).collect();
        let wanted: Vec<_> = wanted.into_iter().collect();
        let shared = target.ids_of(control, &owned.shared(), true).find(&owned.by, &wanted).await?;
        let keys: Vec<String> = valid.iter().filter_map(|read| read.key.clone()).collect();
        let set = target.ids_of(control, &owned.stored_as(), false).find("", &keys).await?;
        let found = valid.into_iter().map(|read| {
            let key = read.key.clone().unwrap_or_default();
            let record = read.record.as_ref().and_then(|key| shared.get(key)).map(|row| row.id.clone());
            Found { done: set.get(&key).is_some_and(|row| row.done), record, key, read }
        });
        Ok(Some(found.collect()))
    }
}

fn is_same(read: &OwnDocument, now: &[(FieldName, Value)]) -> bool {
    let has = |(name, value): &(FieldName, Value)| {
        now.iter().any(|(of, now)| of == name && values::same(value, now))
    };
    read.values.len() == now.len() && read.values.iter().all(has)
}
