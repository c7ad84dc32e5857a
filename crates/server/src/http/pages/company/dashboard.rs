//! `/dashboard/`: the number of records, the latest changes, and the use of the plan.

use super::{activity, manages, usage};
use crate::http::{
    App,
    pages::{answer::page, frame, visit::Inside},
    problem::Result,
};
use axum::response::Response;
use http::StatusCode;
use tenantry::{
    access::gates::{self, Verb},
    config::Scope,
    query::Select,
    records::ListQuery,
};
use tenantry_console::company::{Count, Dashboard};

/// Number of lines of recent activity.
const LINES: u32 = 8;

/// `GET /dashboard/`.
pub(in crate::http) async fn show(app: App, inside: Inside) -> Result<Response> {
    let counts = counts(&app, &inside).await?;
    let bars = usage::bars(&app, &inside).await?;
    let lines = match manages(&inside) {
        true => activity::latest(&app, &inside, LINES).await?,
        false => None,
    };
    let (plan, warning) = usage::subscription(&app, &inside);
    let frame = frame::of_company(&inside, inside.visit.say("dashboard"));
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
    for model in inside.visit.words.labels.models() {
        let is_own =
            platform.config().store(model.store.as_str()).is_some_and(|store| store.scope == Scope::Tenant);
        let may = |verb| gates::allows(inside.tenant.actor(), &model.permissions, verb);
        if !is_own || !may(Verb::Read) {
            continue;
        }
        let select = Select { limit: 1, ..Select::default() };
        let list = ListQuery { select, count: true, expand: vec![] };
        let number = match platform.records(&inside.tenant, model.name.as_str())?.list(&list).await {
            Ok(found) => inside.visit.words.number(found.count.unwrap_or(0)),
            // The page of the model says why.
            Err(error) if error.is_store_away() => "–".to_owned(),
            Err(error) => return Err(error.into()),
        };
        counts.push(Count {
            label: model.label.clone(),
            href: format!("/{}/", model.name),
            number,
            add: may(Verb::Create).then(|| format!("/{}/add/", model.name)),
        });
    }
    Ok(counts)
}
