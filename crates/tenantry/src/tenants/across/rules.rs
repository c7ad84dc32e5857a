//! The questions about rows of all tenants that staff may ask, so that no answer contains a row or leads to one.
//!
//! Groups and conditions use closed sets of values only: yes or no, choices, references to shared records, and periods.
//! Free text, numbers as keys, ids, and fields with personal data are refused.

use crate::{Error, Result, platform::loaded::Loaded};
use tenantry_engine::{
    model::{Field, FieldKind, Model},
    name::FieldName,
    query::{Aggregate, Filter, Function, GroupKey, Measure},
};

/// Checks a question about a model.
///
/// # Errors
/// Returns [`Error::Invalid`] with the remedy for a question whose answer could contain values of single rows.
pub(super) fn check(loaded: &Loaded, model: &Model, asked: &Aggregate) -> Result<()> {
    if asked.search.is_some() {
        return Err(Error::invalid("q", "is not possible over all tenants: it would search their texts"));
    }
    for key in &asked.group_by {
        check_key(loaded, model, key)?;
    }
    for measure in &asked.measures {
        check_measure(model, measure)?;
    }
    check_filter(loaded, model, &asked.filter)
}

fn check_key(loaded: &Loaded, model: &Model, key: &GroupKey) -> Result<()> {
    let name = key.field.as_str();
    if is_time(name) {
        return if key.period.is_some() { Ok(()) } else { Err(no_group(name)) };
    }
    let field = field_of(model, &key.field)?;
    match &field.kind {
        FieldKind::Boolean | FieldKind::Choice { .. } => Ok(()),
        FieldKind::Date | FieldKind::Datetime if key.period.is_some() => Ok(()),
        FieldKind::Ref { .. } if is_shared(loaded, field) => Ok(()),
        _ => Err(no_group(name)),
    }
}

fn no_group(field: &str) -> Error {
    let reason = "cannot group rows of all tenants, because its values could identify one: group by a choice, a yes or no, a \
        reference to shared records, or a period of a date";
    Error::invalid(field, reason)
}

fn check_measure(model: &Model, measure: &Measure) -> Result<()> {
    let field = field_of(model, &measure.field)?;
    match (&field.kind, measure.function) {
        (FieldKind::Integer { .. } | FieldKind::Decimal { .. }, _)
        | (FieldKind::Date | FieldKind::Datetime, Function::Min | Function::Max) => Ok(()),
        _ => Err(Error::invalid(
            field.name.as_str(),
            "is neither a number nor a date, so it has no such result",
        )),
    }
}

fn check_filter(loaded: &Loaded, model: &Model, filter: &Filter) -> Result<()> {
    match filter {
        Filter::All(list) | Filter::Any(list) => {
            list.iter().try_for_each(|filter| check_filter(loaded, model, filter))
        }
        Filter::Not(inner) => check_filter(loaded, model, inner),
        Filter::Compare(name, ..) | Filter::In(name, _) | Filter::Null(name, _) => {
            if is_time(name.as_str()) {
                return Ok(());
            }
            let field = field_of(model, name)?;
            match &field.kind {
                FieldKind::Boolean | FieldKind::Choice { .. } | FieldKind::Date | FieldKind::Datetime => {
                    Ok(())
                }
                FieldKind::Ref { .. } if is_shared(loaded, field) => Ok(()),
                _ => {
                    let reason = "cannot be a condition on rows of all tenants, because it could select one: use choices, yes or \
                        no, references to shared records, or dates";
                    Err(Error::invalid(name.as_str(), reason))
                }
            }
        }
        Filter::Through(field, _) => {
            Err(Error::invalid(field.as_str(), "cannot lead to another model over all tenants"))
        }
    }
}

/// Returns true for the instants that the platform sets.
fn is_time(name: &str) -> bool {
    matches!(name, "created_at" | "updated_at")
}

fn field_of<'m>(model: &'m Model, name: &FieldName) -> Result<&'m Field> {
    let field = model.field(name.as_str());
    let field = field
        .ok_or_else(|| Error::invalid(name.as_str(), "is no field that all tenants can be asked for"))?;
    match field.personal {
        true => Err(Error::invalid(name.as_str(), "is personal data, which staff do not analyse")),
        false => Ok(field),
    }
}

/// Returns true if a reference leads to records that all tenants share.
fn is_shared(loaded: &Loaded, field: &Field) -> bool {
    match &field.kind {
        FieldKind::Ref { to, .. } => loaded.entry(to.as_str()).is_ok_and(|entry| entry.system),
        _ => false,
    }
}
