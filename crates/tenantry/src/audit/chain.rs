//! Hash of an audit row. Called by append and verify; accesses no database.

use super::Row;
use sha2::{Digest, Sha256};

/// A point of the chain. `hash` fixes the contents of all rows up to `id`.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Head {
    /// Id of the point's row; 0 before the first row.
    pub id: i64,
    /// SHA-256 in hex; empty before the first row.
    pub hash: String,
}

/// Returns the SHA-256, in hex, of all columns except `hash`. Each field is prefixed with its length, and null differs
/// from empty, so no two different rows have the same serialization.
pub fn hash_row(row: &Row) -> String {
    let mut sha = Sha256::new();
    sha.update(b"tenantry audit 1");
    field(&mut sha, Some(&row.prev_hash));
    sha.update(row.id.to_be_bytes());
    sha.update(row.at_us.to_be_bytes());
    field(&mut sha, Some(&row.actor));
    field(&mut sha, row.impersonator.as_deref());
    field(&mut sha, row.tenant.map(|t| t.to_string()).as_deref());
    field(&mut sha, Some(&row.action));
    field(&mut sha, Some(&row.detail));
    hex(&sha.finalize())
}

fn field(sha: &mut Sha256, text: Option<&str>) {
    let Some(text) = text else { return sha.update([0]) };
    sha.update([1]);
    sha.update((text.len() as u64).to_be_bytes());
    sha.update(text);
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    bytes.iter().flat_map(|b| [digit(b >> 4), digit(b & 15)]).collect()
}
