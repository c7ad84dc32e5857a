//! Backups of a company, and the comparison of one with the data in use.

use crate::{frame::Frame, records::Cell};
use askama::Template;

/// `/settings/backups/`.
#[derive(Template)]
#[template(path = "company/backups.html")]
pub struct Backups<'a> {
    /// Frame.
    pub frame: &'a Frame,
    /// Backups, newest first.
    pub backups: &'a [Backup],
    /// Operations that run, or have just failed.
    pub work: &'a [Work],
    /// Time of the backup that is open for comparison.
    pub compared: Option<&'a str>,
}

impl Backups<'_> {
    /// Returns true while an operation runs.
    fn is_at_work(&self) -> bool {
        self.work.iter().any(|work| work.failed.is_empty())
    }
}

/// A backup.
#[derive(Debug)]
pub struct Backup {
    /// Id.
    pub id: String,
    /// When, as people read it, and for programs.
    pub at: (String, String),
    /// `Running`, `Good`, `Failed` or `Damaged`.
    pub state: String,
    /// Class of the tag of the state.
    pub look: &'static str,
    /// What started it, in words.
    pub reason: &'static str,
    /// Number of records.
    pub rows: String,
    /// Size in words.
    pub size: String,
    /// When it was last verified, in words; empty if it never was.
    pub verified: String,
    /// It can be compared with the data in use.
    pub is_good: bool,
}

/// An operation of the company.
#[derive(Debug)]
pub struct Work {
    /// What it does.
    pub what: String,
    /// Progress in words; empty if it is not known.
    pub progress: String,
    /// Done part, 0 to 100, if it is known.
    pub percent: Option<u64>,
    /// Why it failed; empty while it runs.
    pub failed: String,
}

/// `/settings/compare/`: what differs between a backup and the data in use, by model.
#[derive(Template)]
#[template(path = "company/compare.html")]
pub struct Compare<'a> {
    /// Frame.
    pub frame: &'a Frame,
    /// Time of the backup, as people read it, and for programs.
    pub at: (String, String),
    /// When the platform closes the comparison, as people read it, and for programs.
    pub until: Option<(String, String)>,
    /// Models that the person may read.
    pub models: &'a [Compared],
    /// A store whose data in use is lost cannot be compared.
    pub is_lost: bool,
}

/// Numbers of differing records of a model.
#[derive(Debug)]
pub struct Compared {
    /// Label.
    pub label: String,
    /// Address of the records.
    pub href: String,
    /// Deleted since the backup.
    pub deleted: u64,
    /// Changed since.
    pub changed: u64,
    /// Added since.
    pub added: u64,
}

impl Compared {
    /// Returns true if no record differs.
    pub fn is_same(&self) -> bool {
        self.deleted + self.changed + self.added == 0
    }
}

/// `/settings/compare/{model}/`: the differing records of a model.
#[derive(Template)]
#[template(path = "company/differences.html")]
pub struct Differences<'a> {
    /// Frame.
    pub frame: &'a Frame,
    /// Label of the model.
    pub label: &'a str,
    /// Address of this page, without parameters.
    pub path: &'a str,
    /// Time of the backup.
    pub at: (String, String),
    /// Records of this page.
    pub records: &'a [Differing],
    /// Address of the next page.
    pub next: Option<String>,
    /// This is not the first page.
    pub is_later: bool,
    /// The person may write the model.
    pub may_take: bool,
}

/// A record that differs.
#[derive(Debug)]
pub struct Differing {
    /// Id.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// Address, unless it is deleted.
    pub href: String,
    /// What happened since the backup.
    pub since: Since,
    /// The fields that differ, or the values of a record that is in one of the states only.
    pub fields: Vec<Field>,
}

/// What happened to a record since the backup.
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
    /// Label.
    pub label: String,
    /// Value in the backup.
    pub then: Cell,
    /// Value now.
    pub now: Cell,
}
