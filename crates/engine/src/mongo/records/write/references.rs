//! Checks references within a store, because MongoDB does not. A change must not refer to a missing record. When a
//! record is deleted, records that refer to it lose the reference, or the deletion is refused. The transaction has
//! locked the place, so what these checks find stays true until it commits.

use super::transaction::{Ended, Work};
use crate::{
    cell::{Key, Stored},
    error::{Error, Kind},
    model::OnDelete,
    mongo::{cells, records::Layout, transaction::again},
    schema::{Plan, Referrer, Schema, refs},
    write::{Effects, Trouble},
};
use futures_util::TryStreamExt;
use mongodb::bson::{Bson, Document, RawDocumentBuf, doc};
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// A reference that a change sets: its field, the model that it refers to, and the id.
pub(super) struct Reference<'a> {
    pub(super) field: &'a str,
    pub(super) target: &'a Plan,
    pub(super) id: Key,
}

impl Reference<'_> {
    /// Returns the error for a reference to a missing record. It has the same text as the error of the platform's check
    /// of references to another store.
    pub(super) fn dangling(&self) -> Error {
        let why = format!("there is no record {} of {}", self.id, self.target.model.name);
        Error::new(Kind::Invalid(self.field.into(), why), "")
    }
}

/// Returns the references into the same store that a change sets; `value` returns the new value of a column.
pub(super) fn references<'a, 'v: 'a>(
    schema: &'a Schema,
    plan: &'a Plan,
    value: impl Fn(usize) -> Option<&'a Stored<'v>>,
) -> Vec<Reference<'a>> {
    let each = refs(&plan.model).filter_map(|(field, to, _)| {
        let (position, _) = plan.require(field.name.as_str()).ok()?;
        let target = schema.model(to.as_str())?;
        let id = match value(position)? {
            Stored::Null => return None,
            Stored::Integer(id) => Key::Integer(*id),
            Stored::Text(text) => Key::Text(text.as_bytes().try_into().ok()?),
        };
        Some(Reference { field: field.name.as_str(), target, id })
    });
    each.collect()
}

/// Records that were found, by model.
pub(super) type Found = HashSet<(String, Key)>;

/// Returns the records that exist, of those that `references` refer to.
pub(super) async fn existing<'r>(
    work: &mut Work<'_>,
    tenant: Option<i64>,
    references: impl Iterator<Item = &'r Reference<'r>>,
) -> Result<Found, Ended> {
    let mut wanted: BTreeMap<&str, (&Plan, BTreeSet<Key>)> = BTreeMap::new();
    for reference in references {
        let name = reference.target.model.name.as_str();
        wanted.entry(name).or_insert((reference.target, BTreeSet::new())).1.insert(reference.id);
    }
    let mut found = Found::new();
    for (model, (plan, ids)) in wanted {
        let layout = Layout::new(plan, tenant);
        let all: Vec<Bson> = ids.into_iter().map(|id| layout.id(id)).collect();
        for row in ids_where(work, &layout, doc! { "_id": { "$in": all } }, None).await? {
            found.insert((model.to_owned(), Key::from(&layout.id_of(&row)?)));
        }
    }
    Ok(found)
}

/// Reads the ids of the documents that match, at most `limit`.
async fn ids_where(
    work: &mut Work<'_>,
    layout: &Layout<'_>,
    filter: Document,
    limit: Option<i64>,
) -> Result<Vec<RawDocumentBuf>, Ended> {
    let rows = work.database.collection::<RawDocumentBuf>(layout.plan.model.name.as_str());
    let (server, session) = work.parts();
    let read = async {
        let find = rows.find(filter).projection(doc! { "_id": 1 }).limit(limit.unwrap_or_default());
        let mut cursor = find.session(&mut *session).await?;
        cursor.stream(session).try_collect::<Vec<_>>().await
    };
    Ok(again(server.answer(read).await)?)
}

/// Prepares the deletion of a record: clears references with [`OnDelete::SetNull`] to it, and refuses the deletion if
/// there is a reference with [`OnDelete::Protect`].
pub(super) async fn release(
    work: &mut Work<'_>,
    (schema, plan, tenant): (&Schema, &Plan, Option<i64>),
    (write, id): (usize, Key),
    effects: &mut Effects<'_>,
    now: jiff::Timestamp,
) -> Result<(), Ended> {
    for referrer in plan.referrers.iter().filter(|referrer| referrer.on_delete == OnDelete::SetNull) {
        let of = schema.require(referrer.model.as_str())?;
        set_null(work, &Layout::new(of, tenant), (referrer, plan), (write, id), effects, now).await?;
    }
    for referrer in plan.referrers.iter().filter(|referrer| referrer.on_delete == OnDelete::Protect) {
        let of = schema.require(referrer.model.as_str())?;
        let layout = Layout::new(of, tenant);
        let filter = others(&layout, (referrer, plan), id);
        if !ids_where(work, &layout, filter, Some(1)).await?.is_empty() {
            let error = Error::new(Kind::Reference(of.model.name.to_string()), plan.model.name.as_str());
            return Err(Ended::For(Trouble::Refused(write, error.into())));
        }
    }
    Ok(())
}

/// Returns the filter that matches the records that refer to a record, except that record itself, which is deleted
/// together with its reference.
fn others(layout: &Layout<'_>, (referrer, target): (&Referrer, &Plan), id: Key) -> Document {
    let mut filter = layout.confined();
    filter.insert(referrer.field.as_str(), cells::key(id));
    if layout.plan.model.name == target.model.name {
        filter.insert("_id", doc! { "$ne": layout.id(id) });
    }
    filter
}

async fn set_null(
    work: &mut Work<'_>,
    layout: &Layout<'_>,
    of: (&Referrer, &Plan),
    (write, id): (usize, Key),
    effects: &mut Effects<'_>,
    now: jiff::Timestamp,
) -> Result<(), Ended> {
    let filter = others(layout, of, id);
    let found = ids_where(work, layout, filter.clone(), None).await?;
    if found.is_empty() {
        return Ok(());
    }
    let field = of.0.field.as_str();
    let change = doc! {
        "$unset": { field: "" }, "$set": { "updated_at": now.as_microsecond() }, "$inc": { "version": 1_i64 },
    };
    let rows = work.database.collection::<RawDocumentBuf>(layout.plan.model.name.as_str());
    let (server, session) = work.parts();
    let done = async { rows.update_many(filter, change).session(session).await };
    let done = server.answer(done).await;
    again(done)?;
    for row in found {
        effects.nulled(write, layout.plan, field, layout.id_of(&row)?, id.bytes());
    }
    Ok(())
}
