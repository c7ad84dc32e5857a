//! Shared rows as one tenant sees them: overridden fields are replaced, and the tenant's own entries are added, before
//! rows are filtered, sorted, searched or paged.

use super::Layout;
use crate::{
    cell::stored,
    error::{Error, Kind, Result},
    mongo::{cells, tables::PLACES},
    overrides::{OverrideRow, added, overridable, values},
    value::Value,
};
use mongodb::bson::{Bson, Document, doc};
use serde_json::Value as Json;

/// Field that holds the changes of a row while it is merged.
const CHANGES: &str = "_changes";

/// Returns the stages that replace overridden fields and add the tenant's own entries. The tenant's values are literals,
/// so MongoDB never evaluates them as expressions.
///
/// # Errors
/// Returns `Corrupt` if the changes of an override are not JSON.
pub(super) fn stages(layout: &Layout<'_>, rows: &[OverrideRow]) -> Result<Vec<Document>> {
    let mut stages = replacing(layout, rows)?;
    stages.extend(adding(layout, rows)?);
    Ok(stages)
}

/// Returns the stage that adds the tenant's own entries; `None` if there are none. The pipeline inside makes the
/// documents of the entries from one document of a collection that is never empty, because versions before 5.1 cannot
/// make documents from nothing.
fn adding(layout: &Layout<'_>, rows: &[OverrideRow]) -> Result<Option<Document>> {
    let entries = added(layout.plan, rows)?;
    let list = entries.iter().map(|row| document(layout, row)).collect::<Result<Vec<_>>>()?;
    Ok((!list.is_empty()).then(|| {
        doc! { "$unionWith": { "coll": PLACES, "pipeline": [
            { "$limit": 1 },
            { "$project": { "_id": 0, "entries": { "$literal": list } } },
            { "$unwind": "$entries" },
            { "$replaceRoot": { "newRoot": "$entries" } },
        ] } }
    }))
}

fn document(layout: &Layout<'_>, row: &[Value]) -> Result<Bson> {
    let mut document = layout.confined();
    for (position, (column, value)) in layout.plan.columns.iter().zip(row).enumerate() {
        let value =
            stored(column.storage, value).map_err(|rule| Error::invalid(column.name.as_str(), rule))?;
        match layout.bson(position, &value)? {
            Bson::Null => {}
            value => drop(document.insert(layout.name(position), value)),
        }
    }
    Ok(document.into())
}

fn replacing(layout: &Layout<'_>, rows: &[OverrideRow]) -> Result<Vec<Document>> {
    let shared = rows.iter().filter(|row| row.added.is_none());
    let list = shared.filter_map(|row| changes(layout, row).transpose()).collect::<Result<Vec<_>>>()?;
    if list.is_empty() {
        return Ok(vec![]);
    }
    let own = doc! { "$filter": {
        "input": { "$literal": list }, "as": "o", "cond": { "$eq": ["$$o.id", "$_id"] },
    } };
    let mut merged = doc! {};
    for column in layout.plan.columns.iter().filter(|column| overridable(layout.plan, &column.name)) {
        let name = column.name.as_str();
        let is_changed = doc! { "$in": [name, { "$ifNull": [format!("${CHANGES}.names"), []] }] };
        let changed = doc! { "$ifNull": [format!("${CHANGES}.values.{name}"), "$$REMOVE"] };
        merged.insert(name, doc! { "$cond": [is_changed, changed, format!("${name}")] });
    }
    Ok(vec![
        // If a row has several overrides, the last one applies.
        doc! { "$addFields": { CHANGES: { "$arrayElemAt": [own, -1] } } },
        doc! { "$addFields": merged },
        doc! { "$project": { CHANGES: 0 } },
    ])
}

/// Returns the id of a row, and the names and values of its changed fields. Returns `None` if the id is of the other
/// kind, which no row of the model has.
fn changes(layout: &Layout<'_>, row: &OverrideRow) -> Result<Option<Bson>> {
    let Some(key) = layout.plan.key(&row.id) else { return Ok(None) };
    let changes: Json = serde_json::from_str(&row.changes)
        .map_err(|error| Error::with_source(Kind::Corrupt, "changes of an override are not JSON", error))?;
    let (mut names, mut native) = (vec![], doc! {});
    for (name, value) in values(layout.plan, &changes) {
        let (_, column) = layout.plan.require(name.as_str())?;
        let value = stored(column.storage, &value).map_err(|rule| Error::invalid(name.as_str(), rule))?;
        native.insert(name.as_str(), cells::bson(column.storage, &value)?);
        names.push(Bson::from(name.as_str()));
    }
    Ok(Some(Bson::Document(doc! { "id": layout.id(key), "names": names, "values": native })))
}
