//! `/settings/company/`: name, language and time zone, export, and the link to the cancellation. `/settings/close/`:
//! the cancellation by the owner, which also works for a suspended company.

use crate::http::{
    App,
    pages::{
        answer::{page, see},
        frame, locale, reasons,
        visit::{Inside, Managing, Owning, Sent, query},
    },
    problem::{Code, Problem, Result},
};
use axum::response::Response;
use http::StatusCode;
use tenantry::locale::ProfileChange;
use tenantry_console::{
    LocaleForm, Notice,
    company::{Close, Ends, Settings},
};

/// `GET /settings/company/`.
pub(in crate::http) async fn show(Managing(inside): Managing) -> Result<Response> {
    let name = inside.tenant.name().to_owned();
    Ok(settings(&inside, &name, "", None, StatusCode::OK))
}

fn settings(
    inside: &Inside,
    name: &str,
    wrong: &str,
    locale: Option<LocaleForm>,
    status: StatusCode,
) -> Response {
    let mut frame = frame::of_company(inside, inside.visit.say("company"));
    let done = match query(&inside.visit.query).get("_done") {
        "name" => Some("done-company-name"),
        "locale" => Some("done-locale"),
        _ => None,
    };
    frame.notice = done.map(|id| Notice::done(inside.visit.say(id)));
    let locale = locale.unwrap_or_else(|| locale::form(&inside.tenant.record().locale));
    page(
        status,
        &Settings { frame: &frame, name, slug: inside.tenant.slug().as_str(), locale: &locale, wrong },
    )
}

/// `POST /settings/company/`: changes the name.
pub(in crate::http) async fn rename(app: App, Managing(inside): Managing, sent: Sent) -> Result<Response> {
    let fields = inside.visit.fields(sent).await?;
    let name = fields.get("name");
    let change = ProfileChange { name: Some(name), ..ProfileChange::default() };
    match app.platform().tenant(&inside.tenant).change_profile(&change).await.map_err(Problem::from) {
        Ok(()) => Ok(see("/settings/company/?_done=name")),
        Err(problem) if problem.code() == Code::Invalid => {
            let wrong = reasons::of(&inside.visit.words, &problem, "name");
            Ok(settings(&inside, name, &wrong, None, problem.status()))
        }
        Err(problem) => Err(problem),
    }
}

/// `POST /settings/company/locale/`: sets the company's language and time zone.
pub(in crate::http) async fn set_locale(
    app: App,
    Managing(inside): Managing,
    sent: Sent,
) -> Result<Response> {
    let fields = inside.visit.fields(sent).await?;
    let change = locale::change(&fields);
    match app.platform().tenant(&inside.tenant).change_profile(&change).await.map_err(Problem::from) {
        Ok(()) => Ok(see("/settings/company/?_done=locale")),
        Err(problem) if problem.code() == Code::Invalid => {
            let name = inside.tenant.name().to_owned();
            let locale = locale::refused(&inside.visit.words, &fields, &problem);
            Ok(settings(&inside, &name, "", Some(locale), problem.status()))
        }
        Err(problem) => Err(problem),
    }
}

/// `GET /settings/close/`.
pub(in crate::http) async fn ask(app: App, of: Owning) -> Result<Response> {
    Ok(close(&app, &of, "", "", StatusCode::OK))
}

fn close(app: &App, of: &Owning, reason: &str, wrong: &str, status: StatusCode) -> Response {
    let ends = of.record.retirement.map(|ends| Ends {
        closes: of.visit.words.instant(ends.closes_at_us),
        purges: of.visit.words.instant(ends.purges_at_us),
        is_open: app.platform().now_us() < ends.closes_at_us,
    });
    let mut frame = frame::of_owner(of, of.visit.say("close-the-account"));
    let done = match query(&of.visit.query).get("_done") {
        "cancelled" => Some("done-cancelled"),
        "revoked" => Some("done-cancellation-revoked"),
        _ => None,
    };
    frame.notice = done.map(|id| Notice::done(of.visit.say(id)));
    page(status, &Close { frame: &frame, slug: of.record.slug.as_str(), ends, reason, wrong })
}

/// `POST /settings/close/`: cancels the account, or revokes the cancellation.
pub(in crate::http) async fn cancel(app: App, of: Owning, sent: Sent) -> Result<Response> {
    let fields = of.visit.fields(sent).await?;
    let accounts = app.platform().accounts();
    if fields.get("act") == "revoke" {
        accounts.revoke_cancellation(&of.actor, of.record.id).await?;
        return Ok(see("/settings/close/?_done=revoked"));
    }
    let slug = of.record.slug.as_str();
    if fields.get("confirm").trim() != slug {
        let wrong = String::from(of.visit.text("type-slug").with("slug", slug));
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(close(&app, &of, fields.get("reason"), &wrong, status));
    }
    accounts.cancel_tenant(&of.actor, of.record.id, fields.filled("reason")).await?;
    Ok(see("/settings/close/?_done=cancelled"))
}
