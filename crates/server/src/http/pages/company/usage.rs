//! What a company uses of its plan, and the state of its subscription, in words. Used by the dashboard and by the page of the
//! subscription.

use crate::http::{
    App,
    pages::{visit::Inside, words},
    problem::Result,
};
use tenantry::{config::Scope, plans::State};
use tenantry_console::company::Bar;

/// Days before the end of a trial or a period from which pages warn.
const SOON: i64 = 7;

/// Returns what is used of the plan.
pub(super) async fn bars(app: &App, inside: &Inside) -> Result<Vec<Bar>> {
    let (platform, limits) = (app.platform(), inside.tenant.limits());
    let (mut rows, mut bytes) = (0, 0);
    for store in platform.config().stores_of(Scope::Tenant) {
        let held = platform.tenant(&inside.tenant).usage(&store.name).await?;
        (rows, bytes) = (rows + held.rows, bytes + held.bytes);
    }
    let users = platform.members(&inside.tenant).list().await?.len() as u64;
    let files = platform.tenant(&inside.tenant).file_bytes().await?;
    let bar = |label, used: u64, most: Option<u64>, text: fn(u64) -> String| Bar {
        label,
        used: text(used),
        most: most.map(text).unwrap_or_default(),
        percent: most.map_or(0, |most| (used.saturating_mul(100) / most.max(1)).min(100)),
    };
    Ok(vec![
        bar("Members", users, limits.users, words::number),
        bar("Records", rows, limits.rows, words::number),
        bar("Data", bytes, limits.bytes, words::bytes),
        bar("Files", files, limits.file_bytes, words::bytes),
    ])
}

/// Returns plan and state of the subscription in words, and a warning if it ends soon.
pub(super) fn subscription(app: &App, inside: &Inside) -> (String, String) {
    let Some(subscription) = inside.tenant.record().subscription.as_ref() else { return Default::default() };
    let now_us = app.platform().now_us();
    let state = subscription.state_at(now_us);
    let days = subscription.days_remaining(now_us);
    let left = match days {
        Some(1) => ", 1 day left".to_owned(),
        Some(days) => format!(", {days} days left"),
        None => String::new(),
    };
    let plan = format!(
        "Plan {}, {}{left}",
        words::human(&subscription.plan),
        words::human(state.as_str()).to_lowercase()
    );
    let warning = match (state, days) {
        (State::Trial, Some(days)) if days <= SOON => {
            "The trial ends soon. Ask the operator of this platform for a plan; afterwards records can no longer be used."
        }
        (_, Some(days)) if days <= SOON => {
            "The subscription ends soon. Ask the operator of this platform to extend it."
        }
        _ => "",
    };
    (plan, warning.to_owned())
}
