//! `/{model}/views/`: the saved views of a list, and the row of views above the list. Staff pages have no saved views.

use super::{Place, conditions, links::Params};
use crate::http::{
    App,
    pages::{
        answer::{page, see},
        reasons,
        visit::{Fields, Inside, Sent, query as visited},
    },
    problem::{Code, Problem, Result},
    query,
};
use axum::{extract::Path, response::Response};
use http::StatusCode;
use tenantry::records::{NewView, View, ViewChange};
use tenantry_console::{
    Notice,
    records::{Bar, Choice, Save, SavedView, ViewLink, Views},
};

/// Parameters of a list's address that a view does not save.
const OF_A_PAGE: [&str; 3] = ["after", "count", "limit"];

/// Returns the saved views of the model; `None` on staff pages.
pub(super) async fn of(place: &Place<'_>) -> Result<Option<Vec<View>>> {
    if place.is_of_staff() {
        return Ok(None);
    }
    Ok(Some(place.records()?.views()?.list().await?))
}

/// Returns the row of views above a list. `params` are those of the list.
pub(super) fn bar(place: &Place<'_>, views: &[View], params: &Params) -> Bar {
    let path = place.list_path(&place.model);
    let now = params.without(|name, _| OF_A_PAGE.contains(&name));
    let link = |view: &View| {
        let params = Params::read(&view.query);
        ViewLink { name: view.name.clone(), href: href(&params, &path), is_current: is_same(&params, &now) }
    };
    let links: Vec<_> = views.iter().map(link).collect();
    let is_saved = now.0.is_empty() || links.iter().any(|link| link.is_current);
    let save = Save { query: now.query(), own: own(views), ..Save::default() };
    Bar {
        all: all(views, &path),
        is_all: now.0.is_empty() && !links.iter().any(|link| link.is_current),
        save: (!is_saved).then_some(save),
        manage: format!("{path}views/"),
        views: links,
    }
}

/// Returns the address of the list with these parameters. Without any, it is the address of all records, because the
/// plain address would open the default view.
fn href(params: &Params, path: &str) -> String {
    match params.0.is_empty() {
        true => format!("{path}?_all=1"),
        false => params.href(path),
    }
}

/// Returns the address of the list of all records. If there is a default view, the plain address would open that.
pub(super) fn all(views: &[View], path: &str) -> String {
    match views.iter().any(|view| view.is_default) {
        true => format!("{path}?_all=1"),
        false => path.to_owned(),
    }
}

/// Returns the address of the view with which a list opens.
pub(super) fn default(views: &[View], path: &str) -> Option<String> {
    let view = views.iter().find(|view| view.is_default)?;
    Some(href(&Params::read(&view.query), path))
}

fn is_same(one: &Params, other: &Params) -> bool {
    let sorted = |params: &Params| {
        let mut all = params.0.clone();
        all.sort();
        all
    };
    sorted(one) == sorted(other)
}

fn own(views: &[View]) -> Vec<Choice> {
    let own = views.iter().filter(|view| view.may_change);
    own.map(|view| Choice { value: view.id.to_string(), label: view.name.clone(), chosen: false }).collect()
}

/// `GET /{model}/views/`.
pub(in crate::http) async fn show(app: App, inside: Inside, Path(model): Path<String>) -> Result<Response> {
    let place = Place::of(&app, &inside, &model).await?;
    let words = place.words();
    let notice = match visited(&inside.visit.query).get("_done") {
        "saved" => Some(Notice::done(words.say("view-saved"))),
        "deleted" => Some(Notice::done(words.say("view-deleted"))),
        _ => None,
    };
    shown(&place, None, notice, StatusCode::OK).await
}

async fn shown(
    place: &Place<'_>,
    save: Option<Save>,
    notice: Option<Notice>,
    status: StatusCode,
) -> Result<Response> {
    let words = place.words();
    let views = of(place).await?.unwrap_or_default();
    let mut frame = place.frame(words.text("views-of").with("label", &place.model.label).to_string());
    frame.notice = notice;
    let list = place.list_path(&place.model);
    let texts = described(place, &views).await?;
    let view = |(view, (text, broken)): (&View, (String, String))| SavedView {
        id: view.id,
        name: view.name.clone(),
        href: href(&Params::read(&view.query), &list),
        words: text,
        broken,
        by: view.owner.clone().filter(|_| !view.is_own).unwrap_or_default(),
        is_shared: view.is_shared,
        is_default: view.is_default,
        may_change: view.may_change,
    };
    let save = save.map(|save| Save { own: own(&views), ..save });
    let all = Views {
        frame: &frame,
        label: &place.model.label,
        list: &list,
        views: views.iter().zip(texts).map(view).collect(),
        save,
    };
    Ok(page(status, &all))
}

/// Returns in words what each view shows, and the parts of its query that no longer fit the model. Reads the names of all
/// records in the conditions together.
async fn described(place: &Place<'_>, views: &[View]) -> Result<Vec<(String, String)>> {
    let is_condition = |name: &str| !["q", "sort", "fields"].contains(&name);
    let (mut conditions, mut parts) = (vec![], vec![]);
    for view in views {
        let all = Params::read(&view.query);
        let wrong = query::export(place, &view.query).err();
        let is_wrong = |name: &str| {
            wrong.iter().flat_map(|problem| problem.wrong_fields()).any(|wrong| wrong.field == name)
        };
        let broken: Vec<_> = all
            .0
            .iter()
            .filter(|(name, _)| is_wrong(name))
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        let fitting = all.without(|name, _| is_wrong(name));
        let of_view = fitting.without(|name, _| !is_condition(name)).0;
        parts.push((of_view.len(), fitting, broken.join(", ")));
        conditions.extend(of_view);
    }
    let mut texts = conditions::in_words(place, &conditions).await?.into_iter();
    let mut described = vec![];
    for (number, params, broken) in parts {
        let search = params.get("q").map(|text| place.words().text("bulk-search").with("text", text).into());
        let all = search.into_iter().chain(texts.by_ref().take(number)).chain(order(place, &params));
        let text = all.collect::<Vec<String>>().join(" · ");
        let text = if text.is_empty() { place.words().say("selection-all").to_owned() } else { text };
        described.push((text, broken));
    }
    Ok(described)
}

/// Returns the order and the columns in words.
fn order(place: &Place<'_>, params: &Params) -> Vec<String> {
    let label = |name: &str| conditions::label(place, name.trim_start_matches('-'));
    let labels = |value: &str| value.split(',').map(label).collect::<Vec<_>>().join(", ");
    let words = place.words();
    let sorted = params.get("sort").map(|sort| words.text("view-sorted").with("fields", labels(sort)).into());
    let columns = params.0.iter().filter(|(name, _)| name == "fields").map(|(_, value)| labels(value));
    let columns: Vec<_> = columns.collect();
    let columns =
        (!columns.is_empty()).then(|| words.text("view-columns").with("fields", columns.join(", ")).into());
    sorted.into_iter().chain(columns).collect()
}

/// `POST /{model}/views/`: saves what a list shows, as a new view or in place of one.
pub(in crate::http) async fn save(
    app: App,
    inside: Inside,
    Path(model): Path<String>,
    sent: Sent,
) -> Result<Response> {
    let place = Place::of(&app, &inside, &model).await?;
    let fields = inside.visit.fields(sent).await?;
    match saved(&place, &fields).await {
        Ok(view) => Ok(see(&format!("{}_done=view", open_ended(&view, &place)))),
        Err(problem) if matches!(problem.code(), Code::Invalid | Code::Conflict) => {
            let form = Save {
                query: fields.get("query").to_owned(),
                name: fields.get("name").to_owned(),
                wrong: reasons::first(&inside.visit.words, &problem),
                is_shared: fields.sent("shared").is_some(),
                is_default: fields.sent("default").is_some(),
                own: vec![],
            };
            shown(&place, Some(form), None, problem.status()).await
        }
        Err(problem) => Err(problem),
    }
}

/// Returns the address of a view, to which a parameter can be added.
fn open_ended(view: &View, place: &Place<'_>) -> String {
    let address = href(&Params::read(&view.query), &place.list_path(&place.model));
    format!("{address}&")
}

async fn saved(place: &Place<'_>, fields: &Fields) -> Result<View> {
    let records = place.records()?;
    let views = records.views()?;
    let query = Params::read(fields.get("query")).without(|name, _| OF_A_PAGE.contains(&name)).query();
    query::export(place, &query)?;
    let (is_shared, is_default) = (fields.sent("shared").is_some(), fields.sent("default").is_some());
    let Some(instead) = fields.filled("instead") else {
        let new = NewView { name: fields.get("name").to_owned(), query, is_shared, is_default };
        return Ok(views.create(&new).await?);
    };
    // A box that is not ticked leaves a view as it is.
    let change = ViewChange {
        name: fields.filled("name").map(str::to_owned),
        query: Some(query),
        is_shared: is_shared.then_some(true),
        is_default: is_default.then_some(true),
    };
    Ok(views.change(instead.parse().map_err(|_| Problem::absent())?, &change).await?)
}

/// `POST /{model}/views/change/`: renames, shares or deletes a view, or opens the list with it.
pub(in crate::http) async fn change(
    app: App,
    inside: Inside,
    Path(model): Path<String>,
    sent: Sent,
) -> Result<Response> {
    let place = Place::of(&app, &inside, &model).await?;
    let fields = inside.visit.fields(sent).await?;
    let id = fields.get("id").parse().map_err(|_| Problem::absent())?;
    let path = format!("{}views/", place.list_path(&place.model));
    let records = place.records()?;
    let views = records.views()?;
    let change = match fields.get("act") {
        "delete" => {
            views.delete(id).await?;
            return Ok(see(&format!("{path}?_done=deleted")));
        }
        "rename" => ViewChange { name: Some(fields.get("name").to_owned()), ..ViewChange::default() },
        "share" | "unshare" => {
            ViewChange { is_shared: Some(fields.get("act") == "share"), ..ViewChange::default() }
        }
        act => ViewChange { is_default: Some(act == "default"), ..ViewChange::default() },
    };
    match views.change(id, &change).await.map_err(Problem::from) {
        Ok(_) => Ok(see(&format!("{path}?_done=saved"))),
        Err(problem) if matches!(problem.code(), Code::Invalid | Code::Conflict) => {
            let notice = Notice::wrong(reasons::first(&inside.visit.words, &problem));
            shown(&place, None, Some(notice), problem.status()).await
        }
        Err(problem) => Err(problem),
    }
}
