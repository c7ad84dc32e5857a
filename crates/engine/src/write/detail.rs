//! The detail of an entry of the activity log: JSON with the fields that a change touched. It names personal fields but
//! never copies their values.

use crate::{
    row::json::{write_owned, write_text},
    schema::Plan,
    value::Value,
};

/// Returns the changed fields with their old and new values.
pub(crate) fn changed(plan: &Plan, before: &[Value], after: &[Value]) -> String {
    object(plan, |out, index| {
        if before[index] == after[index] {
            return false;
        }
        key(out, plan, index);
        if plan.model.fields[index - 1].personal {
            out.extend_from_slice(b"\"personal\"");
            return true;
        }
        out.push(b'[');
        write_owned(out, &before[index]);
        out.push(b',');
        write_owned(out, &after[index]);
        out.push(b']');
        true
    })
}

/// Returns the fields of a row with their values.
pub(crate) fn values(plan: &Plan, row: &[Value]) -> String {
    object(plan, |out, index| {
        key(out, plan, index);
        if plan.model.fields[index - 1].personal {
            out.extend_from_slice(b"\"personal\"");
        } else {
            write_owned(out, &row[index]);
        }
        true
    })
}

fn key(out: &mut Vec<u8>, plan: &Plan, index: usize) {
    write_text(out, plan.columns[index].name.as_str());
    out.push(b':');
}

/// Returns a JSON object with the declared fields for which `member` writes a value.
fn object(plan: &Plan, mut member: impl FnMut(&mut Vec<u8>, usize) -> bool) -> String {
    let mut out = vec![b'{'];
    for index in 1..=plan.model.fields.len() {
        if member(&mut out, index) {
            out.push(b',');
        }
    }
    if out.last() == Some(&b',') {
        out.pop();
    }
    out.push(b'}');
    String::from_utf8(out).unwrap_or_default()
}
