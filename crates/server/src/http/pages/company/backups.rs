//! `/settings/backups/`: the company's backups, which its owner lists, makes, and opens for comparison.

use crate::http::{
    App,
    pages::{
        answer::{page, see},
        frame,
        visit::{Inside, Managing, Sent, query},
        words,
    },
    problem::{Code, Problem, Result},
};
use axum::response::Response;
use http::StatusCode;
use tenantry::{
    backups::{
        catalog::{Listed, State},
        manifest::Reason,
    },
    operations::{self, Filter},
};
use tenantry_console::{
    Notice,
    company::{Backup, Backups, Work},
};

/// Minutes for which the page shows that an operation has failed.
const FAILURE_MINUTES: i64 = 30;

/// `GET /settings/backups/`.
pub(in crate::http) async fn list(app: App, Managing(inside): Managing) -> Result<Response> {
    let notice = match query(&inside.visit.query).get("_done") {
        "closed" => Some(Notice::done("The comparison is closed.")),
        _ => None,
    };
    show(&app, &inside, notice, StatusCode::OK).await
}

async fn show(app: &App, inside: &Inside, notice: Option<Notice>, status: StatusCode) -> Result<Response> {
    let own = app.platform().tenant(&inside.tenant);
    let backups: Vec<_> = own.backups().await?.iter().map(backup).collect();
    let filter = Filter { tenant: Some(inside.tenant.id()), limit: 10, ..Filter::default() };
    let recent_us = app.platform().now_us() - FAILURE_MINUTES * 60_000_000;
    let operations = app.platform().operations().list(&filter).await?;
    let work: Vec<_> = operations
        .iter()
        // A failure matters until another attempt.
        .enumerate()
        .filter(|(index, one)| {
            !one.state.is_over() || (*index == 0 && one.reason.is_some() && one.updated_at_us > recent_us)
        })
        .map(|(_, one)| work(one))
        .collect();
    let compared = staged_at(app, inside).await?.map(|(text, _)| text);
    let mut frame = frame::of_company(inside, "Backups");
    frame.notice = notice;
    let view = Backups { frame: &frame, backups: &backups, work: &work, compared: compared.as_deref() };
    Ok(page(status, &view))
}

/// Returns the time of the backup that is open for comparison, as people read it and for programs.
pub(super) async fn staged_at(app: &App, inside: &Inside) -> Result<Option<(String, String)>> {
    let own = app.platform().tenant(&inside.tenant);
    let Some(staged) = own.staged_restore().await?.map(|staged| staged.backup) else { return Ok(None) };
    let backups = own.backups().await?;
    let at_us = backups.iter().find(|backup| backup.id == staged).map(|backup| backup.at_us);
    Ok(Some(at_us.map_or_else(|| ("an earlier day".to_owned(), String::new()), words::moment)))
}

fn backup(listed: &Listed) -> Backup {
    let (state, look) = match listed.state {
        State::Running => ("At work", ""),
        State::Good => ("Good", "good"),
        State::Failed => ("Failed", "bad"),
        State::Damaged => ("Damaged", "bad"),
    };
    Backup {
        id: listed.id.to_string(),
        at: words::moment(listed.at_us),
        state: state.to_owned(),
        look,
        reason: match listed.reason {
            Reason::Manual => "Made by hand",
            Reason::Scheduled => "By schedule",
            Reason::Final => "Before the end",
        },
        rows: words::number(listed.rows),
        size: words::bytes(listed.bytes),
        verified: listed.verified_at_us.map(words::instant).unwrap_or_default(),
        is_good: listed.state == State::Good,
    }
}

fn work(listed: &operations::Listed) -> Work {
    let amount = listed.progress.as_ref();
    let progress = amount.map(|amount| match (amount.unit.as_ref(), amount.total) {
        ("bytes", 0) => words::bytes(amount.done),
        ("bytes", total) => format!("{} of {}", words::bytes(amount.done), words::bytes(total)),
        (unit, 0) => format!("{} {unit}", words::number(amount.done)),
        (unit, total) => format!("{} of {} {unit}", words::number(amount.done), words::number(total)),
    });
    Work {
        what: listed.what.clone(),
        progress: progress.unwrap_or_default(),
        percent: amount
            .filter(|amount| amount.total > 0)
            .map(|amount| (amount.done.saturating_mul(100) / amount.total).min(100)),
        failed: if listed.state.is_over() {
            listed.reason.clone().unwrap_or_default()
        } else {
            String::new()
        },
    }
}

/// `POST /settings/backups/`.
pub(in crate::http) async fn start(app: App, Managing(inside): Managing, sent: Sent) -> Result<Response> {
    inside.visit.fields(sent).await?;
    match app.platform().tenant(&inside.tenant).start_backup().await.map_err(Problem::from) {
        Ok(_) => Ok(see("/settings/backups/")),
        Err(problem) if problem.code() == Code::RateLimited => {
            let minutes = problem.retry_after_s().unwrap_or(60).div_ceil(60);
            let text = format!(
                "The last backup is only a few minutes old. You can make the next one in {minutes} min."
            );
            show(&app, &inside, Some(Notice::wrong(text)), problem.status()).await
        }
        Err(problem) => refused(&app, &inside, problem).await,
    }
}

/// Shows the page with what the platform has refused.
pub(super) async fn refused(app: &App, inside: &Inside, problem: Problem) -> Result<Response> {
    match problem.code() {
        Code::Conflict | Code::Invalid => {
            show(app, inside, Some(Notice::wrong(problem.detail())), problem.status()).await
        }
        _ => Err(problem),
    }
}
