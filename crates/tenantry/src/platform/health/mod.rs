//! What is wrong with an installation, and how full it is: lost databases, orphans, PostgreSQL servers that are nearly full, and the
//! list of what needs an operator. Nothing here repairs anything, except that orphans are removed if the configuration says so.

pub(crate) mod attention;
pub(crate) mod lost;
pub(crate) mod orphans;
pub(crate) mod room;
