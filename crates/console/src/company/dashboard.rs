//! The dashboard of a company.

use super::Line;
use crate::frame::Frame;
use askama::Template;

/// Page `/dashboard/`: the start page of a company.
#[derive(Template)]
#[template(path = "company/dashboard.html")]
pub struct Dashboard<'a> {
    /// Frame of the page.
    pub frame: &'a Frame,
    /// Models with the number of their records.
    pub counts: &'a [Count],
    /// Use of the plan's limits.
    pub bars: &'a [Bar],
    /// Plan and state of the subscription, in words.
    pub plan: &'a str,
    /// Warning about the subscription; empty if there is none.
    pub warning: &'a str,
    /// Newest changes; `None` if the visitor may not see them.
    pub activity: Option<&'a [Line]>,
}

/// A model with the number of its records.
#[derive(Debug)]
pub struct Count {
    /// Label of the model.
    pub label: String,
    /// Address of the model's list.
    pub href: String,
    /// Number of records.
    pub number: String,
    /// Address of the form for a new record, if the visitor may create one.
    pub add: Option<String>,
}

/// The used part of a limit.
#[derive(Debug)]
pub struct Bar {
    /// Name of the limit.
    pub label: &'static str,
    /// Used amount, in words.
    pub used: String,
    /// The limit in words; empty if there is none.
    pub most: String,
    /// Used part, in percent.
    pub percent: u64,
}
