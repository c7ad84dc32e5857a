//! The conditions of a list: the inputs for each type of field (here), the conditions that are set (`chips.rs`), and groups
//! of conditions of which one must hold (`alternatives.rs`).

mod alternatives;
mod chips;

pub(super) use alternatives::Alternatives;
pub(in crate::http::pages) use chips::in_words;
use chips::words_of;
pub(super) use chips::{chips, label};

use super::{
    Place,
    choices::{self, Asked},
    links::Params,
};
use crate::http::{problem::Result, query};
use std::sync::Arc;
use tenantry::model::{Field, FieldKind, Model};
use tenantry_console::records::{Choice, FilterField, FilterInput};

/// Parameters of a list that are not conditions.
pub(super) const WORDS: [&str; 6] = ["sort", "after", "fields", "count", "limit", "time_zone"];

/// Length of a day, `2026-11-21`.
const DAY: usize = 10;

/// Returns the inputs that set conditions. With `with_choices`, it also reads the records that references can name. The
/// slice has the searches among those records: the field, and a part of the name.
pub(super) async fn fields(
    place: &Place<'_>,
    params: &Params,
    with_choices: Option<&[(String, String)]>,
) -> Result<Vec<FilterField>> {
    let mut found = Vec::new();
    for field in &place.model.fields {
        if let Some(input) = input(place, field, params, with_choices).await? {
            found.push(FilterField {
                id: format!("filter-{}", field.name),
                label: field.label.clone(),
                input,
            });
        }
    }
    Ok(found)
}

async fn input(
    place: &Place<'_>,
    field: &Field,
    params: &Params,
    with_choices: Option<&[(String, String)]>,
) -> Result<Option<FilterInput>> {
    let (name, words) = (field.name.to_string(), place.words());
    let now = params.get(&name).unwrap_or_default();
    let range = |kind| {
        let end = |suffix: &str| {
            let name = format!("{name}__{suffix}");
            let value = params.get(&name).unwrap_or_default().to_owned();
            (name, value)
        };
        FilterInput::Range { kind, from: end("gte"), to: end("lte"), within: None }
    };
    let times = || match range("date") {
        FilterInput::Range { kind, from, to, .. } => {
            FilterInput::Range { kind, from, to, within: Some((name.clone(), days(place, now))) }
        }
        other => other,
    };
    Ok(match &field.kind {
        FieldKind::Choice { choices } => {
            let option = |value: &String| Choice {
                value: value.clone(),
                label: words.choice(&place.model, field, value),
                chosen: value == now,
            };
            Some(FilterInput::Select { name: name.clone(), options: choices.iter().map(option).collect() })
        }
        FieldKind::Boolean => {
            let option = |value: &str, label: &str| Choice {
                value: value.into(),
                label: label.into(),
                chosen: value == now,
            };
            let options = vec![option("true", words.say("yes")), option("false", words.say("no"))];
            Some(FilterInput::Select { name: name.clone(), options })
        }
        FieldKind::Ref { .. } => {
            let find = with_choices.map(|finds| {
                let found = finds.iter().find(|(known, _)| *known == name);
                found.map(|(_, text)| text.trim()).unwrap_or_default()
            });
            let asked = Asked { chosen: now, find: find.unwrap_or_default(), keep: true, ..Asked::default() };
            let found = match find {
                Some(_) => choices::choices(place, field, asked).await?,
                None => choices::chosen(place, field, asked).await?,
            };
            let find = |more| find.filter(|text| more || !text.is_empty()).map(str::to_owned);
            found.map(|found| FilterInput::Reference {
                name: name.clone(),
                options: found.options,
                find: find(found.more),
            })
        }
        FieldKind::Date | FieldKind::Datetime => Some(times()),
        FieldKind::Integer { .. } | FieldKind::Decimal { .. } => Some(range("number")),
        FieldKind::Text { .. } if field.has_index() && !field.search => {
            let name = format!("{name}__contains");
            let value = params.get(&name).unwrap_or_default().to_owned();
            Some(FilterInput::Part { name, value })
        }
        FieldKind::Text { .. } | FieldKind::Json | FieldKind::Custom | FieldKind::File { .. } => None,
    })
}

/// Returns the days that a condition can name by a word. `now` is the value of the condition that is set, which may be a day.
fn days(place: &Place<'_>, now: &str) -> Vec<Choice> {
    let words = place.words();
    let named = query::DAYS.iter().filter_map(|value| {
        let label = words.say(words_of(value)?).into();
        Some(Choice { value: (*value).into(), label, chosen: *value == now })
    });
    let is_other = !now.is_empty() && words_of(now).is_none();
    let shown = || if now.len() == DAY { words.date(now) } else { words.datetime(now) };
    let other = is_other.then(|| Choice { value: now.into(), label: shown(), chosen: true });
    other.into_iter().chain(named).collect()
}

/// Returns true if an input of the form sets this parameter.
pub(super) fn is_input(fields: &[FilterField], parameter: &str) -> bool {
    fields.iter().any(|field| match &field.input {
        FilterInput::Select { name, .. }
        | FilterInput::Reference { name, .. }
        | FilterInput::Part { name, .. } => name == parameter,
        FilterInput::Range { from, to, within, .. } => {
            let within = within.as_ref().map(|(name, _)| name.as_str());
            [Some(from.0.as_str()), Some(to.0.as_str()), within].contains(&Some(parameter))
        }
    })
}

/// A field of the listed model, or of a model that references lead to.
struct Reached<'p> {
    label: String,
    model: &'p Model,
    field: &'p Field,
}

/// Returns the field that a path such as `city` or `city.region` leads to; `None` if there is no such field, or if the
/// visitor may not read its model.
fn reached<'p>(place: &'p Place<'_>, path: &str) -> Option<Reached<'p>> {
    let (mut model, mut labels, mut found): (Option<&Arc<Model>>, _, _) = (Some(&place.model), vec![], None);
    if let Some(field) = place.model.field(path) {
        return Some(Reached { label: field.label.clone(), model: &place.model, field });
    }
    for name in path.split('.') {
        let field = model?.field(name)?;
        labels.push(field.label.as_str());
        found = model.map(|model| (&**model, field));
        model = place.target(field);
    }
    found.map(|(model, field)| Reached { label: labels.join(" › "), model, field })
}
