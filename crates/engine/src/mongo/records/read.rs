//! Reads by id.

use super::{
    Layout,
    cursor::Columns,
    query::{Find, Query},
    search::{TEXTS, WORDS},
};
use crate::{
    cell::{Key, Storage},
    error::{Error, Result},
    mongo::cells,
    query::RecordId,
    row::Visit,
    schema::{Plan, Projection, custom::documents::DOCUMENT},
};
use mongodb::bson::{Bson, Document, RawDocument, doc};

/// Maximum number of ids in one read.
const IDS_MAX: usize = 1000;

/// Returns the read of the document with this id.
pub(crate) fn by_id(layout: &Layout<'_>, key: Key, projection: &Projection<'_>) -> Query {
    let filter = doc! { "_id": layout.id(key) };
    let projection = shown(layout, projection.positions.iter().copied());
    Find { filter, projection, limit: Some(1), sort: None }.into()
}

/// Returns the read of the documents with these ids, in order of id.
///
/// # Errors
/// Returns `Invalid` if there are too many ids.
pub(crate) fn by_ids(layout: &Layout<'_>, ids: &[RecordId], projection: &Projection<'_>) -> Result<Query> {
    if ids.len() > IDS_MAX {
        return Err(Error::invalid("id", format!("at most {IDS_MAX} at once")));
    }
    let (filter, sort) = (is_one_of(layout, ids), Some(doc! { "_id": 1 }));
    let projection = shown(layout, projection.positions.iter().copied());
    Ok(Find { filter, sort, projection, limit: None }.into())
}

/// Returns the filter that matches documents with one of these ids. Leaves out ids of the other kind, which no document
/// has.
pub(super) fn is_one_of(layout: &Layout<'_>, ids: &[RecordId]) -> Document {
    let known: Vec<Bson> =
        ids.iter().filter_map(|id| layout.plan.key(id)).map(|key| layout.id(key)).collect();
    doc! { "_id": { "$in": known } }
}

/// Returns the projection of documents to these columns; `None` if the whole document is needed.
pub(super) fn shown(
    layout: &Layout<'_>,
    positions: impl ExactSizeIterator<Item = usize>,
) -> Option<Document> {
    if positions.len() >= layout.plan.columns.len() {
        let mut hidden = doc! {};
        if layout.is_searched() {
            hidden.extend(doc! { WORDS: 0, TEXTS: 0 });
        }
        if layout.plan.custom.is_empty() && layout.plan.model.has_custom_fields() {
            hidden.insert(DOCUMENT, 0);
        }
        return (!hidden.is_empty()).then_some(hidden);
    }
    let mut shown = doc! { "_id": 0 };
    for position in positions {
        shown.insert(layout.name(position), 1);
    }
    Some(shown)
}

/// Returns the read that finds a document whose `field` refers to `id`, if there is one; `None` if the field cannot
/// contain an id of this kind.
///
/// # Errors
/// Returns `Invalid` if the model has no such field.
pub(crate) fn refers(layout: &Layout<'_>, field: &str, id: &RecordId) -> Result<Option<Query>> {
    let (position, column) = layout.plan.require(field)?;
    let ((Storage::Integer, RecordId::Integer(_)) | (Storage::Uuid, RecordId::Uuid(_))) =
        (column.storage, id)
    else {
        return Ok(None);
    };
    let mut filter = layout.confined();
    filter.insert(layout.name(position), cells::key(Key::from(id)));
    let find = Find { filter, limit: Some(1), projection: Some(doc! { "_id": 1 }), sort: None };
    Ok(Some(find.into()))
}

/// Passes the columns of a projection of each document to `visit`, until `visit` is full.
///
/// # Errors
/// Returns `Corrupt` if the value of a field does not match its storage.
pub(crate) fn show(
    plan: &Plan,
    projection: &Projection<'_>,
    rows: &[&RawDocument],
    visit: &mut dyn Visit,
) -> Result<()> {
    for row in rows {
        Columns::visit(plan, projection, row, visit)?;
        if visit.is_full() {
            break;
        }
    }
    Ok(())
}
