//! The conditions of a list: the inputs that set them, by the type of the field, and the conditions that are set.

use super::{
    Place,
    choices::{self, Asked},
    links::Params,
};
use crate::http::{pages::words, problem::Result};
use tenantry::model::{Field, FieldKind};
use tenantry_console::records::{Chip, Choice, FilterField, FilterInput};

/// Parameters of a list that are not conditions.
pub(super) const WORDS: [&str; 5] = ["sort", "after", "fields", "count", "limit"];
/// Ids of the words for operators, by the suffix of the parameter's name.
const OPERATORS: [(&str, &str); 10] = [
    ("ne", "is-ne"),
    ("lt", "is-lt"),
    ("lte", "is-lte"),
    ("gt", "is-gt"),
    ("gte", "is-gte"),
    ("contains", "is-contains"),
    ("startswith", "is-startswith"),
    ("in", "is-in"),
    ("isnull", "is-isnull"),
    ("eq", "is-eq"),
];

/// Returns the inputs that set conditions. With `with_choices`, it also reads the records that references can name; the
/// slice holds searches in them: field and part of the name.
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
        FilterInput::Range { kind, from: end("gte"), to: end("lte") }
    };
    Ok(match &field.kind {
        FieldKind::Choice { choices } => {
            let option = |value: &String| Choice {
                value: value.clone(),
                label: words::human(value),
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
        FieldKind::Date => Some(range("date")),
        FieldKind::Datetime => Some(range("date")),
        FieldKind::Integer { .. } | FieldKind::Decimal { .. } => Some(range("number")),
        FieldKind::Text { .. } if field.has_index() && !field.search => {
            let name = format!("{name}__contains");
            let value = params.get(&name).unwrap_or_default().to_owned();
            Some(FilterInput::Part { name, value })
        }
        FieldKind::Text { .. } | FieldKind::Json | FieldKind::File { .. } => None,
    })
}

/// Returns the conditions that are set. `broken` are parameters that do not fit the model.
pub(super) fn chips(
    place: &Place<'_>,
    path: &str,
    params: &Params,
    broken: &Params,
    fields: &[FilterField],
) -> Vec<Chip> {
    let is_condition = |name: &str| !WORDS.contains(&name) && name != "q";
    let set = params.0.iter().filter(|(name, _)| is_condition(name)).map(|pair| (pair, false));
    let all = set.chain(broken.0.iter().map(|pair| (pair, true)));
    all.map(|((name, value), broken)| Chip {
        text: if broken { format!("{name}: {value}") } else { words_of(place, name, value, fields) },
        without: params
            .without(|known, other| known == "after" || (known == name && other == value))
            .href(path),
        broken,
    })
    .collect()
}

/// Returns a condition in words. References appear by number, not by name.
pub(in crate::http::pages) fn condition(place: &Place<'_>, parameter: &str, value: &str) -> String {
    words_of(place, parameter, value, &[])
}

/// Returns a group of conditions in words, one after the other.
fn group_in_words(place: &Place<'_>, group: &str) -> String {
    let (mut words, mut part, mut is_quoted) = (String::new(), String::new(), false);
    for letter in group.chars() {
        is_quoted ^= letter == '"';
        if is_quoted || !matches!(letter, '(' | ')' | ',') {
            part.push(letter);
            continue;
        }
        words.push_str(&match (part.split_once('='), part.as_str(), letter) {
            (Some((name, value)), ..) => words_of(place, name, value.trim_matches('"'), &[]),
            (None, "any", '(') => format!("{} ", place.words().say("group-any")),
            (None, "all", '(') => format!("{} ", place.words().say("group-all")),
            (None, other, _) => other.to_owned(),
        });
        part.clear();
        words.push(letter);
        words.push_str(if letter == ',' { " " } else { "" });
    }
    words + &part
}

/// Returns the label of a field, which may belong to a record that references lead to.
fn label_of(place: &Place<'_>, path: &str) -> String {
    let (mut model, mut labels) = (Some(&place.model), vec![]);
    for name in path.split('.') {
        let field = model.and_then(|model| model.field(name));
        labels.push(field.map_or_else(|| words::human(name), |field| field.label.clone()));
        model = field.and_then(|field| place.target(field));
    }
    labels.join(" › ")
}

fn words_of(place: &Place<'_>, parameter: &str, value: &str, fields: &[FilterField]) -> String {
    if parameter == "any" {
        return place.words().text("group-one-of").with("conditions", group_in_words(place, value)).into();
    }
    let (name, suffix) = parameter.split_once("__").unwrap_or((parameter, "eq"));
    let label = label_of(place, name);
    let words = place.words();
    let shown = fields.iter().find_map(|field| match &field.input {
        FilterInput::Select { name, options } | FilterInput::Reference { name, options, .. }
            if name == parameter =>
        {
            options.iter().find(|option| option.value == value).map(|option| option.label.clone())
        }
        _ => None,
    });
    let shown = shown.unwrap_or_else(|| match suffix {
        "isnull" => words.say(if matches!(value, "true" | "1") { "yes" } else { "no" }).to_owned(),
        _ => value.to_owned(),
    });
    match OPERATORS.iter().find(|(known, _)| *known == suffix) {
        Some((_, text)) => words.text(text).with("field", label).with("value", shown).into(),
        None => format!("{label} {suffix} {shown}"),
    }
}
