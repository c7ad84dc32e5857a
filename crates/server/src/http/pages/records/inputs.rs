//! Inputs for fields, by their types. Used by the forms of one record and of several.

use super::{
    Place,
    choices::{self, Asked},
    clock,
    values::Values,
};
use crate::http::{
    pages::{reasons, visit::Fields, words::Words},
    problem::{FieldProblem, Result},
};
use tenantry::{
    model::{Field, FieldKind},
    records::Dependence,
};
use tenantry_console::records::{self as view, Input};

/// Number of characters from which a text gets an input of several lines.
const LONG: u32 = 300;

/// Values and problems that a form shows.
#[derive(Default)]
pub(super) struct Typed {
    pub(super) values: Values,
    pub(super) wrong: Vec<FieldProblem>,
    /// Searches in long lists of choices: field and part of the name.
    pub(super) find: Vec<(String, String)>,
    /// Keep chosen records that do not fit the other references.
    pub(super) keep: bool,
}

/// Returns the searches in long lists of choices: field and part of the name.
pub(super) fn finds(fields: &Fields) -> Vec<(String, String)> {
    let find =
        |(name, value): &(String, String)| Some((name.strip_prefix("_find_")?.to_owned(), value.clone()));
    fields.0.iter().filter_map(find).collect()
}

/// Returns the input of one field.
pub(super) async fn field(
    place: &Place<'_>,
    field: &Field,
    typed: &Typed,
    rules: &[Dependence],
) -> Result<view::Field> {
    let name = field.name.to_string();
    let value = typed.values.get(&name).cloned().unwrap_or_default();
    let of_field = typed.wrong.iter().filter(|wrong| wrong.field == name);
    let wrong: Vec<_> = of_field.map(|wrong| reasons::sentence(place.words(), &wrong.message)).collect();
    let input = match field.kind {
        FieldKind::Ref { .. } => reference(place, field, typed, rules, value).await?,
        _ => input_of(place, field, value),
    };
    Ok(view::Field {
        label: field.label.clone(),
        required: field.required,
        help: help(place.words(), field),
        wrong: wrong.join(" "),
        theirs: None,
        narrows: rules.iter().any(|rule| rule.with == field.name),
        input,
        name,
    })
}

async fn reference(
    place: &Place<'_>,
    field: &Field,
    typed: &Typed,
    rules: &[Dependence],
    value: String,
) -> Result<Input> {
    let find = typed.find.iter().find(|(name, _)| *name == field.name.as_str()).map(|(_, text)| text.trim());
    let asked = Asked {
        chosen: &value,
        find: find.unwrap_or_default(),
        narrow: choices::narrowing(place, rules, field, &typed.values),
        keep: typed.keep,
    };
    Ok(match choices::choices(place, field, asked).await? {
        Some(found) => {
            let find = (found.more || find.is_some()).then(|| find.unwrap_or_default().to_owned());
            Input::Select { options: found.options, find }
        }
        // The visitor may not read the other model, so the input takes the record's number.
        None => Input::Text { value, longest: 40, kind: "text" },
    })
}

fn input_of(place: &Place<'_>, field: &Field, value: String) -> Input {
    let words = place.words();
    match &field.kind {
        FieldKind::Text { max_length } => {
            let longest = max_length.unwrap_or(0);
            match longest == 0 || longest >= LONG {
                true => Input::Long { value, longest },
                false => Input::Text { value, longest, kind: kind_of(field.name.as_str()) },
            }
        }
        FieldKind::Integer { min, max } => {
            let text = |end: &Option<i64>| end.map(|end| end.to_string()).unwrap_or_default();
            Input::Number { value, step: "1".into(), min: text(min), max: text(max) }
        }
        FieldKind::Decimal { scale } => {
            let step =
                if *scale == 0 { "1".into() } else { format!("0.{}1", "0".repeat(*scale as usize - 1)) };
            Input::Number { value, step, min: String::new(), max: String::new() }
        }
        FieldKind::Boolean if field.required => Input::Check { on: value == "true" },
        FieldKind::Boolean => {
            let option = |name: &str, label: &str| view::Choice {
                value: name.into(),
                label: label.into(),
                chosen: value == name,
            };
            Input::Select {
                options: vec![option("true", words.say("yes")), option("false", words.say("no"))],
                find: None,
            }
        }
        FieldKind::Date => Input::Time { value, kind: "date" },
        // An input of local times cannot hold a time that occurs twice.
        FieldKind::Datetime => match clock::is_plain(&words.zone, &value) {
            true => Input::Time { value, kind: "datetime-local" },
            false => Input::Time { value, kind: "text" },
        },
        FieldKind::Choice { choices } => {
            let option = |name: &String| view::Choice {
                value: name.clone(),
                label: words.choice(&place.model, field, name),
                chosen: *name == value,
            };
            Input::Select { options: choices.iter().map(option).collect(), find: None }
        }
        FieldKind::Json | FieldKind::Custom => Input::Json { value },
        FieldKind::Ref { .. } | FieldKind::File { .. } => Input::Text { value, longest: 0, kind: "text" },
    }
}

/// Returns the type of an input, which selects the keyboard of phones. It adds no check.
fn kind_of(name: &str) -> &'static str {
    match name {
        "phone" | "mobile" | "fax" => "tel",
        _ => "text",
    }
}

fn help(words: &Words, field: &Field) -> String {
    match &field.kind {
        FieldKind::Datetime => words.zone_name(),
        FieldKind::Json | FieldKind::Custom => "JSON".into(),
        FieldKind::Integer { min: Some(min), max: Some(max) } => {
            words.text("help-range").with("min", min.to_string()).with("max", max.to_string()).into()
        }
        FieldKind::Text { .. } if field.unique => words.say("help-unique").into(),
        _ => String::new(),
    }
}
