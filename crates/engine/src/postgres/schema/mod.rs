//! The tables of a place: DDL, migrations, and the comparison with the schema that migrations produce.

mod check;
mod compiled;
mod ddl;
mod inspect;
pub(crate) mod ledger;
mod migrate;
pub(crate) mod names;
mod raw;
mod recount;
mod rows;
mod search;

pub(crate) use check::{raw, read, shown};
pub(crate) use compiled::Statements;
pub(crate) use ddl::Layout;
pub(in crate::postgres) use migrate::Patience;
pub(crate) use recount::{recount, recounted};
pub(crate) use search::fill as fill_search;
