//! What a database says about a place in it: whether it takes writes, and which operation holds it.

use serde::{Deserialize, Serialize};

/// What a place may be used for, as its database says.
///
/// A worker of an operation may be late: it was paused for minutes while another worker finished or undid the operation.
/// So each change of a state names the state that it leaves, with its holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum PlaceState {
    /// In use: it takes writes.
    Open,
    /// Takes no writes until the fence is lifted.
    Fenced {
        /// Fencing token of the operation that fenced it. None: any caller may lift the fence.
        holder: Option<i64>,
    },
    /// Holds part of the copy that it is made from.
    Filling {
        /// Fencing token of the call that fills it.
        holder: i64,
    },
    /// Holds all of the copy that it was made from. Only catching up writes to it, until it is opened.
    Closed,
    /// Its rows are being removed.
    Leaving,
}

impl PlaceState {
    /// Returns true if it takes writes.
    pub fn is_open(&self) -> bool {
        *self == Self::Open
    }

    /// Returns true if all its rows are there: it is neither being filled nor being removed.
    pub fn is_complete(&self) -> bool {
        !matches!(self, Self::Filling { .. } | Self::Leaving)
    }

    /// Returns the state's name in databases.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Fenced { .. } => "fenced",
            Self::Filling { .. } => "filling",
            Self::Closed => "closed",
            Self::Leaving => "leaving",
        }
    }

    /// Returns the fencing token of the operation or call that holds the place.
    pub(crate) fn holder(&self) -> Option<i64> {
        match self {
            Self::Fenced { holder } => *holder,
            Self::Filling { holder } => Some(*holder),
            Self::Open | Self::Closed | Self::Leaving => None,
        }
    }

    /// Returns the state with this name and holder; None if there is no such state.
    pub(crate) fn parse(name: &str, holder: Option<i64>) -> Option<Self> {
        Some(match (name, holder) {
            ("open", None) => Self::Open,
            ("fenced", holder) => Self::Fenced { holder },
            ("filling", Some(holder)) => Self::Filling { holder },
            ("closed", None) => Self::Closed,
            ("leaving", None) => Self::Leaving,
            _ => return None,
        })
    }
}

/// What a database says about a place in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlaceInfo {
    /// What it may be used for.
    pub state: PlaceState,
    /// Fencing token of the operation that records its changes.
    pub recorder: Option<i64>,
    /// Last id of the activity log that came with the copy it was made from. None if it was not made from one.
    pub log_upto: Option<i64>,
    /// Number of rows of declared models.
    pub rows: u64,
    /// Bytes of stored values. None if they were not counted since the platform's own tables were brought up to date.
    pub bytes: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_is_read_back_as_it_was_written() {
        for state in [
            PlaceState::Open,
            PlaceState::Fenced { holder: None },
            PlaceState::Fenced { holder: Some(7) },
            PlaceState::Filling { holder: 7 },
            PlaceState::Closed,
            PlaceState::Leaving,
        ] {
            assert_eq!(PlaceState::parse(state.name(), state.holder()), Some(state));
            assert_eq!(state.is_open(), state.name() == "open");
        }
        for (name, holder) in [("open", Some(7)), ("filling", None), ("leaving", Some(7)), ("lost", None)] {
            assert_eq!(PlaceState::parse(name, holder), None);
        }
    }
}
