//! Shared data that a tenant's own SQL may read besides the tenant's tables: the models, and the search for their names
//! in statements.

use crate::{
    error::{Error, Kind},
    name::ModelName,
    place::{EngineKind, Place},
    schema::{Plan, Schema},
};
use std::sync::Arc;

/// A system store, and its models that a tenant's own SQL may read under their plain names.
#[derive(Debug, Clone)]
pub struct SharedStore {
    /// Place of the store.
    pub place: Place,
    /// Schema of the store. A statement reads the store only if the database has exactly this schema (`known-schema`).
    pub schema: Arc<Schema>,
    /// Models that a statement may read.
    pub models: Vec<ModelName>,
}

impl SharedStore {
    /// Returns the model that a statement may name, if there is one. Only words are compared, so a name inside a text
    /// or a comment counts as well. But no statement can read a model without containing its name as a word.
    pub(crate) fn named_in(&self, text: &str) -> Option<&ModelName> {
        let text = text.to_ascii_lowercase();
        self.models.iter().find(|model| has_word(&text, model.as_str()))
    }

    /// Returns the compiled models that a statement may read.
    pub(crate) fn plans(&self) -> impl Iterator<Item = &Plan> {
        self.models.iter().filter_map(|model| self.schema.model(model.as_str()))
    }

    /// Returns the error for a statement that names shared data whose database is of another kind than the tenant's.
    pub(crate) fn elsewhere(&self, model: &ModelName, shared: EngineKind, own: EngineKind) -> Error {
        let shown = |kind| match kind {
            EngineKind::Sqlite => "SQLite",
            EngineKind::Postgres => "PostgreSQL",
            EngineKind::Mongo => "MongoDB",
        };
        refused(format!(
            "{model} is shared data in {}, and this tenant's tables are in {}: no statement can join them. Read \
             {model} through the API, for example with \"expand\"",
            shown(shared),
            shown(own)
        ))
    }
}

/// Returns an error with a message for the author of the statement.
pub(crate) fn refused(message: String) -> Error {
    Error::new(Kind::Statement(message), "shared data")
}

/// Shared data that a statement seems to name but that cannot be joined, with the reasons.
#[derive(Debug, Default)]
pub(crate) struct Absent(Vec<(SharedStore, Error)>);

impl Absent {
    /// Adds a store, with the reason why it cannot be joined.
    pub(crate) fn add(&mut self, store: &SharedStore, why: Error) {
        self.0.push((store.clone(), why));
    }

    /// Returns the reason why a statement failed: the absence of shared data that it names, or else `error`.
    pub(crate) fn explain(self, error: Error) -> Error {
        if !matches!(error.kind(), Kind::Statement(_) | Kind::SchemaBehind) {
            return error;
        }
        let said = error.to_string();
        let is_unknown = said.contains("no such table: ") || said.contains("does not exist");
        let absent = self.0.into_iter().find(|(store, _)| is_unknown && store.named_in(&said).is_some());
        absent.map_or(error, |(_, why)| why)
    }
}

/// Returns true if `text` has the word `name`. Both are in lower case.
fn has_word(text: &str, name: &str) -> bool {
    let is_part = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    let bytes = text.as_bytes();
    text.match_indices(name).any(|(at, _)| {
        let before = at.checked_sub(1).and_then(|at| bytes.get(at));
        !is_part(before) && !is_part(bytes.get(at + name.len()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_names_a_model_only_by_its_whole_name() {
        for (text, has) in [
            ("select * from cities", true),
            ("cities", true),
            ("select 1 from a join\"cities\"c", true),
            ("select [cities].id from`cities`", true),
            ("select x'1'from cities--", true),
            ("select \u{e9}cities", true),
            ("select * from cities_overrides", false),
            ("select * from old_cities", false),
            ("select * from cities2, 2cities", false),
            ("select city", false),
        ] {
            assert_eq!(has_word(text, "cities"), has, "{text}");
        }
    }
}
