//! A certificate to print: the act, its time, its objects, and the hashes that prove it.

use crate::{
    frame::Frame,
    master::{Body, Cell, Kind, Section, Tone},
};
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
    /// Sections of the certificate: tables of places, or of checks.
    pub sections: &'a [Section],
    /// Hashes and positions that prove the certificate: name and value.
    pub proof: &'a [(String, String)],
}
