//! Converts pages of neutral cells to parameters of statements, and results of statements to pages.

use crate::{
    carry::Page,
    cell::{Key, Raw, Storage, Stored, form},
    error::{Error, Kind, Result},
    postgres::cells::{self, Native},
};
use tokio_postgres::{
    Row,
    types::{ToSql, Type},
};

/// Returns the array type for values of a storage.
pub(super) fn array_type(storage: Storage) -> Type {
    match storage {
        Storage::Integer => Type::INT8_ARRAY,
        Storage::Boolean => Type::BOOL_ARRAY,
        Storage::Decimal(_) => Type::NUMERIC_ARRAY,
        Storage::Text => Type::TEXT_ARRAY,
        Storage::Date => Type::DATE_ARRAY,
        Storage::Datetime => Type::TIMESTAMPTZ_ARRAY,
        Storage::Uuid => Type::UUID_ARRAY,
        Storage::Json => Type::JSON_ARRAY,
    }
}

/// The values of one column of a page.
pub(super) struct Column<'p> {
    pub(super) storage: Storage,
    values: Vec<Stored<'p>>,
}

impl<'p> Column<'p> {
    /// Takes a column of a page.
    ///
    /// # Errors
    /// Returns [`Kind::Corrupt`] if a text is not UTF-8.
    pub(super) fn of(page: &'p Page, column: usize, storage: Storage) -> Result<Self> {
        let values = (0..page.len()).map(|row| stored(page.get(row, column))).collect::<Result<_>>()?;
        Ok(Self { storage, values })
    }

    /// Returns a column with these ids.
    pub(super) fn of_keys(keys: &'p [Key], storage: Storage) -> Result<Self> {
        let values = keys.iter().map(|key| match key {
            Key::Integer(id) => Ok(Stored::Integer(*id)),
            Key::Text(text) => stored(Raw::Text(text)),
        });
        Ok(Self { storage, values: values.collect::<Result<_>>()? })
    }

    /// Returns a column with these texts.
    pub(super) fn of_texts(texts: Vec<String>) -> Self {
        Self {
            storage: Storage::Text,
            values: texts.into_iter().map(|text| Stored::Text(text.into())).collect(),
        }
    }

    /// Returns the values, ready to be bound.
    pub(super) fn natives(&self) -> Vec<Native<'_>> {
        self.values.iter().map(|value| Native(self.storage, value)).collect()
    }
}

fn stored(value: Raw<'_>) -> Result<Stored<'_>> {
    Ok(match value {
        Raw::Null => Stored::Null,
        Raw::Integer(number) => Stored::Integer(number),
        Raw::Text(text) => {
            let text = std::str::from_utf8(text);
            Stored::Text(text.map_err(|_| Error::new(Kind::Corrupt, "a text is not UTF-8"))?.into())
        }
        Raw::Other => {
            return Err(Error::new(Kind::Corrupt, "a column holds a value of a type that none has"));
        }
    })
}

/// Arrays that are ready to be bound, with their types.
pub(super) struct Arrays<'p>(Vec<(Vec<Native<'p>>, Type)>);

impl<'p> Arrays<'p> {
    pub(super) fn of(columns: &'p [Column<'_>]) -> Self {
        Self(columns.iter().map(|column| (column.natives(), array_type(column.storage))).collect())
    }

    /// Returns the parameters of a statement: the tenant, then the arrays.
    pub(super) fn after<'s>(&'s self, tenant: &'s i64) -> Vec<(&'s (dyn ToSql + Sync), Type)> {
        let mut params: Vec<(&(dyn ToSql + Sync), Type)> = vec![(tenant, Type::INT8)];
        params.extend(self.0.iter().map(|(array, kind)| (array as &(dyn ToSql + Sync), kind.clone())));
        params
    }
}

/// Adds a row to a page.
///
/// # Errors
/// Returns [`Kind::Corrupt`] if a column has another type than its storage.
pub(super) fn push(page: &mut Page, row: &Row, storages: &[Storage]) -> Result<()> {
    for (index, &storage) in storages.iter().enumerate() {
        let value = form(storage, cells::value_ref(row, index, storage)?)?;
        page.push(match &value {
            Stored::Null => Raw::Null,
            Stored::Integer(number) => Raw::Integer(*number),
            Stored::Text(text) => Raw::Text(text.as_bytes()),
        })?;
    }
    Ok(())
}

/// Returns a page with all rows.
pub(super) fn page(rows: &[Row], storages: &[Storage]) -> Result<Page> {
    let mut page = Page::new(storages.len());
    rows.iter().try_for_each(|row| push(&mut page, row, storages))?;
    Ok(page)
}

/// Returns the ids in the first column.
pub(super) fn keys(rows: &[Row], storage: Storage) -> Result<Vec<Key>> {
    page(rows, &[storage])?.keys()
}

/// Returns the id in a recorded change, which contains it as text.
///
/// # Errors
/// Returns [`Kind::Corrupt`] if the text is not an id.
pub(super) fn noted_key(text: &str) -> Result<Key> {
    let key = match text.parse() {
        Ok(number) => Some(Key::Integer(number)),
        Err(_) => Key::read(Raw::Text(text.as_bytes())),
    };
    key.ok_or_else(|| Error::new(Kind::Corrupt, "a change of a record without an id"))
}
