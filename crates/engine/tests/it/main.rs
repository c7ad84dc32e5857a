//! Integration tests of the engine, one binary, on real files.
#![allow(missing_docs, unreachable_pub)]

mod carry_kit;
mod core_bounds;
mod core_cache;
mod core_copies;
mod core_descriptors;
mod core_forms;
mod core_group;
mod core_idle_snapshot;
mod core_open;
mod core_replaced;
mod core_sandbox;
mod core_schema;
mod core_session;
mod core_support;
mod core_system;
mod core_template_image;
mod faults_disk;
mod faults_io;
mod faults_kit;
mod faults_set_aside;
mod faults_wal;
mod joins;
#[cfg(feature = "mongodb")]
mod mongo_access;
#[cfg(feature = "mongodb")]
mod mongo_carry;
#[cfg(feature = "mongodb")]
mod mongo_lab;
#[cfg(feature = "mongodb")]
mod mongo_leases;
#[cfg(feature = "mongodb")]
mod mongo_many;
#[cfg(feature = "mongodb")]
mod mongo_mirror;
#[cfg(feature = "mongodb")]
mod mongo_outage;
mod postgres_catch_up;
mod postgres_confined;
mod postgres_connections;
mod postgres_convert;
mod postgres_doctors;
mod postgres_fleet;
mod postgres_inspect;
mod postgres_joins;
mod postgres_joins_far;
mod postgres_kit;
mod postgres_outage;
mod postgres_places;
mod postgres_pooler;
mod postgres_repair;
mod postgres_replicas;
mod postgres_sandbox;
mod postgres_schema;
mod postgres_straight;
mod postgres_system;
mod postgres_templates;
mod postgres_tls;
mod postgres_transfer;
mod records_bind;
mod records_custom;
mod records_direct;
mod records_groups;
mod records_kit;
mod records_leak;
mod records_limits;
mod records_list;
mod records_merge;
mod records_models;
mod records_naive;
mod records_paths;
mod records_race;
mod records_seal;
mod records_sequence;
mod records_side;
mod records_write;
mod replica_world;
mod schema_create;
mod schema_diff;
mod schema_evolve;
mod schema_kit;
mod schema_lab;
mod schema_migrate;
mod schema_model;
mod schema_people;
mod schema_rows;
mod schema_values;
mod schema_workflow;
mod transfer_batches;
mod transfer_blank;
mod transfer_changes;
mod transfer_copies;
mod transfer_kit;
