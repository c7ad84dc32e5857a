//! Drift: the differences between a database and the schema that its migrations make, in words.

use std::fmt;

/// One difference between a database and its migrations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// What differs: `column doctors.fee`.
    pub object: String,
    /// Its definition in the database; None if it is missing there.
    pub found: Option<String>,
    /// Its definition after migrations; None if it should not be there.
    pub wanted: Option<String>,
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.found, &self.wanted) {
            (None, Some(wanted)) => write!(f, "{} is missing (should be: {wanted})", self.object),
            (Some(found), None) => write!(f, "{} should not be there (is: {found})", self.object),
            (found, wanted) => {
                let text = |o: &Option<String>| o.clone().unwrap_or_default();
                write!(f, "{} is: {}; should be: {}", self.object, text(found), text(wanted))
            }
        }
    }
}

/// The result of inspecting one database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// Migrations the database lacks, as `app/name`.
    pub pending: Vec<String>,
    /// Migrations the database has that are not known here.
    pub unknown: Vec<String>,
    /// Differences from the schema after all migrations; empty while some are pending.
    pub drift: Vec<Drift>,
    /// Tables and views that no model declares, such as those that a migration's own statements make; empty while
    /// migrations are pending. No copy and no move takes them along.
    pub undeclared: Vec<String>,
}
