//! The page of a problem and its remedy.

use crate::frame::Frame;
use askama::Template;

/// A refusal.
#[derive(Template)]
#[template(path = "frame/problem.html")]
pub struct Problem<'a> {
    /// Frame of the page.
    pub frame: &'a Frame,
    /// HTTP status.
    pub status: u16,
    /// Description of the problem.
    pub detail: &'a str,
    /// Remedy; empty if none is known.
    pub remedy: &'a str,
    /// Fields that break a rule: name and reason.
    pub fields: &'a [(String, String)],
    /// Links to pages where the user can continue: address and text.
    pub actions: &'a [(&'a str, &'a str)],
    /// Id with which an operator finds the request in the log.
    pub request: &'a str,
}
