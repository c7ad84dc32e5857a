//! One caller's write, on its way to a database.

use super::{WriteCondition, WriteOptions};
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
    pub(crate) condition: Option<WriteCondition>,
}

/// Maximum number of changes in one call that count as short work. Such writes may share a transaction.
pub(crate) const SMALL_CHANGES: usize = 32;
