//! `/{model}/`: search, conditions, order, pages and columns. The address holds all of them.

use super::{
    Place, cells, columns,
    conditions::{self, Alternatives, WORDS},
    id_of,
    inputs::finds,
    links::Params,
    parsed, views,
};
use crate::http::{
    App,
    pages::{
        answer::{page, see},
        visit::{Fields, Site, query as visited},
        words::Words,
    },
    problem::{Problem, Result},
    query,
};
use axum::{extract::Path, response::Response};
use http::{HeaderMap, HeaderValue, StatusCode};
use tenantry::{
    access::gates::Verb,
    model::Field,
    name::FieldName,
    records::{ListQuery, View},
};
use tenantry_console::{
    Frame, Notice,
    records::{Alternatives as ConditionGroups, Bulk, Chip, Choosing, FilterField, List, Row},
};

/// Number of rows on a page.
const ROWS: u32 = 50;

/// A requested list, without the parameters that do not fit the model.
struct Understood {
    list: query::List,
    params: Params,
    broken: Params,
}

impl Understood {
    fn of(place: &Place<'_>, params: Params) -> Result<Self> {
        let usual = columns::usual_order(&place.model, place.is_shared(&place.model));
        let read = |params: &Params| {
            let mut all = params.clone();
            if all.get("sort").is_none() {
                all.0.push(("sort".to_owned(), usual.clone()));
            }
            query::list(place, &all.query())
        };
        let (mut params, mut broken) = (params, Params::default());
        // A change of the models can invalidate a parameter of a stored address; the list is then shown without it.
        let mut list = match read(&params) {
            Ok(list) => list,
            Err(problem) => {
                let is_wrong = |name: &str| problem.wrong_fields().iter().any(|wrong| wrong.field == name);
                broken = params.without(|name, _| !is_wrong(name) || name == "after");
                params = params.without(|name, _| is_wrong(name));
                read(&params)?
            }
        };
        list.select.limit = ROWS;
        Ok(Self { list, params, broken })
    }
}

/// `GET /{model}/`.
pub(in crate::http) async fn list(
    app: App,
    site: Site,
    Path(model): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    let place = Place::of(&app, &site, &model).await?;
    let path = place.list_path(&place.model);
    let params = Params::read(&site.visit().query);
    let words = visited(&site.visit().query);
    let is_part = headers.contains_key("hx-request");
    let mut alternatives = Alternatives::read(&words);
    if !is_part
        && alternatives.are_sent(&words)
        && let Some(applied) = alternatives.applied(&place, &params)
    {
        return Ok(see(&applied.href(&path)));
    }
    let asked = Understood::of(&place, params)?;
    let fields = columns::shown(&place.model, &asked.list.select);
    let (views, rows) = futures_util::join!(views::of(&place), rows(&place, &asked, &fields));
    let views = views?;
    // The plain address opens the default view.
    if site.visit().query.is_empty()
        && let Some(view) = views.as_ref().and_then(|views| views::default(views, &path))
    {
        return Ok(see(&view));
    }
    let asks_for_part = Alternatives::only_asks(&words);
    let found = Found {
        rows: rows?,
        views,
        form: Form::of(&place, &words, &asked, (&alternatives, is_part)).await?,
        chips: conditions::chips(&place, &path, &asked.params, &asked.broken).await?,
    };
    let mut frame = place.frame(&place.model.label);
    frame.notice = done(&site.visit().words, &words);
    let view = view(&place, &asked, (&frame, &path), &fields, found);
    let mut response = page(StatusCode::OK, &view);
    // A part of the form is no list: the address stays.
    if is_part
        && !asks_for_part
        && let Ok(address) = HeaderValue::from_str(&asked.params.href(&path))
    {
        response.headers_mut().insert("hx-replace-url", address);
    }
    Ok(response)
}

/// What a list page shows, as it was read.
struct Found {
    rows: Rows,
    views: Option<Vec<View>>,
    form: Form,
    chips: Vec<Chip>,
}

/// The search form of a list.
struct Form {
    filters: Vec<FilterField>,
    alternatives: Option<ConditionGroups>,
    choices: Choosing,
}

impl Form {
    /// Reads what the form offers. The choices of references are read only if the form is open, or for a request for a part of
    /// it that asks for them.
    async fn of(
        place: &Place<'_>,
        words: &Fields,
        asked: &Understood,
        (alternatives, is_part): (&Alternatives, bool),
    ) -> Result<Self> {
        let is_open = words.sent("_choices").is_some() || (alternatives.is_open() && !is_part);
        let found = finds(words);
        let with_choices = is_open.then_some(found.as_slice());
        let path = place.list_path(&place.model);
        Ok(Self {
            filters: conditions::fields(place, &asked.params, with_choices).await?,
            alternatives: alternatives.view(place, &found).await?,
            choices: match is_open {
                false => Choosing::Later(asked.params.with("_choices", "1").href(&path)),
                true => Choosing::Now,
            },
        })
    }
}

fn view<'a>(
    place: &'a Place<'_>,
    asked: &Understood,
    (frame, path): (&'a Frame, &'a str),
    fields: &[&Field],
    found: Found,
) -> List<'a> {
    let Found { rows: (rows, next, count), views, form, mut chips } = found;
    let (params, select) = (&asked.params, &asked.list.select);
    let all = views.as_ref().map_or_else(|| path.to_owned(), |views| views::all(views, path));
    for chip in chips.iter_mut().filter(|chip| chip.without == path) {
        chip.without.clone_from(&all);
    }
    let is_conditional = !chips.is_empty() || params.get("q").is_some();
    let is_part = next.is_some() || select.after.is_some();
    List {
        frame,
        label: &place.model.label,
        path,
        is_shared: place.is_shared(&place.model),
        may_add: place.may_add(),
        may_import: place.may(Verb::Create),
        search: (place.model.search_fields().next()).map(|_| params.get("q").unwrap_or_default().to_owned()),
        chips,
        kept: params.without(|name, _| is_set_or_page(&form.filters, name)).0,
        kept_by_columns: params.without(|name, _| matches!(name, "fields" | "after" | "count")).0,
        choosable: choosable(place, fields),
        columns: fields.iter().map(|field| columns::head(field, select, params, path)).collect(),
        count: counted(place.words(), count, rows.len(), is_part),
        count_all: (count.is_none() && next.is_some()).then(|| params.with("count", "true").href(path)),
        first: select.after.is_some().then(|| params.without(|name, _| name == "after").href(path)),
        next: next.map(|cursor| params.with("after", &cursor).href(path)),
        clear: is_conditional.then(|| match params.without(|name, _| is_of_page_or_condition(name)) {
            rest if rest.0.is_empty() => all.clone(),
            rest => rest.href(path),
        }),
        views: views.map(|views| views::bar(place, &views, params)),
        choices: form.choices,
        alternatives: form.alternatives,
        filters: form.filters,
        bulk: bulk(place, params, path),
        rows,
    }
}

fn is_of_page_or_condition(name: &str) -> bool {
    !WORDS.contains(&name) || name == "after"
}

/// Returns true for parameters that an input of the search form sets, and for those of a page of the list.
fn is_set_or_page(filters: &[FilterField], name: &str) -> bool {
    matches!(name, "q" | "after" | "count" | "limit") || conditions::is_input(filters, name)
}

fn done(words: &Words, address: &Fields) -> Option<Notice> {
    let count: Option<u64> = address.get("_count").parse().ok();
    let counted = |id| count.map(|count| Notice::done(words.text(id).with("count", count)));
    match address.get("_done") {
        "deleted" if count.is_none() => Some(Notice::done(words.say("done-deleted"))),
        "deleted" => counted("done-deleted-count"),
        "changed" => counted("done-changed-count"),
        "imported" => counted("imported"),
        "imported-before" => Some(Notice::done(words.say("imported-before"))),
        "view" => Some(Notice::done(words.say("view-saved"))),
        "none" => Some(Notice::wrong(words.say("list-tick-first"))),
        _ => None,
    }
}

/// Returns the acts that the visitor may apply to all records of the list.
fn bulk(place: &Place<'_>, params: &Params, path: &str) -> Bulk {
    let conditions = params.without(|name, _| WORDS.contains(&name));
    let all = |page: &str, verb| place.may(verb).then(|| conditions.href(&format!("{path}{page}/")));
    Bulk {
        change: all("change", Verb::Update),
        delete: all("delete", Verb::Delete)
            .filter(|_| place.records().is_ok_and(|records| !records.deletes_one_by_one())),
        back: params.without(|name, _| name == "after").query(),
        // The platform refuses exports during a support visit.
        export: place.actor().impersonator().is_none().then(|| {
            let page = |name: &str| matches!(name, "after" | "count" | "limit");
            let params = params.without(|name, _| page(name));
            match place.words().zone.iana_name() {
                Some(zone) if zone != "UTC" => params.with("time_zone", zone).href(&place.export_path()),
                _ => params.href(&place.export_path()),
            }
        }),
    }
}

type Rows = (Vec<Row>, Option<String>, Option<u64>);

/// Returns the rows of the page, the cursor of the next page, and the number of all rows if it was requested.
async fn rows(place: &Place<'_>, asked: &Understood, fields: &[&Field]) -> Result<Rows> {
    let mut select = asked.list.select.clone();
    select.fields =
        FieldName::parse("id").ok().into_iter().chain(fields.iter().map(|f| f.name.clone())).collect();
    let expand = place.expandable(fields.iter().copied());
    let found = place
        .whole_records()
        .await?
        .list(&ListQuery { select, count: asked.list.count, expand })
        .await
        .map_err(Problem::from)?;
    let next = query::next(&place.model, &asked.list, found.next.as_deref());
    let row = |row: &super::Row| Row {
        id: id_of(row),
        href: place.path(&place.model, &id_of(row)),
        name: cells::name(place.words(), &place.model, row),
        is_added: row.get("origin").is_some_and(|origin| origin == "own"),
        cells: cells_of(place, fields, row),
    };
    Ok((parsed(&place.model, &found.items)?.iter().map(row).collect(), next, found.count))
}

/// Returns the values of the columns. The first is the record's name, even if it is a reference or empty.
pub(super) fn cells_of(
    place: &Place<'_>,
    fields: &[&Field],
    row: &super::Row,
) -> Vec<tenantry_console::records::Cell> {
    use tenantry_console::records::Cell;
    let first = Cell::Text(match fields.first() {
        Some(field) => match cells::cell(place, &place.model, field, row) {
            Cell::Empty => cells::name(place.words(), &place.model, row),
            Cell::Link { text, .. }
            | Cell::Text(text)
            | Cell::Long(text)
            | Cell::Number(text)
            | Cell::Time(text, _) => text,
            _ => cells::name(place.words(), &place.model, row),
        },
        None => cells::name(place.words(), &place.model, row),
    });
    let rest = fields.iter().skip(1).map(|field| cells::cell(place, &place.model, field, row));
    std::iter::once(first).chain(rest).collect()
}

fn choosable(place: &Place<'_>, shown: &[&Field]) -> Vec<(String, String, bool)> {
    let entry = |field: &Field| {
        let is_shown = shown.iter().any(|known| known.name == field.name);
        (field.name.to_string(), field.label.clone(), is_shown)
    };
    place.model.fields.iter().map(entry).collect()
}

fn counted(words: &Words, count: Option<u64>, here: usize, is_part: bool) -> String {
    match (count, is_part) {
        (None, true) => words.text("records-on-page").with("count", here).into(),
        (count, _) => words.text("records-count").with("count", count.unwrap_or(here as u64)).into(),
    }
}
