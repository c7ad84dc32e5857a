//! Pages of operators about the whole fleet: its map, analytics, monitoring and migrations.

mod analytics;
mod lines;
mod map;
mod migrations;
mod monitoring;
mod sizes;

pub(in crate::http) use analytics::show as analytics;
pub(in crate::http) use map::show as map;
pub(in crate::http) use migrations::{ask as ask_migrations, run as start_migrations, show as migrations};
pub(in crate::http) use monitoring::show as monitoring;
pub(super) use sizes::section as sizes;
