//! Health and capacity of an installation: lost databases, orphans, PostgreSQL servers that are nearly full, the list of
//! everything that needs an operator, the list of database servers, and the checklist of a new installation. Nothing here repairs anything, with one
//! exception: orphans are removed if the configuration allows it.

pub(crate) mod attention;
pub(crate) mod checklist;
pub(crate) mod lost;
pub(crate) mod orphans;
pub(crate) mod room;
pub(crate) mod servers;
