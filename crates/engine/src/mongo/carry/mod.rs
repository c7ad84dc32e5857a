//! The MongoDB side of transfers: reads one state of a place, writes to a place in transactions, fills new places, and
//! removes tenants from pools.

mod documents;
mod fill;
mod reader;
mod withdraw;
mod writer;

pub(crate) use reader::Reader;
pub(crate) use writer::Writer;
