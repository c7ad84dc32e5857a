//! The PostgreSQL side of transfers: sources and sinks for [`crate::carry`], and places that are made from copies.
//!
//! Wherever rows are read or written, everything runs as the role of the place's schema and, in a pool, with its tenant
//! set. So a transfer reaches no other tenant's rows.

mod fill;
mod reader;
mod texts;
mod values;
mod withdraw;
mod writer;

pub(crate) use reader::Reader;
pub(crate) use writer::Writer;
