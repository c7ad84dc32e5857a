//! The survey: counts every document of the source, and checks it as far as that is possible without writing.

use super::{
    convert::{Converted, converted},
    own_values::{OwnDocument, read},
    plan::{Owned, Plan, Planned},
    report::{Fault, Organisation, Report, TOLD, UnknownField, Unmapped},
    source::Source,
};
use crate::{Error, Result, control::Control, operations::Context, tenants};
use std::collections::{BTreeMap, HashSet};
use tenantry_engine::{name::Slug, value::Value};

/// Number of documents that are read together.
pub(super) const BATCH: usize = 200;
/// Largest number of organisations.
const ORGANISATIONS: usize = 100_000;

/// Documents that were seen so far. Their keys are hashed, so that a document takes the same memory whatever its key.
#[derive(Default)]
pub(super) struct Seen(HashSet<[u8; 16]>);

impl Seen {
    /// Notes a value of an organisation. Returns false if it was noted already.
    pub(super) fn note(&mut self, organisation: &str, what: &str, value: &str) -> bool {
        self.0.insert(hashed(organisation, what, value))
    }

    fn has(&self, organisation: &str, what: &str, value: &str) -> bool {
        self.0.contains(&hashed(organisation, what, value))
    }
}

fn hashed(organisation: &str, what: &str, value: &str) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    for part in [organisation, what, value] {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
    }
    let mut short = [0; 16];
    short.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    short
}

/// Surveys the source.
///
/// # Errors
/// Returns the errors of the source, and [`Error::Cancelled`].
pub(super) async fn survey(context: &Context, plan: &Plan, source: &Source<'_>) -> Result<Report> {
    let mut survey = Survey {
        report: Report::default(),
        found: Seen::default(),
        organisations: BTreeMap::new(),
        unknown: BTreeMap::new(),
    };
    let mut done = 0;
    for planned in &plan.collections {
        let mut documents = source.documents(&planned.collection, planned.system, None).await?;
        let mut own = Seen::default();
        if planned.system {
            survey.report.shared.insert(planned.collection.clone(), 0);
        }
        loop {
            context.cancel.check()?;
            let batch = documents.next(BATCH).await?;
            if batch.is_empty() {
                break;
            }
            done += batch.len() as u64;
            context.progress.set(done, 0, "documents");
            for document in &batch {
                survey.document(plan, planned, &mut own, converted(plan, planned, document))?;
            }
        }
    }
    for owned in &plan.own_values {
        let mut documents = source.documents(&owned.collection, false, None).await?;
        let mut own = Seen::default();
        loop {
            context.cancel.check()?;
            let batch = documents.next(BATCH).await?;
            if batch.is_empty() {
                break;
            }
            done += batch.len() as u64;
            context.progress.set(done, 0, "documents");
            for document in &batch {
                survey.own_values(plan, owned, &mut own, read(plan, owned, document));
            }
        }
    }
    survey.unmapped(plan, source).await?;
    survey.end(plan, &context.control).await
}

struct Survey {
    report: Report,
    /// Documents to which others may refer.
    found: Seen,
    organisations: BTreeMap<String, Organisation>,
    unknown: BTreeMap<(String, String), u64>,
}

impl Survey {
    fn document(
        &mut self,
        plan: &Plan,
        planned: &Planned,
        own: &mut Seen,
        mut read: Converted,
    ) -> Result<()> {
        let organisation = if planned.system { Some(String::new()) } else { read.organisation.clone() };
        match (planned.system, &organisation) {
            (true, _) => *self.report.shared.entry(planned.collection.clone()).or_default() += 1,
            (false, Some(id)) => {
                if !self.organisations.contains_key(id) && self.organisations.len() >= ORGANISATIONS {
                    return Err(Error::invalid(
                        "database",
                        format!("has more than {ORGANISATIONS} organisations"),
                    ));
                }
                let counted = self.organisations.entry(id.clone()).or_default();
                *counted.documents.entry(planned.collection.clone()).or_default() += 1;
            }
            (false, None) => {
                let field = plan.mapping.tenant_field(&planned.rules).to_owned();
                read.faults.push((field, "names no organisation".into()));
            }
        }
        for field in std::mem::take(&mut read.unknown) {
            *self.unknown.entry((planned.collection.clone(), field)).or_default() += 1;
        }
        let of = organisation.clone().unwrap_or_default();
        self.dangling(plan, &of, &mut read);
        if read.faults.is_empty() {
            self.repeated(planned, own, &of, &mut read);
        }
        if read.faults.is_empty() {
            self.keep(planned, &of, &read);
            return Ok(());
        }
        match (planned.system, &organisation) {
            (false, Some(id)) => self.organisations.entry(id.clone()).or_default().faulty += 1,
            (system, _) => {
                self.report.blocking += 1;
                self.report.shared_faulty += u64::from(system);
            }
        }
        self.report.fault(faulty(planned, &read));
        Ok(())
    }

    fn own_values(&mut self, plan: &Plan, owned: &Owned, own: &mut Seen, mut read: OwnDocument) {
        let collection = &owned.collection;
        let of = read.organisation.clone().unwrap_or_default();
        for field in std::mem::take(&mut read.unknown) {
            *self.unknown.entry((collection.clone(), field)).or_default() += 1;
        }
        match &read.organisation {
            Some(id) => {
                let counted = self.organisations.entry(id.clone()).or_default();
                *counted.documents.entry(collection.clone()).or_default() += 1;
            }
            None => {
                let field = plan.mapping.tenant_field(&owned.rules).to_owned();
                read.faults.push((field, "names no organisation".into()));
            }
        }
        if let (Some(record), Some(to)) = (&read.record, plan.of_model(owned.model.name.as_str()))
            && !self.found.has("", &named(to, &owned.by), record)
        {
            let why =
                format!("names a document of {} that is not there or cannot be imported", to.collection);
            read.faults.push((owned.record.clone(), why));
        }
        super::own_values::repeated(own, &of, &mut read);
        let Some((field, reason)) = read.faults.into_iter().next() else { return };
        match &read.organisation {
            Some(id) => self.organisations.entry(id.clone()).or_default().faulty += 1,
            None => self.report.blocking += 1,
        }
        let (collection, document) = (collection.clone(), read.key.unwrap_or_default());
        self.report.fault(Fault { collection, organisation: read.organisation, document, field, reason });
    }

    /// Notes values that only one row may have.
    fn repeated(&mut self, planned: &Planned, own: &mut Seen, of: &str, read: &mut Converted) {
        if let Some((field, reason)) = repeated(planned, own, of, read) {
            read.faults.push((field, reason));
        }
        for (field, value) in &read.names {
            if self.found.has(of, &named(planned, field), value) {
                read.faults.push((
                    field.clone(),
                    "another document has the same value, by which others refer".into(),
                ));
                return;
            }
        }
    }

    /// Notes references to documents that are not there.
    fn dangling(&mut self, plan: &Plan, of: &str, read: &mut Converted) {
        for reference in &read.references {
            let Some(to) = plan.of_model(&reference.to) else { continue };
            let whose = if to.system { "" } else { of };
            if !self.found.has(whose, &named(to, &reference.by), &reference.key) {
                let reason = format!(
                    "refers to a document of {} that is not there or cannot be imported",
                    to.collection
                );
                read.faults.push((reference.field.to_string(), reason));
            }
        }
    }

    fn keep(&mut self, planned: &Planned, of: &str, read: &Converted) {
        if let Some(key) = &read.key {
            self.found.note(of, &named(planned, ""), key);
        }
        for (field, value) in &read.names {
            self.found.note(of, &named(planned, field), value);
        }
    }

    async fn unmapped(&mut self, plan: &Plan, source: &Source<'_>) -> Result<()> {
        let is_one = source.database(true) == source.database(false);
        for system in [false, true] {
            if system && is_one {
                break;
            }
            for collection in source.collections(system).await? {
                if !plan.names(&collection) && self.report.unmapped.len() < TOLD {
                    // Other programs may have collections of their own in the main database.
                    let database = source.database(system).to_owned();
                    self.report.unmapped.push(Unmapped { database, collection, refuses: !system });
                }
            }
        }
        Ok(())
    }

    /// Finds the tenants of the organisations.
    async fn end(mut self, plan: &Plan, control: &Control) -> Result<Report> {
        let mut tx = control.snapshot().await?;
        for (id, mut organisation) in self.organisations {
            let slug = plan.mapping.tenants.get(&id).unwrap_or(&id);
            organisation.id.clone_from(&id);
            if let Ok(slug) = Slug::parse(slug) {
                organisation.tenant = match tenants::by_slug(&mut tx, &slug).await {
                    Ok(tenant) => Some(tenant.id.get()),
                    Err(Error::NotFound(_)) => None,
                    Err(error) => return Err(error),
                };
                organisation.slug = Some(slug.to_string());
            }
            if organisation.tenant.is_some() {
                self.report.blocking += organisation.faulty;
            }
            self.report.organisations.push(organisation);
        }
        let unknown = self.unknown.into_iter().take(TOLD);
        self.report.unknown_fields = unknown
            .map(|((collection, field), documents)| UnknownField { collection, field, documents })
            .collect();
        Ok(self.report)
    }
}

fn named(planned: &Planned, field: &str) -> String {
    format!("{}.{field}", planned.collection)
}

/// Returns the field with a value that another document of the organisation has and only one row may have.
pub(super) fn repeated(
    planned: &Planned,
    own: &mut Seen,
    of: &str,
    read: &Converted,
) -> Option<(String, String)> {
    if let Some(key) = &read.key
        && !own.note(of, "", key)
    {
        return Some(("_id".into(), "another document has this id as a value of another type".into()));
    }
    for (number, fields) in planned.uniques.iter().enumerate() {
        let mut text = String::new();
        for field in fields {
            let value = read.values.iter().find(|(name, _)| name == field).map(|(_, value)| value);
            let reference = read.references.iter().find(|reference| reference.field == *field);
            match (value, reference) {
                (Some(Value::Null) | None, None) => text.clear(),
                (Some(value), _) => text.push_str(&format!("{value:?}\n")),
                (None, Some(reference)) => text.push_str(&format!("{}\n", reference.key)),
            }
            if text.is_empty() {
                break;
            }
        }
        if !text.is_empty() && !own.note(of, &number.to_string(), &text) {
            let names: Vec<_> = fields.iter().map(|field| field.as_str()).collect();
            return Some((
                names.join(", "),
                "another document has the same value, which must be unique".into(),
            ));
        }
    }
    None
}

/// Returns the first fault of a document.
fn faulty(planned: &Planned, read: &Converted) -> Fault {
    let (field, reason) = read.faults.first().cloned().unwrap_or_default();
    Fault {
        collection: planned.collection.clone(),
        organisation: read.organisation.clone(),
        document: read.key.clone().unwrap_or_default(),
        field,
        reason,
    }
}
