//! An operation as it runs: its steps, its progress, what it has done.

use crate::{
    frame::Frame,
    master::{Button, Cell, Tone},
};
use askama::Template;

/// `/master-admin/operations/{id}/`.
#[derive(Template)]
#[template(path = "master/operation.html", blocks = ["live"])]
pub struct Operation<'a> {
    /// Frame. Its title says what the operation does.
    pub frame: &'a Frame,
    /// Id.
    pub id: i64,
    /// The operation goes on.
    pub is_open: bool,
    /// State.
    pub state: Cell,
    /// Steps.
    pub steps: &'a [Step],
    /// Progress of the running step: part of 100, and words.
    pub progress: Option<(u64, String)>,
    /// Why it failed.
    pub error: &'a str,
    /// What an operator can do about it.
    pub hint: &'a str,
    /// How long writers waited.
    pub pause: Option<String>,
    /// Facts.
    pub facts: &'a [(String, Cell)],
    /// Its outcome, as stored.
    pub result: &'a str,
    /// Where to go on.
    pub buttons: &'a [Button],
    /// It can be cancelled.
    pub may_cancel: bool,
    /// It can be tried again.
    pub may_retry: bool,
    /// It can be ended by force.
    pub may_abandon: bool,
}

/// A step.
#[derive(Debug)]
pub struct Step {
    /// Name.
    pub name: String,
    /// State: `waiting`, `now`, `done`, `undoing`, `undone`.
    pub state: &'static str,
    /// State, in words.
    pub words: &'static str,
}
