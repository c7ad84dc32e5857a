//! The collections of a place: validators and indexes, migrations, and the comparison with the collections that
//! migrations make.

mod check;
mod commands;
mod compiled;
mod convert;
pub(super) mod inspect;
mod migrate;
pub(crate) mod names;
mod recount;
mod repair;
mod run;
mod steps;
mod wanted;

pub(crate) use compiled::Statements;
