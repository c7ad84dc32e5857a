//! Pages of operators about the whole fleet over time and place.

mod lines;
mod monitoring;

pub(in crate::http) use monitoring::show as monitoring;
