//! What is wrong with an installation, and how full it is: lost databases, orphans, PostgreSQL servers that are nearly full, the
//! list of what needs an operator, and the checklist of a new installation. Nothing here repairs anything, except that orphans are removed if the configuration says so.

pub(crate) mod attention;
pub(crate) mod checklist;
pub(crate) mod lost;
pub(crate) mod orphans;
pub(crate) mod room;
