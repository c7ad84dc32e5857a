//! Backups of a company, and the comparison of one with the data in use.

use crate::{frame::Frame, records::Cell};
use askama::Template;

/// Page `/settings/backups/`: the backups of a company.
#[derive(Template)]
#[template(path = "company/backups.html")]
pub struct Backups<'a> {
    /// Frame of the page.
    pub frame: &'a Frame,
    /// Backups, newest first.
    pub backups: &'a [Backup],
    /// Operations that are running or have just failed.
    pub work: &'a [Work],
    /// Time of the backup that is open for comparison.
    pub compared: Option<&'a str>,
}

impl Backups<'_> {
    /// Returns true if an operation is running.
    fn is_at_work(&self) -> bool {
        self.work.iter().any(|work| work.failed.is_empty())
    }
}

/// A backup.
#[derive(Debug)]
pub struct Backup {
    /// Id of the backup.
    pub id: String,
    /// Time of the backup: in words, and as programs read it.
    pub at: (String, String),
    /// State in words.
    pub state: String,
    /// CSS class of the state's tag.
    pub look: &'static str,
    /// Reason why the backup was made, in words.
    pub reason: &'static str,
    /// Number of records.
    pub rows: String,
    /// Size of the backup, in words.
    pub size: String,
    /// Time of the last verification, in words; empty if there was none.
    pub verified: String,
    /// True if the backup can be compared with the data in use.
    pub is_good: bool,
}

/// An operation of the company.
#[derive(Debug)]
pub struct Work {
    /// Description of the operation.
    pub what: String,
    /// Progress in words; empty if it is unknown.
    pub progress: String,
    /// Progress in percent; `None` if it is unknown.
    pub percent: Option<u64>,
    /// Reason of the failure; empty while the operation runs.
    pub failed: String,
}

/// Page `/settings/compare/`: the differences between a backup and the data in use, by model.
#[derive(Template)]
#[template(path = "company/compare.html")]
pub struct Compare<'a> {
    /// Frame of the page.
    pub frame: &'a Frame,
    /// Time of the backup: in words, and as programs read it.
    pub at: (String, String),
    /// Time at which the platform closes the comparison: in words, and as programs read it.
    pub until: Option<(String, String)>,
    /// Models that the visitor may read.
    pub models: &'a [Compared],
    /// True if the data in use of a store is lost, so that the store cannot be compared.
    pub is_lost: bool,
}

/// Numbers of differing records of a model.
#[derive(Debug)]
pub struct Compared {
    /// Label of the model.
    pub label: String,
    /// Address of the page with the records.
    pub href: String,
    /// Number of records deleted since the backup.
    pub deleted: u64,
    /// Number of records changed since the backup.
    pub changed: u64,
    /// Number of records added since the backup.
    pub added: u64,
}

impl Compared {
    /// Returns true if no record differs.
    pub fn is_same(&self) -> bool {
        self.deleted + self.changed + self.added == 0
    }
}

/// Page `/settings/compare/{model}/`: the differing records of a model.
#[derive(Template)]
#[template(path = "company/differences.html")]
pub struct Differences<'a> {
    /// Frame of the page.
    pub frame: &'a Frame,
    /// Label of the model.
    pub label: &'a str,
    /// Address of this page, without parameters.
    pub path: &'a str,
    /// Time of the backup: in words, and as programs read it.
    pub at: (String, String),
    /// Records of this page.
    pub records: &'a [Differing],
    /// Address of the next page, if there is one.
    pub next: Option<String>,
    /// True if this is not the first page.
    pub is_later: bool,
    /// True if the visitor may create and change records of the model.
    pub may_take: bool,
}

/// A record that differs.
#[derive(Debug)]
pub struct Differing {
    /// Id of the record.
    pub id: String,
    /// Name of the record.
    pub name: String,
    /// Address of the record; empty if it is deleted.
    pub href: String,
    /// Kind of the difference.
    pub since: Since,
    /// The fields that differ. For a deleted or added record, all fields with a value.
    pub fields: Vec<Field>,
}

/// The change of a record since the backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// It was deleted.
    Deleted,
    /// It was changed.
    Changed,
    /// It was added.
    Added,
}

/// A field of a differing record.
#[derive(Debug)]
pub struct Field {
    /// Label of the field.
    pub label: String,
    /// Value in the backup.
    pub then: Cell,
    /// Value in the data in use.
    pub now: Cell,
}
