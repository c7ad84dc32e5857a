//! Makes, finds, checks and removes the databases of places.

mod make;
mod proof;
mod remove;
mod survey;
mod upkeep;

pub(crate) use upkeep::is_loss;
