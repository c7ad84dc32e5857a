//! The pages of a CSV import.

use super::{Cell, Choice};
use crate::frame::Frame;
use askama::Template;

/// Page `/{model}/import/`: one step of a CSV import.
#[derive(Template)]
#[template(path = "records/import.html")]
pub struct Import<'a> {
    /// Frame of the page.
    pub frame: &'a Frame,
    /// Label of the model.
    pub label: &'a str,
    /// Address of the list.
    pub list: &'a str,
    /// Address of the page.
    pub path: &'a str,
    /// Step of the import.
    pub step: ImportStep,
    /// Hidden fields that carry the file to the next step.
    pub carried: Vec<(String, String)>,
}

/// A step of an import.
#[derive(Debug)]
pub enum ImportStep {
    /// Choice of a file.
    File {
        /// Fields that columns can set: name and label.
        columns: Vec<(String, String)>,
        /// Largest file, in words.
        most: String,
    },
    /// Choice of each column's field.
    Columns {
        /// Name of the file.
        file: String,
        /// Choices of the encoding.
        encoding: Vec<Choice>,
        /// Choices of the separator.
        separator: Vec<Choice>,
        /// Choices of the format of dates; empty if the file needs no choice. If none is chosen, the cells do not
        /// decide.
        dates: Vec<Choice>,
        /// Choices of the format of decimals; empty if the file needs no choice.
        decimals: Vec<Choice>,
        /// Columns of the file.
        columns: Vec<FileColumn>,
    },
    /// Preview of the records.
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
        /// Reasons why lines are refused.
        reasons: Vec<Refusals>,
    },
    /// Result: records were added, and lines refused.
    Done {
        /// Number of added records.
        stored: u64,
        /// Number of refused lines.
        refused: u64,
        /// Reasons why lines were refused.
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
    /// Id of the column's element.
    pub id: String,
    /// Name of the column in the file.
    pub name: String,
    /// Values of its first cells.
    pub examples: Vec<String>,
    /// Fields that the column can set.
    pub options: Vec<Choice>,
}

/// Lines that are refused for the same reason.
#[derive(Debug)]
pub struct Refusals {
    /// Label of the field; empty if the reason concerns the whole line.
    pub column: String,
    /// Reason in words.
    pub reason: String,
    /// Number of these lines, in words.
    pub lines: String,
    /// Number of the first of these lines.
    pub first: u64,
}
