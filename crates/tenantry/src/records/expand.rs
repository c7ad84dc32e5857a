//! Expands references, inside a store and across stores. Referred rows are read by id, with one query for each field
//! and level, and placed under `expand` in the answer. Each level requires the permission to read its model.
//!
//! A referred row appears once for each row that refers to it, and counts as often. A page that would exceed its limit
//! of bytes is read again with fewer rows.

use super::{
    Records,
    json::{add_origin, is_own},
    read::id_value,
};
use crate::{Error, Result, access::gates::Verb, platform::loaded::ModelEntry};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    future::Future,
    ops::ControlFlow,
    pin::Pin,
};
use tenantry_engine::{
    engine::Session,
    model::{FieldKind, Model},
    name::FieldName,
    overrides::OverrideRow,
    query::{Filter, RecordId, Select},
    row::{
        Collect,
        json::{JsonKeys, write_text, write_values},
    },
    value::Value,
};

/// Deepest path of references.
const MAX_DEPTH: usize = 3;

/// Requested paths as a tree: `city.region` is `city` with the child `region`.
#[derive(Debug, Default)]
struct Tree(BTreeMap<String, Tree>);

impl Tree {
    fn parse(paths: &[String]) -> Result<Self> {
        let mut root = Self::default();
        for path in paths {
            let mut node = &mut root;
            for (depth, part) in path.split('.').enumerate() {
                if depth == MAX_DEPTH {
                    return Err(Error::invalid("expand", format!("at most {MAX_DEPTH} levels")));
                }
                node = node.0.entry(part.to_owned()).or_default();
            }
        }
        Ok(root)
    }
}

/// Referred rows of one field, as complete JSON objects.
type Expanded = HashMap<RecordId, Vec<u8>>;

/// Expanded fields: name, column, and the rows that the column refers to.
type Below<'t> = Vec<(&'t String, usize, Expanded)>;

impl Records<'_> {
    /// Returns a page with expanded references, as JSON objects separated by commas, and the position of the next page.
    pub(super) async fn list_expanded(
        &self,
        session: &Session,
        select: &Select,
        expand: &[String],
        overrides: Option<&[OverrideRow]>,
    ) -> Result<(Vec<u8>, Option<Vec<Value>>)> {
        let tree = Tree::parse(expand)?;
        let mut select = select.clone();
        let columns = columns(&self.entry.model, &mut select, &tree)?;
        loop {
            let rows = Collect::up_to(self.page_bytes());
            let (page, next) = session.select(self.name(), &select, overrides, rows).await?;
            match self.page(&columns, &page.rows, &tree).await? {
                ControlFlow::Break(items) => return Ok((items, next)),
                // Read the page again: only a page that ends at its limit contains the position of the next one.
                ControlFlow::Continue(fewer) => select.limit = fewer,
            }
        }
    }

    /// Returns the rows with their references, as JSON objects separated by commas, or the number of rows to try next.
    /// A page of a single row has no limit of bytes.
    async fn page(
        &self,
        columns: &[String],
        rows: &[Vec<Value>],
        tree: &Tree,
    ) -> Result<ControlFlow<Vec<u8>, u32>> {
        let most = if rows.len() <= 1 { usize::MAX } else { self.page_bytes() };
        let number = |rows: usize| u32::try_from(rows).unwrap_or(u32::MAX);
        let mut left = most;
        let Some(below) = self.below(&self.entry, columns, rows, tree, &mut left).await? else {
            return Ok(ControlFlow::Continue(number(rows.len() / 2)));
        };
        let keys = JsonKeys::new(columns.iter().map(String::as_str));
        let mut items = Vec::new();
        let id = columns.iter().position(|column| column == "id");
        let origin_by = id.filter(|_| self.has_origins(&self.entry));
        for (index, row) in rows.iter().enumerate() {
            if items.len() > most {
                return Ok(ControlFlow::Continue(number(index)));
            }
            if index > 0 {
                items.push(b',');
            }
            write_object(&mut items, &keys, row, &below);
            if let Some(id) = origin_by {
                add_origin(&mut items, is_own(&row[id]));
            }
        }
        Ok(ControlFlow::Break(items))
    }

    /// Returns the rows that the references in `tree` lead to, or `None` if they take more than `left` bytes.
    async fn below<'t>(
        &self,
        entry: &ModelEntry,
        columns: &[String],
        rows: &[Vec<Value>],
        tree: &'t Tree,
        left: &mut usize,
    ) -> Result<Option<Below<'t>>> {
        let mut below = Vec::new();
        for (field, subtree) in &tree.0 {
            let column = columns.iter().position(|c| c == field).ok_or(Error::NotFound("field"))?;
            let ids = rows.iter().filter_map(|row| record_id(&row[column])).collect();
            let Some(expanded) = self.fetch(entry, field, ids, subtree, left).await? else {
                return Ok(None);
            };
            below.push((field, column, expanded));
        }
        Ok(Some(below))
    }

    /// Returns the rows that a field refers to, with their own expansion, or `None` if they take more than `left`
    /// bytes.
    fn fetch<'f>(
        &'f self,
        entry: &'f ModelEntry,
        field: &'f str,
        ids: BTreeSet<RecordId>,
        tree: &'f Tree,
        left: &'f mut usize,
    ) -> Pin<Box<dyn Future<Output = Result<Option<Expanded>>> + Send + 'f>> {
        Box::pin(async move {
            let target = self.target(entry, field)?;
            self.allow_on(target, Verb::Read)?;
            if ids.is_empty() {
                return Ok(Some(Expanded::new()));
            }
            let ids: Vec<_> = ids.into_iter().collect();
            let found = self.rows_by_id(target, &ids, *left).await?;
            if found.bytes() > *left {
                return Ok(None);
            }
            let columns = all_columns(&target.model);
            let Some(below) = self.below(target, &columns, &found.rows, tree, left).await? else {
                return Ok(None);
            };
            let keys = JsonKeys::new(columns.iter().map(String::as_str));
            let mut expanded = Expanded::with_capacity(found.rows.len());
            let has_origins = self.has_origins(target);
            for row in &found.rows {
                let mut object = Vec::with_capacity(256);
                write_object(&mut object, &keys, row, &below);
                if has_origins {
                    add_origin(&mut object, is_own(&row[0]));
                }
                if !spend(left, object.len()) {
                    return Ok(None);
                }
                expanded.extend(record_id(&row[0]).map(|id| (id, object)));
            }
            Ok(Some(expanded))
        })
    }

    fn target(&self, entry: &ModelEntry, field: &str) -> Result<&ModelEntry> {
        match entry.model.field(field).map(|f| &f.kind) {
            Some(FieldKind::Ref { to, .. }) => self.loaded.entry(to.as_str()),
            _ => Err(Error::invalid("expand", format!("{}.{field} is not a reference", entry.model.name))),
        }
    }

    /// Returns the rows with these ids. Stops once they take more than `bytes`.
    async fn rows_by_id(&self, target: &ModelEntry, ids: &[RecordId], bytes: usize) -> Result<Collect> {
        let name = target.model.name.as_str();
        let session = self.reading_of(target).await?;
        let Some(overrides) = self.override_rows(target).await? else {
            return Ok(session.by_ids(name, ids, &[], Collect::up_to(bytes)).await?);
        };
        let id = FieldName::parse("id")?;
        let filter = Filter::In(id, ids.iter().map(id_value).collect());
        let select = Select { filter, limit: 1000, ..Select::default() };
        Ok(session.select(name, &select, Some(&overrides), Collect::up_to(bytes)).await?.0)
    }
}

/// Returns the names of the answer's columns. Adds the reference columns that a projection lacks.
fn columns(model: &Model, select: &mut Select, tree: &Tree) -> Result<Vec<String>> {
    if select.fields.is_empty() {
        return Ok(all_columns(model));
    }
    for field in tree.0.keys() {
        if !select.fields.iter().any(|f| f.as_str() == field) {
            select.fields.push(FieldName::parse(field)?);
        }
    }
    Ok(select.fields.iter().map(ToString::to_string).collect())
}

/// Returns all columns in the order in which the engine returns them.
pub(super) fn all_columns(model: &Model) -> Vec<String> {
    let declared = model.fields.iter().map(|f| f.name.as_str());
    let tail = ["created_at", "updated_at", "version"];
    std::iter::once("id").chain(declared).chain(tail).map(str::to_owned).collect()
}

/// Subtracts `bytes` from `left`. Returns false if `left` is smaller.
fn spend(left: &mut usize, bytes: usize) -> bool {
    let rest = left.checked_sub(bytes);
    *left = rest.unwrap_or(0);
    rest.is_some()
}

fn write_object(out: &mut Vec<u8>, keys: &JsonKeys, row: &[Value], below: &Below<'_>) {
    write_values(out, keys, row);
    out.pop();
    out.extend_from_slice(b",\"expand\":{");
    for (index, (field, column, rows)) in below.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_text(out, field);
        out.push(b':');
        let found = record_id(&row[*column]).and_then(|id| rows.get(&id));
        out.extend_from_slice(found.map_or(b"null", Vec::as_slice));
    }
    out.extend_from_slice(b"}}");
}

fn record_id(value: &Value) -> Option<RecordId> {
    match value {
        Value::Integer(id) => Some(RecordId::Integer(*id)),
        Value::Uuid(id) => Some(RecordId::Uuid(*id)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expansion_is_bounded() {
        assert!(Tree::parse(&["a.b.c".into()]).is_ok());
        assert!(Tree::parse(&["a.b.c.d".into()]).is_err());
    }
}
