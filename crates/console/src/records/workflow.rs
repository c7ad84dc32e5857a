//! The workflow of a record: its state, the transitions that the visitor may make, and its trail.

/// The workflow of a record.
#[derive(Debug)]
pub struct Workflow {
    /// State, in words.
    pub state: String,
    /// Name of the member that created the record; empty if it is unknown.
    pub author: String,
    /// Version of the record that the page shows.
    pub version: i64,
    /// Transitions that the visitor may make.
    pub steps: Vec<Step>,
    /// Comment that the visitor has typed.
    pub comment: String,
    /// Transitions that the record made, newest first.
    pub trail: Vec<TrailEntry>,
    /// True if the page shows older entries of the trail.
    pub is_later: bool,
    /// Address of older entries.
    pub older: Option<String>,
}

/// A transition that the visitor may make.
#[derive(Debug)]
pub struct Step {
    /// Name that the form sends.
    pub name: String,
    /// Label of the button.
    pub label: String,
    /// True if the transition needs a comment.
    pub needs_comment: bool,
}

/// A transition that the record made.
#[derive(Debug)]
pub struct TrailEntry {
    /// Time in words, and as programs read it.
    pub at: (String, String),
    /// Name of the member, key or program.
    pub who: String,
    /// Staff account that acted during a support visit; empty without one.
    pub support: String,
    /// Label of the transition.
    pub label: String,
    /// State before it, in words.
    pub from: String,
    /// State after it, in words.
    pub to: String,
    /// Comment; empty without one.
    pub comment: String,
}

impl Workflow {
    /// Returns the labels of the transitions that need a comment.
    pub(super) fn needing_comments(&self) -> String {
        let steps = self.steps.iter().filter(|step| step.needs_comment);
        steps.map(|step| step.label.as_str()).collect::<Vec<_>>().join(", ")
    }
}
