//! Drift: the differences between a database and the schema that its migrations produce, as text.

use std::fmt;

/// One difference between a database and its migrations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// Name of the object that differs, such as `column doctors.fee`.
    pub object: String,
    /// Definition of the object in the database; `None` if the database lacks it.
    pub found: Option<String>,
    /// Definition of the object after the migrations; `None` if the database should not have it.
    pub wanted: Option<String>,
}

impl Drift {
    /// Separates missing tables, by their names, from other differences.
    pub(crate) fn missing_tables(drift: Vec<Self>) -> (Vec<String>, Vec<Self>) {
        let (mut missing, mut others) = (vec![], vec![]);
        for one in drift {
            match one.object.strip_prefix("table ").filter(|_| one.found.is_none()) {
                Some(table) => missing.push(table.to_owned()),
                None => others.push(one),
            }
        }
        // What belongs to a missing table is missing with it.
        let of_missing = |one: &Self| missing.iter().any(|table| one.object.contains(&format!(" {table}__")));
        others.retain(|one| one.found.is_some() || !of_missing(one));
        (missing, others)
    }
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
    /// Migrations that the database lacks, as `app/name`.
    pub pending: Vec<String>,
    /// Migrations that the database has but that are not known here.
    pub unknown: Vec<String>,
    /// Differences from the schema after all migrations. Empty while migrations are pending.
    pub drift: Vec<Drift>,
    /// Tables and views that no model declares, such as those that a migration's own statements create. Empty while
    /// migrations are pending. Copies and moves do not carry them.
    pub undeclared: Vec<String>,
}
