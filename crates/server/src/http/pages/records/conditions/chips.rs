//! Conditions that are set, in words: also those in groups, with the names of the records that they refer to.

use super::{
    super::{Place, choices, links::Params},
    DAY, Reached, WORDS, reached,
};
use crate::http::{
    pages::words,
    problem::Result,
    query::{ANY, Part, parts},
};
use std::collections::{BTreeMap, HashMap};
use tenantry::{model::FieldKind, name::ModelName};
use tenantry_console::records::Chip;

/// Names of the records that conditions refer to, by model and id.
type Names = HashMap<(ModelName, String), String>;

/// Returns what is set. `broken` are parameters that do not fit the model.
pub(in crate::http::pages::records) async fn chips(
    place: &Place<'_>,
    path: &str,
    params: &Params,
    broken: &Params,
) -> Result<Vec<Chip>> {
    let set = params.without(|name, _| WORDS.contains(&name) || name == "q").0;
    let texts = in_words(place, &set).await?;
    let chip = |(name, value): &(String, String), text, broken| Chip {
        text,
        without: params
            .without(|known, other| known == "after" || (known == name && other == value))
            .href(path),
        edit: super::alternatives::edits(name, value).then(|| params.with("_edit", value).href(path)),
        broken,
    };
    let set = set.iter().zip(texts).map(|(pair, text)| chip(pair, text, false));
    let broken = broken
        .0
        .iter()
        .map(|pair| Chip { edit: None, ..chip(pair, format!("{}: {}", pair.0, pair.1), true) });
    Ok(set.chain(broken).collect())
}

/// Returns conditions in words.
pub(in crate::http::pages) async fn in_words(
    place: &Place<'_>,
    conditions: &[(String, String)],
) -> Result<Vec<String>> {
    let read = |(name, value): &(String, String)| match name.as_str() {
        ANY => parts(value).map_or_else(|_| Part::Is(name.clone(), value.clone()), Part::Any),
        _ => Part::Is(name.clone(), value.clone()),
    };
    let read: Vec<_> = conditions.iter().map(read).collect();
    let names = names(place, &read).await?;
    Ok(read.iter().map(|part| part_in_words(place, &names, part, false)).collect())
}

/// Reads the names of the records that conditions refer to: one read for each model that they are of.
async fn names(place: &Place<'_>, conditions: &[Part]) -> Result<Names> {
    let mut wanted = BTreeMap::new();
    for part in conditions {
        refer(place, part, &mut wanted);
    }
    let mut names = Names::new();
    for (model, ids) in wanted {
        let Some(target) = place.models.iter().find(|known| known.name == model) else { continue };
        let found = choices::named(place, target, &ids).await?;
        names.extend(found.into_iter().map(|(id, name)| ((model.clone(), id), name)));
    }
    Ok(names)
}

/// Collects the records that a condition refers to, by model.
fn refer(place: &Place<'_>, part: &Part, wanted: &mut BTreeMap<ModelName, Vec<String>>) {
    let (name, value) = match part {
        Part::Any(parts) | Part::All(parts) => {
            return parts.iter().for_each(|part| refer(place, part, wanted));
        }
        Part::Is(name, value) => (name, value),
    };
    let (path, suffix) = name.split_once("__").unwrap_or((name, "eq"));
    let target = reached(place, path).and_then(|reached| place.target(reached.field));
    if let Some(target) = target.filter(|_| matches!(suffix, "eq" | "ne" | "in")) {
        wanted.entry(target.name.clone()).or_default().extend(value.split(',').map(str::to_owned));
    }
}

/// Returns a condition in words. A group inside another one is in parentheses.
fn part_in_words(place: &Place<'_>, names: &Names, part: &Part, is_inside: bool) -> String {
    let (parts, between) = match part {
        Part::Any(parts) => (parts, "or"),
        Part::All(parts) => (parts, "and"),
        Part::Is(name, value) => return one_in_words(place, names, name, value),
    };
    let between = format!(" {} ", place.words().say(between));
    let each: Vec<_> = parts.iter().map(|part| part_in_words(place, names, part, parts.len() > 1)).collect();
    match is_inside && each.len() > 1 {
        true => format!("({})", each.join(&between)),
        false => each.join(&between),
    }
}

/// Returns the label of a column, also of one that each model has.
pub(in crate::http::pages::records) fn label(place: &Place<'_>, path: &str) -> String {
    let words = place.words();
    match (reached(place, path), path) {
        (Some(reached), _) => reached.label,
        (None, "id") => words.say("field-number").to_owned(),
        (None, "created_at") => words.say("field-added").to_owned(),
        (None, "updated_at") => words.say("field-changed").to_owned(),
        (None, "version") => words.say("field-version").to_owned(),
        (None, path) => words::human(path),
    }
}

fn one_in_words(place: &Place<'_>, names: &Names, parameter: &str, value: &str) -> String {
    let (path, suffix) = parameter.split_once("__").unwrap_or((parameter, "eq"));
    let words = place.words();
    let (label, reached) = (label(place, path), reached(place, path));
    let is_time = matches!(path, "created_at" | "updated_at")
        || reached.as_ref().is_some_and(|found| is_time(&found.field.kind));
    let text = match (suffix, value) {
        ("isnull", "true" | "1") => "is-empty",
        ("isnull", _) => "is-filled",
        ("ne", _) => "is-ne",
        ("lt", _) if is_time => "is-before",
        ("lt", _) => "is-lt",
        ("lte", _) => "is-lte",
        ("gt", _) if is_time => "is-after",
        ("gt", _) => "is-gt",
        ("gte", _) => "is-gte",
        ("contains", _) => "is-contains",
        ("startswith", _) => "is-startswith",
        ("in", _) => "is-in",
        ("eq", _) => "is-eq",
        _ => return format!("{label} {suffix} {value}"),
    };
    let shown = match suffix {
        "in" => {
            let each: Vec<_> =
                value.split(',').map(|value| shown(place, names, reached.as_ref(), value)).collect();
            each.join(", ")
        }
        "contains" | "startswith" => value.to_owned(),
        _ => shown(place, names, reached.as_ref(), value),
    };
    words.text(text).with("field", label).with("value", shown).into()
}

/// Returns true for fields whose conditions may name days.
pub(super) fn is_time(kind: &FieldKind) -> bool {
    matches!(kind, FieldKind::Date | FieldKind::Datetime)
}

/// Returns the id of the text for days that a word of the API names; `None` for other values.
pub(super) fn words_of(value: &str) -> Option<&'static str> {
    Some(match value {
        "today" => "days-today",
        "yesterday" => "days-yesterday",
        "tomorrow" => "days-tomorrow",
        "this_week" => "days-this-week",
        "last_week" => "days-last-week",
        "this_month" => "days-this-month",
        "last_month" => "days-last-month",
        "this_year" => "days-this-year",
        _ => return None,
    })
}

/// Returns a value of a condition as people read it.
fn shown(place: &Place<'_>, names: &Names, reached: Option<&Reached<'_>>, value: &str) -> String {
    let words = place.words();
    let may_be_days = reached.is_none_or(|found| is_time(&found.field.kind));
    if let Some(days) = words_of(value).filter(|_| may_be_days) {
        return words.say(days).into();
    }
    let Some(Reached { model, field, .. }) = reached else {
        return if value.len() == DAY { words.date(value) } else { words.datetime(value) };
    };
    match &field.kind {
        FieldKind::Choice { .. } => words.choice(model, field, value),
        FieldKind::Boolean => words.say(if matches!(value, "true" | "1") { "yes" } else { "no" }).into(),
        FieldKind::Date => words.date(value),
        FieldKind::Datetime if value.len() == DAY => words.date(value),
        FieldKind::Datetime => words.datetime(value),
        FieldKind::Decimal { .. } => words.point(value),
        FieldKind::Ref { to, .. } => {
            let name = names.get(&(to.clone(), value.to_owned()));
            name.cloned().unwrap_or_else(|| words.text("record-number").with("id", value).into())
        }
        _ => value.to_owned(),
    }
}
