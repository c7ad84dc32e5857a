//! Changes or deletes all records that match a condition, in one transaction.
//!
//! The caller states how many records it expects, and nothing happens if another number matches. So a condition that
//! matches more than the caller intended does no harm. Each record is written only in the version in which it matched.

use super::{
    FileInfo, Input, Records,
    custom::{merged, names_custom},
    file_names,
    write::refused_of,
};
use crate::{Error, Result, access::gates::Verb, error::Wrong};
use tenantry_engine::{
    model::custom,
    name::FieldName,
    query::{Change, Direction, Filter, RecordId, Select},
    row::Collect,
    value::Value,
};

/// Largest number of records that one call changes or deletes.
pub const MAX_MATCHING: u64 = 10_000;

/// The records that a change or a delete applies to.
#[derive(Debug, Clone, PartialEq)]
pub struct Matching {
    /// The condition.
    pub filter: Filter,
    /// Full-text search.
    pub search: Option<String>,
    /// Number of records that the caller expects to match.
    pub expected: u64,
}

/// A record that matched.
struct Found {
    id: RecordId,
    version: i64,
    /// Values of the other requested columns.
    values: Vec<Value>,
}

impl Records<'_> {
    /// Changes the named fields of all matching records, or of none. Returns their number.
    ///
    /// # Errors
    /// Returns the errors of [`Records::patch`], with the id of the record before the name of a field;
    /// [`Error::Conflict`] if another number of records matches; [`Error::Invalid`] for more than [`MAX_MATCHING`].
    pub async fn patch_matching(&self, which: &Matching, input: &Input) -> Result<u64> {
        self.allow(Verb::Update)?;
        let mut wrong = Wrong::default();
        let values = self.values(input, &mut wrong)?;
        wrong.finish()?;
        let cleared = file_names(&self.entry.model);
        let cleared: Vec<_> =
            cleared.into_iter().filter(|name| values.iter().any(|(given, _)| given == name)).collect();
        let agreeing = self.agreeing_fields(&values);
        let custom: Vec<_> =
            names_custom(&values).then(|| FieldName::parse(custom::FIELD)).transpose()?.into_iter().collect();
        let found = self.matching(which, [&agreeing[..], &custom[..], &cleared[..]].concat()).await?;
        let rows: Vec<_> = found.iter().map(|found| (found.id.clone(), found.values.clone())).collect();
        self.agree_after(&values, &agreeing, &rows).await?;
        self.write_found(found, agreeing.len() + custom.len(), |found| Change::Update {
            model: self.entry.model.name.clone(),
            id: found.id.clone(),
            expected_version: Some(found.version),
            values: match custom.is_empty() {
                true => values.clone(),
                false => merged(&values, &found.values[agreeing.len()]),
            },
        })
        .await
    }

    /// Returns true if records of the model can only be deleted singly, because tenants may refer to them.
    pub fn deletes_one_by_one(&self) -> bool {
        !self.entry.referrers.is_empty()
    }

    /// Deletes all matching records, or none. Returns their number.
    ///
    /// # Errors
    /// Returns the errors of [`Records::delete`] and of [`Records::patch_matching`], and [`Error::Invalid`] for shared
    /// records to which tenants may refer: they are deleted singly.
    pub async fn delete_matching(&self, which: &Matching) -> Result<u64> {
        self.allow(Verb::Delete)?;
        if self.deletes_one_by_one() {
            let reason = "tenants may refer to these records: delete them one by one";
            return Err(Error::invalid("query", reason));
        }
        let found = self.matching(which, file_names(&self.entry.model)).await?;
        self.write_found(found, 0, |found| Change::Delete {
            model: self.entry.model.name.clone(),
            id: found.id.clone(),
            expected_version: Some(found.version),
        })
        .await
    }

    /// Returns the matching records with these columns, if their number is the expected one.
    async fn matching(&self, which: &Matching, columns: Vec<FieldName>) -> Result<Vec<Found>> {
        if which.expected > MAX_MATCHING {
            let reason = format!("at most {MAX_MATCHING} records at once: narrow the filter");
            return Err(Error::invalid("expect", reason));
        }
        let session = self.session().await?;
        let id = FieldName::parse("id")?;
        let mut select = Select {
            filter: self.resolve_filter(&which.filter, true).await?.into_owned(),
            search: which.search.clone(),
            sort: vec![(id.clone(), Direction::Ascending).into()],
            limit: 1000,
            fields: [vec![id, FieldName::parse("version")?], columns].concat(),
            after: None,
        };
        let mut found = vec![];
        loop {
            let (page, next) = session.select(self.name(), &select, None, Collect::default()).await?;
            for row in page.rows {
                found.push(self.found(row)?);
            }
            match next {
                Some(after) if found.len() as u64 <= which.expected => select.after = Some(after),
                _ => break,
            }
        }
        match found.len() as u64 {
            count if count == which.expected => Ok(found),
            count => Err(Error::Conflict(format!(
                "{} records match now, not {}: look at them again",
                if count > which.expected {
                    format!("more than {}", which.expected)
                } else {
                    count.to_string()
                },
                which.expected
            ))),
        }
    }

    fn found(&self, row: Vec<Value>) -> Result<Found> {
        let id = self.id_of(&row)?;
        let mut values = row.into_iter().skip(1);
        let Some(Value::Integer(version)) = values.next() else {
            return Err(Error::Internal("a row without a version".into()));
        };
        Ok(Found { id, version, values: values.collect() })
    }

    /// Writes the changes of the found records in one transaction. Then removes the files that the values from index
    /// `files` on name.
    async fn write_found(
        &self,
        found: Vec<Found>,
        files: usize,
        change: impl Fn(&Found) -> Change,
    ) -> Result<u64> {
        if found.is_empty() {
            return Ok(0);
        }
        let changes: Vec<_> = found.iter().map(change).collect();
        self.apply_to(&self.entry, &changes)
            .await
            .map_err(|error| refused_of(error, |index| found.get(index).map(|found| &found.id)))?;
        let count = found.len() as u64;
        if self.dry_run {
            return Ok(count);
        }
        let files = found.into_iter().flat_map(|found| found.values.into_iter().skip(files));
        self.forget_files(files.filter_map(FileInfo::of).map(|file| file.id).collect()).await;
        Ok(count)
    }
}
