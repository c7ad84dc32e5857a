//! The columns of a file: the field that each column sets, and references that are named by a value of the other
//! record.

use super::{formats::plain, guard::unguarded, options::ImportOptions};
use crate::{
    Error, Result,
    access::gates::Verb,
    error::{FieldError, Rule, Wrong},
    records::{CustomField, Records, write::writable},
};
use serde_json::Value as Json;
use std::collections::{HashMap, hash_map::Entry};
use tenantry_engine::{
    input,
    model::{Field, FieldKind, Model},
    name::FieldName,
    query::{Filter, Select},
    row::Collect,
    value::Value,
};

/// Number of values that one query looks up.
const AT_ONCE: usize = 200;
/// Number of known values at which a lookup forgets all of them.
const KNOWN: usize = 20_000;

/// Meaning of a column of the file.
pub(super) enum Column<'m> {
    Id,
    Ignored,
    Field(&'m Field),
    /// One of the tenant's own fields, by its name.
    Custom(&'m CustomField, Field),
    /// The cell is a value of the record that the field refers to.
    Lookup(Lookup<'m>),
}

/// A reference whose records are named by the value of one of their fields.
pub(super) struct Lookup<'m> {
    pub(super) field: &'m Field,
    target: &'m Model,
    by: &'m Field,
    /// Name of the column.
    name: String,
    known: HashMap<String, Found>,
}

/// The records that a value names.
#[derive(Clone)]
enum Found {
    None,
    One(Value),
    Many,
}

impl Lookup<'_> {
    /// Returns the value of a cell, or `None` if the cell is empty.
    pub(super) fn value(&self, cell: &[u8], options: &ImportOptions) -> Result<Option<Value>> {
        if cell.is_empty() {
            return value(self.field, cell, options);
        }
        // Rules for missing values of the other model do not apply to a value that is only compared.
        let by = Field { required: false, ..self.by.clone() };
        value(&by, cell.trim_ascii(), options).map_err(|error| error.of_column(&self.name))
    }

    /// Returns the id of the record that has this value.
    pub(super) fn id(&self, value: &Value) -> Result<Value> {
        let label = &self.target.label;
        let wrong = match self.known.get(&key(value)) {
            Some(Found::One(id)) => return Ok(id.clone()),
            Some(Found::Many) => FieldError::new(
                &self.name,
                Rule::Value,
                format!("more than one record of {label} has this value"),
            ),
            _ => FieldError::new(
                &self.name,
                Rule::NoSuchRecord,
                format!("no record of {label} has this value"),
            ),
        };
        Err(Error::InvalidFields(vec![wrong]))
    }

    /// Remembers the rows of a query, each with an id and a value.
    fn note(&mut self, rows: Vec<Vec<Value>>) {
        for row in rows {
            let mut row = row.into_iter();
            let (Some(id), Some(value)) = (row.next(), row.next()) else { continue };
            let known = self.known.entry(key(&value)).or_insert(Found::None);
            *known = if matches!(known, Found::None) { Found::One(id) } else { Found::Many };
        }
    }
}

fn key(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        other => format!("{other:?}"),
    }
}

impl Records<'_> {
    /// Returns the meaning of a column. `region.name` names the records that `region` refers to by their `name`.
    pub(super) fn column(&self, name: &str) -> Result<Column<'_>> {
        if let Some(own) = name.strip_prefix("custom.") {
            let field = self.custom_fields().iter().find(|field| field.name.as_str() == own);
            let unknown = "the organisation has no such field: add it first";
            let field = field
                .ok_or_else(|| Error::InvalidFields(vec![FieldError::new(name, Rule::Unknown, unknown)]))?;
            return Ok(Column::Custom(field, field.as_field()));
        }
        if let Some((field, by)) = name.split_once('.') {
            return self.lookup(name, field, by).map(Column::Lookup);
        }
        Ok(match name {
            "id" => Column::Id,
            // The platform sets these. An export contains them, so an import ignores them.
            "" | "created_at" | "updated_at" | "version" => Column::Ignored,
            _ => match writable(&self.entry.model, name)? {
                // An export describes files. Their bytes are uploaded by another route.
                field if matches!(field.kind, FieldKind::File { .. }) => Column::Ignored,
                field => Column::Field(field),
            },
        })
    }

    fn lookup(&self, name: &str, field: &str, by: &str) -> Result<Lookup<'_>> {
        let wrong = |reason: String| Error::InvalidFields(vec![FieldError::new(name, Rule::Unknown, reason)]);
        let field = writable(&self.entry.model, field)?;
        let FieldKind::Ref { to, .. } = &field.kind else {
            return Err(wrong(format!("{} is no reference", field.name)));
        };
        // A model that the caller may not read is treated as if it did not exist.
        let hidden = |_| wrong("its records are named by id only".to_owned());
        let entry = self.loaded.entry(to.as_str()).map_err(hidden)?;
        self.allow_on(entry, Verb::Read).map_err(hidden)?;
        let names = |by: &&Field| {
            let is_name = by.unique || entry.model.display.as_ref() == Some(&by.name);
            is_name && matches!(by.kind, FieldKind::Text { .. } | FieldKind::Integer { .. })
        };
        let found = entry.model.field(by).filter(|by| names(by));
        let found = found.ok_or_else(|| {
            let all: Vec<_> = entry.model.fields.iter().filter(names).map(|by| by.name.as_str()).collect();
            wrong(match all.is_empty() {
                true => "its records are named by id only".to_owned(),
                false => format!("its records are named by: {}", all.join(", ")),
            })
        })?;
        Ok(Lookup { field, target: &entry.model, by: found, name: name.to_owned(), known: HashMap::new() })
    }

    /// Looks up the records that have these values.
    pub(super) async fn look_up(&self, lookup: &mut Lookup<'_>, values: &[&Value]) -> Result<()> {
        if lookup.known.len() > KNOWN {
            lookup.known.clear();
        }
        let mut new: Vec<Value> = vec![];
        for value in values {
            if let Entry::Vacant(unknown) = lookup.known.entry(key(value)) {
                unknown.insert(Found::None);
                new.push((*value).clone());
            }
        }
        let entry = self.loaded.entry(lookup.target.name.as_str())?;
        let overrides = self.override_rows(entry).await?;
        for values in new.chunks(AT_ONCE) {
            let mut select = Select {
                filter: Filter::In(lookup.by.name.clone(), values.to_vec()),
                fields: vec![FieldName::parse("id")?, lookup.by.name.clone()],
                limit: 1000,
                ..Select::default()
            };
            loop {
                let session = self.session_of(entry).await?;
                let name = entry.model.name.as_str();
                let (page, next) =
                    session.select(name, &select, overrides.as_deref(), Collect::default()).await?;
                lookup.note(page.rows);
                match next {
                    Some(after) => select.after = Some(after),
                    None => break,
                }
            }
        }
        Ok(())
    }

    /// Returns the columns with these names.
    ///
    /// # Errors
    /// Returns an error that lists every name that is not a column, occurs twice, or is missing although the model
    /// requires it.
    pub(super) fn header(&self, names: &[String]) -> Result<Vec<Column<'_>>> {
        let (mut columns, mut wrong) = (Vec::with_capacity(names.len()), Wrong::default());
        let field_of = |name: &str| match name.split_once('.') {
            Some(("custom", _)) | None => name.to_owned(),
            Some((field, _)) => field.to_owned(),
        };
        for (index, name) in names.iter().enumerate() {
            columns.extend(wrong.take(self.column(name))?);
            if !name.is_empty() && names[..index].iter().any(|other| field_of(other) == field_of(name)) {
                wrong.add(FieldError::new(name, Rule::Value, "is the name of two columns"));
            }
        }
        let needed = self.entry.model.fields.iter().filter(|f| f.required && f.default.is_none());
        for field in needed.filter(|f| !names.iter().any(|name| field_of(name) == f.name.as_str())) {
            wrong.add(FieldError::new(
                field.name.as_str(),
                Rule::Required,
                "is required: there is no such column",
            ));
        }
        wrong.finish()?;
        Ok(columns)
    }
}

/// Returns the value of a cell, or `None` if the cell is empty; the field then gets its default or stays empty.
pub(super) fn value(field: &Field, cell: &[u8], options: &ImportOptions) -> Result<Option<Value>> {
    if cell.is_empty() {
        return if field.required && field.default.is_none() {
            Err(Error::InvalidFields(vec![FieldError::required(field.name.as_str())]))
        } else {
            Ok(None)
        };
    }
    let not_text = |_| Error::invalid(field.name.as_str(), "is not UTF-8: save the file as \"CSV UTF-8\"");
    let cell = str::from_utf8(cell).map_err(not_text)?;
    let value = match field.kind {
        FieldKind::Text { .. } | FieldKind::Choice { .. } => {
            input::from_json(field, &Json::String(unguarded(cell).to_owned()))?
        }
        _ => {
            let plain = plain(&field.kind, cell, options);
            input::from_text(field, &plain.map_err(|rule| Error::invalid(field.name.as_str(), rule))?)?
        }
    };
    Ok(Some(value))
}
