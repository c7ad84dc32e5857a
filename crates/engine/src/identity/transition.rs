//! State changes of a place, as conditional updates of its row. All databases use the same updates.
//!
//! A worker of an operation may be late: it was paused for minutes while another worker finished or undid the
//! operation. So whatever a move sets in a database carries the operation's fencing token, and only that token can
//! change it back. A later step of a move that was undone cannot take effect again: it requires the result of an
//! earlier step, which was undone after it. The first step is barred by its undo.

use super::PlaceState;
use crate::{
    error::{Error, Kind},
    place::Place,
};

/// An update of the row of a place. Parameters from `?4` on are its values; those before are tenant, store and
/// generation.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Transition {
    /// Forbids writes, on behalf of no operation. If the place is not open for another reason, its state stays as it
    /// is.
    Fence,
    /// Lifts a fence, whichever operation set it.
    Unfence,
    /// Starts a recording for the token `?4`, unless [`Self::Bar`] has barred it. An operation that recorded before loses
    /// its recording.
    Record,
    /// Ends the recording of the token `?4`.
    StopRecording,
    /// Bars the token `?4` from recording: its operation was undone or has ended, and a worker of it may be late. A place
    /// remembers one barred token, because the next operation on a tenant begins after the end of the one before.
    Bar,
    /// Fences a place whose changes are recorded for the token `?4`.
    FenceRecorded,
    /// Lifts the fence of the holder `?4`. Does not affect another operation's fence.
    LiftFence,
    /// Opens a place that was filled, and records its changes for the token `?4`.
    OpenFilled,
    /// Sets the state `?4` of a place that was filled, and its counters: rows, bytes and the last entry of the activity
    /// log.
    FinishFilling,
    /// Closes a place whose rows are about to be removed.
    BeginLeaving,
}

impl Transition {
    /// Returns the assignments of the update, and the condition for it.
    fn parts(self) -> (&'static str, &'static str) {
        const FENCED: &str = "state IN ('open', 'fenced')";
        match self {
            Self::Fence => ("state = 'fenced', holder = NULL", FENCED),
            Self::Unfence => ("state = 'open', holder = NULL", FENCED),
            Self::Record => ("recorder = ?4", "barred IS DISTINCT FROM ?4"),
            Self::StopRecording => ("recorder = NULL", "recorder = ?4"),
            Self::Bar => ("barred = ?4", "TRUE"),
            Self::FenceRecorded => {
                ("state = 'fenced', holder = ?4", "recorder = ?4 AND state IN ('open', 'fenced')")
            }
            Self::LiftFence => {
                ("state = 'open', holder = NULL", "state = 'fenced' AND holder IS NOT DISTINCT FROM ?4")
            }
            Self::OpenFilled => ("state = 'open', recorder = ?4", "state = 'closed'"),
            Self::FinishFilling => {
                ("state = ?4, holder = NULL, rows = ?5, bytes = ?6, log_upto = ?7", "TRUE")
            }
            Self::BeginLeaving => ("state = 'leaving', holder = NULL", "TRUE"),
        }
    }

    /// Returns true if the update may set another state.
    pub(crate) fn sets_state(self) -> bool {
        !matches!(self, Self::Record | Self::StopRecording | Self::Bar)
    }

    /// Returns the statement. `table` is the table of places, `sign` is the character before the number of a parameter.
    pub(crate) fn sql(self, table: &str, sign: char) -> String {
        let (set, when) = self.parts();
        let sql = format!(
            "UPDATE {table} SET {set} WHERE tenant = ?1 AND store = ?2 AND generation = ?3 AND {when}"
        );
        sql.replace('?', sign.encode_utf8(&mut [0; 4]))
    }
}

/// Returns a fencing token for a call that fills a place.
pub(crate) fn filling_token() -> i64 {
    let random = uuid::Uuid::now_v7().as_u128() & u128::from(u64::MAX >> 2);
    i64::try_from(random).unwrap_or(i64::MAX)
}

fn fenced(detail: String) -> Error {
    Error::new(Kind::Fenced, detail)
}

/// Returns the error for a place whose state this program does not know.
pub(crate) fn unknown(place: &Place) -> Error {
    Error::new(Kind::Corrupt, format!("{place} has no known state"))
}

/// Returns the error for a place that the database does not hold at its generation.
pub(crate) fn stale(place: &Place) -> Error {
    fenced(format!("{place} is not at this generation here"))
}

/// Returns the error for a place that the database does not hold at all.
pub(crate) fn absent(place: &Place) -> Error {
    Error::new(Kind::WrongIdentity, format!("{place} does not live here"))
}

/// Returns the error for a place that cannot be opened from its state.
pub(crate) fn not_open(place: &Place, state: PlaceState) -> Error {
    let holder = state.holder().map(|holder| format!(" by {holder}")).unwrap_or_default();
    fenced(format!("{place} is {}{holder}", state.name()))
}

/// Returns the error for a place that does not hold a copy that waits to be opened.
pub(crate) fn not_closed(place: &Place, state: PlaceState) -> Error {
    fenced(format!("{place} is {}: nothing is carried into it", state.name()))
}

/// Returns the error for a place that was not made from a copy.
pub(crate) fn not_copied(place: &Place) -> Error {
    Error::new(Kind::Internal, format!("{place} was not made from a copy"))
}

/// Returns the error for a place whose changes are recorded by another operation, or not at all.
pub(crate) fn not_recorded(place: &Place, found: Option<i64>, token: i64) -> Error {
    fenced(format!("changes of {place} are recorded by {found:?}, not {token}"))
}

/// Returns the error for a recording of the token that was undone.
pub(crate) fn undone(place: &Place, token: i64) -> Error {
    fenced(format!("{place} is not recorded by {token}"))
}

/// Returns the error for a place that another caller fills.
pub(crate) fn not_filling(place: &Place) -> Error {
    fenced(format!("another caller fills {place}"))
}

/// Returns the error for a place whose rows are no longer to be removed.
pub(crate) fn filled_anew(place: &Place) -> Error {
    fenced(format!("{place} is filled anew"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_database_gets_its_own_placeholders() {
        assert_eq!(
            Transition::Record.sql("s.t", '$'),
            "UPDATE s.t SET recorder = $4 WHERE tenant = $1 AND store = $2 AND generation = $3 AND barred IS DISTINCT FROM $4"
        );
        assert!(Transition::LiftFence.sql("t", '?').ends_with("holder IS NOT DISTINCT FROM ?4"));
    }
}
