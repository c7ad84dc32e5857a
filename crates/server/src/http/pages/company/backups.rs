//! `/settings/backups/`: the company's backups. Its owner lists them, makes one, and opens one for comparison.

use crate::http::{
    App,
    pages::{
        answer::{page, see},
        frame, reasons,
        visit::{Inside, Managing, Sent, query},
        words::Words,
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

/// Number of minutes for which the page reports a failed operation.
const FAILURE_MINUTES: i64 = 30;

/// `GET /settings/backups/`.
pub(in crate::http) async fn list(app: App, Managing(inside): Managing) -> Result<Response> {
    let is_closed = query(&inside.visit.query).get("_done") == "closed";
    let notice = is_closed.then(|| Notice::done(inside.visit.say("done-comparison-closed")));
    show(&app, &inside, notice, StatusCode::OK).await
}

async fn show(app: &App, inside: &Inside, notice: Option<Notice>, status: StatusCode) -> Result<Response> {
    let (own, words) = (app.platform().tenant(&inside.tenant), &inside.visit.words);
    let backups: Vec<_> = own.backups().await?.iter().map(|listed| backup(words, listed)).collect();
    let filter = Filter { tenant: Some(inside.tenant.id()), limit: 10, ..Filter::default() };
    let recent_us = app.platform().now_us() - FAILURE_MINUTES * 60_000_000;
    let operations = app.platform().operations().list(&filter).await?;
    let work: Vec<_> = operations
        .iter()
        // A failure is reported until another attempt begins.
        .enumerate()
        .filter(|(index, one)| {
            !one.state.is_over() || (*index == 0 && one.reason.is_some() && one.updated_at_us > recent_us)
        })
        .map(|(_, one)| work(words, one))
        .collect();
    let compared = staged_at(app, inside).await?.map(|(text, _)| text);
    let mut frame = frame::of_company(inside, words.say("backups"));
    frame.notice = notice;
    let view = Backups { frame: &frame, backups: &backups, work: &work, compared: compared.as_deref() };
    Ok(page(status, &view))
}

/// Returns the time of the backup that is open for comparison, in words and as programs read it.
pub(super) async fn staged_at(app: &App, inside: &Inside) -> Result<Option<(String, String)>> {
    let (own, words) = (app.platform().tenant(&inside.tenant), &inside.visit.words);
    let Some(staged) = own.staged_restore().await?.map(|staged| staged.backup) else { return Ok(None) };
    let backups = own.backups().await?;
    let at_us = backups.iter().find(|backup| backup.id == staged).map(|backup| backup.at_us);
    Ok(Some(
        at_us.map_or_else(|| (words.say("an-earlier-day").to_owned(), String::new()), |us| words.moment(us)),
    ))
}

fn backup(words: &Words, listed: &Listed) -> Backup {
    let (state, look) = match listed.state {
        State::Running => ("at-work", ""),
        State::Good => ("backup-good", "good"),
        State::Failed => ("backup-failed", "bad"),
        State::Damaged => ("backup-damaged", "bad"),
    };
    Backup {
        id: listed.id.to_string(),
        at: words.moment(listed.at_us),
        state: words.say(state).to_owned(),
        look,
        reason: words.say(match listed.reason {
            Reason::Manual => "backup-by-hand",
            Reason::Scheduled => "backup-by-schedule",
            Reason::Final => "backup-final",
        }),
        rows: words.text("records-count").with("count", listed.rows).into(),
        size: words.bytes(listed.bytes),
        verified: listed.verified_at_us.map(|us| words.instant(us)).unwrap_or_default(),
        is_good: listed.state == State::Good,
    }
}

fn work(words: &Words, listed: &operations::Listed) -> Work {
    let amount = listed.progress.as_ref();
    Work {
        what: words.language.translated(&listed.what).into_owned(),
        progress: amount
            .map(|amount| words.amount(&amount.unit, amount.done, amount.total))
            .unwrap_or_default(),
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
            let text = inside.visit.text("backup-too-soon").with("minutes", minutes);
            show(&app, &inside, Some(Notice::wrong(text)), problem.status()).await
        }
        Err(problem) => refused(&app, &inside, problem).await,
    }
}

/// Shows the page with the platform's refusal.
pub(super) async fn refused(app: &App, inside: &Inside, problem: Problem) -> Result<Response> {
    match problem.code() {
        Code::Conflict | Code::Invalid => {
            show(
                app,
                inside,
                Some(Notice::wrong(reasons::detail(&inside.visit.words, &problem))),
                problem.status(),
            )
            .await
        }
        _ => Err(problem),
    }
}
