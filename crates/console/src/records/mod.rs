//! Pages of records: list, record, form, deletion. The server derives everything from the model.

mod alternatives;
mod bulk;
mod choosing;
mod delete;
mod detail;
mod filters;
mod history;
mod import;
mod own;
mod views;
mod workflow;

pub use alternatives::{Alternative, Alternatives, Condition, ConditionValue, place_of};
pub use bulk::{ChangeAll, DeleteAll, Selection};
pub use choosing::Choosing;
pub use delete::{Delete, Referrer};
pub use detail::{Detail, Related};
pub use filters::{FilterField, FilterInput};
pub use history::{Change, ChangedField, History};
pub use import::{FileColumn, Import, ImportStep, Refusals};
pub use own::{OwnField, OwnForm};
pub use views::{Bar, Save, SavedView, ViewLink, Views};
pub use workflow::{Step, TrailEntry, Workflow};

use crate::frame::Frame;
use askama::Template;

/// A value as a page shows it.
#[derive(Debug, Clone)]
pub enum Cell {
    /// No value.
    Empty,
    /// A short text.
    Text(String),
    /// Text of several lines, or so long that lists truncate it.
    Long(String),
    /// A number.
    Number(String),
    /// A day or an instant: in words, and as programs read it.
    Time(String, String),
    /// A choice from a closed list.
    Choice(String),
    /// True or false.
    Truth(bool),
    /// A link to another record.
    Link {
        /// Address of the record.
        href: String,
        /// Name of the record.
        text: String,
    },
    /// A file to download.
    File {
        /// Address of the download.
        href: String,
        /// Name of the file.
        name: String,
        /// Size of the file, in words.
        size: String,
    },
    /// Structured data, shown as code.
    Code(String),
}

impl Cell {
    /// Returns true for values that are aligned to the right: numbers.
    pub fn is_number(&self) -> bool {
        matches!(self, Self::Number(_))
    }
}

/// Page `/{model}/`: the list of a model's records.
#[derive(Template)]
#[template(path = "records/list.html", whitespace = "minimize")]
pub struct List<'a> {
    /// Frame of the page.
    pub frame: &'a Frame,
    /// Label of the model.
    pub label: &'a str,
    /// Address of the list, without parameters.
    pub path: &'a str,
    /// True if the rows are in the shared store.
    pub is_shared: bool,
    /// True if the visitor may create records.
    pub may_add: bool,
    /// True if the visitor may import records.
    pub may_import: bool,
    /// Text that is searched for; `None` if the model has no searchable fields.
    pub search: Option<String>,
    /// Conditions that the visitor can set.
    pub filters: Vec<FilterField>,
    /// Choices of the conditions on references.
    pub choices: Choosing,
    /// Saved views; `None` on pages of staff.
    pub views: Option<Bar>,
    /// Groups of conditions that the visitor is making.
    pub alternatives: Option<Alternatives>,
    /// Conditions that are set.
    pub chips: Vec<Chip>,
    /// Parameters that the search form keeps as hidden fields.
    pub kept: Vec<(String, String)>,
    /// Parameters that the form of the columns keeps as hidden fields.
    pub kept_by_columns: Vec<(String, String)>,
    /// All columns of the model: name, label, and true if shown.
    pub choosable: Vec<(String, String, bool)>,
    /// Columns that are shown.
    pub columns: Vec<Column>,
    /// Rows of the page.
    pub rows: Vec<Row>,
    /// Actions on all records of the list, or on ticked ones.
    pub bulk: Bulk,
    /// Number of records, in words.
    pub count: String,
    /// Address of the same list with the number of all records.
    pub count_all: Option<String>,
    /// Address of the first page, if this is a later one.
    pub first: Option<String>,
    /// Address of the next page.
    pub next: Option<String>,
    /// Address without search and conditions, if there are any.
    pub clear: Option<String>,
}

/// Actions on several records of a list at once.
#[derive(Debug, Default)]
pub struct Bulk {
    /// Address of the page that changes all records; `None` if the visitor may not change them.
    pub change: Option<String>,
    /// Address of the page that deletes all records; `None` if the visitor may not delete them.
    pub delete: Option<String>,
    /// Parameters of the list, with which a later page returns to it.
    pub back: String,
    /// Address that exports all records; `None` if the visitor may not export them.
    pub export: Option<String>,
}

impl Bulk {
    /// Returns true if records can be ticked.
    fn ticks(&self) -> bool {
        self.change.is_some() || self.delete.is_some()
    }
}

/// A column of a list.
#[derive(Debug)]
pub struct Column {
    /// Label of the column.
    pub label: String,
    /// Address that sorts by the column; `None` if the column cannot be sorted by.
    pub sort: Option<String>,
    /// Order of the column: `ascending`, `descending`, or empty.
    pub sorted: &'static str,
    /// True if the column contains numbers.
    pub is_number: bool,
}

/// A row of a list.
#[derive(Debug)]
pub struct Row {
    /// Id of the record.
    pub id: String,
    /// Address of the record.
    pub href: String,
    /// Name of the record.
    pub name: String,
    /// True if the visitor's company added the record to the shared ones.
    pub is_added: bool,
    /// Values of the columns.
    pub cells: Vec<Cell>,
}

/// A condition that is set.
#[derive(Debug)]
pub struct Chip {
    /// The condition in words.
    pub text: String,
    /// Address of the list without the condition.
    pub without: String,
    /// Address of the list with the condition in its form; `None` if the form cannot show it.
    pub edit: Option<String>,
    /// True if the condition does not fit the model and is not applied.
    pub broken: bool,
}

/// An entry of a drop-down list.
#[derive(Debug, Clone)]
pub struct Choice {
    /// Value that is sent.
    pub value: String,
    /// Text that is shown.
    pub label: String,
    /// True if the entry is chosen.
    pub chosen: bool,
}

/// Pages `/{model}/add/` and `/{model}/{id}/edit/`: the form of a record.
#[derive(Template)]
#[template(path = "records/form.html")]
pub struct Form<'a> {
    /// Frame of the page.
    pub frame: &'a Frame,
    /// Label of the model.
    pub label: &'a str,
    /// Address of the list.
    pub list: &'a str,
    /// Address of the page to return to.
    pub back: &'a str,
    /// Version of the record when its values were read; `None` for a new record.
    pub version: Option<i64>,
    /// The values as they were read, as JSON.
    pub was: &'a str,
    /// True if another user has changed the record in the meantime.
    pub conflict: bool,
    /// Fields of the form.
    pub fields: Vec<Field>,
    /// Address of the list of companies that would notice a change; empty to omit it.
    pub impact: &'a str,
}

impl Form<'_> {
    /// Returns true if the form sends files.
    fn sends_files(&self) -> bool {
        self.fields.iter().any(|field| matches!(field.input, Input::File { .. }))
    }
}

/// A field of a form.
#[derive(Debug)]
pub struct Field {
    /// Name of the field.
    pub name: String,
    /// Label of the field.
    pub label: String,
    /// True if the field must have a value.
    pub required: bool,
    /// Text that says what to enter.
    pub help: String,
    /// Reason why the value was refused; empty if it was not.
    pub wrong: String,
    /// Input of the field.
    pub input: Input,
    /// Value that another user has stored in the meantime, and the value before.
    pub theirs: Option<(String, String)>,
    /// True if a change of this field changes the choices of other fields.
    pub narrows: bool,
}

impl Field {
    /// Returns true if the field takes the whole width.
    fn is_wide(&self) -> bool {
        matches!(self.input, Input::Long { .. } | Input::Json { .. })
    }

    /// Returns the ids of the elements that describe the field.
    fn described(&self) -> String {
        let mut ids = Vec::new();
        for (part, text) in [("help", &self.help), ("wrong", &self.wrong)] {
            if !text.is_empty() {
                ids.push(format!("{}-{part}", self.name));
            }
        }
        ids.join(" ")
    }
}

/// The input of a field.
#[derive(Debug)]
pub enum Input {
    /// A line of text.
    Text {
        /// Value.
        value: String,
        /// Largest number of characters; 0 for no limit.
        longest: u32,
        /// Type of the input element.
        kind: &'static str,
    },
    /// Text of several lines.
    Long {
        /// Value.
        value: String,
        /// Largest number of characters; 0 for no limit.
        longest: u32,
    },
    /// A number.
    Number {
        /// Value.
        value: String,
        /// Distance between neighbouring values.
        step: String,
        /// Smallest value; empty for no limit.
        min: String,
        /// Largest value; empty for no limit.
        max: String,
    },
    /// A day or an instant.
    Time {
        /// Value.
        value: String,
        /// Type of the input element.
        kind: &'static str,
    },
    /// A checkbox.
    Check {
        /// True if the box is ticked.
        on: bool,
    },
    /// One of the choices.
    Select {
        /// First choices.
        options: Vec<Choice>,
        /// Text that is searched for; `None` if all choices are listed.
        find: Option<String>,
    },
    /// A file.
    File {
        /// The stored file: address, name, and size in words.
        now: Option<(String, String, String)>,
    },
    /// Structured data.
    Json {
        /// Value.
        value: String,
    },
}
