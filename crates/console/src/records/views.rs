//! Saved views of a list: a row above the list, and the page on which they are changed.

use super::{Choice, List};
use crate::frame::Frame;
use askama::Template;

/// The views above a list.
#[derive(Debug)]
pub struct Bar {
    /// Address of all records.
    pub all: String,
    /// The list shows all records, as it opens without a view.
    pub is_all: bool,
    /// Views, by name.
    pub views: Vec<ViewLink>,
    /// What the list shows now, if that can be saved.
    pub save: Option<Save>,
    /// Address of the page on which views are changed.
    pub manage: String,
}

impl Bar {
    /// Returns true if there is something to show.
    pub(super) fn is_shown(&self) -> bool {
        !self.views.is_empty() || self.save.is_some()
    }
}

/// A view above a list.
#[derive(Debug)]
pub struct ViewLink {
    /// Name.
    pub name: String,
    /// Address of the list.
    pub href: String,
    /// The list shows it.
    pub is_current: bool,
}

/// The form that saves what a list shows.
#[derive(Debug, Default)]
pub struct Save {
    /// Query of the list.
    pub query: String,
    /// Name that was typed before.
    pub name: String,
    /// What is wrong with it.
    pub wrong: String,
    /// Views that it can replace.
    pub own: Vec<Choice>,
    /// The members share it.
    pub is_shared: bool,
    /// The list opens with it.
    pub is_default: bool,
}

/// `/{model}/views/`.
#[derive(Template)]
#[template(path = "records/views.html")]
pub struct Views<'a> {
    /// Frame.
    pub frame: &'a Frame,
    /// Label of the model.
    pub label: &'a str,
    /// Address of the list.
    pub list: &'a str,
    /// Views, by name.
    pub views: Vec<SavedView>,
    /// The form that was refused.
    pub save: Option<Save>,
}

/// A saved view.
#[derive(Debug)]
pub struct SavedView {
    /// Id.
    pub id: i64,
    /// Name.
    pub name: String,
    /// Address of the list.
    pub href: String,
    /// Conditions, order and columns, in words.
    pub words: String,
    /// Parts that no longer fit the model; empty: all fit.
    pub broken: String,
    /// Name of another member who made it; empty: the visitor did, or a member who has left.
    pub by: String,
    /// All members see it.
    pub is_shared: bool,
    /// The visitor's list opens with it.
    pub is_default: bool,
    /// The visitor may change and delete it.
    pub may_change: bool,
}

impl List<'_> {
    /// Returns the row of saved views, if it shows something.
    pub(super) fn bar(&self) -> Option<&Bar> {
        self.views.as_ref().filter(|bar| bar.is_shown())
    }
}
