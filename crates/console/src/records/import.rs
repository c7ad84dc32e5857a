//! The pages of a CSV import.

use super::{Cell, Choice};
use crate::frame::Frame;
use askama::Template;

/// `/{model}/import/`.
#[derive(Template)]
#[template(path = "records/import.html")]
pub struct Import<'a> {
    /// Frame.
    pub frame: &'a Frame,
    /// Label of the model.
    pub label: &'a str,
    /// Address of the list.
    pub list: &'a str,
    /// Address of the page.
    pub path: &'a str,
    /// The step.
    pub step: ImportStep,
    /// Fields that carry the file to the next step.
    pub carried: Vec<(String, String)>,
}

/// A step of an import.
#[derive(Debug)]
pub enum ImportStep {
    /// Choose a file.
    File {
        /// What columns can set: name and label.
        columns: Vec<(String, String)>,
        /// Largest size in words.
        most: String,
    },
    /// Choose the field of each column.
    Columns {
        /// Name of the file.
        file: String,
        /// Encodings.
        encoding: Vec<Choice>,
        /// Separators.
        separator: Vec<Choice>,
        /// How dates are written; empty if the file needs no choice. Without a chosen one the cells do not tell.
        dates: Vec<Choice>,
        /// How decimals are written, likewise.
        decimals: Vec<Choice>,
        /// Columns of the file.
        columns: Vec<FileColumn>,
    },
    /// Look at what would be stored.
    Preview {
        /// Name of the file.
        file: String,
        /// Number of records that can be added.
        good: u64,
        /// Number of refused lines.
        refused: u64,
        /// Labels of the fields.
        heads: Vec<String>,
        /// The first records.
        rows: Vec<Vec<Cell>>,
        /// Why lines are refused.
        reasons: Vec<Refusals>,
    },
    /// Records were added, and lines refused.
    Done {
        /// Number of added records.
        stored: u64,
        /// Number of refused lines.
        refused: u64,
        /// Why lines were refused.
        reasons: Vec<Refusals>,
    },
}

impl ImportStep {
    /// Returns the number of the step, from 1.
    fn number(&self) -> usize {
        match self {
            Self::File { .. } => 1,
            Self::Columns { .. } => 2,
            Self::Preview { .. } | Self::Done { .. } => 3,
        }
    }
}

/// A column of a file.
#[derive(Debug)]
pub struct FileColumn {
    /// Id of its element.
    pub id: String,
    /// Name in the file.
    pub name: String,
    /// Some of its cells.
    pub examples: Vec<String>,
    /// Fields that it can set.
    pub options: Vec<Choice>,
}

/// Lines that are refused for one reason.
#[derive(Debug)]
pub struct Refusals {
    /// Label of the field; empty for the whole line.
    pub column: String,
    /// Reason.
    pub reason: String,
    /// Number of lines.
    pub lines: String,
    /// The first of them.
    pub first: u64,
}
