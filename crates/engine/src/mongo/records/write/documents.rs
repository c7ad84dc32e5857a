//! Makes documents from validated values, and reads stored documents as rows.

use crate::{
    cell::{Key, Stored},
    error::{Error, Kind, Result},
    mongo::records::{Layout, cursor::Columns, custom, search},
    row::Visit,
    schema::Plan,
    write::RowState,
};
use mongodb::bson::{Bson, Document, RawDocument, RawDocumentBuf, doc};

/// Reads a document as a row.
///
/// # Errors
/// Returns `Corrupt` if the value of a field does not match its storage.
pub(super) fn row(plan: &Plan, document: &RawDocument) -> Result<RowState> {
    let mut state = RowState::default();
    state.row(&Columns::read(plan, &plan.project(&[])?, document)?);
    Ok(state)
}

/// Returns the document of a new record.
///
/// # Errors
/// Returns `Internal` if a value has no form in documents.
pub(super) fn new(
    layout: &Layout<'_>,
    id: Key,
    values: &[Stored<'_>],
    now: jiff::Timestamp,
) -> Result<Document> {
    let mut document = doc! { "_id": layout.id(id) };
    document.extend(layout.confined());
    for (index, value) in values.iter().enumerate().filter(|(_, value)| **value != Stored::Null) {
        document.insert(layout.name(index + 1), layout.bson(index + 1, value)?);
    }
    for name in ["created_at", "updated_at"] {
        document.insert(name, now.as_microsecond());
    }
    document.insert("version", 1_i64);
    Ok(with_words(layout, document))
}

/// Returns the document with these values changed; `None` if it has the values already.
///
/// # Errors
/// Returns `Internal` if a value has no form in documents, and `Corrupt` if the document cannot be read.
pub(super) fn changed(
    layout: &Layout<'_>,
    before: &RawDocument,
    values: &[(usize, Stored<'_>)],
    now: jiff::Timestamp,
) -> Result<Option<Document>> {
    let old = Document::try_from(before)
        .map_err(|error| Error::with_source(Kind::Corrupt, "a document cannot be read", error))?;
    let given =
        values.iter().map(|(position, value)| Ok((layout.name(*position), layout.bson(*position, value)?)));
    let given = given.collect::<Result<Vec<(&str, Bson)>>>()?;
    if given.iter().all(|(name, value)| old.get(*name).unwrap_or(&Bson::Null) == value) {
        return Ok(None);
    }
    // Write the fields in the order of the columns, in which rows are read.
    let mut document = doc! { "_id": old.get("_id").cloned() };
    document.extend(layout.confined());
    for position in 1..=layout.plan.model.fields.len() {
        let name = layout.name(position);
        let value = given.iter().find(|(field, _)| *field == name).map(|(_, value)| value).or(old.get(name));
        if let Some(value) = value.filter(|value| **value != Bson::Null) {
            document.insert(name, value.clone());
        }
    }
    document.insert("created_at", old.get("created_at").cloned());
    document.insert("updated_at", now.as_microsecond());
    document.insert("version", old.get_i64("version").unwrap_or_default() + 1);
    Ok(Some(with_words(layout, document)))
}

/// Adds the search words to a document if its model has search fields, and comparable values if it has custom fields.
fn with_words(layout: &Layout<'_>, mut document: Document) -> Document {
    if layout.plan.model.has_custom_fields() {
        custom::add(&mut document);
    }
    if layout.is_searched() {
        let searched = search::searched(layout.plan);
        let texts =
            searched.positions.iter().filter_map(|position| document.get_str(layout.name(*position)).ok());
        let texts: Vec<String> = texts.map(str::to_owned).collect();
        search::add(&mut document, texts.iter().map(String::as_str));
    }
    document
}

/// Maximum size of a document in MongoDB, in bytes.
const LARGEST: usize = 16 << 20;

/// Encodes a document.
///
/// # Errors
/// Returns `Limit` if the document is larger than MongoDB allows.
pub(super) fn raw(document: &Document) -> Result<RawDocumentBuf> {
    let raw = RawDocumentBuf::try_from(document)
        .map_err(|error| Error::with_source(Kind::Internal, "a document has no bytes", error))?;
    match raw.as_bytes().len() <= LARGEST {
        true => Ok(raw),
        false => Err(Error::new(Kind::Limit("bytes"), "a document holds 16 MiB at most")),
    }
}
