//! Determines later whether a write was stored, if the answer to its commit was lost.
//!
//! A [`Doubt`] names one row that the write created, changed or deleted, with the values that the row has if the write
//! was stored. Rows contain the instants and the version that the write gave them, so the row itself is the evidence:
//! it is in the transaction of the write, and it goes wherever the place goes. If the row was changed or deleted since,
//! it proves nothing. Then the server may have the answer, because it knows whether it has aborted the transaction. It
//! is not asked whether it has committed the transaction, because after a crash PostgreSQL may give the number of a
//! lost transaction to another one.

use crate::{
    name::ModelName,
    query::{Change, RecordId},
    row::Collect,
    value::Value,
    write::Written,
};
use std::{fmt, str::FromStr};

/// The implicit columns that prove the outcome, in the order that [`Doubt::judge`] expects.
pub(crate) const COLUMNS: [&str; 3] = ["created_at", "updated_at", "version"];

/// The outcome of a write in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The write is stored.
    Stored,
    /// The write is not stored, and never will be.
    NotStored,
    /// The record was changed or deleted since, so it proves nothing.
    Unknown,
}

/// The effect of a write on the row that is its evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// The write created the row.
    Create,
    /// The write changed the row.
    Update,
    /// The write deleted the row.
    Delete,
}

/// The transaction of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Commit {
    /// System identifier of the cluster.
    pub(crate) cluster: i64,
    /// Number of the transaction in the cluster.
    pub(crate) xid: u64,
}

/// A write whose commit was not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    act: Act,
    model: ModelName,
    id: RecordId,
    /// The version that the write gave the row; for a delete, the version before it.
    version: i64,
    /// The instant that the write gave the row, in microseconds.
    at_us: i64,
    commit: Option<Commit>,
}

impl Doubt {
    /// Returns the doubt about a write; `None` if the write changed nothing. Either all changes of the write are stored
    /// or none, so one row is enough as evidence. A created row is the best evidence, because later changes do not
    /// alter its creation instant.
    pub(crate) fn of(changes: &[Change], written: &[Written], commit: Option<Commit>) -> Option<Self> {
        let doubts = changes.iter().zip(written).filter_map(|(change, written)| {
            let [.., created, updated, _] = &written.row[..] else { return None };
            let (act, at) = match change {
                Change::Insert { .. } => (Act::Create, created),
                Change::Update { .. } => (Act::Update, updated),
                Change::Delete { .. } => (Act::Delete, updated),
            };
            let (model, id) = (written.model.clone(), written.id.clone());
            Some(Self { act, model, id, version: written.version, at_us: instant(at)?, commit })
        });
        doubts.min_by_key(|doubt| match doubt.act {
            Act::Create => 0,
            Act::Update => 1,
            Act::Delete => 2,
        })
    }

    /// Returns the name of the row's model.
    pub fn model(&self) -> &ModelName {
        &self.model
    }

    /// Returns the effect of the write on the row.
    pub fn act(&self) -> Act {
        self.act
    }

    pub(crate) fn id(&self) -> &RecordId {
        &self.id
    }

    pub(crate) fn commit(&self) -> Option<Commit> {
        self.commit
    }

    /// Returns the outcome that the row proves by its [`COLUMNS`]. Call this when no write of the place is in progress.
    pub(crate) fn judge(&self, row: Option<&[Value]>) -> Outcome {
        let row = match row {
            Some([created, updated, Value::Integer(version)]) => {
                Some((instant(created), instant(updated), *version))
            }
            _ => None,
        };
        match (self.act, row) {
            (Act::Create, Some((created, ..))) if created == Some(self.at_us) => Outcome::Stored,
            // Another record has this id.
            (Act::Create, Some(_)) => Outcome::NotStored,
            (Act::Update, Some((_, updated, version))) => match version.cmp(&self.version) {
                std::cmp::Ordering::Equal if updated == Some(self.at_us) => Outcome::Stored,
                std::cmp::Ordering::Greater => Outcome::Unknown,
                _ => Outcome::NotStored,
            },
            (Act::Delete, None) => Outcome::Stored,
            (Act::Delete, Some(_)) => Outcome::NotStored,
            (Act::Create | Act::Update, None) => Outcome::Unknown,
        }
    }
}

/// Returns an instant in microseconds, from a database with a type for instants or from one that stores text.
fn instant(value: &Value) -> Option<i64> {
    match value {
        Value::DateTime(at) => Some(at.as_microsecond()),
        Value::Text(text) => text.parse::<jiff::Timestamp>().ok().map(|at| at.as_microsecond()),
        _ => None,
    }
}

/// Takes the only row of a read.
pub(crate) fn only(read: Option<Collect>) -> Option<Vec<Value>> {
    read.and_then(|mut read| read.rows.pop())
}

/// Writes the doubt as text that [`FromStr`] reads.
impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let act = match self.act {
            Act::Create => "create",
            Act::Update => "update",
            Act::Delete => "delete",
        };
        write!(f, "{act}.{}.{}.{}.{}", self.model, self.id, self.version, self.at_us)?;
        match self.commit {
            Some(Commit { cluster, xid }) => write!(f, ".{cluster}.{xid}"),
            None => Ok(()),
        }
    }
}

/// Error for a text that is not a [`Doubt`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotADoubt;

impl FromStr for Doubt {
    type Err = NotADoubt;

    fn from_str(text: &str) -> Result<Self, NotADoubt> {
        let parts: Vec<&str> = text.split('.').collect();
        let (&[act, model, id, version, at_us], commit) = parts.split_first_chunk().ok_or(NotADoubt)?;
        let commit = match commit {
            [] => None,
            [cluster, xid] => Some(Commit { cluster: number(cluster)?, xid: number(xid)? }),
            _ => return Err(NotADoubt),
        };
        let id = match id.parse() {
            Ok(id) => RecordId::Integer(id),
            Err(_) => RecordId::Uuid(id.parse().map_err(|_| NotADoubt)?),
        };
        let act = match act {
            "create" => Act::Create,
            "update" => Act::Update,
            "delete" => Act::Delete,
            _ => return Err(NotADoubt),
        };
        let model = ModelName::parse(model).map_err(|_| NotADoubt)?;
        Ok(Self { act, model, id, version: number(version)?, at_us: number(at_us)?, commit })
    }
}

fn number<N: FromStr>(text: &str) -> Result<N, NotADoubt> {
    text.parse().map_err(|_| NotADoubt)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doubt(act: Act) -> Doubt {
        let model = ModelName::parse("patients").unwrap();
        let commit = Some(Commit { cluster: -7, xid: u64::MAX });
        Doubt { act, model, id: RecordId::Integer(5), version: 3, at_us: 1_000_000, commit }
    }

    fn row(created_us: i64, updated_us: i64, version: i64) -> [Value; 3] {
        let at = |us| Value::DateTime(jiff::Timestamp::from_microsecond(us).unwrap());
        [at(created_us), at(updated_us), Value::Integer(version)]
    }

    #[test]
    fn a_row_tells_whether_the_write_was_stored() {
        let (now, other) = (1_000_000, 2_000_000);
        for (act, row, outcome) in [
            (Act::Create, Some(row(now, now, 1)), Outcome::Stored),
            (Act::Create, Some(row(now, other, 4)), Outcome::Stored),
            (Act::Create, Some(row(other, other, 1)), Outcome::NotStored),
            (Act::Create, None, Outcome::Unknown),
            (Act::Update, Some(row(0, now, 3)), Outcome::Stored),
            (Act::Update, Some(row(0, other, 3)), Outcome::NotStored),
            (Act::Update, Some(row(0, 0, 2)), Outcome::NotStored),
            (Act::Update, Some(row(0, other, 4)), Outcome::Unknown),
            (Act::Update, None, Outcome::Unknown),
            (Act::Delete, Some(row(0, 0, 3)), Outcome::NotStored),
            (Act::Delete, None, Outcome::Stored),
        ] {
            assert_eq!(doubt(act).judge(row.as_ref().map(|row| &row[..])), outcome, "{act:?} {row:?}");
        }
    }

    #[test]
    fn a_doubt_can_be_written_and_read() {
        let uuid = RecordId::Uuid(uuid::Uuid::now_v7());
        let mut all = vec![doubt(Act::Create), doubt(Act::Update), doubt(Act::Delete)];
        all.push(Doubt { id: uuid, commit: None, ..doubt(Act::Create) });
        for doubt in all {
            assert_eq!(doubt.to_string().parse(), Ok(doubt));
        }
        for text in [
            "",
            "create",
            "create.patients.5.3",
            "create.patients.5.3.x",
            "create.patients.5.3.1.2",
            "x.y.1.1.1",
        ] {
            assert_eq!(text.parse::<Doubt>(), Err(NotADoubt), "{text}");
        }
    }
}
