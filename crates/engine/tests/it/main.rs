//! Integration tests of the engine, one binary, on real files.
#![allow(missing_docs, unreachable_pub)]

mod core_cache;
mod core_copies;
mod core_open;
mod core_sandbox;
mod core_session;
mod core_support;
mod core_system;
mod records_bind;
mod records_kit;
mod records_leak;
mod records_list;
mod records_merge;
mod records_naive;
mod records_race;
mod records_sequence;
mod records_write;
mod schema_create;
mod schema_diff;
mod schema_evolve;
mod schema_kit;
mod schema_migrate;
mod schema_model;
mod schema_people;
mod schema_values;
