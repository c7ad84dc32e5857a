//! The schema of a database: DDL, migrations, and the comparison with the schema that migrations produce.

pub mod ddl;
pub mod inspect;
pub mod migrate;
mod verified;

pub(crate) use migrate::{Statements, as_applied, bytes_of};
pub(crate) use verified::{compare as compare_ledger, position_in};
