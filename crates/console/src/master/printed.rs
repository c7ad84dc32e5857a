//! A certificate to print: what was done, when, to what, and what secures it.

use crate::{frame::Frame, master::Cell};
use askama::Template;

/// A page to print.
#[derive(Template)]
#[template(path = "master/printed.html")]
pub struct Printed<'a> {
    /// Frame. Its title is the heading.
    pub frame: &'a Frame,
    /// The page above: address and name.
    pub back: (&'a str, &'a str),
    /// What it certifies.
    pub lead: &'a str,
    /// Facts.
    pub facts: &'a [(String, Cell)],
    /// Places, or checks.
    pub traces: &'a [Trace],
    /// Heading of that list.
    pub heading: &'a str,
    /// What secures it.
    pub proof: &'a [(String, String)],
}

/// A line of a certificate.
#[derive(Debug)]
pub struct Trace {
    /// What.
    pub what: String,
    /// Where.
    pub place: String,
    /// How many, or how large.
    pub amount: String,
    /// What became of it.
    pub fate: Cell,
}
