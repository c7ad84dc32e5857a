//! Positions in the logs of database servers that the reads of a request must have reached, so that they see the
//! caller's earlier writes, whichever process made them.
//!
//! The response to a write contains the positions, and the caller's next request brings them back. They matter where
//! read replicas answer; without replicas there are none.

use crate::{Error, Platform, Result};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tenantry_engine::{Position, write::Written};

/// Largest number of positions that a caller may bring: one for each server to which it writes.
const MOST: usize = 8;
/// Separator between two positions in the text.
const SEPARATOR: char = '.';

/// The positions that a caller brought, and the positions of the writes in this request. Clones share the latter.
#[derive(Debug, Clone, Default)]
pub struct Positions(Option<Arc<Shared>>);

#[derive(Debug)]
struct Shared {
    brought: Vec<Position>,
    written: Mutex<Vec<Position>>,
}

impl Positions {
    /// Returns the text for the caller's next request, or `None` if nothing was written on a server with read replicas.
    pub fn text(&self) -> Option<String> {
        let shared = self.0.as_ref()?;
        let written = shared.written.lock().unwrap_or_else(PoisonError::into_inner);
        // Nothing shows which of two positions is later, so the positions of the last writes replace those that were
        // brought.
        let is_kept = |of: &&Position| !written.iter().any(|new| new.is_of_same_server(of));
        let kept = shared.brought.iter().filter(is_kept).take(MOST.saturating_sub(written.len()));
        let all: Vec<_> = written.iter().chain(kept).map(Position::to_string).collect();
        (!written.is_empty()).then(|| all.join(SEPARATOR.encode_utf8(&mut [0; 4])))
    }

    /// Notes the position of a write.
    pub(crate) fn note(&self, written: &[Written]) {
        let (Some(shared), Some(position)) = (&self.0, written.last().and_then(|last| last.position)) else {
            return;
        };
        let mut all = shared.written.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|one| !one.is_of_same_server(&position));
        all.push(position);
    }

    /// Returns the positions that the caller brought. This process knows its own writes without them.
    pub(crate) fn brought(&self) -> &[Position] {
        self.0.as_ref().map_or(&[], |shared| &shared.brought)
    }
}

impl Platform {
    /// Returns the positions of a caller. `text` is the value of [`Positions::text`] after the caller's last write, in
    /// any process.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] if this platform cannot have returned the text. A well-formed text from another
    /// installation is ignored. Without read replicas, every text is ignored.
    pub fn positions(&self, text: Option<&str>) -> Result<Positions> {
        if self.replica_lag().is_none() {
            return Ok(Positions::default());
        }
        let mut brought = vec![];
        for one in text.into_iter().flat_map(|text| text.split(SEPARATOR)) {
            let one = one.parse().ok().filter(|_| brought.len() < MOST);
            brought.push(one.ok_or_else(|| Error::invalid("position", "is not what a response has told"))?);
        }
        Ok(Positions(Some(Arc::new(Shared { brought, written: Mutex::default() }))))
    }

    /// Returns the age after which every read sees a write, whichever process and replica answers. Returns `None` if no
    /// server has read replicas, so that every read sees every write.
    pub fn replica_lag(&self) -> Option<Duration> {
        self.0.replica_lag
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenantry_engine::{name::ModelName, query::RecordId};

    /// Returns a position of a server, as a client holds it.
    fn position(server: &str, at: &str) -> Position {
        format!("{server}{at:A<27}").parse().unwrap()
    }

    fn write(position: Position) -> Vec<Written> {
        let (model, id) = (ModelName::parse("patients").unwrap(), RecordId::Integer(1));
        vec![Written { model, id, version: 1, row: vec![], position: Some(position) }]
    }

    #[test]
    fn a_position_replaces_that_of_its_server_only() {
        let brought = vec![position("one", "x"), position("two", "y")];
        let positions = Positions(Some(Arc::new(Shared { brought, written: Mutex::default() })));
        assert_eq!(positions.text(), None, "nothing was written");
        for at in ["p", "q"] {
            positions.note(&write(position("one", at)));
        }
        let expected = [position("one", "q"), position("two", "y")].map(|one| one.to_string());
        assert_eq!(positions.text(), Some(expected.join(".")));
        positions.clone().note(&write(position("two", "z")));
        let expected = [position("one", "q"), position("two", "z")].map(|one| one.to_string());
        assert_eq!(positions.text(), Some(expected.join(".")), "clones share them");
        let nothing = Positions::default();
        nothing.note(&write(position("one", "p")));
        assert_eq!(nothing.text(), None, "without replicas");
    }
}
