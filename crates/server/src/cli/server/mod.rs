//! Commands on an installation as a whole: they prepare it, serve it, check it and inspect it.

pub(in crate::cli) mod audit;
pub(in crate::cli) mod check;
pub(in crate::cli) mod checklist;
pub(in crate::cli) mod clock;
pub(in crate::cli) mod completions;
pub(in crate::cli) mod demo;
pub(in crate::cli) mod nodes;
pub(in crate::cli) mod project;
pub(in crate::cli) mod serve;
pub(in crate::cli) mod servers;
pub(in crate::cli) mod shared_import;
pub(in crate::cli) mod sql;
pub(in crate::cli) mod upgrade;
