//! Reads, lists and aggregates. The plain path goes from the database straight to JSON bytes. Expansion and merged
//! views take a longer path.

use super::{Records, Scope, custom::columns_of, json::Rows};
use crate::{Error, Result, access::gates::Verb, platform::loaded::ModelEntry};
use std::borrow::Cow;
use tenantry_engine::{
    model::{IdKind, Model},
    name::FieldName,
    query::{Aggregate, Filter, Groups, Operator, RecordId, Select},
    value::Value,
};

/// The parts of a record to return.
#[derive(Debug, Clone, Default)]
pub struct Want {
    /// Columns to return; empty for all.
    pub fields: Vec<FieldName>,
    /// Reference paths to expand, such as `city.region`.
    pub expand: Vec<String>,
}

/// Parameters of a list.
#[derive(Debug, Clone, Default)]
pub struct ListQuery {
    /// Filter, search, sort, page and columns.
    pub select: Select,
    /// True to count all matching rows too.
    pub count: bool,
    /// Reference paths to expand.
    pub expand: Vec<String>,
}

/// One record as JSON bytes.
#[derive(Debug)]
pub struct Document {
    /// A JSON object.
    pub body: Vec<u8>,
    /// The record's version, which is its ETag. `None` unless the answer has all columns.
    pub version: Option<i64>,
}

/// One page of records.
#[derive(Debug)]
pub struct Page {
    /// JSON objects separated by commas, without the brackets.
    pub items: Vec<u8>,
    /// Position at which the next page begins, if there is one.
    pub next: Option<Vec<Value>>,
    /// Number of all matching rows, if requested.
    pub count: Option<u64>,
}

/// Parses the id in a URL, or returns `None` if it cannot belong to this model.
pub(super) fn parse_id(model: &Model, text: &str) -> Option<RecordId> {
    match model.id {
        IdKind::Integer => text.parse().ok().map(RecordId::Integer),
        IdKind::Uuid => uuid::Uuid::try_parse(text).ok().map(RecordId::Uuid),
    }
}

/// Returns the length of a text in bytes. Other values of groups are short and count as 0.
fn text_bytes(value: &Value) -> usize {
    if let Value::Text(text) = value { text.len() } else { 0 }
}

pub(super) fn id_value(id: &RecordId) -> Value {
    match id {
        RecordId::Integer(id) => Value::Integer(*id),
        RecordId::Uuid(id) => Value::Uuid(*id),
    }
}

impl Records<'_> {
    /// Returns one record.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] if the actor may not read the model, and [`Error::NotFound`] if the record does not
    /// exist.
    pub async fn get(&self, id: &str, want: &Want) -> Result<Document> {
        self.allow(Verb::Read)?;
        let id = self.parse_id(id)?;
        if !want.expand.is_empty() || self.merges() {
            return self.get_by_list(id, want).await;
        }
        let fields = columns_of(&want.fields);
        let rows = Rows::new(&self.entry, &fields, 1, usize::MAX)?;
        let session = self.reading().await?;
        let rows = session.get(self.name(), &id, &fields, rows).await?.ok_or(Error::NotFound("record"))?;
        Ok(Document { version: rows.version, body: rows.into_bytes() })
    }

    async fn get_by_list(&self, id: RecordId, want: &Want) -> Result<Document> {
        let name = FieldName::parse("id").expect("id is a field name");
        let select = Select {
            filter: Filter::Compare(name, Operator::Eq, id_value(&id)),
            limit: 1,
            fields: want.fields.clone(),
            ..Select::default()
        };
        let page = self.list(&ListQuery { select, count: false, expand: want.expand.clone() }).await?;
        if page.items.is_empty() {
            return Err(Error::NotFound("record"));
        }
        Ok(Document { version: None, body: page.items })
    }

    /// Returns a page of records. The page has at most the requested number of records, and ends once they exceed the
    /// configured page size in bytes.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] if the actor may not read the model.
    pub async fn list(&self, query: &ListQuery) -> Result<Page> {
        self.allow(Verb::Read)?;
        let mut asked = Cow::Borrowed(&query.select);
        if let Cow::Owned(fields) = columns_of(&query.select.fields) {
            asked.to_mut().fields = fields;
        }
        let resolved = self.resolve(&asked).await?;
        let select = &*resolved.select;
        if query.expand.is_empty()
            && let Some(copy) = self.local_copy().await?
            && let Some(found) = self.list_copy(&copy, select, query.count, self.rows(select)?)
        {
            let next = resolved.next(found.next);
            return Ok(Page { items: found.items, next, count: found.count });
        }
        let overrides = self.override_rows(&self.entry).await?;
        let session = self.reading().await?;
        let count = match query.count {
            true => {
                let (filter, search) = (&select.filter, select.search.as_deref());
                Some(session.count(self.name(), filter, search, overrides.as_deref()).await?)
            }
            false => None,
        };
        if !query.expand.is_empty() {
            let found = self.list_expanded(&session, select, &query.expand, overrides.as_deref());
            let (items, next) = found.await?;
            return Ok(Page { items, next: resolved.next(next), count });
        }
        let rows = self.rows(select)?;
        let (rows, next) = session.select(self.name(), select, overrides.as_deref(), rows).await?;
        Ok(Page { items: rows.into_bytes(), next: resolved.next(next), count })
    }

    /// Returns the visitor that writes a page.
    fn rows(&self, select: &Select) -> Result<Rows> {
        let rows = Rows::new(&self.entry, &select.fields, select.limit, self.page_bytes())?;
        Ok(match self.has_origins(&self.entry) {
            true => rows.with_origin(&select.fields),
            false => rows,
        })
    }

    /// Returns groups of records with their numbers and the results of the measures. There are at most as many groups
    /// as requested, and no further one once they exceed the configured page size in bytes. For shared records, the
    /// tenant's overrides count.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] if the actor may not read the model, and the errors of
    /// [`tenantry_engine::Session::aggregate`].
    pub async fn aggregate(&self, asked: &Aggregate) -> Result<Groups> {
        self.allow(Verb::Read)?;
        let resolved = match self.resolve_filter(&asked.filter, false).await? {
            Cow::Borrowed(_) => Cow::Borrowed(asked),
            Cow::Owned(filter) => Cow::Owned(Aggregate { filter, ..asked.clone() }),
        };
        let copied = self.local_copy().await?.and_then(|copy| self.group_copy(&copy, &resolved));
        let mut found = match copied {
            Some(found) => found,
            None => {
                let overrides = self.override_rows(&self.entry).await?;
                self.reading().await?.aggregate(self.name(), &resolved, overrides.as_deref()).await?
            }
        };
        let (most, mut bytes) = (self.page_bytes(), 0);
        let fits = found.groups.iter().take_while(|group| {
            let is_in = bytes <= most;
            bytes += group.keys.iter().chain(&group.measures).map(text_bytes).sum::<usize>();
            is_in
        });
        let fits = fits.count();
        found.more |= fits < found.groups.len();
        found.groups.truncate(fits);
        Ok(found)
    }

    /// Returns the size in bytes after which a page takes no further row.
    pub(super) fn page_bytes(&self) -> usize {
        usize::try_from(self.inner.config.limits.page_bytes).unwrap_or(usize::MAX)
    }

    /// Returns true if this scope sees the model with overrides.
    pub(super) fn merges(&self) -> bool {
        self.merges_of(&self.entry)
    }

    /// Returns true if this scope sees the given model with overrides.
    pub(super) fn merges_of(&self, entry: &ModelEntry) -> bool {
        entry.model.overrides.is_some() && matches!(self.scope, Scope::Tenant(_))
    }
}
