//! The PostgreSQL side of transfers: sources and sinks for [`crate::carry`], and places that are made from copies.
//!
//! Everything runs as the role of the place's schema, in a pool with its tenant set, wherever rows are read or written:
//! a transfer reaches no other tenant's rows.

mod fill;
mod reader;
mod texts;
mod values;
mod withdraw;
mod writer;

pub(crate) use reader::Reader;
pub(crate) use writer::Writer;
