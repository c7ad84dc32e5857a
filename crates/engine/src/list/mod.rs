//! What a list may ask of any database: its order, its search terms, the rows of a page, and what that costs.

mod cost;
mod order;
mod terms;

pub use cost::{Cost, cost};
pub(crate) use order::{SortKey, order};
pub(crate) use terms::terms;

/// Maximum number of rows on one page.
pub const LIMIT_MAX: u32 = 1000;
