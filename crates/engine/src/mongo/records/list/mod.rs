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
use mongodb::bson::{Document, RawDocumentBuf, doc};

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

    /// Returns the stages that read one page and one more row, which shows that there is a next page.
    ///
    /// # Errors
    /// Returns `Invalid` if the filter or the cursor is not allowed.
    pub(crate) fn pipeline(
        &self,
        merge: Option<&[OverrideRow]>,
        overridden: &Overridden,
    ) -> Result<Vec<Document>> {
        let mut stages = matching(&self.layout, &self.select.filter, &self.wanted, merge, overridden)?;
        if let Some(after) = &self.select.after {
            stages.push(doc! { "$match": page::after(&self.layout, &self.order, after)? });
        }
        stages.push(doc! { "$sort": page::order_by(&self.layout, &self.order) });
        stages.push(doc! { "$limit": i64::from(self.select.limit) + 1 });
        let mut read: Vec<usize> = self.projection.positions.to_vec();
        read.extend(self.order.iter().map(|key| key.position));
        read.sort_unstable();
        read.dedup();
        stages.extend(shown(&self.layout, read.into_iter()));
        Ok(stages)
    }

    /// Passes the rows of the page to `visit`. Returns the `after` of the next page, or `None` on the last page.
    ///
    /// # Errors
    /// Returns `Corrupt` if the value of a field does not match its storage.
    pub(crate) fn show(&self, rows: &[RawDocumentBuf], visit: &mut dyn Visit) -> Result<Option<Vec<Value>>> {
        for (index, row) in rows.iter().enumerate() {
            Columns::visit(self.layout.plan, &self.projection, row, visit)?;
            if index + 1 == self.select.limit as usize || visit.is_full() {
                let more = rows.len() > index + 1;
                return more.then(|| self.sort_values(row)).transpose();
            }
        }
        Ok(None)
    }

    fn sort_values(&self, row: &RawDocumentBuf) -> Result<Vec<Value>> {
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

/// Returns the stages that select the rows that match the filter and the search, with the tenant's overrides applied.
///
/// # Errors
/// Returns `Invalid` if the filter is not allowed.
pub(crate) fn matching(
    layout: &Layout<'_>,
    condition: &Filter,
    wanted: &Wanted,
    merge: Option<&[OverrideRow]>,
    overridden: &Overridden,
) -> Result<Vec<Document>> {
    let mut conditions = vec![layout.confined()];
    let merged = merge::stages(layout, merge.unwrap_or_default())?;
    let mut stages = vec![];
    if !merged.is_empty() {
        stages.push(doc! { "$match": layout.confined() });
        stages.extend(merged);
    }
    conditions.push(filter::write(layout, condition)?);
    conditions.push(search::condition(layout, wanted, overridden));
    conditions.retain(|condition| !condition.is_empty());
    match conditions.len() {
        0 => {}
        1 => stages.extend(conditions.pop().map(|only| doc! { "$match": only })),
        _ => stages.push(doc! { "$match": { "$and": conditions } }),
    }
    Ok(stages)
}
