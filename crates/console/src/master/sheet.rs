//! A page of sections: figures, facts, tables, lists, a filter. All pages of operators that show something are this page.

use crate::{
    frame::Frame,
    master::{Field, Kind},
};
use askama::Template;
use std::fmt;

/// A page of sections.
#[derive(Template)]
#[template(path = "master/sheet.html")]
pub struct Sheet<'a> {
    /// Frame. Its title is the heading.
    pub frame: &'a Frame,
    /// The page above: address and name.
    pub back: Option<(String, String)>,
    /// What the page is about.
    pub lead: String,
    /// State of the thing that the page is about.
    pub tags: Vec<Cell>,
    /// What can be done.
    pub buttons: Vec<Button>,
    /// Sections.
    pub sections: Vec<Section>,
}

/// A part of a page.
#[derive(Debug)]
pub struct Section {
    /// Name, from which the ids in the page are made.
    pub name: &'static str,
    /// Heading. Empty: none is shown.
    pub title: String,
    /// What it is about, or what can be done about it.
    pub help: String,
    /// What can be done.
    pub buttons: Vec<Button>,
    /// It is beside the others on wide screens.
    pub is_side: bool,
    /// Contents.
    pub body: Body,
}

/// The contents of a part of a page.
#[derive(Debug)]
pub enum Body {
    /// Numbers that say how things stand.
    Figures(Vec<Figure>),
    /// Names and values.
    Facts(Vec<(String, Cell)>),
    /// Rows with the same columns.
    Table(Table),
    /// Things, each with a text.
    List(Vec<Item>),
    /// Links in groups.
    Links(Vec<Group>),
    /// Text as it is stored.
    Code(String),
    /// A search.
    Filter(Filter),
    /// There is nothing: icon, heading and text.
    Nothing(&'static str, String, String),
}

/// A number that says how things stand.
#[derive(Debug)]
pub struct Figure {
    /// The number.
    pub number: String,
    /// What is counted.
    pub label: String,
    /// Where to see them. Empty: nowhere.
    pub href: String,
    /// How good that is.
    pub tone: Tone,
}

/// Links that belong together.
#[derive(Debug)]
pub struct Group {
    /// Heading.
    pub label: &'static str,
    /// Links.
    pub links: Vec<Button>,
}

/// Rows with the same columns. The first column names the row.
#[derive(Debug, Default)]
pub struct Table {
    /// Columns: text, address that sorts by it, and whether it is sorted by it now.
    pub head: Vec<(String, Option<String>, bool)>,
    /// Rows.
    pub rows: Vec<Vec<Cell>>,
    /// Where the first page is.
    pub first: Option<String>,
    /// Where the next page is.
    pub next: Option<String>,
}

/// A thing of a list.
#[derive(Debug)]
pub struct Item {
    /// How good that is.
    pub tone: Tone,
    /// Text.
    pub text: String,
    /// Where to see it. Empty: nowhere.
    pub href: String,
    /// More about it.
    pub small: String,
    /// What can be done.
    pub button: Option<Button>,
}

/// A search: fields of which each is a part of the address.
#[derive(Debug)]
pub struct Filter {
    /// Address of the page.
    pub action: &'static str,
    /// What is searched for.
    pub q: Option<String>,
    /// Other fields.
    pub fields: Vec<Field>,
}

/// A link that looks like a button.
#[derive(Debug, Clone)]
pub struct Button {
    /// Address.
    pub href: String,
    /// Text.
    pub text: String,
    /// Icon.
    pub icon: &'static str,
    /// Why one would press it.
    pub tone: Tone,
}

/// A value.
#[derive(Debug, Clone, Default)]
pub struct Cell {
    /// Text. Empty: there is none.
    pub text: String,
    /// Where to see it. Empty: nowhere.
    pub href: String,
    /// More about it.
    pub small: String,
    /// The instant that the text says.
    pub at: String,
    /// It is shown as a tag.
    pub tag: Option<Tone>,
    /// It is a number.
    pub is_number: bool,
}

/// How good something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    /// Neither good nor bad.
    #[default]
    Plain,
    /// As it should be, or the usual choice.
    Good,
    /// To be looked at.
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
    /// Returns text.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// Returns text that leads somewhere.
    pub fn link(text: impl Into<String>, href: impl Into<String>) -> Self {
        Self { href: href.into(), ..Self::text(text) }
    }

    /// Returns a number.
    pub fn number(text: impl Into<String>) -> Self {
        Self { is_number: true, ..Self::text(text) }
    }

    /// Returns a state.
    pub fn tag(text: impl Into<String>, tone: Tone) -> Self {
        Self { tag: Some(tone), ..Self::text(text) }
    }

    /// Returns an instant: in words, and as programs read it.
    pub fn at(text: impl Into<String>, at: impl Into<String>) -> Self {
        Self { at: at.into(), ..Self::text(text) }
    }

    /// Adds more about it.
    #[must_use]
    pub fn small(self, small: impl Into<String>) -> Self {
        Self { small: small.into(), ..self }
    }
}

impl Button {
    /// Returns a link that looks like a button.
    pub fn new(text: impl Into<String>, href: impl Into<String>, icon: &'static str) -> Self {
        Self { href: href.into(), text: text.into(), icon, tone: Tone::Plain }
    }

    /// Returns the button that most people press.
    #[must_use]
    pub fn primary(self) -> Self {
        Self { tone: Tone::Good, ..self }
    }

    /// Returns a button that removes something.
    #[must_use]
    pub fn danger(self) -> Self {
        Self { tone: Tone::Bad, ..self }
    }
}

impl Section {
    /// Returns a part of a page.
    pub fn new(name: &'static str, title: impl Into<String>, body: Body) -> Self {
        Self { name, title: title.into(), help: String::new(), buttons: vec![], is_side: false, body }
    }

    /// Adds what it is about.
    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Self {
        Self { help: help.into(), ..self }
    }

    /// Adds what can be done.
    #[must_use]
    pub fn buttons(self, buttons: Vec<Button>) -> Self {
        Self { buttons, ..self }
    }

    /// Puts it beside the others.
    #[must_use]
    pub fn side(self) -> Self {
        Self { is_side: true, ..self }
    }
}

impl Table {
    /// Returns a table with these columns.
    pub fn new(head: &[&str], rows: Vec<Vec<Cell>>) -> Self {
        let head = head.iter().map(|text| ((*text).to_owned(), None, false)).collect();
        Self { head, rows, ..Self::default() }
    }

    /// Returns true if the column has numbers.
    fn is_number(&self, column: &usize) -> bool {
        self.rows.first().and_then(|row| row.get(*column)).is_some_and(|cell| cell.is_number)
    }
}

impl Sheet<'_> {
    fn has_side(&self) -> bool {
        self.sections.iter().any(|section| section.is_side)
    }
}
