//! Commands that authors of migrations write as JSON: `insert`, `update` and `delete`. They change documents in the
//! transaction of the migration. They cannot touch the platform's own collections.

use super::wanted::statement;
use crate::{error::Result, mongo::tables::OWN};
use mongodb::bson::{Bson, Document};
use serde_json::Value as Json;

/// Commands that a migration may run.
const ALLOWED: [&str; 3] = ["insert", "update", "delete"];
/// Keys that a command may have besides the one with the name of the collection.
const PARTS: [&str; 6] = ["documents", "updates", "deletes", "ordered", "let", "comment"];

/// Parses and checks a command.
///
/// # Errors
/// Returns `Statement` if the text is not a command that a migration may run.
pub(super) fn parse(text: &str) -> Result<Document> {
    let refuse = |why: &str| statement(format!("{why}: in `{}`", text.lines().next().unwrap_or_default()));
    let json: Json =
        serde_json::from_str(text).map_err(|error| refuse(&format!("it is no JSON: {error}")))?;
    let Bson::Document(found) = bson(&json) else { return Err(refuse("a command is a JSON object")) };
    let name = found.keys().find(|key| ALLOWED.contains(&key.as_str())).cloned();
    let name = name.ok_or_else(|| refuse("a migration runs insert, update and delete only"))?;
    match found.get_str(&name) {
        Ok(collection) if !collection.starts_with(OWN) && !collection.starts_with("system.") => {}
        _ => return Err(refuse("a migration does not touch this collection")),
    }
    if let Some(other) = found.keys().find(|key| **key != name && !PARTS.contains(&key.as_str())) {
        return Err(refuse(&format!("a migration does not say {other}")));
    }
    // The server takes the first key as the command.
    let mut command = Document::new();
    command.insert(name.clone(), found.get(&name).cloned());
    command.extend(found.into_iter().filter(|(key, _)| *key != name));
    Ok(command)
}

/// Converts JSON to BSON. Integers get 64 bits, as in stored documents.
fn bson(json: &Json) -> Bson {
    match json {
        Json::Null => Bson::Null,
        Json::Bool(value) => Bson::Boolean(*value),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => Bson::Int64(whole),
            None => Bson::Double(number.as_f64().unwrap_or_default()),
        },
        Json::String(text) => Bson::String(text.clone()),
        Json::Array(list) => Bson::Array(list.iter().map(bson).collect()),
        Json::Object(map) => {
            Bson::Document(map.iter().map(|(key, value)| (key.clone(), bson(value))).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mongodb::bson::doc;

    #[test]
    fn only_changes_of_documents_are_commands() {
        let update =
            r#"{"updates": [{"q": {}, "u": {"$set": {"a": 1}}, "multi": true}], "update": "doctors"}"#;
        let expect = doc! { "update": "doctors", "updates": [{ "q": {}, "u": { "$set": { "a": 1_i64 } }, "multi": true }] };
        assert_eq!(parse(update).unwrap(), expect);
        for bad in [
            "x",
            "[]",
            r#"{"drop": "doctors"}"#,
            r#"{"delete": "_tenantry", "deletes": []}"#,
            r#"{"insert": "system.views", "documents": []}"#,
            r#"{"delete": "doctors", "deletes": [], "$db": "other"}"#,
            r#"{"update": 1}"#,
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
