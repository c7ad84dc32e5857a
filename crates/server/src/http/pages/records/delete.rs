//! `/{model}/{id}/delete/`: shows what refers to the record before it is deleted.

use super::{Place, Row, cells, detail::refers_to, id_of, version_of};
use crate::http::{
    App,
    pages::{
        answer::{page, see},
        visit::{Sent, Site},
    },
    problem::{Code, Problem, Result},
};
use axum::{extract::Path, response::Response};
use http::StatusCode;
use tenantry::{
    access::gates::Verb,
    model::{FieldKind, OnDelete},
    query::Select,
    records::ListQuery,
};
use tenantry_console::{
    Notice,
    records::{Delete, Referrer},
};

async fn found<'a>(app: &'a App, site: &'a Site, model: &str, id: &str) -> Result<(Place<'a>, Row)> {
    let place = Place::of(app, site, model).await?;
    let row = place.row(id).await?;
    match place.may_on_record(id, Verb::Delete) {
        true => Ok((place, row)),
        false => Err(tenantry::Error::Denied(format!("delete {}", place.model.name)).into()),
    }
}

/// `GET /{model}/{id}/delete/`.
pub(in crate::http) async fn ask(
    app: App,
    site: Site,
    Path((model, id)): Path<(String, String)>,
) -> Result<Response> {
    let (place, row) = found(&app, &site, &model, &id).await?;
    show(&place, &row, None, StatusCode::OK).await
}

/// `POST /{model}/{id}/delete/`: deletes the record if it still has the version that the page showed.
pub(in crate::http) async fn delete(
    app: App,
    site: Site,
    Path((model, id)): Path<(String, String)>,
    sent: Sent,
) -> Result<Response> {
    let (place, row) = found(&app, &site, &model, &id).await?;
    let fields = site.visit().fields(sent).await?;
    let version = fields.filled("_version").and_then(|text| text.parse().ok());
    match place.records()?.delete(&id, version).await.map_err(Problem::from) {
        Ok(()) => Ok(see(&format!("{}?_done=deleted", place.list_path(&place.model)))),
        Err(problem) => {
            let text = match problem.code() {
                Code::VersionConflict => "delete-changed",
                Code::Reference => "delete-referred",
                _ => return Err(problem),
            };
            let row = place.row(&id).await.unwrap_or(row);
            show(&place, &row, Some(Notice::wrong(site.visit().say(text))), problem.status()).await
        }
    }
}

/// Returns the records that refer to these records: first those that prevent the deletion, then those that lose the
/// reference.
pub(super) async fn referring(place: &Place<'_>, ids: &[String]) -> Result<(Vec<Referrer>, Vec<Referrer>)> {
    let (mut blocking, mut losing) = (vec![], vec![]);
    for (model, field) in place.referrers() {
        let select = Select { filter: refers_to(&field, ids)?, limit: 1, ..Select::default() };
        let list = ListQuery { select, count: true, expand: vec![] };
        let count = place.records_of(&model)?.list(&list).await?.count.unwrap_or(0);
        if count == 0 {
            continue;
        }
        let condition = if ids.len() == 1 { "" } else { "__in" };
        let referrer = Referrer {
            text: place.words().text("count-in").with("count", count).with("label", &model.label).into(),
            field: field.label.clone(),
            href: format!("{}?{}{condition}={}", place.list_path(&model), field.name, ids.join(",")),
        };
        match field.kind {
            FieldKind::Ref { on_delete: OnDelete::SetNull, .. } => losing.push(referrer),
            _ => blocking.push(referrer),
        }
    }
    Ok((blocking, losing))
}

async fn show(place: &Place<'_>, row: &Row, notice: Option<Notice>, status: StatusCode) -> Result<Response> {
    let (blocking, losing) = referring(place, &[id_of(row)]).await?;
    let name = cells::name(place.words(), &place.model, row);
    let mut frame = place.frame(place.words().text("delete-name").with("name", &name));
    frame.notice = notice;
    let view = Delete {
        frame: &frame,
        label: &place.model.label,
        list: &place.list_path(&place.model),
        path: &place.path(&place.model, &id_of(row)),
        name: &name,
        version: version_of(row),
        impact: &place.impact_path(&id_of(row)),
        blocking,
        losing,
    };
    Ok(page(status, &view))
}
