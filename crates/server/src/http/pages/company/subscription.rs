//! `/settings/subscription/`: plan, state, use and limits, and the plans on offer.

use super::usage;
use crate::http::{
    App,
    pages::{
        answer::page,
        frame,
        visit::{Inside, Managing},
        words::{self, Words},
    },
    problem::Result,
};
use axum::response::Response;
use http::StatusCode;
use tenantry::plans::{Limits, Plan};
use tenantry_console::company::{Offer, Subscription};

/// `GET /settings/subscription/`.
pub(in crate::http) async fn show(app: App, Managing(inside): Managing) -> Result<Response> {
    let bars = usage::bars(&app, &inside).await?;
    let (plan, warning) = usage::subscription(&app, &inside);
    let record = inside.tenant.record();
    let current = record.subscription.as_ref().map(|subscription| subscription.plan.as_str());
    let features: Vec<_> =
        inside.tenant.entitlements().features.iter().map(|name| words::human(name)).collect();
    let plans = app.platform().plans().list().await?;
    let offered = plans.iter().filter(|plan| !plan.archived || Some(plan.spec.code.as_str()) == current);
    let offers: Vec<_> = offered.map(|plan| offer(&inside.visit.words, plan, current)).collect();
    let facts = facts(&inside);
    let frame = frame::of_company(&inside, inside.visit.say("subscription"));
    let view = Subscription {
        frame: &frame,
        plan: &plan,
        warning: &warning,
        facts: &facts,
        bars: &bars,
        features: &features,
        offers: &offers,
    };
    Ok(page(StatusCode::OK, &view))
}

fn facts(inside: &Inside) -> Vec<(&'static str, String)> {
    let Some(subscription) = inside.tenant.record().subscription.as_ref() else { return vec![] };
    let words = &inside.visit.words;
    let until =
        subscription.ends_at_us.map_or_else(|| words.say("open-ended").to_owned(), |us| words.instant(us));
    let limits = inside.tenant.limits();
    let mut facts =
        vec![(words.say("since"), words.instant(subscription.started_at_us)), (words.say("until"), until)];
    let rate = limits.requests_per_second.map(|most| words.text("per-second").with("count", most).into());
    let at_once = limits.concurrency.map(|most| words.number(most));
    facts.extend(rate.map(|rate| (words.say("requests"), rate)));
    facts.extend(at_once.map(|most| (words.say("requests-at-once"), most)));
    facts
}

fn offer(words: &Words, plan: &Plan, current: Option<&str>) -> Offer {
    Offer {
        name: words.plan(&plan.spec.code, &plan.spec.name),
        price: plan.spec.price.clone(),
        limits: limits(words, plan.spec.limits),
        features: plan.spec.features.iter().map(|name| words::human(name)).collect(),
        current: Some(plan.spec.code.as_str()) == current,
    }
}

/// Returns the limits of a plan in words, for the comparison of plans.
fn limits(words: &Words, limits: Limits) -> Vec<(&'static str, String)> {
    let limit = |label, most: Option<u64>, text: fn(&Words, u64) -> String| {
        let text = most.map_or_else(|| words.say("no-limit").to_owned(), |most| text(words, most));
        (words.say(label), text)
    };
    vec![
        limit("members", limits.users, Words::number),
        limit("records", limits.rows, Words::number),
        limit("data", limits.bytes, Words::bytes),
        limit("files", limits.file_bytes, Words::bytes),
    ]
}
