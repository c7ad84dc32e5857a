//! Query parameters of record lists, exports and aggregates. There is a parameter for each field with each operator, so
//! that typed clients know them.
//!
//! The operations on records use it. `query::filter` decides which operators a field accepts; a test sends a request
//! with every parameter listed here.

use crate::http::query::{DAYS, FUNCTIONS, PERIODS};
use serde_json::{Value, json};
use std::sync::Arc;
use tenantry::{
    model::{FieldKind, IdKind, Model},
    query::Function,
    records::MAX_MATCHING,
};

/// Description of the parameter for groups of conditions. It also covers conditions across references, which cannot be
/// listed.
const ANY: &str = "Conditions of which at least one holds: `(status=active,all(age__gte=65,city.region=3))`. Groups `any(…)` \
    and `all(…)` nest at most 4 deep. A value with a comma, a parenthesis or a quote is in double quotes. Given more than once, \
    each group must hold. Inside and outside of groups, the field of a condition may be one of a record that at most 3 references \
    lead to: `city.region.name__startswith=No`.";

/// What the time zone of a query says.
const ZONE: &str = "IANA name of the time zone of days, as `Asia/Baku`; UTC without it. A condition on an instant may name a day, \
    which is all of it: `created_at__lte=2026-11-21` contains that day. A condition on a date or an instant may also name days by a \
    word, as they are at the time of the request: `today`, `yesterday`, `tomorrow`, `this_week`, `last_week`, `this_month`, \
    `last_month`, `this_year`. A week begins on Monday.";

/// Returns the parameters for filters, search and sort order; with `paged`, also the parameters for pages.
pub(super) fn list(model: &Model, models: &[Arc<Model>], paged: bool) -> Vec<Value> {
    let sortable = columns(model).filter(|(_, kind)| *kind != Kind::Opaque).map(|(name, _)| name.to_owned());
    let across = references(model).map(|name| format!("{name}(\\.[a-z][a-z0-9_]*){{1,3}}"));
    let sort: Vec<_> = sortable.chain(across).collect();
    let sort = list_of(sort.iter().map(String::as_str), "-?");
    let text = "At most 4 fields; `-` before one for descending. A field may be one of a record that references lead to: \
                `city.region.name`.";
    let mut all = vec![query("sort", text, sort)];
    if paged {
        all.push(query(
            "limit",
            "Rows at most. A page with many bytes ends earlier; there are more while `next` is not null.",
            limit(20),
        ));
        all.push(query("after", "`next` of the page before, with the same sort.", json!({"type": "string"})));
        all.push(query("count", "Also count all matching rows.", json!({"type": "boolean"})));
    }
    all.extend(conditions(model, models));
    all
}

/// Returns the parameters of a search and of filters.
fn conditions(model: &Model, models: &[Arc<Model>]) -> Vec<Value> {
    let mut all = vec![];
    if model.fields.iter().any(|f| f.search) {
        let words = json!({"type": "string", "minLength": 1, "maxLength": 200});
        all.push(query("q", "Full-text search.", words));
    }
    let zone = json!({"type": "string", "maxLength": 64});
    all.push(query("time_zone", ZONE, zone));
    all.push(query("any", ANY, json!({"type": "string", "maxLength": 8192, "pattern": "^\\(.+\\)$"})));
    for (name, kind) in columns(model) {
        all.extend(operators(kind).map(|operator| filter(model, models, name, operator)));
    }
    all
}

/// Returns the parameters for changing or deleting all matching records.
pub(super) fn matching(model: &Model, models: &[Arc<Model>]) -> Vec<Value> {
    let text = "How many records match, as a list with `count=true` says. If it is another number now, nothing happens.";
    let number = json!({"type": "integer", "minimum": 0, "maximum": MAX_MATCHING});
    let mut expect = query("expect", text, number);
    expect["required"] = true.into();
    let dry_run = query("dry_run", "Try it and undo it.", json!({"type": "boolean"}));
    [vec![expect, dry_run], conditions(model, models)].concat()
}

/// Returns the parameters of an aggregate.
pub(super) fn aggregate(model: &Model, models: &[Arc<Model>]) -> Vec<Value> {
    let of = |wanted: &dyn Fn(Measured) -> bool| {
        let names: Vec<_> = columns(model).map(|(name, _)| name).collect();
        names.into_iter().filter(|name| wanted(measured(model, name))).collect::<Vec<_>>()
    };
    let keys = columns(model).filter(|(_, kind)| *kind != Kind::Opaque).map(|(name, _)| name.to_owned());
    let dates = of(&|kind| kind == Measured::Date);
    let periods = dates.iter().flat_map(|name| PERIODS.map(|(period, _)| format!("{name}__{period}")));
    let keys: Vec<_> = keys.chain(periods).collect();
    let mut all = vec![query(
        "group_by",
        "At most 3 fields. A date or an instant may be grouped by `__year`, `__quarter`, `__month` or `__day`, of instants in \
         `time_zone`; the first day stands for the period.",
        list_of(keys.iter().map(String::as_str), ""),
    )];
    let numbers = of(&|kind| kind == Measured::Number);
    let ordered = of(&|kind| kind != Measured::Not);
    for (name, function) in FUNCTIONS {
        let (text, names) = match function {
            Function::Sum => ("Fields whose exact sum is wanted.", &numbers),
            Function::Average => ("Fields whose mean is wanted, with four decimals more.", &numbers),
            Function::Min => ("Fields whose smallest value is wanted.", &ordered),
            Function::Max => ("Fields whose largest value is wanted.", &ordered),
        };
        all.push(query(name, text, list_of(names.iter().copied(), "")));
    }
    let sort = json!({"type": "string", "enum": ["-count"]});
    all.push(query("sort", "The largest groups first; without it, groups are sorted by their keys.", sort));
    all.push(query("limit", "Groups at most; `more` tells whether there are others.", limit(100)));
    all.extend(conditions(model, models));
    all
}

/// The kinds of values that an aggregate can compute over a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Measured {
    Number,
    Date,
    Text,
    Not,
}

fn measured(model: &Model, name: &str) -> Measured {
    match (name, model.field(name).map(|field| &field.kind)) {
        ("id", _) => {
            if model.id == IdKind::Integer {
                Measured::Number
            } else {
                Measured::Not
            }
        }
        ("version", _) | (_, Some(FieldKind::Integer { .. } | FieldKind::Decimal { .. })) => Measured::Number,
        (_, None | Some(FieldKind::Date | FieldKind::Datetime)) => Measured::Date,
        (_, Some(FieldKind::Text { .. } | FieldKind::Choice { .. })) => Measured::Text,
        (_, Some(_)) => Measured::Not,
    }
}

/// Returns the parameter that selects columns.
pub(super) fn fields(model: &Model) -> Value {
    query(
        "fields",
        "Columns wanted; all when it is left out.",
        list_of(columns(model).map(|(name, _)| name).filter(|name| !name.contains('.')), ""),
    )
}

/// Returns the parameter that expands references, if the model has any.
pub(super) fn expand(model: &Model) -> Option<Value> {
    let names: Vec<_> = references(model).collect();
    let description = format!(
        "References whose rows come along, of: {}. A path goes on from there, at most 3 deep: `{}.…`.",
        names.join(", "),
        names.first()?
    );
    let one = format!("({})(\\.[a-z][a-z0-9_]*){{0,2}}", names.join("|"));
    Some(query("expand", &description, json!({"type": "string", "pattern": format!("^{one}(,{one})*$")})))
}

fn references(model: &Model) -> impl Iterator<Item = &str> {
    model.fields.iter().filter(|f| matches!(f.kind, FieldKind::Ref { .. })).map(|f| f.name.as_str())
}

/// Kind of a column, which determines its operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Other,
    Opaque,
}

fn columns(model: &Model) -> impl Iterator<Item = (&str, Kind)> {
    let declared = model.fields.iter().map(|field| {
        let kind = match field.kind {
            FieldKind::Text { .. } | FieldKind::Choice { .. } => Kind::Text,
            FieldKind::Json | FieldKind::Custom | FieldKind::File { .. } => Kind::Opaque,
            _ => Kind::Other,
        };
        (field.name.as_str(), kind)
    });
    let set = ["created_at", "updated_at", "version"].map(|name| (name, Kind::Other));
    std::iter::once(("id", Kind::Other)).chain(declared).chain(set)
}

fn operators(kind: Kind) -> impl Iterator<Item = &'static str> {
    const ALL: [&str; 9] = ["contains", "startswith", "", "ne", "lt", "lte", "gt", "gte", "in"];
    let some = match kind {
        Kind::Text => &ALL[..],
        Kind::Other => &ALL[2..],
        Kind::Opaque => &[],
    };
    some.iter().copied().chain(["isnull"])
}

fn filter(model: &Model, models: &[Arc<Model>], name: &str, operator: &str) -> Value {
    let (text, schema) = match operator {
        "" => ("equal to", value(model, models, name)),
        "ne" => ("not equal to", value(model, models, name)),
        "lt" => ("less than", value(model, models, name)),
        "lte" => ("at most", value(model, models, name)),
        "gt" => ("greater than", value(model, models, name)),
        "gte" => ("at least", value(model, models, name)),
        "in" => ("one of these, separated by commas", json!({"type": "string", "minLength": 1})),
        "isnull" => ("empty, or not", json!({"type": "boolean"})),
        "contains" => ("containing", json!({"type": "string", "minLength": 1, "maxLength": 1000})),
        _ => ("beginning with", json!({"type": "string", "minLength": 1, "maxLength": 1000})),
    };
    let parameter = if operator.is_empty() { name.to_owned() } else { format!("{name}__{operator}") };
    query(&parameter, &format!("{name} {text}"), schema)
}

/// Returns the schema of a column's value in a URL.
fn value(model: &Model, models: &[Arc<Model>], name: &str) -> Value {
    let id = |kind| match kind {
        IdKind::Integer => json!({"type": "integer", "format": "int64"}),
        IdKind::Uuid => json!({"type": "string", "format": "uuid"}),
    };
    match (name, model.field(name).map(|field| &field.kind)) {
        ("id", _) => id(model.id),
        ("version", _) | (_, Some(FieldKind::Integer { .. })) => {
            json!({"type": "integer", "format": "int64"})
        }
        (_, None | Some(FieldKind::Datetime)) => or_days("date-time"),
        (_, Some(FieldKind::Date)) => or_days("date"),
        (_, Some(FieldKind::Boolean)) => json!({"type": "boolean"}),
        (_, Some(FieldKind::Decimal { .. })) => json!({"type": "string", "format": "decimal"}),
        (_, Some(FieldKind::Choice { choices })) => json!({"type": "string", "enum": choices}),
        (_, Some(FieldKind::Ref { to, .. })) => {
            id(models.iter().find(|m| m.name == *to).map_or(IdKind::Integer, |m| m.id))
        }
        (_, Some(_)) => json!({"type": "string", "maxLength": 1000}),
    }
}

/// Returns the schema of a date or an instant, or of days by a word.
fn or_days(format: &str) -> Value {
    json!({"anyOf": [{"type": "string", "format": format}, {"type": "string", "enum": DAYS}]})
}

/// Returns the schema of the number of rows in a page.
pub(super) fn limit(default: u32) -> Value {
    json!({"type": "integer", "minimum": 1, "maximum": 1000, "default": default})
}

/// Returns a query parameter.
pub(super) fn query(name: &str, description: &str, schema: Value) -> Value {
    json!({"name": name, "in": "query", "description": description, "schema": schema})
}

/// Returns the schema of a list of names, separated by commas. The pattern `before` may precede each name.
pub(super) fn list_of<'n>(names: impl Iterator<Item = &'n str>, before: &str) -> Value {
    let one = format!("{before}({})", names.collect::<Vec<_>>().join("|"));
    json!({"type": "string", "pattern": format!("^{one}(,{one})*$")})
}
