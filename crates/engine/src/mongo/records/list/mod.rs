//! Lists of records: filtering, searching, sorting, paging, counting and grouping. Every value is typed, every name
//! comes from the plan, and the confinement is the first condition.

pub(crate) mod aggregate;

pub(crate) use super::search::{Overridden, Wanted, overridden, texts, wanted};
use super::{
    Layout,
    cursor::Columns,
    custom,
    filter::{self, NO_REFERENCES},
    merge, page,
    query::{Find, Query},
    read::shown,
    search,
};
use crate::{
    error::{Error, Result},
    list::{LIMIT_MAX, SortKey, order},
    overrides::OverrideRow,
    query::{Filter, Select},
    row::Visit,
    schema::{Projection, Schema},
    value::Value,
};
use mongodb::bson::{Document, RawDocument, doc};

/// A list request that was checked.
pub(crate) struct List<'a> {
    pub(crate) layout: Layout<'a>,
    select: &'a Select,
    projection: Projection<'a>,
    order: Vec<SortKey>,
    pub(crate) wanted: Wanted,
}

impl<'a> List<'a> {
    /// Checks a list request.
    ///
    /// # Errors
    /// Returns `Invalid` if the fields, limit, order or search of the request are not allowed.
    pub(crate) fn new(schema: &Schema, layout: Layout<'a>, select: &'a Select) -> Result<Self> {
        if !(1..=LIMIT_MAX).contains(&select.limit) {
            return Err(Error::invalid("limit", format!("must be from 1 to {LIMIT_MAX}")));
        }
        let order = order(schema, layout.plan, &select.sort)?;
        if !order.joins.is_empty() {
            return Err(Error::invalid("sort", NO_REFERENCES));
        }
        let order = order.keys;
        let projection = layout.plan.project(&select.fields)?;
        let wanted = search::wanted(&layout, select.search.as_deref())?;
        Ok(Self { layout, select, projection, order, wanted })
    }

    /// Returns the read of one page and one more row, which shows that there is a next page.
    ///
    /// # Errors
    /// Returns `Invalid` if the filter or the cursor is not allowed.
    pub(crate) fn query(&self, merge: Option<&[OverrideRow]>, overridden: &Overridden) -> Result<Query> {
        let Matching { mut stages, mut filter } =
            matching(&self.layout, &self.select.filter, &self.wanted, merge, overridden)?;
        if let Some(after) = &self.select.after {
            filter = all([filter, page::after(&self.layout, &self.order, after)?]);
        }
        let mut read: Vec<usize> = self.projection.positions.to_vec();
        read.extend(self.order.iter().map(|key| key.position));
        read.sort_unstable();
        read.dedup();
        let find = Find {
            filter,
            sort: Some(page::order_by(&self.layout, &self.order)),
            limit: Some(i64::from(self.select.limit) + 1),
            projection: shown(&self.layout, read.into_iter()),
        };
        let find = Query::from(find);
        if stages.is_empty() {
            return Ok(find);
        }
        stages.extend(find.stages());
        Ok(Query::Stages(stages))
    }

    /// Passes the rows of the page to `visit`. Returns the `after` of the next page, or `None` on the last page.
    ///
    /// # Errors
    /// Returns `Corrupt` if the value of a field does not match its storage.
    pub(crate) fn show(&self, rows: &[&RawDocument], visit: &mut dyn Visit) -> Result<Option<Vec<Value>>> {
        for (index, row) in rows.iter().enumerate() {
            Columns::visit(self.layout.plan, &self.projection, row, visit)?;
            if index + 1 == self.select.limit as usize || visit.is_full() {
                let more = rows.len() > index + 1;
                return more.then(|| self.sort_values(row)).transpose();
            }
        }
        Ok(None)
    }

    fn sort_values(&self, row: &RawDocument) -> Result<Vec<Value>> {
        let plan = self.layout.plan;
        let own = self.order.iter().filter(|key| plan.custom_at(key.position).is_none());
        let positions: Vec<usize> = own.map(|key| key.position).collect();
        let storages: Vec<_> = positions.iter().map(|position| plan.storages[*position]).collect();
        let keys = Projection { positions: positions.into(), storages: storages.into() };
        let columns = Columns::read(plan, &keys, row)?;
        let mut next = 0..;
        let values = self.order.iter().map(|key| match plan.custom_at(key.position) {
            Some(column) => custom::value(column, row),
            None => Ok(columns.value(next.next().unwrap_or_default())),
        });
        values.collect()
    }
}

/// The rows of a list.
pub(crate) struct Matching {
    /// Stages that apply the tenant's overrides, if there are any.
    stages: Vec<Document>,
    filter: Document,
}

impl Matching {
    /// Returns the stages of a pipeline that reads the rows.
    pub(crate) fn stages(self) -> Vec<Document> {
        let Self { mut stages, filter } = self;
        if !filter.is_empty() {
            stages.push(doc! { "$match": filter });
        }
        stages
    }
}

/// Returns the rows that match the filter and the search, with the tenant's overrides applied.
///
/// # Errors
/// Returns `Invalid` if the filter is not allowed.
pub(crate) fn matching(
    layout: &Layout<'_>,
    condition: &Filter,
    wanted: &Wanted,
    merge: Option<&[OverrideRow]>,
    overridden: &Overridden,
) -> Result<Matching> {
    let merged = merge::stages(layout, merge.unwrap_or_default())?;
    let mut stages = vec![];
    if !merged.is_empty() {
        stages.push(doc! { "$match": layout.confined() });
        stages.extend(merged);
    }
    let conditions =
        [layout.confined(), filter::write(layout, condition)?, search::condition(layout, wanted, overridden)];
    Ok(Matching { stages, filter: all(conditions) })
}

/// Returns the filter that matches what all these filters match.
fn all<const N: usize>(filters: [Document; N]) -> Document {
    let (mut together, mut others) = (doc! {}, vec![]);
    for filter in filters {
        match filter.keys().any(|key| together.contains_key(key)) {
            true => others.push(filter),
            false => together.extend(filter),
        }
    }
    if !others.is_empty() {
        others.insert(0, together);
        return doc! { "$and": others };
    }
    together
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_of_the_same_field_are_kept_apart() {
        let (own, name) = (doc! { "tenant_id": 7 }, doc! { "name": { "$gte": "a" } });
        assert_eq!(all([own.clone(), name.clone()]), doc! { "tenant_id": 7, "name": { "$gte": "a" } });
        let other = doc! { "tenant_id": 8 };
        let together = doc! { "tenant_id": 7, "name": { "$gte": "a" } };
        assert_eq!(all([own, name, other.clone()]), doc! { "$and": [together, other] });
        assert_eq!(all([doc! {}, doc! {}]), doc! {});
    }
}
