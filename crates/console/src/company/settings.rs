//! Settings, cancellation and subscription of a company.

use super::Bar;
use crate::frame::{Frame, LocaleForm};
use askama::Template;

/// Page `/settings/company/`: the name of a company, its language and time zone.
#[derive(Template)]
#[template(path = "company/settings.html")]
pub struct Settings<'a> {
    /// Frame of the page.
    pub frame: &'a Frame,
    /// Typed or stored name.
    pub name: &'a str,
    /// Slug of the company.
    pub slug: &'a str,
    /// Form of language and time zone.
    pub locale: &'a LocaleForm,
    /// Reason why the name was refused.
    pub wrong: &'a str,
}

/// Page `/settings/close/`: the cancellation of a company by its owner.
#[derive(Template)]
#[template(path = "company/close.html")]
pub struct Close<'a> {
    /// Frame of the page.
    pub frame: &'a Frame,
    /// Slug, which the owner types to confirm.
    pub slug: &'a str,
    /// Dates of the cancellation, if the account is cancelled.
    pub ends: Option<Ends>,
    /// Typed reason.
    pub reason: &'a str,
    /// Reason why the typed slug was refused.
    pub wrong: &'a str,
}

/// Dates of a cancelled company, in words.
#[derive(Debug)]
pub struct Ends {
    /// Time until which the company can be used.
    pub closes: String,
    /// Time until which the company's data is retained.
    pub purges: String,
    /// True if the company can still be used, so that the cancellation can be revoked.
    pub is_open: bool,
}

/// Page `/settings/subscription/`: the plan of a company, its use, and the plans on offer.
#[derive(Template)]
#[template(path = "company/subscription.html")]
pub struct Subscription<'a> {
    /// Frame of the page.
    pub frame: &'a Frame,
    /// Plan and state of the subscription, in words.
    pub plan: &'a str,
    /// Warning about the subscription; empty if there is none.
    pub warning: &'a str,
    /// Facts about the subscription: label and value.
    pub facts: &'a [(&'static str, String)],
    /// Use of the plan's limits.
    pub bars: &'a [Bar],
    /// Features that the plan grants.
    pub features: &'a [String],
    /// Plans on offer.
    pub offers: &'a [Offer],
}

/// A plan on offer.
#[derive(Debug)]
pub struct Offer {
    /// Display name of the plan.
    pub name: String,
    /// Price in words; empty if none is stated.
    pub price: String,
    /// Limits of the plan: label and value.
    pub limits: Vec<(&'static str, String)>,
    /// Features of the plan.
    pub features: Vec<String>,
    /// True for the company's own plan.
    pub current: bool,
}
