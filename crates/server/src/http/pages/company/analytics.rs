//! `/analytics/`: records in groups, as a table and a chart. The address holds the question and its conditions.

use crate::http::{
    App,
    pages::{
        answer::{page, percent},
        frame, reasons,
        records::{Params, Place, in_words, named, text},
        visit::Inside,
        words::{self, Words},
    },
    problem::Result,
    query,
};
use axum::response::Response;
use http::StatusCode;
use serde_json::Value as Json;
use std::collections::HashMap;
use tenantry::{
    access::gates::{self, Verb},
    config::Scope,
    model::{Field, FieldKind, Model},
    query::{Aggregate, Group as Found, Period},
    row::json::write_owned,
    value::Value,
};
use tenantry_console::{
    company::{
        Analytics,
        analytics::{Chart, Column, Group, HEIGHT, WIDTH},
    },
    records::{Chip, Choice},
};

/// Address of the page.
const PATH: &str = "/analytics/";
/// Parameters that are not conditions.
const WORDS: [&str; 3] = ["model", "group_by", "measure"];
/// Largest number of groups that are shown, unless the groups are periods.
const MOST: u32 = 50;
/// Largest number of periods that are shown.
const MOST_PERIODS: u32 = 400;

/// The question, with the parameters of the page.
struct Question {
    key: String,
    measure: String,
}

/// `GET /analytics/`.
pub(in crate::http) async fn show(app: App, inside: Inside) -> Result<Response> {
    let params = Params::read(&inside.visit.query);
    let all = models(&app, &inside);
    let wanted = params.get("model").unwrap_or_default();
    let chosen = all.iter().find(|model| model.name.as_str() == wanted).or(all.first());
    let Some(model) = chosen else { return Err(tenantry::Error::Denied("read records".into()).into()) };
    let place = Place::of(&app, &inside, model.name.as_str()).await?;
    let keys = keys(&place);
    let measures = measures(&place);
    let chosen = |list: &[Choice], name: &str| {
        let wanted = params.get(name).unwrap_or_default();
        let found = list.iter().find(|choice| choice.value == wanted).or(list.first());
        found.map(|choice| choice.value.clone()).unwrap_or_default()
    };
    let question = Question { key: chosen(&keys, "group_by"), measure: chosen(&measures, "measure") };
    // Conditions of one model do not apply to another.
    let is_other = wanted != model.name.as_str();
    let conditions = params.without(|name, _| WORDS.contains(&name) || is_other);
    let (conditions, broken) = fitting(&place, &conditions);
    let mut api_query = question.query(&conditions);
    if let Some(zone) = place.words().zone.iana_name().filter(|zone| *zone != "UTC") {
        api_query = format!("{api_query}&time_zone={}", percent(zone));
    }
    let (mut groups, mut chart, mut more, mut wrong) = (vec![], None, false, String::new());
    match query::aggregate(&place, &api_query) {
        Ok(asked) => (groups, chart, more) = answer(&place, &conditions, asked).await?,
        Err(problem) => wrong = reasons::detail(&inside.visit.words, &problem),
    }
    let label = |list: &[Choice], value: &str| {
        list.iter().find(|c| c.value == value).map(|c| c.label.clone()).unwrap_or_default()
    };
    let (key, measure) = (label(&keys, &question.key), label(&measures, &question.measure));
    let chips = chips(&place, &question, &conditions, &broken).await?;
    let option = |model: &std::sync::Arc<Model>| Choice {
        value: model.name.to_string(),
        label: model.label.clone(),
        chosen: model.name == place.model.name,
    };
    let models: Vec<_> = all.iter().map(option).collect();
    let view = Analytics {
        frame: &frame::of_company(&inside, inside.visit.say("analytics")),
        models: &models,
        keys: &marked(keys, &question.key),
        measures: &marked(measures, &question.measure),
        kept: &conditions.0,
        chips: &chips,
        key: &key,
        measure: &measure,
        is_count: question.measure == "count",
        chart,
        groups: &groups,
        more,
        api: inside
            .tenant
            .actor()
            .impersonator()
            .is_none()
            .then(|| format!("/api/records/{}/aggregate?{api_query}", model.name)),
        wrong: &wrong,
    };
    Ok(page(StatusCode::OK, &view))
}

/// Returns the conditions in words.
async fn chips(
    place: &Place<'_>,
    question: &Question,
    conditions: &Params,
    broken: &Params,
) -> Result<Vec<Chip>> {
    let href = |conditions: Params| {
        let words = [place.model.name.as_str(), &question.key, &question.measure];
        let mut all = Params(WORDS.map(str::to_owned).into_iter().zip(words.map(str::to_owned)).collect());
        all.0.extend(conditions.0);
        all.href(PATH)
    };
    let chip = |pair: &(String, String), text, broken| Chip {
        text,
        without: href(conditions.without(|name, value| name == pair.0 && value == pair.1)),
        edit: None,
        broken,
    };
    let texts = in_words(place, &conditions.0).await?;
    let set = conditions.0.iter().zip(texts).map(|(pair, text)| chip(pair, text, false));
    let broken = broken.0.iter().map(|pair| chip(pair, format!("{}: {}", pair.0, pair.1), true));
    Ok(set.chain(broken).collect())
}

/// Returns the models that the visitor may read, the tenant's own first.
fn models(app: &App, inside: &Inside) -> Vec<std::sync::Arc<Model>> {
    let platform = app.platform();
    let is_shared = |model: &Model| {
        platform.config().store(model.store.as_str()).is_some_and(|store| store.scope == Scope::System)
    };
    let mut all = inside.visit.words.labels.models().to_vec();
    all.retain(|model| gates::allows(inside.tenant.actor(), &model.permissions, Verb::Read));
    all.sort_by_key(|model| is_shared(model));
    all
}

/// Splits the conditions into those that fit the model, and the others.
fn fitting(place: &Place<'_>, conditions: &Params) -> (Params, Params) {
    let fits = |name: &str, value: &str| {
        let one = Params(vec![(name.to_owned(), value.to_owned())]);
        query::aggregate(place, &one.query()).is_ok()
    };
    (conditions.without(|name, value| !fits(name, value)), conditions.without(fits))
}

fn choice(value: String, label: String) -> Choice {
    Choice { value, label, chosen: false }
}

fn marked(mut list: Vec<Choice>, value: &str) -> Vec<Choice> {
    for choice in &mut list {
        choice.chosen = choice.value == value;
    }
    list
}

/// Returns the fields and periods by which records can be grouped.
fn keys(place: &Place<'_>) -> Vec<Choice> {
    let mut keys = Vec::new();
    for field in &place.model.fields {
        let label = &field.label;
        match &field.kind {
            FieldKind::Choice { .. } | FieldKind::Boolean => {
                keys.push(choice(field.name.to_string(), label.clone()))
            }
            FieldKind::Ref { .. } if place.target(field).is_some() => {
                keys.push(choice(field.name.to_string(), label.clone()));
            }
            FieldKind::Text { max_length: Some(_) } if !field.unique => {
                keys.push(choice(field.name.to_string(), label.clone()));
            }
            FieldKind::Date | FieldKind::Datetime => keys.extend(periods(place, field.name.as_str(), label)),
            _ => (),
        }
    }
    keys.extend(periods(place, "created_at", place.words().say("field-added")));
    // Fields with a fixed list of choices group best, so they come first.
    keys.sort_by_key(|key| {
        place.model.field(&key.value).is_none_or(|field| !matches!(field.kind, FieldKind::Choice { .. }))
    });
    keys
}

fn periods(place: &Place<'_>, name: &str, label: &str) -> [Choice; 4] {
    let texts = [
        ("month", "label-by-month"),
        ("quarter", "label-by-quarter"),
        ("year", "label-by-year"),
        ("day", "label-by-day"),
    ];
    texts.map(|(period, text)| {
        choice(format!("{name}__{period}"), place.words().text(text).with("label", label).into())
    })
}

/// Returns the measures that can be computed.
fn measures(place: &Place<'_>) -> Vec<Choice> {
    let words = place.words();
    let mut all = vec![choice("count".into(), words.say("number-of-records").into())];
    for field in &place.model.fields {
        if matches!(field.kind, FieldKind::Integer { .. } | FieldKind::Decimal { .. }) {
            let texts = [("sum", "sum-of"), ("avg", "average-of"), ("min", "smallest"), ("max", "largest")];
            all.extend(texts.map(|(name, text)| {
                let label = words.text(text).with("field", &field.label).into();
                choice(format!("{name}.{}", field.name), label)
            }));
        }
    }
    all
}

impl Question {
    /// Returns the query as the API reads it.
    fn query(&self, conditions: &Params) -> String {
        let mut all = Params(vec![("group_by".to_owned(), self.key.clone())]);
        if let Some((function, field)) = self.measure.split_once('.') {
            all.0.push((function.to_owned(), field.to_owned()));
        }
        let (sort, limit) = match self.is_time() {
            true => (None, MOST_PERIODS),
            false => (Some("-count"), MOST),
        };
        all.0.extend(sort.map(|sort| ("sort".to_owned(), sort.to_owned())));
        all.0.push(("limit".to_owned(), limit.to_string()));
        all.0.extend(conditions.0.iter().cloned());
        all.query()
    }

    fn is_time(&self) -> bool {
        self.key.contains("__")
    }
}

type Answer = (Vec<Group>, Option<Chart>, bool);

async fn answer(place: &Place<'_>, conditions: &Params, asked: Aggregate) -> Result<Answer> {
    let found = place.records()?.aggregate(&asked).await?;
    let key = asked.group_by.first();
    let (field_name, period) = key.map_or(("", None), |key| (key.field.as_str(), key.period));
    let field = place.model.field(field_name);
    let keys: Vec<Json> =
        found.groups.iter().map(|group| group.keys.first().map_or(Json::Null, json)).collect();
    let names = names(place, field, &keys).await?;
    let words = place.words();
    let values: Vec<(String, f64)> = found.groups.iter().map(|group| value(words, group)).collect();
    let most = values.iter().map(|(_, size)| size.abs()).fold(0.0, f64::max);
    let mut groups = Vec::new();
    for ((group, key), (value, size)) in found.groups.iter().zip(&keys).zip(&values) {
        groups.push(Group {
            label: label(place, (field, period), key, &names),
            href: href(place, conditions, field_name, period, key),
            count: words.number(group.count),
            value: value.clone(),
            percent: if most > 0.0 { (size.max(0.0) / most * 100.0).round() as u64 } else { 0 },
        });
    }
    let chart = period.filter(|_| groups.len() > 1).map(|period| chart(&groups, &keys, &values, period));
    Ok((groups, chart, found.more))
}

/// Returns the computed value in words and as a number.
fn value(words: &Words, group: &Found) -> (String, f64) {
    match group.measures.first() {
        None => (words.number(group.count), group.count as f64),
        Some(value) => {
            let text = text(&json(value));
            let size = text.parse().unwrap_or(0.0);
            (if text.is_empty() { "–".to_owned() } else { words.grouped(&text) }, size)
        }
    }
}

fn json(value: &Value) -> Json {
    let mut bytes = vec![];
    write_owned(&mut bytes, value);
    serde_json::from_slice(&bytes).unwrap_or_default()
}

/// Returns the names of the records that the keys refer to, by id.
async fn names(place: &Place<'_>, field: Option<&Field>, keys: &[Json]) -> Result<HashMap<String, String>> {
    let Some(target) = field.and_then(|field| place.target(field)) else { return Ok(HashMap::new()) };
    let ids: Vec<_> = keys.iter().filter(|key| !key.is_null()).map(text).collect();
    named(place, target, &ids).await
}

fn label(
    place: &Place<'_>,
    (field, period): (Option<&Field>, Option<Period>),
    key: &Json,
    names: &HashMap<String, String>,
) -> String {
    let words = place.words();
    if key.is_null() {
        return words.say("group-none").into();
    }
    let text = text(key);
    if let Some(period) = period {
        return words.period(&text, period);
    }
    match field.map(|field| (field, &field.kind)) {
        Some((field, FieldKind::Choice { .. })) => words.choice(&place.model, field, &text),
        Some((_, FieldKind::Boolean)) => words.say(if text == "true" { "yes" } else { "no" }).into(),
        Some((_, FieldKind::Ref { .. })) => {
            names.get(&text).cloned().unwrap_or_else(|| words.text("record-number").with("id", text).into())
        }
        _ if text.is_empty() => words.say("group-empty").into(),
        _ => text,
    }
}

/// Returns the address of the list of a group's records.
fn href(place: &Place<'_>, conditions: &Params, field: &str, period: Option<Period>, key: &Json) -> String {
    let mut params = conditions.clone();
    let mut push = |suffix: &str, value: String| params.0.push((format!("{field}{suffix}"), value));
    match (key, period) {
        (Json::Null, _) => push("__isnull", "true".into()),
        (_, Some(period)) => {
            let from = text(key);
            if let Some(until) = words::next_period(&from, period) {
                push("__gte", from);
                push("__lt", until);
            }
        }
        _ => push("", text(key)),
    }
    params.href(&place.list_path(&place.model))
}

/// A group with its key, its value in words, and the value as a number.
type Drawn<'a> = ((&'a Group, &'a Json), &'a (String, f64));

/// Draws the groups as columns. A period without records has a place on the axis but no column.
fn chart(groups: &[Group], keys: &[Json], values: &[(String, f64)], period: Period) -> Chart {
    let drawn: Vec<_> = groups.iter().zip(keys).zip(values).filter(|((_, key), _)| !key.is_null()).collect();
    let positions: Vec<_> =
        drawn.iter().map(|((_, key), _)| words::index_of_period(&text(key), period)).collect();
    let (first, last) =
        (positions.iter().min().copied().unwrap_or(0), positions.iter().max().copied().unwrap_or(0));
    let places = (last - first + 1).max(1) as f64;
    let sizes = drawn.iter().map(|(_, (_, size))| *size);
    let (low, high) = sizes.fold((0.0_f64, 0.0_f64), |(low, high), size| (low.min(size), high.max(size)));
    let scale = if high > low { HEIGHT / (high - low) } else { 0.0 };
    let zero = high * scale;
    let width = WIDTH / places;
    let column = |(((group, _), (value, size)), position): (&Drawn<'_>, &i64)| {
        let height = size.abs() * scale;
        Column {
            x: round((position - first) as f64 * width + width * 0.1),
            y: round(if *size >= 0.0 { zero - height } else { zero }),
            width: round(width * 0.8),
            height: round(height),
            title: format!("{}: {value}", group.label),
        }
    };
    let largest = drawn.iter().max_by(|a, b| a.1.1.total_cmp(&b.1.1));
    let end =
        |index: Option<&Drawn<'_>>| index.map(|((group, _), _)| group.label.clone()).unwrap_or_default();
    Chart {
        columns: drawn.iter().zip(&positions).map(column).collect(),
        top: largest.map(|(_, (value, _))| value.clone()).unwrap_or_default(),
        zero: round(zero),
        first: end(drawn.first()),
        last: end(drawn.last()),
    }
}

fn round(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}
