//! The use of a company's plan and the state of its subscription, in words. Used by the dashboard and by the page of
//! the subscription.

use crate::http::{
    App,
    pages::{
        visit::Inside,
        words::{self, Words},
    },
    problem::Result,
};
use tenantry::{config::Scope, plans::State};
use tenantry_console::company::Bar;

/// Number of days before the end of a trial or a period at which pages begin to warn.
const SOON: i64 = 7;

/// Returns a bar for each limit of the plan, with the part that is used.
pub(super) async fn bars(app: &App, inside: &Inside) -> Result<Vec<Bar>> {
    let (platform, limits, words) = (app.platform(), inside.tenant.limits(), &inside.visit.words);
    // Unknown if a store does not answer.
    let mut held = Some((0, 0));
    for store in platform.config().stores_of(Scope::Tenant) {
        match platform.tenant(&inside.tenant).usage(&store.name).await {
            Ok(more) => held = held.map(|(rows, bytes)| (rows + more.rows, bytes + more.bytes)),
            Err(error) if error.is_store_away() => held = None,
            Err(error) => return Err(error.into()),
        }
    }
    let (rows, bytes) = held.unzip();
    let users = platform.members(&inside.tenant).list().await?.len() as u64;
    let files = platform.tenant(&inside.tenant).file_bytes().await?;
    let bar = |label, used: Option<u64>, most: Option<u64>, text: fn(&Words, u64) -> String| Bar {
        label: words.say(label),
        used: used.map_or_else(|| "–".to_owned(), |used| text(words, used)),
        most: most.map(|most| text(words, most)).unwrap_or_default(),
        percent: most.map_or(0, |most| (used.unwrap_or(0).saturating_mul(100) / most.max(1)).min(100)),
    };
    Ok(vec![
        bar("members", Some(users), limits.users, Words::number),
        bar("records", rows, limits.rows, Words::number),
        bar("data", bytes, limits.bytes, Words::bytes),
        bar("files", Some(files), limits.file_bytes, Words::bytes),
    ])
}

/// Returns the plan and state of the subscription in words, and a warning, which is empty unless the subscription ends
/// soon.
pub(super) fn subscription(app: &App, inside: &Inside) -> (String, String) {
    let Some(subscription) = inside.tenant.record().subscription.as_ref() else { return Default::default() };
    let now_us = app.platform().now_us();
    let state = subscription.state_at(now_us);
    let days = subscription.days_remaining(now_us);
    let words = &inside.visit.words;
    let (plan, state_name) =
        (words.plan(&subscription.plan, &words::human(&subscription.plan)), words.subscription(state));
    let plan = match days {
        Some(days) => {
            words.text("plan-state-left").with("plan", plan).with("state", state_name).with("days", days)
        }
        None => words.text("plan-state").with("plan", plan).with("state", state_name),
    };
    let warning = match (state, days) {
        (State::Trial, Some(days)) if days <= SOON => words.say("trial-ends-soon"),
        (_, Some(days)) if days <= SOON => words.say("subscription-ends-soon"),
        _ => "",
    };
    (plan.into(), warning.to_owned())
}
