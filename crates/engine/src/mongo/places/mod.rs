//! Databases of places: making, finding, checking and removing them.

mod make;
mod remove;
mod survey;
mod upkeep;

pub(crate) use upkeep::is_loss;
