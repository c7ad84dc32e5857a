//! Saved views of a list: a row above the list, and the page on which they are changed.

use super::{Choice, List};
use crate::frame::Frame;
use askama::Template;

/// The views above a list.
#[derive(Debug)]
pub struct Bar {
    /// Address of all records.
    pub all: String,
    /// True if the list shows all records, as it does without a view.
    pub is_all: bool,
    /// Views, ordered by name.
    pub views: Vec<ViewLink>,
    /// Form that saves what the list shows now; `None` if that cannot be saved.
    pub save: Option<Save>,
    /// Address of the page on which views are changed.
    pub manage: String,
}

impl Bar {
    /// Returns true if the row of views is shown.
    pub(super) fn is_shown(&self) -> bool {
        !self.views.is_empty() || self.save.is_some()
    }
}

/// A view above a list.
#[derive(Debug)]
pub struct ViewLink {
    /// Name of the view.
    pub name: String,
    /// Address of the list.
    pub href: String,
    /// True if the list shows this view.
    pub is_current: bool,
}

/// The form that saves what a list shows.
#[derive(Debug, Default)]
pub struct Save {
    /// Query of the list's address.
    pub query: String,
    /// Name from the previous attempt.
    pub name: String,
    /// Reason why the name was refused; empty if it was not.
    pub wrong: String,
    /// Views that the new view can replace.
    pub own: Vec<Choice>,
    /// True if all members see the view.
    pub is_shared: bool,
    /// True if the list opens with the view.
    pub is_default: bool,
}

/// Page `/{model}/views/`: the saved views of a list.
#[derive(Template)]
#[template(path = "records/views.html")]
pub struct Views<'a> {
    /// Frame of the page.
    pub frame: &'a Frame,
    /// Label of the model.
    pub label: &'a str,
    /// Address of the list.
    pub list: &'a str,
    /// Views, ordered by name.
    pub views: Vec<SavedView>,
    /// The refused form; `None` if no form was refused.
    pub save: Option<Save>,
}

/// A saved view.
#[derive(Debug)]
pub struct SavedView {
    /// Id of the view.
    pub id: i64,
    /// Name of the view.
    pub name: String,
    /// Address of the list.
    pub href: String,
    /// Conditions, order and columns, in words.
    pub words: String,
    /// Parts that no longer fit the model; empty if all parts fit.
    pub broken: String,
    /// Name of the view's owner; empty if the signed-in member owns the view, or if the owner has left the company.
    pub by: String,
    /// True if all members see the view.
    pub is_shared: bool,
    /// True if the visitor's list opens with the view.
    pub is_default: bool,
    /// True if the visitor may change and delete the view.
    pub may_change: bool,
}

impl List<'_> {
    /// Returns the row of saved views, if it shows something.
    pub(super) fn bar(&self) -> Option<&Bar> {
        self.views.as_ref().filter(|bar| bar.is_shown())
    }
}
