//! What a list may ask of any database, and what that costs.

mod cost;

pub use cost::{Cost, cost};
