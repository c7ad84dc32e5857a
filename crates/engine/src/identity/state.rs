//! The state of a place as its database stores it: whether it accepts writes, and which operation holds it.

use serde::{Deserialize, Serialize};

/// State of a place, as stored in its database.
///
/// A worker of an operation may be late: it was paused for minutes while another worker finished or undid the
/// operation. So each change of a state names the state that it leaves, including the holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum PlaceState {
    /// In use: the place accepts writes.
    Open,
    /// The place accepts no writes until the fence is lifted.
    Fenced {
        /// Fencing token of the operation that set the fence. If it is `None`, any caller may lift the fence.
        holder: Option<i64>,
    },
    /// The place holds a part of the copy that it is made from.
    Filling {
        /// Fencing token of the call that fills the place.
        holder: i64,
    },
    /// The place holds all of the copy that it was made from. Until it is opened, only catching up writes to it.
    Closed,
    /// The rows of the place are being removed.
    Leaving,
}

impl PlaceState {
    /// Returns true if the place accepts writes.
    pub fn is_open(&self) -> bool {
        *self == Self::Open
    }

    /// Returns true if the place has all its rows: it is neither being filled nor being removed.
    pub fn is_complete(&self) -> bool {
        !matches!(self, Self::Filling { .. } | Self::Leaving)
    }

    /// Returns the name of the state in databases.
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

    /// Returns the state with this name and holder; `None` if there is no such state.
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

/// The information about a place that its database stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlaceInfo {
    /// State of the place.
    pub state: PlaceState,
    /// Fencing token of the operation that records the changes of the place.
    pub recorder: Option<i64>,
    /// Last id of the activity log that came with the copy that the place was made from; `None` if it was not made from
    /// a copy.
    pub log_upto: Option<i64>,
    /// Number of rows of declared models.
    pub rows: u64,
    /// Bytes of stored values; `None` if they were not counted since the platform's own tables were upgraded.
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
