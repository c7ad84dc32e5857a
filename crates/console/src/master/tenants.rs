//! The list of companies, for operators.

use crate::frame::Frame;
use askama::Template;

/// `/master-admin/companies/`.
#[derive(Template)]
#[template(path = "master/tenants.html")]
pub struct Tenants<'a> {
    /// Frame.
    pub frame: &'a Frame,
    /// Companies.
    pub lines: &'a [Line],
    /// What was searched for.
    pub q: &'a str,
    /// Where the next page is.
    pub next: Option<String>,
}

/// A company.
#[derive(Debug)]
pub struct Line {
    /// Name.
    pub name: String,
    /// Slug.
    pub slug: String,
}
