//! What a list may ask of any database: its filter, its order, its search terms, the rows of a page, what that costs, and
//! the groups of rows that it may summarise.

pub(crate) mod aggregate;
mod cost;
mod cursor;
pub(crate) mod filter;
mod order;
mod terms;

pub use cost::{Cost, cost};
pub(crate) use cursor::cursor;
pub(crate) use order::{Join, Joined, Order, RANK, SortKey, order};
pub(crate) use terms::terms;

/// Maximum number of rows on one page.
pub const LIMIT_MAX: u32 = 1000;
