//! A support visit, and the button that ends it.

use crate::frame::Frame;
use askama::Template;

/// `/exit/`.
#[derive(Template)]
#[template(path = "master/exit.html")]
pub struct Exit<'a> {
    /// Frame. Its company says whose visit it is.
    pub frame: &'a Frame,
}
