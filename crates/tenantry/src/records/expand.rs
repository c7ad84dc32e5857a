//! Expansion of references, inside a store and across stores: the referred rows are fetched once a
//! level, by id, and stand under `expand` in the answer. Each level needs the right to read its model.

use super::{ListQuery, Records, read::id_value};
use crate::{Error, Result, access::gates::Verb, platform::ModelEntry};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    future::Future,
    pin::Pin,
};
use tenantry_engine::{
    engine::Session,
    model::{FieldKind, Model},
    name::FieldName,
    query::{Filter, RecordId, Select},
    row::{
        Collect,
        json::{JsonKeys, write_text, write_values},
    },
    sqlite::merge::OverrideRow,
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

/// Referred rows of one field, as finished JSON objects.
type Expanded = HashMap<RecordId, Vec<u8>>;

impl<'a> Records<'a> {
    /// A page with references expanded, as JSON objects separated by commas.
    pub(super) async fn list_expanded(
        &self,
        session: &Session,
        query: &ListQuery,
        overrides: Option<&[OverrideRow]>,
    ) -> Result<(Vec<u8>, Option<Vec<Value>>)> {
        let tree = Tree::parse(&query.expand)?;
        let mut select = query.select.clone();
        let columns = columns(&self.entry.model, &mut select, &tree)?;
        let (page, next) = session.select(self.name(), &select, overrides, Collect::default()).await?;
        let objects = self.render(self.entry, &columns, &page.rows, &tree).await?;
        Ok((objects.join(&b','), next))
    }

    /// Rows of a model as JSON objects with what the tree asks for below them.
    async fn render(
        &self,
        entry: &'a ModelEntry,
        columns: &[String],
        rows: &[Vec<Value>],
        tree: &Tree,
    ) -> Result<Vec<Vec<u8>>> {
        let keys = JsonKeys::new(columns.iter().map(String::as_str));
        let mut below = Vec::new();
        for (field, subtree) in &tree.0 {
            let column = columns.iter().position(|c| c == field).ok_or(Error::NotFound("field"))?;
            let ids = rows.iter().filter_map(|row| record_id(&row[column])).collect();
            below.push((field, column, self.fetch(entry, field, ids, subtree).await?));
        }
        Ok(rows.iter().map(|row| object(&keys, row, &below)).collect())
    }

    /// The rows a field refers to, rendered with their own expansion.
    fn fetch<'f>(
        &'f self,
        entry: &'a ModelEntry,
        field: &'f str,
        ids: BTreeSet<RecordId>,
        tree: &'f Tree,
    ) -> Pin<Box<dyn Future<Output = Result<Expanded>> + Send + 'f>> {
        Box::pin(async move {
            let target = self.target(entry, field)?;
            self.allow_on(target, Verb::Read)?;
            if ids.is_empty() {
                return Ok(Expanded::new());
            }
            let ids: Vec<_> = ids.into_iter().collect();
            let rows = self.rows_by_id(target, &ids).await?;
            let columns = all_columns(&target.model);
            let objects = self.render(target, &columns, &rows, tree).await?;
            Ok(rows.iter().filter_map(|row| record_id(&row[0])).zip(objects).collect())
        })
    }

    fn target(&self, entry: &ModelEntry, field: &str) -> Result<&'a ModelEntry> {
        match entry.model.field(field).map(|f| &f.kind) {
            Some(FieldKind::Ref { to, .. }) => self.inner.entry(to.as_str()),
            _ => Err(Error::invalid("expand", format!("{}.{field} is not a reference", entry.model.name))),
        }
    }

    async fn rows_by_id(&self, target: &'a ModelEntry, ids: &[RecordId]) -> Result<Vec<Vec<Value>>> {
        let name = target.model.name.as_str();
        let session = self.session_of(target).await?;
        let Some(overrides) = self.override_rows(target).await? else {
            return Ok(session.by_ids(name, ids, &[], Collect::default()).await?.rows);
        };
        let id = FieldName::parse("id")?;
        let filter = Filter::In(id, ids.iter().map(id_value).collect());
        let select = Select { filter, limit: 1000, ..Select::default() };
        Ok(session.select(name, &select, Some(&overrides), Collect::default()).await?.0.rows)
    }
}

/// Column names of the answer; adds the reference columns to a projection that lacks them.
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

/// All columns in the order the engine returns them.
pub(super) fn all_columns(model: &Model) -> Vec<String> {
    let declared = model.fields.iter().map(|f| f.name.as_str());
    let tail = ["created_at", "updated_at", "version"];
    std::iter::once("id").chain(declared).chain(tail).map(str::to_owned).collect()
}

fn object(keys: &JsonKeys, row: &[Value], below: &[(&String, usize, Expanded)]) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    write_values(&mut out, keys, row);
    out.pop();
    out.extend_from_slice(b",\"expand\":{");
    for (index, (field, column, rows)) in below.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_text(&mut out, field);
        out.push(b':');
        let found = record_id(&row[*column]).and_then(|id| rows.get(&id));
        out.extend_from_slice(found.map_or(b"null", Vec::as_slice));
    }
    out.extend_from_slice(b"}}");
    out
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
