//! `/settings/company/`: the name, the export, the way to the end. `/settings/close/`: the cancellation by the owner, which works for
//! a suspended company as well.

use crate::http::{
    App,
    pages::{
        answer::{page, see},
        frame,
        visit::{Inside, Managing, Owning, Sent, query},
        words,
    },
    problem::{Code, Problem, Result},
};
use axum::response::Response;
use http::StatusCode;
use tenantry_console::{
    Notice,
    company::{Close, Ends, Settings},
};

/// `GET /settings/company/`.
pub(in crate::http) async fn show(Managing(inside): Managing) -> Result<Response> {
    let name = inside.tenant.name().to_owned();
    Ok(settings(&inside, &name, "", StatusCode::OK))
}

fn settings(inside: &Inside, name: &str, wrong: &str, status: StatusCode) -> Response {
    let mut frame = frame::of_company(inside, "Company");
    frame.notice =
        (query(&inside.visit.query).get("_done") == "name").then(|| Notice::done("The name is saved."));
    page(status, &Settings { frame: &frame, name, slug: inside.tenant.slug().as_str(), wrong })
}

/// `POST /settings/company/`: changes the name.
pub(in crate::http) async fn rename(app: App, Managing(inside): Managing, sent: Sent) -> Result<Response> {
    let fields = inside.visit.fields(sent).await?;
    let name = fields.get("name");
    match app.platform().tenant(&inside.tenant).set_name(name).await.map_err(Problem::from) {
        Ok(()) => Ok(see("/settings/company/?_done=name")),
        Err(problem) if problem.code() == Code::Invalid => {
            Ok(settings(&inside, name, &problem.reason_of("name"), problem.status()))
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
        closes: words::instant(ends.closes_at_us),
        purges: words::instant(ends.purges_at_us),
        is_open: app.platform().now_us() < ends.closes_at_us,
    });
    let mut frame = frame::of_owner(of, "Close the account");
    frame.notice = match query(&of.visit.query).get("_done") {
        "cancelled" => Some(Notice::done("The account is cancelled.")),
        "revoked" => Some(Notice::done("The cancellation is revoked. Nothing changes.")),
        _ => None,
    };
    page(status, &Close { frame: &frame, slug: of.record.slug.as_str(), ends, reason, wrong })
}

/// `POST /settings/close/`: cancels the account, or revokes that.
pub(in crate::http) async fn cancel(app: App, of: Owning, sent: Sent) -> Result<Response> {
    let fields = of.visit.fields(sent).await?;
    let accounts = app.platform().accounts();
    if fields.get("act") == "revoke" {
        accounts.revoke_cancellation(&of.actor, of.record.id).await?;
        return Ok(see("/settings/close/?_done=revoked"));
    }
    let slug = of.record.slug.as_str();
    if fields.get("confirm").trim() != slug {
        let wrong = format!("Type {slug} to confirm.");
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(close(&app, &of, fields.get("reason"), &wrong, status));
    }
    accounts.cancel_tenant(&of.actor, of.record.id, fields.filled("reason")).await?;
    Ok(see("/settings/close/?_done=cancelled"))
}
