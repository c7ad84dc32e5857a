//! Converts pages of neutral cells to documents and back.

use crate::{
    carry::{Page, Table},
    cell::{self, Key, Raw, Storage, Stored},
    error::{Error, Kind, Result},
    mongo::{
        cells::{self, value_ref},
        records::{custom, search},
        site::Site,
    },
};
use mongodb::bson::{Bson, Document, RawBsonRef, RawDocument, doc};

/// Returns the tenant of a place in a pool; `None` if tenants do not share the collections of the place.
pub(super) fn tenant(site: &Site) -> Option<i64> {
    site.is_pooled().then_some(site.tenant)
}

/// Returns the `_id` of the document of the record with this id.
pub(super) fn id(site: &Site, key: Key) -> Bson {
    cells::id(tenant(site), cells::key(key))
}

/// Returns the filter that matches all documents of a place in a collection.
pub(super) fn own(site: &Site) -> Document {
    after(site, None)
}

/// Returns the filter that matches the documents of a place after the id `key`; without `key`, all of them.
pub(super) fn after(site: &Site, key: Option<Key>) -> Document {
    let above = key.map(|key| id(site, key));
    match (tenant(site), above) {
        (None, None) => doc! {},
        (None, Some(above)) => doc! { "_id": { "$gt": above } },
        (Some(tenant), above) => {
            let first = above.unwrap_or_else(|| cells::id(Some(tenant), Bson::MinKey));
            doc! { "_id": { "$gt": first, "$lt": cells::id(Some(tenant), Bson::MaxKey) } }
        }
    }
}

/// Returns the name of the field that a column has in documents.
pub(super) fn name(table: &Table, column: usize) -> &str {
    if column == 0 { "_id" } else { &table.columns[column].name }
}

/// Adds a document to a page.
///
/// # Errors
/// Returns [`Kind::Corrupt`] if the type of a field does not match its storage.
pub(super) fn push(page: &mut Page, table: &Table, row: &RawDocument) -> Result<()> {
    for (at, column) in table.columns.iter().enumerate() {
        push_field(page, row, name(table, at), column.storage)?;
    }
    Ok(())
}

/// Adds the value of a field of a document to a page; null if the document lacks the field.
///
/// # Errors
/// Returns the errors of [`push`].
pub(super) fn push_field(page: &mut Page, row: &RawDocument, name: &str, storage: Storage) -> Result<()> {
    let found = row.get(name).map_err(|error| Error::with_source(Kind::Corrupt, "a document", error))?;
    let value = value_ref(storage, found.unwrap_or(RawBsonRef::Null))?;
    match cell::form(storage, value)? {
        Stored::Null => page.push(Raw::Null),
        Stored::Integer(number) => page.push(Raw::Integer(number)),
        Stored::Text(text) => page.push(Raw::Text(text.as_bytes())),
    }
}

/// Returns a value of a page in the form in which documents store it.
///
/// # Errors
/// Returns [`Kind::Corrupt`] if a text is not UTF-8, or the value has a type that no column has.
pub(super) fn bson(storage: Storage, value: Raw<'_>) -> Result<Bson> {
    let damaged = |_| Error::new(Kind::Corrupt, "a text is not UTF-8");
    let stored = match value {
        Raw::Null => Stored::Null,
        Raw::Integer(number) => Stored::Integer(number),
        Raw::Text(text) => Stored::Text(std::str::from_utf8(text).map_err(damaged)?.into()),
        Raw::Other => return Err(Error::new(Kind::Corrupt, "a value of a type that no column has")),
    };
    cells::bson(storage, &stored)
}

/// Returns a row of a page as a document.
///
/// # Errors
/// Returns the errors of [`bson`].
pub(super) fn document(page: &Page, row: usize, table: &Table, site: &Site) -> Result<Document> {
    let mut document = doc! { "_id": id(site, page.key(row)?) };
    if let Some(tenant) = tenant(site) {
        document.insert(table.tenant.as_str(), tenant);
    }
    for (at, column) in table.columns.iter().enumerate().skip(1) {
        match bson(column.storage, page.get(row, at))? {
            Bson::Null => {}
            value => drop(document.insert(&*column.name, value)),
        }
    }
    if table.custom {
        custom::add(&mut document);
    }
    if !table.search.is_empty() {
        let texts = table.search.iter().filter_map(|column| match page.get(row, *column) {
            Raw::Text(text) => std::str::from_utf8(text).ok(),
            _ => None,
        });
        search::add(&mut document, texts);
    }
    Ok(document)
}
