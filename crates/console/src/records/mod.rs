//! Pages of records: list, one record, its form, its deletion. The server derives everything from the model.

mod bulk;
mod choosing;
mod detail;
mod history;
mod import;
mod own;

pub use bulk::{ChangeAll, DeleteAll, Selection};
pub use choosing::Choosing;
pub use detail::{Detail, Related};
pub use history::{Change, ChangedField, History};
pub use import::{FileColumn, Import, ImportStep, Refusals};
pub use own::{OwnField, OwnForm};

use crate::frame::Frame;
use askama::Template;

/// A value as it is shown.
#[derive(Debug, Clone)]
pub enum Cell {
    /// Nothing.
    Empty,
    /// Text.
    Text(String),
    /// Text of several lines or of a length that lists cut off.
    Long(String),
    /// A number.
    Number(String),
    /// A day or an instant: as people read it, and for programs.
    Time(String, String),
    /// One of a closed list.
    Choice(String),
    /// True or false.
    Truth(bool),
    /// A link to another record.
    Link {
        /// Address.
        href: String,
        /// What it is called.
        text: String,
    },
    /// A file to download.
    File {
        /// Address.
        href: String,
        /// Its name.
        name: String,
        /// Its size in words.
        size: String,
    },
    /// Structured data.
    Code(String),
}

impl Cell {
    /// Returns true for values that are aligned to the right.
    pub fn is_number(&self) -> bool {
        matches!(self, Self::Number(_))
    }
}

/// `/{model}/`.
#[derive(Template)]
#[template(path = "records/list.html")]
pub struct List<'a> {
    /// Frame.
    pub frame: &'a Frame,
    /// Label of the model.
    pub label: &'a str,
    /// Address of the list, without parameters.
    pub path: &'a str,
    /// Rows come from the shared store.
    pub is_shared: bool,
    /// The person may add records.
    pub may_add: bool,
    /// The model has searchable fields, and what was searched for.
    pub search: Option<String>,
    /// Conditions that the person can set.
    pub filters: Vec<FilterField>,
    /// When the records are read that references may lead to.
    pub choices: Choosing,
    /// Conditions that are set.
    pub chips: Vec<Chip>,
    /// Parameters that the search form keeps.
    pub kept: Vec<(String, String)>,
    /// Parameters that the form of the columns keeps.
    pub kept_by_columns: Vec<(String, String)>,
    /// All columns that there are: name, label, shown.
    pub choosable: Vec<(String, String, bool)>,
    /// Shown columns.
    pub columns: Vec<Column>,
    /// Rows.
    pub rows: Vec<Row>,
    /// What can be done with all of these records, or with ticked ones.
    pub bulk: Bulk,
    /// How many there are, in words.
    pub count: String,
    /// Address that counts all.
    pub count_all: Option<String>,
    /// Address of the first page, if this is another one.
    pub first: Option<String>,
    /// Address of the next page.
    pub next: Option<String>,
    /// Address without search and conditions, if any is set.
    pub clear: Option<String>,
}

/// What the person may do with several records of a list at once.
#[derive(Debug, Default)]
pub struct Bulk {
    /// Address that changes all, if the person may.
    pub change: Option<String>,
    /// Address that deletes all, if the person may.
    pub delete: Option<String>,
    /// Parameters of the list, to come back to it.
    pub back: String,
    /// Address that exports all, if the person may.
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
    /// Label.
    pub label: String,
    /// Address that sorts by it, unless that is not possible.
    pub sort: Option<String>,
    /// `ascending`, `descending`, or empty.
    pub sorted: &'static str,
    /// It contains numbers.
    pub is_number: bool,
}

/// A row of a list.
#[derive(Debug)]
pub struct Row {
    /// Id of the record.
    pub id: String,
    /// Address of the record.
    pub href: String,
    /// What it is called.
    pub name: String,
    /// Values of the columns.
    pub cells: Vec<Cell>,
}

/// A condition that is set.
#[derive(Debug)]
pub struct Chip {
    /// What it asks for.
    pub text: String,
    /// Address without it.
    pub without: String,
    /// It does not fit the model and is not applied.
    pub broken: bool,
}

/// A condition that the person can set.
#[derive(Debug)]
pub struct FilterField {
    /// Id of its element.
    pub id: String,
    /// Label.
    pub label: String,
    /// How it is set.
    pub input: FilterInput,
}

/// How a condition is set.
#[derive(Debug)]
pub enum FilterInput {
    /// One of these.
    Select {
        /// Parameter.
        name: String,
        /// Choices.
        options: Vec<Choice>,
    },
    /// A record that a reference leads to.
    Reference {
        /// Parameter.
        name: String,
        /// Choices.
        options: Vec<Choice>,
        /// There are more than are listed: what is searched for.
        find: Option<String>,
    },
    /// From and to.
    Range {
        /// Type of the input elements.
        kind: &'static str,
        /// Parameter and value of the lower end.
        from: (String, String),
        /// Parameter and value of the upper end.
        to: (String, String),
    },
    /// Part of a text.
    Part {
        /// Parameter.
        name: String,
        /// Value.
        value: String,
    },
}

/// An entry of a drop-down list.
#[derive(Debug, Clone)]
pub struct Choice {
    /// Value that is sent.
    pub value: String,
    /// Text.
    pub label: String,
    /// It is chosen.
    pub chosen: bool,
}

/// `/{model}/add/` and `/{model}/{id}/edit/`.
#[derive(Template)]
#[template(path = "records/form.html")]
pub struct Form<'a> {
    /// Frame.
    pub frame: &'a Frame,
    /// Label of the model.
    pub label: &'a str,
    /// Address of the list.
    pub list: &'a str,
    /// Address of the page to return to.
    pub back: &'a str,
    /// Version that the values were read in; `None` for a new record.
    pub version: Option<i64>,
    /// The values as they were read, as JSON.
    pub was: &'a str,
    /// Another person has changed the record meanwhile.
    pub conflict: bool,
    /// Fields.
    pub fields: Vec<Field>,
    /// Address of the companies that would notice a change. Empty: they are not shown.
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
    /// Name.
    pub name: String,
    /// Label.
    pub label: String,
    /// It must have a value.
    pub required: bool,
    /// What is expected.
    pub help: String,
    /// What is wrong.
    pub wrong: String,
    /// How it is set.
    pub input: Input,
    /// What another person has stored meanwhile, and what was there before.
    pub theirs: Option<(String, String)>,
    /// Other fields offer other choices when this one changes.
    pub narrows: bool,
}

impl Field {
    /// Returns true if the field takes the whole width.
    fn is_wide(&self) -> bool {
        matches!(self.input, Input::Long { .. } | Input::Json { .. })
    }

    /// Returns the ids of the elements that describe it.
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

/// How a field is set.
#[derive(Debug)]
pub enum Input {
    /// A line of text.
    Text {
        /// Value.
        value: String,
        /// Longest value, characters; 0 for any.
        longest: u32,
        /// Type of the input element.
        kind: &'static str,
    },
    /// Text of several lines.
    Long {
        /// Value.
        value: String,
        /// Longest value, characters; 0 for any.
        longest: u32,
    },
    /// A number.
    Number {
        /// Value.
        value: String,
        /// Distance of two values.
        step: String,
        /// Smallest value.
        min: String,
        /// Largest value.
        max: String,
    },
    /// A day or an instant.
    Time {
        /// Value.
        value: String,
        /// Type of the input element.
        kind: &'static str,
    },
    /// True or false.
    Check {
        /// Value.
        on: bool,
    },
    /// One of these.
    Select {
        /// Choices.
        options: Vec<Choice>,
        /// There are more than are listed: what is searched for.
        find: Option<String>,
    },
    /// A file.
    File {
        /// The stored file: its address, its name, its size in words.
        now: Option<(String, String, String)>,
    },
    /// Structured data.
    Json {
        /// Value.
        value: String,
    },
}

/// `/{model}/{id}/delete/`.
#[derive(Template)]
#[template(path = "records/delete.html")]
pub struct Delete<'a> {
    /// Frame.
    pub frame: &'a Frame,
    /// Label of the model.
    pub label: &'a str,
    /// Address of the list.
    pub list: &'a str,
    /// Address of the record.
    pub path: &'a str,
    /// What the record is called.
    pub name: &'a str,
    /// Version of the record.
    pub version: Option<i64>,
    /// Address of the companies that would notice the deletion. Empty: they are not shown.
    pub impact: &'a str,
    /// Records that refer to it and do not let it go.
    pub blocking: Vec<Referrer>,
    /// Records that refer to it and lose the reference.
    pub losing: Vec<Referrer>,
}

/// Records that refer to a record.
#[derive(Debug)]
pub struct Referrer {
    /// Number and label.
    pub text: String,
    /// Label of the field.
    pub field: String,
    /// Address of their list.
    pub href: String,
}
