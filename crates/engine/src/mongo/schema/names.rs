//! Names of the indexes of a model. The same model always gives the same names, so an error that names one of them tells
//! which fields it is about. No field has a dot in its name.

use crate::model::{Field, Index, Model};

/// What follows the fields in the name of a unique index.
const UNIQUE: &str = ".unique";
/// The index of every collection on its key.
pub(crate) const KEY: &str = "_id_";
/// The index on the words of the search.
pub(crate) const SEARCH: &str = "_search";

/// Returns the name of an index.
pub(crate) fn index(index: &Index) -> String {
    format!("{}{}", index.stem(), if index.unique { UNIQUE } else { "" })
}

/// Returns the index that a field has of its own, if it has one.
pub(crate) fn own_index(field: &Field) -> Option<Index> {
    field.has_index().then(|| Index { fields: vec![field.name.clone()], unique: field.unique })
}

/// Returns all indexes of a model but those of its key and its search.
pub(crate) fn all(model: &Model) -> impl Iterator<Item = Index> {
    model.fields.iter().filter_map(own_index).chain(model.indexes.iter().cloned())
}

/// Returns the fields whose values are unique together because of the index with this name.
pub(crate) fn unique_fields(model: &Model, name: &str) -> Option<Vec<String>> {
    if name == KEY {
        return Some(vec!["id".into()]);
    }
    let found = all(model).find(|one| one.unique && index(one) == name)?;
    Some(found.fields.iter().map(ToString::to_string).collect())
}
