//! `/dashboard/`: how many records there are, what happened last, and how much of the plan is used.

use super::{activity, manages};
use crate::http::{
    App,
    pages::{answer::page, frame, visit::Inside, words},
    problem::Result,
};
use axum::response::Response;
use http::StatusCode;
use tenantry::{
    access::gates::{self, Verb},
    config::Scope,
    plans::State,
    query::Select,
    records::ListQuery,
};
use tenantry_console::company::{Bar, Count, Dashboard};

/// Number of lines of recent activity.
const LINES: u32 = 8;
/// Days before the end of a trial or a period from which the page warns.
const SOON: i64 = 7;

/// `GET /dashboard/`.
pub(in crate::http) async fn show(app: App, inside: Inside) -> Result<Response> {
    let counts = counts(&app, &inside).await?;
    let bars = bars(&app, &inside).await?;
    let lines = match manages(&inside) {
        true => Some(activity::lines(&app, &inside, None, LINES).await?.0),
        false => None,
    };
    let (plan, warning) = subscription(&app, &inside);
    let frame = frame::of_company(&inside, "Dashboard");
    let view = Dashboard {
        frame: &frame,
        counts: &counts,
        bars: &bars,
        plan: &plan,
        warning: &warning,
        activity: lines.as_deref(),
    };
    Ok(page(StatusCode::OK, &view))
}

/// Returns the number of records of each of the tenant's own models.
async fn counts(app: &App, inside: &Inside) -> Result<Vec<Count>> {
    let platform = app.platform();
    let mut counts = Vec::new();
    for model in platform.models() {
        let is_own =
            platform.config().store(model.store.as_str()).is_some_and(|store| store.scope == Scope::Tenant);
        let may = |verb| gates::allows(inside.tenant.actor(), &model.permissions, verb);
        if !is_own || !may(Verb::Read) {
            continue;
        }
        let select = Select { limit: 1, ..Select::default() };
        let list = ListQuery { select, count: true, expand: vec![] };
        let found = platform.records(&inside.tenant, model.name.as_str())?.list(&list).await?;
        counts.push(Count {
            label: model.label.clone(),
            href: format!("/{}/", model.name),
            number: words::number(found.count.unwrap_or(0)),
            add: may(Verb::Create).then(|| format!("/{}/add/", model.name)),
        });
    }
    Ok(counts)
}

/// Returns what is used of the plan.
async fn bars(app: &App, inside: &Inside) -> Result<Vec<Bar>> {
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
fn subscription(app: &App, inside: &Inside) -> (String, String) {
    let Some(subscription) = inside.tenant.record().subscription.as_ref() else { return Default::default() };
    let now_us = app.platform().now_us();
    let state = subscription.state_at(now_us);
    let days = subscription.days_remaining(now_us);
    let left = match days {
        Some(1) => ", 1 day left".to_owned(),
        Some(days) => format!(", {days} days left"),
        None => String::new(),
    };
    let plan = format!("Plan {}, {}{left}", subscription.plan, words::human(state.as_str()).to_lowercase());
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
