//! Runs one operation: its steps in order, or their undos in reverse, while its lease is renewed.
//!
//! Called by the verbs of [`super::Operations`] and by `recovery`. It never decides whether an operation may be taken
//! over, and reads no journal row but that of the operation it runs.

pub(super) mod faults;
mod heartbeat;
mod outside;
pub(super) mod run;
pub(super) mod unwind;
