//! Descriptions of copies, and options for making and using them.

use crate::name::{StoreName, TenantId};

/// A finished copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// Size of the file in bytes.
    pub bytes: u64,
    /// Tables with rows that are not in the copy, because no model declares them. Empty if all pages were copied.
    pub left_out: Vec<String>,
}

/// Steps that follow the writing of a copy. Skip only those that the caller does elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyOptions {
    /// Check every page of the copy. Takes about as long as copying.
    pub check: bool,
    /// Sync the file to disk. Not needed for a file that is read only once.
    pub sync: bool,
}

impl Default for CopyOptions {
    fn default() -> Self {
        Self { check: true, sync: true }
    }
}

/// The description that a copy contains of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyInfo {
    /// The tenant that the copy belongs to; `None` for a system store.
    pub tenant: Option<TenantId>,
    /// The store that the copy was taken from.
    pub store: StoreName,
    /// Generation of the place that the copy was taken from.
    pub generation: u64,
    /// The installation that the copy was taken from; empty if it was unknown.
    pub platform: String,
    /// Number of rows of declared models.
    pub rows: u64,
    /// Migrations of the copy, as `app/name`, in the order in which they were applied.
    pub migrations: Vec<String>,
    /// Fingerprint of the copy's schema. It equals [`crate::migration::fingerprint`] if the migrations were applied in
    /// the platform's order.
    pub schema_version: String,
}

/// The result of filling a place with the rows of another place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filled {
    /// Number of bytes that were carried: of the values, or of the file if all its pages were carried.
    pub bytes: u64,
    /// Tables with rows that cannot be carried, because no model declares them. If it is not empty, nothing was
    /// carried.
    pub left_out: Vec<String>,
}

/// Options for turning a copy into a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdoptOptions {
    /// Consume the copy: on the same disk, the file is moved instead of copied again. After a failure, the caller must
    /// make the copy again.
    pub used_up: bool,
    /// Check every page of the new database. Set it to false only if every page of the copy was checked. A file that is
    /// copied again is always checked.
    pub check: bool,
}

impl Default for AdoptOptions {
    fn default() -> Self {
        Self { used_up: false, check: true }
    }
}

/// Numbers of fields and rows that were blanked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Blanked {
    /// Number of fields that are marked as personal.
    pub fields: u64,
    /// Number of rows with such fields.
    pub rows: u64,
}

/// How far a copy has caught up with its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CaughtUp {
    /// The last change that the copy contains. The next call continues after it.
    pub seq: u64,
    /// Number of changes between `after` and `seq`. If it is less than requested, there were no more changes.
    pub changes: u64,
}
