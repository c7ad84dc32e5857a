//! Converts text of a URL to a typed value, by the kind of its column.
//!
//! Used for filters and cursors. It never guesses: text that does not fit the column's kind is refused.

use tenantry::{
    model::{FieldKind, IdKind, Model},
    name::FieldName,
    value::Value,
};

/// Kind of a column, as URLs distinguish them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Free text.
    Text,
    /// One of a closed list, which the caller checks.
    Choice,
    /// 64-bit integer, or a reference to a row with such a key.
    Integer,
    /// Exact decimal.
    Decimal,
    /// `true` or `false`.
    Boolean,
    /// `YYYY-MM-DD`.
    Date,
    /// RFC 3339 instant.
    Datetime,
    /// UUID.
    Uuid,
    /// Reference to a row whose kind of id is not known here: a number or a UUID.
    Reference,
    /// JSON or file: only `isnull` applies.
    Opaque,
}

impl Kind {
    /// Returns true if values may be compared and sorted.
    pub fn comparable(self) -> bool {
        self != Kind::Opaque
    }
}

/// Returns the named column and its kind.
///
/// # Errors
/// Returns an error if there is no such column. The text lists the columns.
pub(super) fn column(model: &Model, name: &str) -> Result<(FieldName, Kind), String> {
    let unknown = || format!("no field {}; there are: {}", quoted(name), columns(model));
    if let Some(field) = model.field(name) {
        return Ok((field.name.clone(), kind(&field.kind)));
    }
    let parsed = FieldName::parse(name).map_err(|_| unknown())?;
    let kind = match name {
        "id" => match model.id {
            IdKind::Integer => Kind::Integer,
            IdKind::Uuid => Kind::Uuid,
        },
        "created_at" | "updated_at" => Kind::Datetime,
        "version" => Kind::Integer,
        _ => return Err(unknown()),
    };
    Ok((parsed, kind))
}

fn kind(kind: &FieldKind) -> Kind {
    match kind {
        FieldKind::Text { .. } => Kind::Text,
        FieldKind::Integer { .. } => Kind::Integer,
        FieldKind::Decimal { .. } => Kind::Decimal,
        FieldKind::Boolean => Kind::Boolean,
        FieldKind::Date => Kind::Date,
        FieldKind::Datetime => Kind::Datetime,
        FieldKind::Json | FieldKind::Custom | FieldKind::File { .. } => Kind::Opaque,
        FieldKind::Choice { .. } => Kind::Choice,
        FieldKind::Ref { .. } => Kind::Reference,
    }
}

fn columns(model: &Model) -> String {
    let declared = model.fields.iter().map(|f| f.name.as_str());
    let all: Vec<_> =
        std::iter::once("id").chain(declared).chain(["created_at", "updated_at", "version"]).collect();
    all.join(", ")
}

/// Quotes text of a request for a message: truncated, with control characters escaped.
pub(super) fn quoted(text: &str) -> String {
    format!("{:?}", text.chars().take(60).collect::<String>())
}

/// Parses a text as a typed value.
///
/// # Errors
/// Returns an error if the text does not fit the kind.
pub fn parse(kind: Kind, text: &str) -> Result<Value, &'static str> {
    match kind {
        Kind::Text | Kind::Choice => Ok(Value::Text(text.into())),
        Kind::Integer => text.parse().map(Value::Integer).map_err(|_| "must be a whole number"),
        Kind::Decimal => text.parse().map(Value::Decimal).map_err(|_| "must be a decimal number, as 12.50"),
        Kind::Boolean => match text {
            "true" | "1" => Ok(Value::Boolean(true)),
            "false" | "0" => Ok(Value::Boolean(false)),
            _ => Err("must be true or false"),
        },
        Kind::Date => text.parse().map(Value::Date).map_err(|_| "must be a date, as 2026-11-21"),
        Kind::Datetime => datetime(text).ok_or("must be an instant, as 2026-11-21T08:00:00Z, or a date"),
        Kind::Uuid => uuid(text).map(Value::Uuid).ok_or("must be a UUID"),
        Kind::Reference => match text.parse() {
            Ok(id) => Ok(Value::Integer(id)),
            Err(_) => uuid(text).map(Value::Uuid).ok_or("must be an id: a whole number or a UUID"),
        },
        Kind::Opaque => Err("can only be tested with __isnull"),
    }
}

/// Parses an instant. A date without a time means its first moment in UTC.
fn datetime(text: &str) -> Option<Value> {
    if text.len() == 10 {
        return format!("{text}T00:00:00Z").parse().ok().map(Value::DateTime);
    }
    // A `+` of an offset that was not percent-encoded arrives as a space.
    text.replace(' ', "+").parse().ok().map(Value::DateTime)
}

/// Parses a hyphenated UUID; other spellings are refused, so that each row has one address.
pub(super) fn uuid(text: &str) -> Option<tenantry::Uuid> {
    (text.len() == 36).then(|| tenantry::Uuid::try_parse(text).ok()).flatten()
}
