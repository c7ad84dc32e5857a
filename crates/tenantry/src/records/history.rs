//! The history of one record, from the activity log of its store: each change, its time and its actor. It outlives the
//! record.
//!
//! The log has the changes of audited models, and every change during a support visit. It names the fields with
//! personal data and never contains their values.

use super::{Records, Scope};
use crate::{Error, Result, access::gates::Verb};
use serde_json::Value as Json;
use tenantry_engine::{
    Activity,
    model::{Field, FieldKind, Model},
    row::Collect,
};

/// A page of the history of a record.
#[derive(Debug)]
pub struct History {
    /// Changes, newest first.
    pub entries: Vec<Entry>,
    /// True if the record exists.
    pub exists: bool,
    /// True if all changes of the model are recorded, not only those during support visits.
    pub is_audited: bool,
}

/// A change of a record.
#[derive(Debug)]
pub struct Entry {
    /// Number of the entry. Later entries have higher numbers.
    pub id: i64,
    /// Time of the change: RFC 3339, UTC.
    pub at: String,
    /// Label of the actor, for example `user:5` or `key:3`.
    pub actor: String,
    /// Label of the staff account that acted as the actor during a support visit.
    pub impersonator: Option<String>,
    /// Kind of the change: `create`, `update` or `delete`.
    pub action: String,
    /// The fields that the change touched. Empty for a creation: its values are the earliest values in the later
    /// changes.
    pub changes: Vec<FieldChange>,
}

/// The change of one field.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldChange {
    /// Name of the field.
    pub field: String,
    /// The recorded values of the field.
    pub values: Values,
}

/// The recorded values of a changed field.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// The values before and after the change.
    Known(Json, Json),
    /// None, because the field holds personal data.
    Personal,
    /// None. The reference was emptied because its target was deleted.
    TargetDeleted,
}

impl Records<'_> {
    /// Returns a page of the history of a record, which may be deleted. `before` is the last id of the previous page. A
    /// page may be shorter than `limit` because of its limit of bytes; only an empty page is certainly the last.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] if the actor may not read and update records of the model, and [`Error::NotFound`] for
    /// a record that never existed. Also returns [`Error::NotFound`] inside a tenant for shared records, whose history
    /// belongs to the platform.
    pub async fn history(&self, id: &str, before: Option<i64>, limit: u32) -> Result<History> {
        self.allow(Verb::Read)?;
        if self.entry.system && matches!(self.scope, Scope::Tenant(_)) {
            return Err(Error::NotFound("history"));
        }
        self.allow(Verb::Update)?;
        let id = self.parse_id(id)?;
        let session = self.reading().await?;
        let found = session.history(self.name(), &id, before, limit, self.page_bytes()).await?;
        let exists = session.get(self.name(), &id, &[], Collect::default()).await?.is_some();
        if found.is_empty() && !exists && before.is_none() {
            return Err(Error::NotFound("record"));
        }
        let model = &self.entry.model;
        let entries = found.into_iter().map(|activity| entry(model, activity)).collect();
        Ok(History { entries, exists, is_audited: model.audit || self.entry.system })
    }
}

fn entry(model: &Model, activity: Activity) -> Entry {
    let is_delete = activity.action == "delete";
    let changes = match activity.detail {
        Some(Json::Object(fields)) => fields
            .into_iter()
            .map(|(name, detail)| {
                let values = values(model.field(&name), is_delete, detail);
                FieldChange { field: name, values }
            })
            .collect(),
        _ => vec![],
    };
    let Activity { id, at, actor, impersonator, action, .. } = activity;
    Entry { id, at, actor, impersonator, action, changes }
}

/// Parses the recorded values of a field: the former value in a delete, a pair of values in an update.
fn values(field: Option<&Field>, is_delete: bool, detail: Json) -> Values {
    let is_personal = field.is_some_and(|field| field.personal);
    match detail {
        Json::String(text) if text == "personal" && (is_personal || !is_delete) => Values::Personal,
        Json::String(text) if text == "target deleted" && !is_delete => Values::TargetDeleted,
        Json::Array(mut pair) if pair.len() == 2 && !is_delete => {
            let after = pair.pop().unwrap_or_default();
            let before = pair.pop().unwrap_or_default();
            Values::Known(shown(field, before), shown(field, after))
        }
        before => Values::Known(shown(field, before), Json::Null),
    }
}

/// Returns the value for display: a file without the key of its bytes.
fn shown(field: Option<&Field>, mut value: Json) -> Json {
    let is_file = field.is_some_and(|field| matches!(field.kind, FieldKind::File { .. }));
    if is_file && let Some(file) = value.as_object_mut() {
        file.remove("id");
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_text_that_looks_like_a_mark_is_a_value() {
        for text in ["personal", "target deleted"] {
            assert_eq!(values(None, true, json!(text)), Values::Known(json!(text), Json::Null));
        }
        assert_eq!(
            values(None, false, json!(["personal", null])),
            Values::Known(json!("personal"), Json::Null)
        );
        assert_eq!(values(None, false, json!("personal")), Values::Personal);
        assert_eq!(values(None, false, json!("target deleted")), Values::TargetDeleted);
        assert_eq!(values(None, true, json!([1, 2])), Values::Known(json!([1, 2]), Json::Null));
    }
}
