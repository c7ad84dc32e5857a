//! Integration tests of the engine, one binary.

mod records_kit;
mod records_write;
mod schema_create;
mod schema_kit;
mod schema_model;
