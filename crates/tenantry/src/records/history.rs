//! The history of one record, from the activity log of its store: each change, its time and its actor. It outlives the
//! record.
//!
//! The log has the changes of audited models, and every change during a support visit. It names the fields with
//! personal data and never contains their values.

use super::{Records, Scope, read::Want};
use crate::{Error, Result, access::gates::Verb};
use serde_json::{Map, Value as Json};
use tenantry_engine::{
    Activity,
    model::{Field, FieldKind, Model, custom},
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
    /// The fields that the change touched. Of a creation, its values, if the page has all changes since then.
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
    pub async fn history(&self, text: &str, before: Option<i64>, limit: u32) -> Result<History> {
        self.allow(Verb::Read)?;
        if self.entry.system && matches!(self.scope, Scope::Tenant(_)) {
            return Err(Error::NotFound("history"));
        }
        self.allow(Verb::Update)?;
        let id = self.parse_id(text)?;
        let session = self.reading().await?;
        let found = session.history(self.name(), &id, before, limit, self.page_bytes()).await?;
        let exists = session.get(self.name(), &id, &[], Collect::default()).await?.is_some();
        if found.is_empty() && !exists && before.is_none() {
            return Err(Error::NotFound("record"));
        }
        let model = self.whole_model();
        let mut entries: Vec<_> = found.into_iter().map(|activity| entry(model, activity)).collect();
        if before.is_none() && exists && entries.last().is_some_and(|entry| entry.action == "create") {
            let now = self.get(text, &Want::default()).await?;
            add_created(model, &mut entries, &now.body)?;
        }
        Ok(History { entries, exists, is_audited: model.audit || self.entry.system })
    }
}

/// Adds the values with which a record was created. The log has none for a creation: they are what the first later change of
/// each field found, and what the record has now in fields that no change touched.
///
/// The entries must be all of the record. Changes that the log does not have, from a time when the model was not audited, show
/// in the version, which each change raises by one; then nothing is added.
fn add_created(model: &Model, entries: &mut [Entry], record: &[u8]) -> Result<()> {
    let record: Map<String, Json> =
        serde_json::from_slice(record).map_err(|error| Error::Internal(format!("a record: {error}")))?;
    let Some((created, later)) = entries.split_last_mut() else { return Ok(()) };
    if record.get("version").and_then(Json::as_u64) != Some(later.len() as u64 + 1) {
        return Ok(());
    }
    for field in model.fields.iter().filter(|field| field.kind != FieldKind::Custom) {
        let name = field.name.as_str();
        let now = match field.name.of_custom() {
            Some(own) => record.get(custom::FIELD).and_then(|values| values.get(own)),
            None => record.get(name),
        };
        let mut oldest_first = later.iter().rev().flat_map(|entry| &entry.changes);
        let value = match oldest_first.find(|change| change.field == name).map(|change| &change.values) {
            Some(Values::Known(before, _)) => before.clone(),
            Some(Values::Personal) => true.into(),
            // The value is not known.
            Some(Values::TargetDeleted) => continue,
            None => now.cloned().unwrap_or_default(),
        };
        let values = match (value, field.personal) {
            (Json::Null, _) => continue,
            (_, true) => Values::Personal,
            (value, false) => Values::Known(Json::Null, shown(Some(field), value)),
        };
        created.changes.push(FieldChange { field: name.to_owned(), values });
    }
    Ok(())
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
    fn a_creation_has_what_later_changes_found_unless_some_are_missing() {
        let model = |text: &str| {
            let source = tenantry_engine::model::Source {
                app: tenantry_engine::name::AppName::parse("a").unwrap(),
                name: "notes",
                file: "notes.toml",
                text,
            };
            let scope = |_: &tenantry_engine::name::StoreName| Some(crate::config::Scope::Tenant);
            tenantry_engine::model::load(&[source], &scope).unwrap().remove(0)
        };
        let model = model(
            "label = \"N\"\nstore = \"tenant\"\n[fields.a]\ntype = \"integer\"\n[fields.b]\ntype = \"integer\"\n\
             [fields.c]\ntype = \"integer\"\npersonal = true\n[fields.d]\ntype = \"integer\"\n",
        );
        let entry = |action: &str, changes: &[(&str, i64, i64)]| Entry {
            id: 1,
            at: String::new(),
            actor: String::new(),
            impersonator: None,
            action: action.into(),
            changes: changes
                .iter()
                .map(|(name, before, after)| FieldChange {
                    field: (*name).into(),
                    values: Values::Known(json!(before), json!(after)),
                })
                .collect(),
        };
        // Newest first.
        let entries =
            || vec![entry("update", &[("a", 2, 3)]), entry("update", &[("a", 1, 2)]), entry("create", &[])];
        let shown = |version: i64| {
            let mut entries = entries();
            let record = json!({"a": 3, "b": 7, "c": 9, "d": null, "version": version}).to_string();
            add_created(&model, &mut entries, record.as_bytes()).unwrap();
            entries.pop().unwrap().changes.into_iter().map(|c| (c.field, c.values)).collect::<Vec<_>>()
        };
        let known = |value: i64| Values::Known(Json::Null, json!(value));
        assert_eq!(
            shown(3),
            [("a".into(), known(1)), ("b".into(), known(7)), ("c".into(), Values::Personal)]
        );
        assert_eq!(shown(4), [], "a change is missing in the log");
    }

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
