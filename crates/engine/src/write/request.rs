//! One caller's write on its way to a database.

use super::{WriteGuard, WriteOptions};
use crate::{
    query::Change,
    schema::{Confinement, Schema},
};
use std::sync::Arc;

/// One caller's write.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) schema: Arc<Schema>,
    pub(crate) who: Confinement,
    pub(crate) changes: Vec<Change>,
    pub(crate) options: WriteOptions,
    #[allow(dead_code, reason = "held until the write is over")]
    pub(crate) held: Option<WriteGuard>,
}

/// Maximum number of changes in one call that still count as short work: such writes may share a transaction.
pub(crate) const SMALL_CHANGES: usize = 32;
