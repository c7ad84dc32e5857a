//! Compares the source with the rows that it has become: reads both again, row by row, and computes a digest of each side.

use super::{
    convert::{Converted, converted},
    plan::{Plan, Planned},
    report::{Difference, Report},
    source::Source,
    survey::{BATCH, Seen},
    values,
    write::{Target, judge, resolved, values as with_references},
};
use crate::Result;
use std::collections::HashMap;
use tenantry_engine::{model::FieldKind, name::FieldName, query::RecordId, value::Value};

/// Result of the comparison of one organisation, or of the shared rows.
pub(super) struct Compared {
    /// Number of rows that equal their documents.
    pub(super) verified: u64,
    /// Number of documents that cannot become rows.
    pub(super) invalid: u64,
    /// BLAKE3 of the rows in the source, and here.
    pub(super) digests: (String, String),
}

/// Compares all documents of the target. Differences are noted in the report.
///
/// # Errors
/// Returns the errors of the source and of the target's databases.
pub(super) async fn compare(
    target: &Target<'_>,
    plan: &Plan,
    source: &Source<'_>,
    system: bool,
    report: &mut Report,
) -> Result<Compared> {
    let mut sides = Sides {
        verified: 0,
        invalid: 0,
        own: Seen::default(),
        there: blake3::Hasher::new(),
        here: blake3::Hasher::new(),
    };
    for planned in plan.of_scope(system) {
        let only = target.only(plan, planned);
        let mut documents = source.documents(&planned.collection, system, only).await?;
        sides.own = Seen::default();
        loop {
            target.context.cancel.check()?;
            let batch = documents.next(BATCH).await?;
            if batch.is_empty() {
                break;
            }
            let read: Vec<_> = batch.iter().map(|document| converted(plan, planned, document)).collect();
            sides.batch(target, plan, planned, read, report).await?;
            target.context.progress.set(report.verified + sides.verified, 0, "rows compared");
        }
    }
    for owned in plan.own_values.iter().filter(|_| !system) {
        let (verified, invalid) = target.compare_own_values(plan, owned, source, report).await?;
        sides.verified += verified;
        sides.invalid += invalid;
    }
    let digest = |hasher: &blake3::Hasher| hasher.finalize().to_hex().to_string();
    Ok(Compared {
        verified: sides.verified,
        invalid: sides.invalid,
        digests: (digest(&sides.there), digest(&sides.here)),
    })
}

struct Sides {
    verified: u64,
    invalid: u64,
    /// Documents of the current collection.
    own: Seen,
    there: blake3::Hasher,
    here: blake3::Hasher,
}

impl Sides {
    async fn batch(
        &mut self,
        target: &Target<'_>,
        plan: &Plan,
        planned: &Planned,
        read: Vec<Converted>,
        report: &mut Report,
    ) -> Result<()> {
        let references = resolved(target, plan, &read).await?;
        let keys: Vec<String> = read.iter().filter_map(|read| read.key.clone()).collect();
        let imported = target.ids(&target.context.control, planned).find("", &keys).await?;
        let records = target.records(planned)?;
        let ids: Vec<_> = imported.values().filter(|row| row.done).map(|row| row.id.clone()).collect();
        let columns = columns(planned)?;
        let rows = records.stored(&ids, &columns).await?;
        let rows: HashMap<RecordId, Vec<Value>> = rows.into_iter().filter_map(keyed).collect();
        for mut read in read {
            judge(plan, planned, &mut self.own, target.organisation, &mut read, &references);
            if !read.faults.is_empty() {
                self.invalid += 1;
                continue;
            }
            let values = with_references(&mut read, &references);
            let key = read.key.clone().unwrap_or_default();
            let row = imported.get(&key).filter(|row| row.done);
            let what = match row.map(|row| (&row.id, rows.get(&row.id))) {
                None => Some(
                    "was not imported: it was refused, or came after the import had read the source"
                        .to_owned(),
                ),
                Some((id, None)) if records.was_deleted(id).await? => {
                    report.changed_here += 1;
                    continue;
                }
                Some((_, None)) => Some("has no record here any more".to_owned()),
                Some((_, Some(row))) if row.last() != Some(&Value::Integer(1)) => {
                    report.changed_here += 1;
                    continue;
                }
                Some((_, Some(row))) => self.row(planned, &key, &values, row),
            };
            match what {
                None => self.verified += 1,
                Some(what) => report.difference(Difference {
                    collection: planned.collection.clone(),
                    organisation: read.organisation.clone(),
                    document: key,
                    what,
                }),
            }
        }
        Ok(())
    }

    /// Adds a row to both digests. Returns the fields that differ.
    fn row(
        &mut self,
        planned: &Planned,
        key: &str,
        values: &[(FieldName, Value)],
        row: &[Value],
    ) -> Option<String> {
        let mut differing = vec![];
        for hasher in [&mut self.there, &mut self.here] {
            hasher.update(planned.collection.as_bytes()).update(&[0]).update(key.as_bytes()).update(&[0]);
        }
        for (field, here) in planned.model.fields.iter().zip(&row[1..]) {
            let there = values.iter().find(|(name, _)| *name == field.name).map(|(_, value)| value);
            let there = match there {
                Some(value) => value,
                // The document says nothing, so the row has what every new row has.
                None if field.default.is_some() || field.kind == FieldKind::Custom => here,
                None => &Value::Null,
            };
            let is_same = values::same(there, here);
            if !is_same {
                differing.push(field.name.as_str());
            }
            self.there.update(format!("{there:?}\n").as_bytes());
            // Numbers in JSON that are equal may be written in several ways.
            self.here.update(format!("{:?}\n", if is_same { there } else { here }).as_bytes());
        }
        (!differing.is_empty()).then(|| format!("differs in {}", differing.join(", ")))
    }
}

/// Returns the columns that are compared: id, fields, version.
fn columns(planned: &Planned) -> Result<Vec<FieldName>> {
    let mut columns = vec![FieldName::parse("id")?];
    columns.extend(planned.model.fields.iter().map(|field| field.name.clone()));
    columns.push(FieldName::parse("version")?);
    Ok(columns)
}

fn keyed(row: Vec<Value>) -> Option<(RecordId, Vec<Value>)> {
    match row.first()? {
        Value::Integer(id) => Some((RecordId::Integer(*id), row)),
        Value::Uuid(id) => Some((RecordId::Uuid(*id), row)),
        _ => None,
    }
}
