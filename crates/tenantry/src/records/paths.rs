//! Conditions and sort keys across references.
//!
//! The engine follows references inside a store. References to another store, and to shared rows that the tenant
//! overrides, are resolved here in two steps: this module first reads the rows that they lead to, as the tenant sees
//! them, and then gives the engine their ids or their ranks. That works for a limited number of rows; a condition with
//! more rows is refused, and no row is ever left out.

use super::{Records, references::dependence::record_id};
use crate::{Error, Result, access::gates::Verb, platform::loaded::ModelEntry};
use std::{borrow::Cow, cmp::Ordering, collections::HashMap, future::Future, pin::Pin, sync::Arc};
use tenantry_engine::{
    engine::Session,
    model::{FieldKind, Model},
    name::{FieldName, ModelName},
    query::{Filter, RecordId, Select, SortBy},
    row::Collect,
    value::Value,
};

/// Largest number of rows of another store that a condition can match, or that a sort key can rank.
pub const MAX_REFERRED: u32 = 1000;
/// Largest number of reads of other stores for one list.
const MAX_READS: usize = 10;

/// A list whose references the engine can follow.
pub(super) struct Resolved<'q> {
    pub(super) select: Cow<'q, Select>,
    /// The values behind the ranks of each sort key that uses ranks.
    ranked: Vec<(usize, Vec<Value>)>,
}

/// Reads of referred rows while a list is resolved.
struct Reads {
    /// True to read committed data from the primary, which a replica may lack.
    current: bool,
    left: usize,
}

impl Reads {
    fn new(current: bool) -> Self {
        Self { current, left: MAX_READS }
    }

    fn count(&mut self) -> Result<()> {
        match self.left.checked_sub(1) {
            Some(left) => self.left = left,
            None => {
                let reason = format!("at most {MAX_READS} conditions and sort keys across stores");
                return Err(Error::invalid("query", reason));
            }
        }
        Ok(())
    }
}

type Boxed<'f, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'f>>;

impl Records<'_> {
    /// Returns the model that a reference leads to. Returns `None` if there is no such model, or if the actor may not
    /// read it.
    pub fn readable(&self, name: &ModelName) -> Option<Arc<Model>> {
        let entry = self.loaded.entry(name.as_str()).ok()?;
        self.allow_on(entry, Verb::Read).ok().map(|()| entry.model.clone())
    }

    /// Converts a condition of the model to one that the engine can answer.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] for a reference to a model that the actor may not read, and [`Error::Invalid`] if the
    /// condition matches too many rows of another store.
    pub(super) async fn resolve_filter<'q>(
        &self,
        filter: &'q Filter,
        current: bool,
    ) -> Result<Cow<'q, Filter>> {
        if !follows(filter) {
            return Ok(Cow::Borrowed(filter));
        }
        self.resolve_in(&self.entry, filter, &mut Reads::new(current)).await.map(Cow::Owned)
    }

    /// Converts the condition and the sort keys of a list.
    ///
    /// # Errors
    /// Returns the errors of [`Records::resolve_filter`].
    pub(super) async fn resolve<'q>(&self, select: &'q Select) -> Result<Resolved<'q>> {
        if !follows(&select.filter) && select.sort.iter().all(|by| by.via.is_empty()) {
            return Ok(Resolved { select: Cow::Borrowed(select), ranked: vec![] });
        }
        let mut reads = Reads::new(false);
        let mut resolved = Resolved { select: Cow::Borrowed(select), ranked: vec![] };
        let filter = self.resolve_in(&self.entry, &select.filter, &mut reads).await?;
        let changed = resolved.select.to_mut();
        changed.filter = filter;
        for (index, by) in changed.sort.iter_mut().enumerate().filter(|(_, by)| !by.via.is_empty()) {
            if let Some(values) = self.resolve_key(by, &mut reads).await? {
                resolved.ranked.push((index, values));
            }
        }
        if let Some(after) = &mut changed.after {
            for (index, values) in &resolved.ranked {
                if let Some(value) = after.get_mut(*index) {
                    *value = rank(values, value);
                }
            }
        }
        Ok(resolved)
    }

    fn resolve_in<'f>(
        &'f self,
        entry: &'f ModelEntry,
        filter: &'f Filter,
        reads: &'f mut Reads,
    ) -> Boxed<'f, Filter> {
        Box::pin(async move {
            Ok(match filter {
                Filter::All(list) => Filter::All(self.resolve_all(entry, list, reads).await?),
                Filter::Any(list) => Filter::Any(self.resolve_all(entry, list, reads).await?),
                Filter::Not(inner) => Filter::Not(Box::new(self.resolve_in(entry, inner, reads).await?)),
                Filter::Through(field, inner) => {
                    let target = self.referred(entry, field)?;
                    let below = self.resolve_in(target, inner, reads).await?;
                    match self.is_joined(entry, target) {
                        true => Filter::Through(field.clone(), Box::new(below)),
                        false => {
                            let nulls = inner.holds_of_nulls();
                            self.referring(target, field, (below, nulls), reads).await?
                        }
                    }
                }
                leaf => leaf.clone(),
            })
        })
    }

    async fn resolve_all(
        &self,
        entry: &ModelEntry,
        list: &[Filter],
        reads: &mut Reads,
    ) -> Result<Vec<Filter>> {
        let mut resolved = Vec::with_capacity(list.len());
        for filter in list {
            resolved.push(self.resolve_in(entry, filter, reads).await?);
        }
        Ok(resolved)
    }

    /// Returns the condition that a field refers to a matching row of `target` or, with `nulls`, to no row.
    async fn referring(
        &self,
        target: &ModelEntry,
        field: &FieldName,
        (filter, nulls): (Filter, bool),
        reads: &mut Reads,
    ) -> Result<Filter> {
        let null = |is: bool| Filter::Null(field.clone(), is);
        if let Some(mut ids) = self.ids(target, filter.clone(), reads).await? {
            ids.extend(nulls.then_some(Value::Null));
            return Ok(Filter::In(field.clone(), ids));
        }
        // Too many rows match. If few rows do not match, exclude those instead.
        let Some(ids) = self.ids(target, Filter::Not(Box::new(filter)), reads).await? else {
            let reason = format!(
                "matches more than {MAX_REFERRED} {}, which are in another store: narrow the condition",
                target.model.name
            );
            return Err(Error::invalid(field.as_str(), reason));
        };
        let others = Filter::Not(Box::new(Filter::In(field.clone(), ids)));
        Ok(Filter::All(if nulls { vec![others] } else { vec![others, null(false)] }))
    }

    /// Returns the ids of the matching rows, as the tenant sees them, or `None` if there are too many.
    async fn ids(
        &self,
        target: &ModelEntry,
        filter: Filter,
        reads: &mut Reads,
    ) -> Result<Option<Vec<Value>>> {
        let fields = vec![FieldName::parse("id")?];
        let select = Select { filter, limit: MAX_REFERRED, fields, ..Select::default() };
        let rows = self.referred_rows(target, &select, reads).await?;
        Ok(rows.map(|rows| rows.into_iter().filter_map(|row| row.into_iter().next()).collect()))
    }

    /// Returns the rows of a list, as the tenant sees them, or `None` if there is a further page.
    async fn referred_rows(
        &self,
        target: &ModelEntry,
        select: &Select,
        reads: &mut Reads,
    ) -> Result<Option<Vec<Vec<Value>>>> {
        reads.count()?;
        let overrides = self.override_rows(target).await?;
        let session: Session = match reads.current {
            true => self.session_of(target).await?,
            false => self.reading_of(target).await?,
        };
        let name = target.model.name.as_str();
        let (page, next) = session.select(name, select, overrides.as_deref(), Collect::default()).await?;
        Ok(next.is_none().then_some(page.rows))
    }

    /// Replaces the part of a sort key that leads to another store by ranks. Returns the values that the ranks
    /// represent.
    async fn resolve_key(&self, by: &mut SortBy, reads: &mut Reads) -> Result<Option<Vec<Value>>> {
        let mut entry = &*self.entry;
        let mut crossing = None;
        for (index, field) in by.via.iter().enumerate() {
            let target = self.referred(entry, field)?;
            if crossing.is_none() && !self.is_joined(entry, target) {
                crossing = Some((index, target));
            }
            entry = target;
        }
        let Some((index, target)) = crossing else { return Ok(None) };
        let values = self.values_of(target, &by.via[index + 1..], &by.field, reads).await?;
        let mut distinct: Vec<Value> =
            values.iter().map(|(_, value)| value.clone()).filter(|value| *value != Value::Null).collect();
        distinct.sort_by(compare);
        distinct.dedup();
        let ranks = values.into_iter().filter_map(|(id, value)| match rank(&distinct, &value) {
            Value::Integer(rank) => Some((id, rank)),
            _ => None,
        });
        by.ranks = Some(Arc::new(ranks.collect()));
        by.field = by.via[index].clone();
        by.via.truncate(index);
        Ok(Some(distinct))
    }

    /// Returns, for each row of a model, the value of a field, or the value that it reaches through references.
    fn values_of<'f>(
        &'f self,
        target: &'f ModelEntry,
        via: &'f [FieldName],
        field: &'f FieldName,
        reads: &'f mut Reads,
    ) -> Boxed<'f, Vec<(RecordId, Value)>> {
        Box::pin(async move {
            let column = via.first().unwrap_or(field);
            let fields = vec![FieldName::parse("id")?, column.clone()];
            let select = Select { limit: MAX_REFERRED, fields, ..Select::default() };
            let Some(rows) = self.referred_rows(target, &select, reads).await? else {
                let reason = format!(
                    "there are more than {MAX_REFERRED} {}, which are in another store: sort by another field",
                    target.model.name
                );
                return Err(Error::invalid("sort", reason));
            };
            let pairs = rows.into_iter().filter_map(|row| {
                let mut row = row.into_iter();
                Some((record_id(&row.next()?)?, row.next()?))
            });
            let pairs: Vec<_> = pairs.collect();
            let Some((reference, via)) = via.split_first() else { return Ok(pairs) };
            let below = self.values_of(self.referred(target, reference)?, via, field, reads).await?;
            let below: HashMap<RecordId, Value> = below.into_iter().collect();
            let value = |id: &Value| record_id(id).and_then(|id| below.get(&id).cloned());
            Ok(pairs.into_iter().map(|(id, to)| (id, value(&to).unwrap_or(Value::Null))).collect())
        })
    }

    /// Returns the model that a field refers to.
    fn referred(&self, entry: &ModelEntry, field: &FieldName) -> Result<&ModelEntry> {
        let target = match entry.model.field(field.as_str()).map(|field| &field.kind) {
            Some(FieldKind::Ref { to, .. }) => self.loaded.entry(to.as_str())?,
            _ => {
                let reason = format!("{}.{field} is not a reference", entry.model.name);
                return Err(Error::invalid(field.as_str(), reason));
            }
        };
        self.allow_on(target, Verb::Read)?;
        Ok(target)
    }

    /// Returns true if the engine can follow references from one model to the other.
    fn is_joined(&self, entry: &ModelEntry, target: &ModelEntry) -> bool {
        entry.model.store == target.model.store && !self.merges_of(target)
    }
}

impl Resolved<'_> {
    /// Returns the position of the next page, with values in place of ranks.
    pub(super) fn next(&self, next: Option<Vec<Value>>) -> Option<Vec<Value>> {
        let mut next = next?;
        for (index, values) in &self.ranked {
            if let Some(Value::Integer(rank)) = next.get(*index) {
                let found = usize::try_from(rank / 2).ok().and_then(|at| values.get(at));
                next[*index] = found.cloned().unwrap_or(Value::Null);
            }
        }
        Some(next)
    }
}

/// Returns the rank of a value. Ranks of the known values are even. Any other value has the odd rank between its
/// neighbours, so a cursor keeps its place if the value of its row changes meanwhile.
fn rank(values: &[Value], value: &Value) -> Value {
    if *value == Value::Null {
        return Value::Null;
    }
    let rank = |at: usize| i64::try_from(at).unwrap_or(i64::MAX / 4) * 2;
    Value::Integer(match values.binary_search_by(|known| compare(known, value)) {
        Ok(at) => rank(at),
        Err(at) => rank(at) - 1,
    })
}

/// Compares two values of one field, as the databases do.
pub(crate) fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Boolean(a), Value::Boolean(b)) => a.cmp(b),
        (Value::Integer(a), Value::Integer(b)) => a.cmp(b),
        (Value::Decimal(a), Value::Decimal(b)) => a.cmp(b),
        (Value::Text(a), Value::Text(b)) => a.cmp(b),
        (Value::Date(a), Value::Date(b)) => a.cmp(b),
        (Value::DateTime(a), Value::DateTime(b)) => a.cmp(b),
        (Value::Uuid(a), Value::Uuid(b)) => a.cmp(b),
        _ => Ordering::Equal,
    }
}

/// Returns true if a condition follows a reference.
fn follows(filter: &Filter) -> bool {
    match filter {
        Filter::All(list) | Filter::Any(list) => list.iter().any(follows),
        Filter::Not(inner) => follows(inner),
        Filter::Through(..) => true,
        Filter::Compare(..) | Filter::In(..) | Filter::Null(..) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_is_gone_keeps_its_place_between_the_others() {
        let values: Vec<Value> = ["b", "d"].map(Value::from).into();
        let ranks = ["a", "b", "c", "d", "e"].map(|text| rank(&values, &text.into()));
        assert_eq!(ranks, [-1, 0, 1, 2, 3].map(Value::Integer));
        assert_eq!(rank(&values, &Value::Null), Value::Null);
    }
}
