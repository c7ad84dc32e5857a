//! The page of an operation: its steps, its progress and its result.

use crate::{
    frame::Frame,
    master::{Button, Cell, Tone},
};
use askama::Template;

/// Page `/master-admin/operations/{id}/`: one operation.
#[derive(Template)]
#[template(path = "master/operation.html", blocks = ["live"])]
pub struct Operation<'a> {
    /// Frame of the page. Its title names the kind of the operation.
    pub frame: &'a Frame,
    /// Id of the operation.
    pub id: i64,
    /// True until the operation has ended.
    pub is_open: bool,
    /// State of the operation.
    pub state: Cell,
    /// Steps of the operation, in order.
    pub steps: &'a [Step],
    /// Progress of the running step: in percent, and in words.
    pub progress: Option<(u64, String)>,
    /// Reason of the failure; empty if there was none.
    pub error: &'a str,
    /// Advice for the operator.
    pub hint: &'a str,
    /// Time for which writers waited, in words.
    pub pause: Option<String>,
    /// Facts about the operation: name and value.
    pub facts: &'a [(String, Cell)],
    /// The operation's result, as stored.
    pub result: &'a str,
    /// Links to related pages.
    pub buttons: &'a [Button],
    /// True if the visitor may cancel the operation.
    pub may_cancel: bool,
    /// True if the visitor may retry the operation.
    pub may_retry: bool,
    /// True if the visitor may abandon the operation.
    pub may_abandon: bool,
}

/// A step of an operation.
#[derive(Debug)]
pub struct Step {
    /// Name of the step.
    pub name: String,
    /// State: `waiting`, `now`, `done`, `undoing`, `undone`.
    pub state: &'static str,
    /// State in words.
    pub words: &'static str,
}
