//! Pages that change or delete several records at once.

use super::{Field, Referrer, Row};
use crate::frame::Frame;
use askama::Template;

/// The records that a page is about.
#[derive(Debug)]
pub struct Selection {
    /// Conditions in words; none means all records.
    pub words: Vec<String>,
    /// The conditions as parameters of the list, which the form sends back.
    pub parameters: String,
    /// Parameters of the list that the person came from.
    pub back: String,
    /// How many they are.
    pub count: u64,
    /// Some of them.
    pub rows: Vec<Row>,
    /// There are more than may be changed or deleted at once.
    pub too_many: Option<String>,
}

/// `/{model}/change/`.
#[derive(Template)]
#[template(path = "records/change_all.html")]
pub struct ChangeAll<'a> {
    /// Frame.
    pub frame: &'a Frame,
    /// Label of the model.
    pub label: &'a str,
    /// Address of the list that the person came from.
    pub list: &'a str,
    /// Address of the page.
    pub path: &'a str,
    /// The records.
    pub selection: &'a Selection,
    /// Fields that can be changed, and whether they are picked.
    pub fields: Vec<(Field, bool)>,
    /// What will be changed, in words, if the person has chosen that: label and value.
    pub changes: Vec<(String, String)>,
    /// Fields of the form that confirms it.
    pub sent: Vec<(String, String)>,
}

/// `/{model}/delete/`.
#[derive(Template)]
#[template(path = "records/delete_all.html")]
pub struct DeleteAll<'a> {
    /// Frame.
    pub frame: &'a Frame,
    /// Label of the model.
    pub label: &'a str,
    /// Address of the list that the person came from.
    pub list: &'a str,
    /// Address of the page.
    pub path: &'a str,
    /// The records.
    pub selection: &'a Selection,
    /// Why they cannot be deleted.
    pub refused: Option<String>,
    /// Records that refer to them and do not let them go.
    pub blocking: Vec<Referrer>,
    /// Records that refer to them and lose the reference.
    pub losing: Vec<Referrer>,
    /// What is wrong with the typed number.
    pub wrong: &'a str,
}
