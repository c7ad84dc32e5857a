//! `/settings/subscription/`: plan, state, use and limits, and the plans on offer.

use super::usage;
use crate::http::{
    App,
    pages::{
        answer::page,
        frame,
        visit::{Inside, Managing},
        words,
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
    let features: Vec<_> = record.entitlements.features.iter().map(|name| words::human(name)).collect();
    let plans = app.platform().plans().list().await?;
    let offered = plans.iter().filter(|plan| !plan.archived || Some(plan.spec.code.as_str()) == current);
    let offers: Vec<_> = offered.map(|plan| offer(plan, current)).collect();
    let facts = facts(&inside);
    let frame = frame::of_company(&inside, "Subscription");
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
    let until = subscription.ends_at_us.map_or_else(|| "Open-ended".to_owned(), words::instant);
    let limits = inside.tenant.limits();
    let mut facts = vec![("Since", words::instant(subscription.started_at_us)), ("Until", until)];
    let rate = limits.requests_per_second.map(|most| format!("{} a second", words::number(most)));
    let at_once = limits.concurrency.map(words::number);
    facts.extend(rate.map(|rate| ("Requests", rate)));
    facts.extend(at_once.map(|most| ("Requests at the same time", most)));
    facts
}

fn offer(plan: &Plan, current: Option<&str>) -> Offer {
    Offer {
        name: plan.spec.name.clone(),
        price: plan.spec.price.clone(),
        limits: limits(plan.spec.limits),
        features: plan.spec.features.iter().map(|name| words::human(name)).collect(),
        current: Some(plan.spec.code.as_str()) == current,
    }
}

/// Returns the limits that people compare plans by.
fn limits(limits: Limits) -> Vec<(&'static str, String)> {
    let words = |most: Option<u64>, text: fn(u64) -> String| most.map_or_else(|| "No limit".to_owned(), text);
    vec![
        ("Members", words(limits.users, words::number)),
        ("Records", words(limits.rows, words::number)),
        ("Data", words(limits.bytes, words::bytes)),
        ("Files", words(limits.file_bytes, words::bytes)),
    ]
}
