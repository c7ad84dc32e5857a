//! `/{model}/delete/`: describes the deletion of several records, and deletes them once the visitor has typed their
//! number.

use super::{Asked, recounted};
use crate::http::{
    App,
    pages::{
        answer::{page, see},
        reasons,
        records::{Place, delete::referring, form::require},
        visit::{Sent, Site},
    },
    problem::{Code, Problem, Result},
};
use axum::{extract::Path, response::Response};
use http::StatusCode;
use tenantry::access::gates::Verb;
use tenantry_console::{Notice, records::DeleteAll};

/// `GET /{model}/delete/`: tries the deletion without making it.
pub(in crate::http) async fn ask(app: App, site: Site, Path(model): Path<String>) -> Result<Response> {
    let place = Place::of(&app, &site, &model).await?;
    require(&place, Verb::Delete)?;
    let Some(asked) = Asked::of_address(&site.visit().query) else { return Ok(none_ticked(&site, &place)) };
    show(&place, &asked, None, "", StatusCode::OK).await
}

/// Redirects to the list with a notice that no record is ticked.
pub(super) fn none_ticked(site: &Site, place: &Place<'_>) -> Response {
    let back = crate::http::pages::visit::query(&site.visit().query).get("_back").to_owned();
    let list = super::Params::read(&back).href(&place.list_path(&place.model));
    see(&format!("{list}{}_done=none", if list.contains('?') { '&' } else { '?' }))
}

/// `POST /{model}/delete/`.
pub(in crate::http) async fn delete(
    app: App,
    site: Site,
    Path(model): Path<String>,
    sent: Sent,
) -> Result<Response> {
    let place = Place::of(&app, &site, &model).await?;
    require(&place, Verb::Delete)?;
    let (fields, asked, expected) = Asked::of_form(&site, sent).await?;
    let digits: String = fields.get("_number").chars().filter(char::is_ascii_digit).collect();
    if digits.parse() != Ok(expected) {
        let wrong = site.visit().say("type-the-number");
        return show(&place, &asked, None, wrong, StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    let which = asked.matching(&place, expected)?;
    match place.whole_records().await?.delete_matching(&which).await.map_err(Problem::from) {
        Ok(count) => Ok(asked.done(&place, "deleted", count)),
        Err(problem) => {
            let status = problem.status();
            let (now, _) = asked.selection(&place).await?;
            // For other refusals, the page tries the deletion again and shows the reason.
            let notice = match problem.code() {
                Code::Reference => None,
                _ => Some(recounted(place.words(), problem, expected, &now)?),
            };
            show(&place, &asked, notice, "", status).await
        }
    }
}

async fn show(
    place: &Place<'_>,
    asked: &Asked,
    notice: Option<Notice>,
    wrong: &str,
    status: StatusCode,
) -> Result<Response> {
    let (selection, ids) = asked.selection(place).await?;
    let refused = match selection.too_many.is_none() && selection.count > 0 {
        true => tried(place, asked, selection.count).await?,
        false => None,
    };
    let (blocking, losing) = match ids.is_empty() {
        true => (vec![], vec![]),
        false => referring(place, &ids).await?,
    };
    let title = match selection.count {
        0 => place.words().say("nothing-to-delete").to_owned(),
        count => place.words().text("delete-counted-ask").with("count", count).into(),
    };
    let mut frame = place.frame(title);
    frame.notice = notice;
    let view = DeleteAll {
        frame: &frame,
        label: &place.model.label,
        list: &asked.list(place),
        path: &format!("{}delete/", place.list_path(&place.model)),
        selection: &selection,
        refused,
        blocking,
        losing,
        wrong,
    };
    Ok(page(status, &view))
}

/// Tries the deletion without making it. Returns the reason if the platform refuses it.
async fn tried(place: &Place<'_>, asked: &Asked, count: u64) -> Result<Option<String>> {
    let records = place.whole_records().await?.with_dry_run(true);
    let problem = match records.delete_matching(&asked.matching(place, count)?).await.map_err(Problem::from) {
        Ok(_) => return Ok(None),
        Err(problem) => problem,
    };
    match problem.code() {
        Code::Reference => Ok(Some(place.words().say("bulk-referred").to_owned())),
        Code::Invalid => Ok(Some(reasons::with_remedy(place.words(), &problem))),
        // The number of records has changed since it was counted. Sending the form reports that as well.
        Code::Conflict | Code::VersionConflict => Ok(None),
        _ => Err(problem),
    }
}
