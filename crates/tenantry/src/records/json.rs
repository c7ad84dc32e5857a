//! Serializes rows to JSON bytes and remembers the version for the ETag.

use super::references::dependence::record_id;
use crate::{Error, Result, platform::loaded::ModelEntry};
use tenantry_engine::{
    name::FieldName,
    overrides::is_added,
    row::{Row, Visit, json::JsonRows},
    value::{Value, ValueRef},
};

/// Upper bound of the buffer space reserved for further rows, in bytes.
const ROOM: usize = 16 * 1024;

/// Writes rows as JSON. If all columns are read, remembers the last row's version.
pub(super) struct Rows {
    json: JsonRows,
    all: bool,
    /// Largest number of rows to take.
    most: usize,
    /// Size in bytes after which no further row is taken.
    bytes: usize,
    /// Position of the id, if rows show their origin.
    origin_by: Option<usize>,
    pub(super) version: Option<i64>,
}

impl Rows {
    /// Returns a writer for up to `most` rows with these columns; empty `fields` means all. It takes no further row
    /// once the rows exceed `bytes`.
    pub(super) fn new(entry: &ModelEntry, fields: &[FieldName], most: u32, bytes: usize) -> Result<Self> {
        let keys = match fields.is_empty() {
            true => entry.keys.clone(),
            false => {
                entry.schema.model(entry.model.name.as_str()).ok_or(Error::NotFound("model"))?.keys(fields)?
            }
        };
        let json = JsonRows::new(keys, Vec::with_capacity(512));
        Ok(Self { json, all: fields.is_empty(), most: most as usize, bytes, origin_by: None, version: None })
    }

    /// Makes each row that shows its id show its origin too: `shared`, or `own` for an entry that the tenant added.
    /// `fields` are those of [`Rows::new`].
    pub(super) fn with_origin(mut self, fields: &[FieldName]) -> Self {
        self.origin_by = match fields.is_empty() {
            true => Some(0),
            false => fields.iter().position(|field| field.as_str() == "id"),
        };
        self
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.json.out
    }
}

/// Adds the origin to the JSON object at the end of `out`.
pub(super) fn add_origin(out: &mut Vec<u8>, is_own: bool) {
    out.pop();
    out.extend_from_slice(if is_own { b",\"origin\":\"own\"}" } else { b",\"origin\":\"shared\"}" });
}

/// Returns true if the id is one of an entry that a tenant added.
pub(super) fn is_own(id: &Value) -> bool {
    record_id(id).is_some_and(|id| is_added(&id))
}

impl Visit for Rows {
    fn row(&mut self, row: &dyn Row) {
        if self.all
            && let ValueRef::Integer(version) = row.get(row.len() - 1)
        {
            self.version = Some(version);
        }
        self.json.row(row);
        if let Some(id) = self.origin_by {
            add_origin(&mut self.json.out, is_own(&row.get(id).into()));
        }
        if self.json.rows == 1 {
            let like_the_first = self.json.out.len() * self.most.saturating_sub(1);
            self.json.out.reserve((like_the_first + like_the_first / 8).min(ROOM));
        }
    }

    fn is_full(&self) -> bool {
        self.json.out.len() > self.bytes
    }
}
