//! A certificate to print: the act, its time, its objects, and the hashes that prove it.

use crate::{frame::Frame, master::Cell};
use askama::Template;

/// A page to print.
#[derive(Template)]
#[template(path = "master/printed.html")]
pub struct Printed<'a> {
    /// Frame. Its title is the heading.
    pub frame: &'a Frame,
    /// Page to return to: address and name.
    pub back: (&'a str, &'a str),
    /// Text that says what the certificate certifies.
    pub lead: &'a str,
    /// Facts: name and value.
    pub facts: &'a [(String, Cell)],
    /// Lines of the certificate: places, or checks.
    pub traces: &'a [Trace],
    /// Heading of the lines.
    pub heading: &'a str,
    /// Hashes and positions that prove the certificate: name and value.
    pub proof: &'a [(String, String)],
}

/// A line of a certificate.
#[derive(Debug)]
pub struct Trace {
    /// Object of the line.
    pub what: String,
    /// Place of the object.
    pub place: String,
    /// Number or size.
    pub amount: String,
    /// Result for the object.
    pub fate: Cell,
}
