//! The page that says what is wrong and what to do about it.

use crate::frame::Frame;
use askama::Template;

/// A refusal.
#[derive(Template)]
#[template(path = "frame/problem.html")]
pub struct Problem<'a> {
    /// Frame.
    pub frame: &'a Frame,
    /// HTTP status.
    pub status: u16,
    /// What is wrong.
    pub detail: &'a str,
    /// What to do about it.
    pub remedy: &'a str,
    /// Fields that break a rule: name and reason.
    pub fields: &'a [(String, String)],
    /// Where the person may go on: address and text.
    pub actions: &'a [(&'a str, &'a str)],
    /// Finds the request in the log.
    pub request: &'a str,
}
