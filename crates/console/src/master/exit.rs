//! The page that ends a support visit.

use crate::frame::Frame;
use askama::Template;

/// Page `/exit/`: a support visit, and the button that ends it.
#[derive(Template)]
#[template(path = "master/exit.html")]
pub struct Exit<'a> {
    /// Frame of the page. Its company contains the support visit.
    pub frame: &'a Frame,
}
