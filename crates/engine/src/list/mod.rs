//! Lists, as all databases understand them: filter, order, search terms, rows of a page, cost, and groups of rows.

pub(crate) mod aggregate;
mod cost;
mod cursor;
pub(crate) mod filter;
#[cfg(test)]
pub(crate) mod lab;
mod order;
mod terms;

pub use aggregate::mean;
pub use cost::{Cost, cost};
pub(crate) use cursor::cursor;
pub(crate) use order::{Join, Joined, Order, RANK, SortKey, order};
pub(crate) use terms::terms;

/// Maximum number of rows on one page.
pub const LIMIT_MAX: u32 = 1000;
