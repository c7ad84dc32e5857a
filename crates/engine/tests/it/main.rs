//! Integration tests of the engine, one binary.

mod schema_create;
mod schema_kit;
mod schema_model;
