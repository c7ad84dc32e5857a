//! The pages of the console: plain data in, HTML out.
//!
//! Called by the server's page handlers. It contains the templates, the style sheet, the scripts, the icons and the font.
//! It reads no request, names no tenant handle and decides nothing: the handlers pass what the platform has answered. All
//! text is escaped by the template engine; only [`assets`] writes markup, from constants.

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

/// Returns the HTML of a page.
pub fn html(page: &impl Page) -> String {
    // Writing to a string cannot fail, and the values that are written do not either.
    page.render().unwrap_or_default()
}

pub use assets::Icon;
