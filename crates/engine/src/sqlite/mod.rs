//! SQLite: schema statements, migrations, drift.

pub mod ddl;
