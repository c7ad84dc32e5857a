//! Names of the key, the foreign keys and the indexes of a model's table. The same model always gives the same names,
//! so an error with such a name shows which fields it concerns.
//!
//! | what | name |
//! |---|---|
//! | primary key | `{model}__id__key` |
//! | foreign key of a field | `{model}__{field}__ref` |
//! | unique index | `{model}__{fields joined by _}__uniq` |
//! | other index | `{model}__{fields joined by _}__idx` |
//! | index of the search | `{model}__search__gin` |
//!
//! PostgreSQL would cut a name of more than 63 bytes. Such a name has a hash in place of its fields.

use crate::model::{Field, FieldKind, Index, Model};

/// Longest name in PostgreSQL, in bytes.
const LONGEST: usize = 63;
/// Number of hexadecimal digits of a hash: 64 bits.
const HASH: usize = 16;

/// Returns the name of the primary key of a model.
pub(crate) fn key(model: &Model) -> String {
    named(model, "id", "key")
}

/// Returns the name of the foreign key of a field.
pub(crate) fn reference(model: &Model, field: &Field) -> String {
    named(model, field.name.as_str(), "ref")
}

/// Returns the name of an index.
pub(crate) fn index(model: &Model, index: &Index) -> String {
    named(model, &index.stem(), if index.unique { "uniq" } else { "idx" })
}

/// Returns the name of the index of the search.
pub(crate) fn search(model: &Model) -> String {
    named(model, "search", "gin")
}

fn named(model: &Model, what: &str, kind: &str) -> String {
    let name = format!("{}__{what}__{kind}", model.name);
    if name.len() <= LONGEST {
        return name;
    }
    let hash = blake3::hash(name.as_bytes()).to_hex();
    let room = LONGEST - HASH - kind.len() - 4;
    let model: String = model.name.as_str().chars().take(room).collect();
    format!("{model}__{}__{kind}", &hash[..HASH])
}

/// Returns the index of a single field, if the field has one.
pub(crate) fn own_index(field: &Field) -> Option<Index> {
    field.has_index().then(|| Index { fields: vec![field.name.clone()], unique: field.unique })
}

/// Returns the fields of the unique key or index with this name. For errors with code 23505.
pub(crate) fn unique_fields(model: &Model, name: &str) -> Option<Vec<String>> {
    if name == key(model) {
        return Some(vec!["id".into()]);
    }
    let own = model.fields.iter().filter_map(own_index);
    let found = own.chain(model.indexes.iter().cloned()).find(|i| i.unique && index(model, i) == name)?;
    Some(found.fields.iter().map(ToString::to_string).collect())
}

/// Returns the reference field that has the foreign key with this name. For errors with code 23503.
pub(crate) fn reference_field<'m>(model: &'m Model, name: &str) -> Option<&'m Field> {
    let references = model.fields.iter().filter(|field| matches!(field.kind, FieldKind::Ref { .. }));
    references.into_iter().find(|field| reference(model, field) == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Scope, Source, load},
        name::{AppName, FieldName},
    };

    fn model(name: &str, field: &str) -> Model {
        let text = format!(
            "store = \"tenant\"\n[fields.{field}]\ntype = \"text\"\nunique = true\n[fields.r]\ntype = \"ref\"\nto = \
             \"{name}\"\n[[indexes]]\nfields = [\"{field}\", \"r\"]\nunique = true\n[[indexes]]\nfields = [\"r\", \
             \"{field}\"]"
        );
        let app = AppName::parse("a").unwrap();
        let source = Source { app, name, file: "m.toml", text: &text };
        load(&[source], &|_| Some(Scope::Tenant)).unwrap().remove(0)
    }

    #[test]
    fn names_tell_their_fields() {
        let short = model("ants", "leg");
        assert_eq!(key(&short), "ants__id__key");
        assert_eq!(index(&short, &short.indexes[0]), "ants__leg_r__uniq");
        assert_eq!(index(&short, &short.indexes[1]), "ants__r_leg__idx");
        assert_eq!(reference(&short, &short.fields[1]), "ants__r__ref");
        assert_eq!(search(&short), "ants__search__gin");
        assert_eq!(unique_fields(&short, "ants__id__key"), Some(vec!["id".into()]));
        assert_eq!(unique_fields(&short, "ants__leg__uniq"), Some(vec!["leg".into()]));
        assert_eq!(unique_fields(&short, "ants__leg_r__uniq"), Some(vec!["leg".into(), "r".into()]));
        assert_eq!(unique_fields(&short, "ants__r_leg__idx"), None, "not unique");
        assert_eq!(reference_field(&short, "ants__r__ref").unwrap().name, FieldName::parse("r").unwrap());
        assert!(reference_field(&short, "bees__r__ref").is_none());
    }

    #[test]
    fn long_names_are_cut_to_different_ones() {
        let long = model(&"m".repeat(48), &"f".repeat(48));
        let mut names = vec![key(&long), search(&long), reference(&long, &long.fields[1])];
        names.extend(long.fields.iter().filter_map(own_index).map(|own| index(&long, &own)));
        names.extend(long.indexes.iter().map(|i| index(&long, i)));
        assert!(names.iter().all(|name| name.len() <= LONGEST), "{names:#?}");
        let mut apart = names.clone();
        apart.sort();
        apart.dedup();
        assert_eq!(apart.len(), names.len(), "{names:#?}");
        let unique = index(&long, &long.indexes[0]);
        assert_eq!(unique_fields(&long, &unique).unwrap().len(), 2);
    }
}
