//! Groups of conditions of which at least one must hold, made in the form of a list: `any=(status=active,all(…))`.
//!
//! The form sends a field, an operator and a value for each condition, by the numbers of its group and its row. A condition
//! begins with its field; the form is sent and comes back with the operators and the input of that field. Nothing is kept
//! elsewhere: conditions become parameters of the list's address when they are applied.

use super::{
    super::{
        Place,
        choices::{self, Asked},
        links::Params,
    },
    Reached, reached, words_of,
};
use crate::http::{
    pages::{reasons, visit::Fields},
    problem::Result,
    query::{self, ANY, Part},
};
use tenantry::model::{Field, FieldKind};
use tenantry_console::records::{Alternative, Alternatives as View, Choice, Condition, ConditionValue};

/// Largest number of groups, and of conditions in one: together as many as the API takes in one request.
const MOST: usize = 7;

/// A condition as the visitor typed it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Row {
    field: String,
    is: String,
    value: String,
    wrong: String,
}

/// Groups of conditions as the visitor typed them.
#[derive(Debug, Default)]
pub(in crate::http::pages::records) struct Alternatives {
    groups: Vec<Vec<Row>>,
    /// Parameter of the address that these groups replace; empty if they replace none.
    instead: String,
    is_open: bool,
}

/// Returns true if the form can show a parameter as groups of conditions.
pub(super) fn edits(name: &str, value: &str) -> bool {
    name == ANY && groups_of(value).is_some()
}

/// Returns the groups in a parameter; `None` if they are nested more deeply than the form can show.
fn groups_of(value: &str) -> Option<Vec<Vec<Row>>> {
    let row = |part: &Part| match part {
        Part::Is(name, value) => {
            let (field, is) = name.split_once("__").unwrap_or((name, "eq"));
            let (is, value) = match (is, value.as_str()) {
                ("isnull", "true" | "1") => ("empty", ""),
                ("isnull", _) => ("filled", ""),
                ("in", _) => return None,
                ("eq", value) if words_of(value).is_some() => ("within", value),
                other => other,
            };
            Some(Row { field: field.into(), is: is.into(), value: value.into(), wrong: String::new() })
        }
        _ => None,
    };
    let group = |part: &Part| match part {
        Part::All(parts) if parts.len() <= MOST => parts.iter().map(row).collect(),
        Part::Any(_) | Part::All(_) => None,
        one => Some(vec![row(one)?]),
    };
    let parts = query::parts(value).ok().filter(|parts| parts.len() <= MOST)?;
    parts.iter().map(group).collect()
}

impl Alternatives {
    /// Reads the form of a list.
    pub(in crate::http::pages::records) fn read(sent: &Fields) -> Self {
        if let Some(groups) = sent.filled("_edit").and_then(groups_of) {
            return Self { groups, instead: sent.get("_edit").to_owned(), is_open: true };
        }
        let dropped = sent.get("_drop");
        let row = |group: usize, at: usize| {
            let part = |name: &str| sent.get(&format!("_{name}_{group}_{at}"));
            let field = Some(part("field")).filter(|field| !field.is_empty());
            let field = field.filter(|_| dropped != format!("{group}_{at}"))?;
            Some(Row {
                field: field.into(),
                is: part("is").into(),
                value: part("value").trim().into(),
                ..Row::default()
            })
        };
        let is_typed = sent.0.iter().any(|(name, _)| name.starts_with("_field_"));
        let numbers = 0..if is_typed { MOST } else { 0 };
        let groups = numbers.clone().map(|group| numbers.clone().filter_map(|at| row(group, at)).collect());
        Self {
            groups: groups.filter(|rows: &Vec<_>| !rows.is_empty()).collect(),
            instead: sent.get("_instead").to_owned(),
            is_open: is_typed || sent.sent("_or").is_some(),
        }
    }

    /// Returns true if the form shows the groups.
    pub(in crate::http::pages::records) fn is_open(&self) -> bool {
        self.is_open
    }

    /// Returns true if the visitor applied the conditions, rather than asking for another row.
    pub(in crate::http::pages::records) fn are_sent(&self, sent: &Fields) -> bool {
        let has_some = !self.groups.is_empty() || !self.instead.is_empty();
        has_some && !Self::only_asks(sent)
    }

    /// Returns true if the visitor asked for another row or for other choices, and applied nothing.
    pub(in crate::http::pages::records) fn only_asks(sent: &Fields) -> bool {
        ["_add", "_drop", "_or", "_edit", "_choices"].iter().any(|name| sent.sent(name).is_some())
    }

    /// Returns the parameters of the list with these conditions. Returns `None` if some are wrong; each wrong condition
    /// then says why.
    pub(in crate::http::pages::records) fn applied(
        &mut self,
        place: &Place<'_>,
        params: &Params,
    ) -> Option<Params> {
        for row in self.groups.iter_mut().flatten() {
            row.wrong = row.fault(place);
        }
        if self.groups.iter().flatten().any(|row| !row.wrong.is_empty()) {
            return None;
        }
        let mut params =
            params.without(|name, value| name == "after" || (name == ANY && value == self.instead));
        match self.groups.as_slice() {
            [] => {}
            // The conditions of a single group become conditions of the list.
            [rows] => params.0.extend(rows.iter().map(Row::parameter)),
            groups => params.0.push((ANY.to_owned(), written(groups))),
        }
        Some(params)
    }

    /// Returns the form. `finds` has the text that the visitor searches for in each input.
    pub(in crate::http::pages::records) async fn view(
        &self,
        place: &Place<'_>,
        finds: &[(String, String)],
    ) -> Result<Option<View>> {
        if !self.is_open {
            return Ok(None);
        }
        let mut groups = vec![];
        for (number, rows) in self.groups.iter().enumerate() {
            let mut conditions = vec![];
            for (at, row) in rows.iter().enumerate() {
                let name = format!("_value_{number}_{at}");
                let find = finds.iter().find(|(known, _)| *known == name).map(|(_, text)| text.trim());
                conditions.extend(row.view(place, find.unwrap_or_default()).await?);
            }
            let may_add = conditions.len() < MOST;
            groups.push(Alternative { conditions, may_add });
        }
        if groups.len() < MOST {
            groups.push(Alternative { conditions: vec![], may_add: true });
        }
        Ok(Some(View { instead: self.instead.clone(), groups, fields: offered(place) }))
    }
}

impl Row {
    /// Returns parameter and value.
    fn parameter(&self) -> (String, String) {
        match self.is.as_str() {
            "eq" | "within" => (self.field.clone(), self.value.clone()),
            "empty" => (format!("{}__isnull", self.field), "true".into()),
            "filled" => (format!("{}__isnull", self.field), "false".into()),
            is => (format!("{}__{is}", self.field), self.value.clone()),
        }
    }

    /// Returns what is wrong with the condition; empty if nothing is.
    fn fault(&self, place: &Place<'_>) -> String {
        if self.value.is_empty() && !matches!(self.is.as_str(), "empty" | "filled") {
            return place.words().say("alternative-value-missing").into();
        }
        let one = Params(vec![self.parameter()]);
        let Err(problem) = query::list(place, &one.query()) else { return String::new() };
        reasons::first(place.words(), &problem)
    }

    /// Returns the condition as the form shows it; `None` if the model no longer has the field.
    async fn view(&self, place: &Place<'_>, find: &str) -> Result<Option<Condition>> {
        let Some(found) = reached(place, &self.field) else { return Ok(None) };
        let usual = operators(found.field);
        let is = if self.is.is_empty() { usual[0] } else { &self.is };
        // An address may have an operator that the form does not offer for the field.
        let other = OTHERS.iter().filter(|other| **other == is && !usual.contains(other));
        let known = usual.iter().chain(other);
        let operator = |known: &&'static str| Choice {
            value: (*known).into(),
            label: place.words().say(label(known, &found.field.kind)).into(),
            chosen: *known == is,
        };
        let value = match is {
            "empty" | "filled" => ConditionValue::None,
            _ => self.input(place, &found, find).await?,
        };
        Ok(Some(Condition {
            field: self.field.clone(),
            label: found.label.clone(),
            operators: known.map(operator).collect(),
            value,
            wrong: self.wrong.clone(),
        }))
    }

    async fn input(&self, place: &Place<'_>, found: &Reached<'_>, find: &str) -> Result<ConditionValue> {
        let field = found.field;
        let now = &self.value;
        let option = |value: &str, label: String| Choice { value: value.into(), label, chosen: value == now };
        let say = |id| place.words().say(id).to_owned();
        Ok(match &field.kind {
            FieldKind::Date | FieldKind::Datetime if self.is == "within" || words_of(now).is_some() => {
                ConditionValue::Select { options: super::days(place, now), find: None }
            }
            FieldKind::Choice { choices } => ConditionValue::Select {
                options: choices
                    .iter()
                    .map(|value| option(value, place.words().choice(found.model, field, value)))
                    .collect(),
                find: None,
            },
            FieldKind::Boolean => ConditionValue::Select {
                options: vec![option("true", say("yes")), option("false", say("no"))],
                find: None,
            },
            FieldKind::Ref { .. } => {
                let asked = Asked { chosen: now, find, keep: true, ..Asked::default() };
                match choices::choices(place, field, asked).await? {
                    Some(found) => ConditionValue::Select {
                        options: found.options,
                        find: (found.more || !find.is_empty()).then(|| find.to_owned()),
                    },
                    None => ConditionValue::Line { kind: "number", value: now.clone() },
                }
            }
            // A program may have made the address: an instant stays as it is.
            FieldKind::Date | FieldKind::Datetime if now.len() <= 10 => {
                ConditionValue::Line { kind: "date", value: now.clone() }
            }
            FieldKind::Integer { .. } | FieldKind::Decimal { .. } => {
                ConditionValue::Line { kind: "number", value: now.clone() }
            }
            _ => ConditionValue::Line { kind: "text", value: now.clone() },
        })
    }
}

/// Operators that conditions in an address may have.
const OTHERS: [&str; 7] = ["eq", "ne", "lt", "lte", "gt", "gte", "startswith"];

fn written(groups: &[Vec<Row>]) -> String {
    let is = |row: &Row| {
        let (name, value) = row.parameter();
        Part::Is(name, value)
    };
    let part = |rows: &Vec<Row>| match rows.as_slice() {
        [one] => is(one),
        rows => Part::All(rows.iter().map(is).collect()),
    };
    query::written(&groups.iter().map(part).collect::<Vec<_>>())
}

/// Returns the operators of a field. The first is the usual one.
fn operators(field: &Field) -> &'static [&'static str] {
    match &field.kind {
        FieldKind::Text { .. } => &["contains", "eq", "ne", "startswith", "empty", "filled"],
        FieldKind::Integer { .. } | FieldKind::Decimal { .. } => {
            &["eq", "ne", "gte", "lte", "gt", "lt", "empty", "filled"]
        }
        FieldKind::Date | FieldKind::Datetime => {
            &["gte", "lte", "within", "eq", "gt", "lt", "empty", "filled"]
        }
        FieldKind::Boolean => &["eq", "empty", "filled"],
        FieldKind::Choice { .. } | FieldKind::Ref { .. } => &["eq", "ne", "empty", "filled"],
        FieldKind::Json | FieldKind::Custom | FieldKind::File { .. } => &["filled", "empty"],
    }
}

/// Returns the id of an operator's text.
fn label(operator: &str, kind: &FieldKind) -> &'static str {
    let is_time = matches!(kind, FieldKind::Date | FieldKind::Datetime);
    match operator {
        "contains" => "operator-contains",
        "startswith" => "operator-startswith",
        "ne" => "operator-ne",
        "gte" if is_time => "operator-from",
        "lte" if is_time => "operator-until",
        "gt" if is_time => "operator-after",
        "lt" if is_time => "operator-before",
        "gte" => "operator-gte",
        "lte" => "operator-lte",
        "gt" => "operator-gt",
        "lt" => "operator-lt",
        "within" => "operator-within",
        "empty" => "operator-empty",
        "filled" => "operator-filled",
        _ => "operator-eq",
    }
}

/// Returns the fields that a condition can name: those of the model and, under the label of each reference, those of the
/// model that it refers to.
fn offered(place: &Place<'_>) -> Vec<(String, Vec<Choice>)> {
    let entry =
        |path: String, field: &Field| Choice { value: path, label: field.label.clone(), chosen: false };
    let own = place.model.fields.iter().map(|field| entry(field.name.to_string(), field)).collect();
    let mut all = vec![(String::new(), own)];
    for field in &place.model.fields {
        let Some(target) = place.target(field) else { continue };
        let through = |other: &Field| entry(format!("{}.{}", field.name, other.name), other);
        all.push((field.label.clone(), target.fields.iter().map(through).collect()));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_that_the_form_shows_is_written_as_it_was() {
        for text in [
            "(status=active,status=new)",
            "(all(age__gte=65,name__contains=\"a,b\"),city.region=3)",
            "(phone__isnull=true,phone__isnull=false)",
            "(all(born=today,age__gte=65),born__lt=this_week)",
        ] {
            assert_eq!(written(&groups_of(text).unwrap()), text);
        }
        for text in ["(any(a=1,b=2),c=3)", "(all(a=1,any(b=2,c=3)),d=4)", "(a__in=\"1,2\",b=3)", "(a=1"] {
            assert_eq!(groups_of(text), None, "{text}");
        }
    }
}
