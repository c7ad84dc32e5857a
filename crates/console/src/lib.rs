//! The pages of the console: plain data in, HTML out.
//!
//! Called by the server's page handlers. The crate contains the templates, the style sheet, the scripts, the icons and
//! the font. It reads no requests, knows no handles of tenants and makes no decisions: the handlers pass it the
//! platform's answers. The template engine escapes all text; only [`assets`] writes markup, from constants.

pub mod account;
pub mod assets;
pub mod company;
pub mod frame;
pub mod language;
pub mod letters;
pub mod master;
pub mod problem;
pub mod records;

pub use askama::Template as Page;
pub use assets::{Asset, icon};
pub use frame::{Acting, Company, Face, Frame, Group, Link, LocaleForm, Notice, Person, Theme};
pub use language::{Language, Moment};

/// Content security policy of every page: no inline script, no inline style, nothing from other sites.
pub const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Renders a page to HTML.
pub fn html(page: &impl Page) -> String {
    // Neither writing to a string nor formatting these values can fail.
    page.render().unwrap_or_default()
}

pub use assets::Icon;
