//! The detail of an entry of the activity log: JSON with the fields that a change touched. It names personal fields but
//! never copies their values.

use crate::{
    model::{FieldKind, custom::FIELD},
    name::FieldName,
    row::json::{write_owned, write_text},
    schema::Plan,
    value::Value,
};
use std::collections::BTreeSet;

/// Returns the changed fields with their old and new values. `personal` are the tenant's own fields with personal data.
pub(crate) fn changed(plan: &Plan, personal: &[FieldName], before: &[Value], after: &[Value]) -> String {
    object(plan, |out, index| {
        if before[index] == after[index] {
            return;
        }
        let field = &plan.model.fields[index - 1];
        if field.kind == FieldKind::Custom {
            return own_changes(out, personal, members(&before[index]), members(&after[index]));
        }
        key(out, plan, index);
        match field.personal {
            true => out.extend_from_slice(PERSONAL),
            false => pair(out, |out| write_owned(out, &before[index]), |out| write_owned(out, &after[index])),
        }
        out.push(b',');
    })
}

/// Returns the fields of a row with their values.
pub(crate) fn values(plan: &Plan, personal: &[FieldName], row: &[Value]) -> String {
    object(plan, |out, index| {
        let field = &plan.model.fields[index - 1];
        if field.kind == FieldKind::Custom {
            for (name, value) in members(&row[index]).into_iter().flatten() {
                own_key(out, name);
                match is_personal(personal, name) {
                    true => out.extend_from_slice(PERSONAL),
                    false => out.extend_from_slice(value.to_string().as_bytes()),
                }
                out.push(b',');
            }
            return;
        }
        key(out, plan, index);
        match field.personal {
            true => out.extend_from_slice(PERSONAL),
            false => write_owned(out, &row[index]),
        }
        out.push(b',');
    })
}

const PERSONAL: &[u8] = b"\"personal\"";

/// Appends the own fields that changed, each under `custom.NAME`.
fn own_changes(out: &mut Vec<u8>, personal: &[FieldName], before: Option<&Members>, after: Option<&Members>) {
    let of =
        |all: Option<&Members>, name: &str| all.and_then(|all| all.get(name)).cloned().unwrap_or_default();
    let names: BTreeSet<&String> = before.into_iter().chain(after).flat_map(Members::keys).collect();
    for name in names {
        let (was, is) = (of(before, name), of(after, name));
        if was == is {
            continue;
        }
        own_key(out, name);
        match is_personal(personal, name) {
            true => out.extend_from_slice(PERSONAL),
            false => pair(
                out,
                |out| out.extend_from_slice(was.to_string().as_bytes()),
                |out| out.extend_from_slice(is.to_string().as_bytes()),
            ),
        }
        out.push(b',');
    }
}

type Members = serde_json::Map<String, serde_json::Value>;

fn members(value: &Value) -> Option<&Members> {
    match value {
        Value::Json(serde_json::Value::Object(members)) => Some(members),
        _ => None,
    }
}

fn is_personal(personal: &[FieldName], name: &str) -> bool {
    personal.iter().any(|field| field.as_str() == name)
}

fn own_key(out: &mut Vec<u8>, name: &str) {
    write_text(out, &format!("{FIELD}.{name}"));
    out.push(b':');
}

fn pair(out: &mut Vec<u8>, before: impl FnOnce(&mut Vec<u8>), after: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'[');
    before(out);
    out.push(b',');
    after(out);
    out.push(b']');
}

fn key(out: &mut Vec<u8>, plan: &Plan, index: usize) {
    write_text(out, plan.columns[index].name.as_str());
    out.push(b':');
}

/// Returns a JSON object. For each declared field, `member` writes the field's members, each with a comma after it.
fn object(plan: &Plan, mut member: impl FnMut(&mut Vec<u8>, usize)) -> String {
    let mut out = vec![b'{'];
    for index in 1..=plan.model.fields.len() {
        member(&mut out, index);
    }
    if out.last() == Some(&b',') {
        out.pop();
    }
    out.push(b'}');
    String::from_utf8(out).unwrap_or_default()
}
