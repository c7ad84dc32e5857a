//! The dashboard of a company.

use super::Line;
use crate::frame::Frame;
use askama::Template;

/// `/dashboard/`.
#[derive(Template)]
#[template(path = "company/dashboard.html")]
pub struct Dashboard<'a> {
    /// Frame.
    pub frame: &'a Frame,
    /// Models with the number of their records.
    pub counts: &'a [Count],
    /// What the company uses of its plan.
    pub bars: &'a [Bar],
    /// Plan and state of the subscription, in words.
    pub plan: &'a str,
    /// Something about the subscription needs attention.
    pub warning: &'a str,
    /// Newest changes; `None` if the person may not see them.
    pub activity: Option<&'a [Line]>,
}

/// A model with the number of its records.
#[derive(Debug)]
pub struct Count {
    /// Label of the model.
    pub label: String,
    /// Address of its list.
    pub href: String,
    /// Number of records.
    pub number: String,
    /// Address of the form of a new record, if the person may add one.
    pub add: Option<String>,
}

/// How much of a limit is used.
#[derive(Debug)]
pub struct Bar {
    /// What is limited.
    pub label: &'static str,
    /// What is used, in words.
    pub used: String,
    /// The limit in words; empty if there is none.
    pub most: String,
    /// Used part, 0 to 100.
    pub percent: u64,
}
