//! Runs one operation: its steps in order, or their undo actions in reverse, and renews its lease meanwhile.
//!
//! The verbs of [`super::Operations`] and `recovery` call it. It never decides whether an operation may be taken over,
//! and reads no other journal row than that of the operation it runs.

pub(super) mod faults;
mod heartbeat;
mod outside;
pub(super) mod run;
pub(super) mod unwind;
