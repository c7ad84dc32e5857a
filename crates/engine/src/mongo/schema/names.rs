//! Names of the indexes of a model. The same model always gives the same names, so the name of an index in an error
//! leads to the fields. No field has a dot in its name.

use crate::model::{Field, Index, Model};

/// Suffix of the name of a unique index, after the fields.
const UNIQUE: &str = ".unique";
/// Name of the index that every collection has on its `_id`.
pub(crate) const KEY: &str = "_id_";
/// Name of the index on the search words.
pub(crate) const SEARCH: &str = "_search";

/// Returns the name of an index.
pub(crate) fn index(index: &Index) -> String {
    format!("{}{}", index.stem(), if index.unique { UNIQUE } else { "" })
}

/// Returns the single-field index of a field; `None` if the field has none.
pub(crate) fn own_index(field: &Field) -> Option<Index> {
    field.has_index().then(|| Index { fields: vec![field.name.clone()], unique: field.unique })
}

/// Returns all indexes of a model, except those on its `_id` and its search words.
pub(crate) fn all(model: &Model) -> impl Iterator<Item = Index> {
    model.fields.iter().filter_map(own_index).chain(model.indexes.iter().cloned())
}

/// Returns the fields of the unique index with this name; `None` if the model has no such index.
pub(crate) fn unique_fields(model: &Model, name: &str) -> Option<Vec<String>> {
    if name == KEY {
        return Some(vec!["id".into()]);
    }
    let found = all(model).find(|one| one.unique && index(one) == name)?;
    Some(found.fields.iter().map(ToString::to_string).collect())
}
