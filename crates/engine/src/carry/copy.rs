//! What is said of copies, and how they are made and used.

use crate::name::{StoreName, TenantId};

/// A finished copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// Size of the file in bytes.
    pub bytes: u64,
    /// Tables with rows that are not in the copy, because no model declares them. Empty if all pages were copied.
    pub left_out: Vec<String>,
}

/// Steps after writing a copy. Skip only those that are done elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyOptions {
    /// Check every page afterwards. Takes about as long as copying.
    pub check: bool,
    /// Sync the file to disk. Not needed for a file that is only read once more.
    pub sync: bool,
}

impl Default for CopyOptions {
    fn default() -> Self {
        Self { check: true, sync: true }
    }
}

/// What a copy says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyInfo {
    /// The tenant it belongs to; None for a system store.
    pub tenant: Option<TenantId>,
    /// The store it was taken from.
    pub store: StoreName,
    /// Generation of the place it was taken from.
    pub generation: u64,
    /// The installation it was taken from; empty if that was not known.
    pub platform: String,
    /// Number of rows of declared models.
    pub rows: u64,
    /// Migrations it has, as `app/name`, in the order they were applied.
    pub migrations: Vec<String>,
    /// Identifies its schema: equals [`crate::migration::fingerprint`] if the migrations were applied in the platform's
    /// order.
    pub schema_version: String,
}

/// What became of the rows of a place that another one is filled with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filled {
    /// Bytes that were carried: of values, or of the file if all its pages were.
    pub bytes: u64,
    /// Tables with rows that cannot be carried, because no model declares them. Unless it is empty, nothing was carried.
    pub left_out: Vec<String>,
}

/// How a copy becomes a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdoptOptions {
    /// Consume the copy: on the same disk the file is moved instead of copied again. After a failure, the caller must
    /// make the copy again.
    pub used_up: bool,
    /// Check every page of the new database. Set it to false only if every page of the copy was checked; a file that is
    /// copied again is always checked.
    pub check: bool,
}

impl Default for AdoptOptions {
    fn default() -> Self {
        Self { used_up: false, check: true }
    }
}

/// Counts of what was blanked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Blanked {
    /// Number of fields marked personal.
    pub fields: u64,
    /// Number of rows with such fields.
    pub rows: u64,
}

/// How far a copy has caught up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CaughtUp {
    /// The last change that is in the copy; the next call continues after it.
    pub seq: u64,
    /// Number of changes between `after` and `seq`. If it is less than requested, there were no more.
    pub changes: u64,
}
