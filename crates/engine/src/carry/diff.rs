//! Compares the rows of two places, each read in order of id.

use crate::{cell::Raw, name::ModelName};
use std::cmp::Ordering;

/// Numbers of rows of one model that differ between two places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelDiff {
    /// Name of the model.
    pub model: ModelName,
    /// Rows that only the other place has. A restore would add them.
    pub added: u64,
    /// Rows in both places with a different value in any column.
    pub changed: u64,
    /// Rows that only the live place has. A restore would remove them.
    pub removed: u64,
}

impl ModelDiff {
    /// Returns a value without differences.
    pub(crate) fn none(model: &ModelName) -> Self {
        Self { model: model.clone(), added: 0, changed: 0, removed: 0 }
    }

    /// Counts a row. `is_changed` is true if a row that both sides have differs.
    pub(crate) fn count(&mut self, side: RowIn, is_changed: bool) {
        match side {
            RowIn::Live => self.removed += 1,
            RowIn::Other => self.added += 1,
            RowIn::Both => self.changed += u64::from(is_changed),
        }
    }
}

/// Which of two places have a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowIn {
    /// Only in the live place.
    Live,
    /// Only in the other place.
    Other,
    /// In both places.
    Both,
}

impl RowIn {
    /// Returns true if the live place has the row.
    pub(crate) fn in_live(self) -> bool {
        self != Self::Other
    }

    /// Returns true if the other place has the row.
    pub(crate) fn in_other(self) -> bool {
        self != Self::Live
    }
}

/// Returns the id of the next row in order of id, and which places have that row. Takes the id of the next row of each
/// place, or `None` for a place at its end. Returns `None` if both are at their ends.
pub(crate) fn next_row<'r>(live: Option<Raw<'r>>, other: Option<Raw<'r>>) -> Option<(Raw<'r>, RowIn)> {
    match (live, other) {
        (None, None) => None,
        (Some(live), None) => Some((live, RowIn::Live)),
        (None, Some(other)) => Some((other, RowIn::Other)),
        (Some(live), Some(other)) => Some(match by_id(live, other) {
            Ordering::Less => (live, RowIn::Live),
            Ordering::Equal => (live, RowIn::Both),
            Ordering::Greater => (other, RowIn::Other),
        }),
    }
}

/// Compares two ids in the order in which the rows are read.
fn by_id(a: Raw<'_>, b: Raw<'_>) -> Ordering {
    match (a, b) {
        (Raw::Integer(a), Raw::Integer(b)) => a.cmp(&b),
        (Raw::Text(a), Raw::Text(b)) => a.cmp(b),
        (Raw::Integer(_), _) => Ordering::Less,
        _ => Ordering::Greater,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_two_places_are_paired_by_their_ids() {
        let check = |live: &[i64], other: &[i64], expect: (u64, u64, u64)| {
            let (mut live, mut other) = (live.iter().copied().peekable(), other.iter().copied().peekable());
            let mut diff = ModelDiff::none(&ModelName::parse("cities").unwrap());
            loop {
                let ids = (live.peek().map(|id| Raw::Integer(*id)), other.peek().map(|id| Raw::Integer(*id)));
                let Some((_, side)) = next_row(ids.0, ids.1) else { break };
                diff.count(side, true);
                live.next_if(|_| side.in_live());
                other.next_if(|_| side.in_other());
            }
            assert_eq!((diff.added, diff.changed, diff.removed), expect, "{live:?} {other:?}");
        };
        check(&[], &[], (0, 0, 0));
        check(&[1, 2, 4], &[2, 3], (1, 1, 2));
        check(&[], &[1, 2], (2, 0, 0));
        check(&[3], &[], (0, 0, 1));
        assert_eq!(by_id(Raw::Text(b"a"), Raw::Text(b"b")), Ordering::Less);
    }
}
