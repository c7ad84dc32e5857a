//! Name and end of a company, and its subscription.

use super::Bar;
use crate::frame::{Frame, LocaleForm};
use askama::Template;

/// `/settings/company/`.
#[derive(Template)]
#[template(path = "company/settings.html")]
pub struct Settings<'a> {
    /// Frame.
    pub frame: &'a Frame,
    /// Name, as it was typed.
    pub name: &'a str,
    /// Slug.
    pub slug: &'a str,
    /// Language and time zone.
    pub locale: &'a LocaleForm,
    /// What is wrong with the name.
    pub wrong: &'a str,
}

/// `/settings/close/`.
#[derive(Template)]
#[template(path = "company/close.html")]
pub struct Close<'a> {
    /// Frame.
    pub frame: &'a Frame,
    /// Slug, which is typed to confirm.
    pub slug: &'a str,
    /// The account is cancelled.
    pub ends: Option<Ends>,
    /// Reason, as it was typed.
    pub reason: &'a str,
    /// What is wrong with the typed slug.
    pub wrong: &'a str,
}

/// Dates of a cancelled company, in words.
#[derive(Debug)]
pub struct Ends {
    /// Until when it can be used.
    pub closes: String,
    /// Until when its data is retained.
    pub purges: String,
    /// It can still be used, so that the cancellation can be revoked.
    pub is_open: bool,
}

/// `/settings/subscription/`.
#[derive(Template)]
#[template(path = "company/subscription.html")]
pub struct Subscription<'a> {
    /// Frame.
    pub frame: &'a Frame,
    /// Plan and state of the subscription, in words.
    pub plan: &'a str,
    /// Something about the subscription needs attention.
    pub warning: &'a str,
    /// Facts: label and value.
    pub facts: &'a [(&'static str, String)],
    /// What the company uses of its plan.
    pub bars: &'a [Bar],
    /// Features that the company has.
    pub features: &'a [String],
    /// Plans on offer.
    pub offers: &'a [Offer],
}

/// A plan on offer.
#[derive(Debug)]
pub struct Offer {
    /// Name.
    pub name: String,
    /// Price in words; empty if none is stated.
    pub price: String,
    /// Limits: label and value.
    pub limits: Vec<(&'static str, String)>,
    /// Features.
    pub features: Vec<String>,
    /// The company has this plan.
    pub current: bool,
}
