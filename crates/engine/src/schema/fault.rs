//! Faults in the contents of a database: derived data that does not match the rows, and values that their fields do not
//! allow.

use crate::model::{Field, Model};
use std::fmt;

/// Maximum number of ids in one fault.
const TOLD: usize = 20;

/// One fault in the contents of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The search index of this model does not match the words of its rows.
    Search(String),
    /// The counters of a place are wrong.
    Counters {
        /// Rows and bytes according to the counters.
        held: (i64, i64),
        /// Rows and bytes according to a new count.
        counted: (i64, i64),
    },
    /// Values that their field does not allow.
    Values {
        /// Name of the model.
        model: String,
        /// Name of the field.
        field: String,
        /// The rule that the first of these values breaks.
        rule: String,
        /// Number of records with such values.
        count: u64,
        /// Ids of the first of these records.
        ids: Vec<String>,
    },
}

/// Adds the record with this id to the fault of a field.
pub(crate) fn note_value(fault: &mut Option<Fault>, model: &Model, field: &Field, rule: &str, id: String) {
    let first = || Fault::Values {
        model: model.name.to_string(),
        field: field.name.to_string(),
        rule: rule.to_owned(),
        count: 0,
        ids: vec![],
    };
    if let Fault::Values { count, ids, .. } = fault.get_or_insert_with(first) {
        *count += 1;
        if ids.len() < TOLD {
            ids.push(id);
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Search(model) => {
                write!(f, "the search index of {model} does not have what its records have")
            }
            Self::Counters { held: (rows, _), counted: (counted, _) } if rows != counted => {
                write!(f, "the row counter says {rows}, but there are {counted}")
            }
            Self::Counters { held: (_, bytes), counted: (_, counted) } => {
                write!(f, "the counter of stored bytes says {bytes}, but there are {counted}")
            }
            Self::Values { model, field, rule, count, ids } => {
                let some = if *count > ids.len() as u64 { ", …" } else { "" };
                let of = if *count == 1 { "record" } else { "records" };
                write!(f, "{model}.{field} {rule}: {count} {of} with another value: {}{some}", ids.join(", "))
            }
        }
    }
}
