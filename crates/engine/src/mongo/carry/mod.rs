//! The MongoDB side of transfers: one state of a place to read, transactions on a place to write, places that are filled,
//! and pooled tenants that leave.

mod documents;
mod fill;
mod reader;
mod withdraw;
mod writer;

pub(crate) use reader::Reader;
pub(crate) use writer::Writer;
