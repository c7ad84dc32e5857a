//! A page of sections: figures, facts, tables, lists, a filter. All pages of operators and staff that only show data
//! use it.

use crate::{
    frame::Frame,
    master::{Chart, Field, Kind, Map},
};
use askama::Template;
use std::fmt;

/// A page of sections.
#[derive(Template)]
#[template(path = "master/sheet.html")]
pub struct Sheet<'a> {
    /// Frame. Its title is the heading.
    pub frame: &'a Frame,
    /// Page to return to: address and name.
    pub back: Option<(String, String)>,
    /// Text that says what the page is about.
    pub lead: String,
    /// States of the object of the page.
    pub tags: Vec<Cell>,
    /// Actions on the object of the page.
    pub buttons: Vec<Button>,
    /// Sections of the page.
    pub sections: Vec<Section>,
}

/// A section of a page.
#[derive(Debug)]
pub struct Section {
    /// Name of the section, from which the ids of its elements are derived.
    pub name: &'static str,
    /// Heading; empty for none.
    pub title: String,
    /// Text that explains the contents or the remedy.
    pub help: String,
    /// Actions of the section.
    pub buttons: Vec<Button>,
    /// True if the section is in the side column of wide screens.
    pub is_side: bool,
    /// Contents of the section.
    pub body: Body,
}

/// The contents of a section.
#[derive(Debug)]
pub enum Body {
    /// Numbers that show the state of something.
    Figures(Vec<Figure>),
    /// Names and values.
    Facts(Vec<(String, Cell)>),
    /// Rows with the same columns.
    Table(Table),
    /// Items, each with a text.
    List(Vec<Item>),
    /// Links in groups.
    Links(Vec<Group>),
    /// Values over time, as charts.
    Charts {
        /// Charts of the section.
        charts: Vec<Chart>,
        /// True if the browser requests the charts again every ten seconds.
        is_live: bool,
    },
    /// The fleet as a map.
    Map(Map),
    /// Text, shown as it is stored.
    Code(String),
    /// A search form.
    Filter(Filter),
    /// A notice that the section is empty: icon, heading and text.
    Nothing(&'static str, String, String),
}

/// A number that shows the state of something.
#[derive(Debug)]
pub struct Figure {
    /// The number in words.
    pub number: String,
    /// Name of the counted objects.
    pub label: String,
    /// Address of the list of these objects; empty for none.
    pub href: String,
    /// Assessment of the number.
    pub tone: Tone,
}

/// A group of links.
#[derive(Debug)]
pub struct Group {
    /// Heading of the group.
    pub label: &'static str,
    /// Links of the group.
    pub links: Vec<Button>,
}

/// Rows with the same columns. The first column names the row.
#[derive(Debug, Default)]
pub struct Table {
    /// Heads of the columns: text, address that sorts by the column, and true if the rows are sorted by it.
    pub head: Vec<(String, Option<String>, bool)>,
    /// Cells of each row.
    pub rows: Vec<Vec<Cell>>,
    /// Address of the first page.
    pub first: Option<String>,
    /// Address of the next page.
    pub next: Option<String>,
}

/// An item of a list.
#[derive(Debug)]
pub struct Item {
    /// Assessment of the item.
    pub tone: Tone,
    /// Text of the item.
    pub text: String,
    /// Address of the item; empty for none.
    pub href: String,
    /// Details in small print.
    pub small: String,
    /// Action on the item.
    pub button: Option<Button>,
}

/// A search form, whose fields are parameters of the address.
#[derive(Debug)]
pub struct Filter {
    /// Address of the page.
    pub action: &'static str,
    /// Text to search for; `None` if the form has no such field.
    pub q: Option<String>,
    /// Other fields.
    pub fields: Vec<Field>,
}

/// A link that looks like a button.
#[derive(Debug, Clone)]
pub struct Button {
    /// Address of the link.
    pub href: String,
    /// Text of the link.
    pub text: String,
    /// Icon from the sprite.
    pub icon: &'static str,
    /// Appearance of the button.
    pub tone: Tone,
}

/// A value in a table or a list of facts.
#[derive(Debug, Clone, Default)]
pub struct Cell {
    /// Text of the value; empty for none.
    pub text: String,
    /// Address to which the value links; empty for none.
    pub href: String,
    /// Details in small print.
    pub small: String,
    /// The instant of the text, as programs read it; empty if the text is not an instant.
    pub at: String,
    /// Appearance as a tag; `None` for plain text.
    pub tag: Option<Tone>,
    /// True for a number.
    pub is_number: bool,
}

/// Assessment of something, shown by its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    /// Neither good nor bad.
    #[default]
    Plain,
    /// Good, or the usual choice.
    Good,
    /// Needs attention.
    Warn,
    /// Wrong, or dangerous.
    Bad,
}

impl fmt::Display for Tone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "",
            Self::Good => "good",
            Self::Warn => "warn",
            Self::Bad => "bad",
        })
    }
}

impl Cell {
    /// Creates a cell with text.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// Creates a cell whose text is a link.
    pub fn link(text: impl Into<String>, href: impl Into<String>) -> Self {
        Self { href: href.into(), ..Self::text(text) }
    }

    /// Creates a cell with a number.
    pub fn number(text: impl Into<String>) -> Self {
        Self { is_number: true, ..Self::text(text) }
    }

    /// Creates a cell with a tag.
    pub fn tag(text: impl Into<String>, tone: Tone) -> Self {
        Self { tag: Some(tone), ..Self::text(text) }
    }

    /// Creates a cell with an instant: in words, and as programs read it.
    pub fn at(text: impl Into<String>, at: impl Into<String>) -> Self {
        Self { at: at.into(), ..Self::text(text) }
    }

    /// Adds details in small print.
    #[must_use]
    pub fn small(self, small: impl Into<String>) -> Self {
        Self { small: small.into(), ..self }
    }
}

impl Button {
    /// Creates a link that looks like a button.
    pub fn new(text: impl Into<String>, href: impl Into<String>, icon: &'static str) -> Self {
        Self { href: href.into(), text: text.into(), icon, tone: Tone::Plain }
    }

    /// Returns the button as the page's primary action.
    #[must_use]
    pub fn primary(self) -> Self {
        Self { tone: Tone::Good, ..self }
    }

    /// Returns the button as an action that removes something.
    #[must_use]
    pub fn danger(self) -> Self {
        Self { tone: Tone::Bad, ..self }
    }
}

impl Section {
    /// Creates a section.
    pub fn new(name: &'static str, title: impl Into<String>, body: Body) -> Self {
        Self { name, title: title.into(), help: String::new(), buttons: vec![], is_side: false, body }
    }

    /// Adds an explanation.
    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Self {
        Self { help: help.into(), ..self }
    }

    /// Adds actions.
    #[must_use]
    pub fn buttons(self, buttons: Vec<Button>) -> Self {
        Self { buttons, ..self }
    }

    /// Moves the section to the side column.
    #[must_use]
    pub fn side(self) -> Self {
        Self { is_side: true, ..self }
    }
}

impl Table {
    /// Creates a table with these columns.
    pub fn new(head: &[&str], rows: Vec<Vec<Cell>>) -> Self {
        let head = head.iter().map(|text| ((*text).to_owned(), None, false)).collect();
        Self { head, rows, ..Self::default() }
    }

    /// Returns true if the column contains numbers.
    pub(super) fn is_number(&self, column: &usize) -> bool {
        self.rows.first().and_then(|row| row.get(*column)).is_some_and(|cell| cell.is_number)
    }
}

impl Sheet<'_> {
    fn has_side(&self) -> bool {
        self.sections.iter().any(|section| section.is_side)
    }
}
