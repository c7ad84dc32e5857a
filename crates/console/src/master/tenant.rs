//! One company, for operators.

use crate::frame::Frame;
use askama::Template;

/// `/master-admin/companies/{slug}/`.
#[derive(Template)]
#[template(path = "master/tenant.html")]
pub struct Tenant<'a> {
    /// Frame.
    pub frame: &'a Frame,
    /// Slug.
    pub slug: &'a str,
    /// Facts.
    pub facts: &'a [Fact],
}

/// A fact: name and value.
#[derive(Debug)]
pub struct Fact {
    /// Name.
    pub name: &'static str,
    /// Value.
    pub value: String,
}
