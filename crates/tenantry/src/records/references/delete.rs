//! The delete of a shared row, in three steps: it marks the row as leaving, asks every tenant, and deletes the row.
//!
//! Called by `write`. Its cost grows with the number of tenants; staff delete shared rows rarely. It runs in its own
//! task, so a client that disconnects leaves no mark behind; the row then stays, unless its delete has begun. If the
//! process dies, the mark stays until another worker takes it over: a delete of the same row, or a write that refers to
//! it.

use super::leaving::{Mine, RENEW_EVERY, Referrer, SharedRow};
use crate::{
    Error, Result,
    access::Positions,
    outcomes,
    platform::{
        inner::Inner,
        loaded::{Loaded, ModelEntry},
    },
    records::Records,
};
use futures_util::{StreamExt, TryStreamExt, stream};
use std::{
    collections::BTreeMap,
    sync::{Arc, Weak},
    time::{Duration, Instant},
};
use tenantry_engine::{
    Kind,
    name::{StoreName, TenantId},
    place::Place,
    query::{Change, RecordId},
    write::WriteOptions,
};

/// Number of tenants asked at a time.
const AT_ONCE: usize = 8;
/// Longest time that a delete waits for another delete of the row, or for moves of tenants.
const PATIENCE: Duration = Duration::from_secs(30);
/// Pause between two checks of the condition that the delete waits for.
pub(super) const PAUSE: Duration = Duration::from_millis(5);

/// A delete with all its inputs, independent of the request.
struct Delete {
    inner: Arc<Inner>,
    loaded: Arc<Loaded>,
    entry: Arc<ModelEntry>,
    id: RecordId,
    change: Change,
    options: WriteOptions,
    positions: Positions,
    /// The tenant that the caller has entered.
    tenant: Option<TenantId>,
    /// Alive as long as the caller waits.
    caller: Weak<()>,
}

impl Records<'_> {
    /// Deletes a shared row after checking every tenant.
    pub(in crate::records) async fn delete_protected(&self, id: &RecordId, change: Change) -> Result<()> {
        let (inner, loaded) = (self.inner.clone(), self.loaded.clone());
        let (entry, options) = (self.entry.clone(), self.options_for(&self.entry));
        let (positions, tenant) = (self.positions.clone(), self.tenant_id());
        let waits = Arc::new(());
        let caller = Arc::downgrade(&waits);
        let id = id.clone();
        let delete = Delete { inner, loaded, entry, id, change, options, positions, tenant, caller };
        let task = tokio::spawn(async move { delete.run().await });
        let done = task.await.map_err(|error| Error::Internal(format!("a delete ended badly: {error}")))?;
        drop(waits);
        done
    }
}

impl Delete {
    async fn run(self) -> Result<()> {
        self.inner.be_member().await?;
        let mine = self.mark().await?;
        let done = self.marked(&mine).await;
        // If the mark cannot be removed, the next worker that finds it abandoned takes it over.
        if let Err(error) = self.inner.leaving.remove(mine).await {
            tracing::warn!(%error, "the record of a delete that is over stays until it lapses");
        }
        done
    }

    /// Marks the row as leaving, once no other worker is deleting it.
    async fn mark(&self) -> Result<Mine> {
        let row = SharedRow::new(self.entry.model.name.as_str(), &self.id);
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(mine) = self.inner.leaving.mark(&row).await? {
                return Ok(mine);
            }
            if Instant::now() >= until {
                return Err(Error::Conflict("this record is being deleted already".into()));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn marked(&self, mine: &Mine) -> Result<()> {
        if mine.was_taken_over {
            settle_taken(&self.inner, &self.entry).await?;
        }
        tokio::select! {
            asked = self.refuse_if_referred() => asked?,
            lost = self.renew(mine) => return Err(lost),
        }
        let session = self.session().await?;
        let until = Instant::now() + PATIENCE;
        loop {
            if self.caller.strong_count() == 0 {
                return Err(Error::Unavailable("the caller went away before the row was deleted".into()));
            }
            let view = self.inner.leaving.held(mine).await?.ok_or_else(taken_over)?;
            let change = vec![self.change.clone()];
            match session.write_if(change, &self.options, Some(view.condition())).await {
                Err(error) if *error.kind() == Kind::Outdated && Instant::now() < until => {}
                done => {
                    let refused = |error| outcomes::of_write(error, self.tenant, &self.options.actor);
                    self.positions.note(&done.map_err(refused)?);
                    return Ok(());
                }
            }
        }
    }

    async fn session(&self) -> Result<tenantry_engine::Session> {
        let place = self.entry.place.as_ref().ok_or(Error::NotFound("record"))?;
        self.inner.system_session(place, &self.entry.schema).await
    }

    /// Renews the mark as long as it belongs to this worker. Returns only an error.
    async fn renew(&self, mine: &Mine) -> Error {
        loop {
            tokio::time::sleep(RENEW_EVERY).await;
            match self.inner.leaving.renew(mine).await {
                Ok(true) => {}
                Ok(false) => return taken_over(),
                // The check before the delete finds out whether the mark still belongs to this worker.
                Err(error) => tracing::warn!(%error, "the record of a delete was not renewed"),
            }
        }
    }

    async fn refuse_if_referred(&self) -> Result<()> {
        let mut referrers: BTreeMap<&StoreName, (&ModelEntry, Vec<&Referrer>)> = BTreeMap::new();
        for referrer in &self.entry.referrers {
            let entry = self.loaded.entry(referrer.model.as_str())?;
            referrers.entry(&entry.model.store).or_insert((entry, vec![])).1.push(referrer);
        }
        for (entry, referrers) in referrers.values() {
            self.ask_all(entry, referrers).await?;
        }
        Ok(())
    }

    /// Asks every tenant. A tenant that is moved meanwhile is asked again in its new place. The new place refuses the
    /// same writes as the former one, and it has all rows that were written before the mark.
    async fn ask_all(&self, entry: &ModelEntry, referrers: &[&Referrer]) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        loop {
            let places = self.inner.places_of_store(entry).await?;
            let asked = stream::iter(places).map(Ok);
            let asked = asked.try_for_each_concurrent(AT_ONCE, |place| async move {
                self.ask(&place, entry, referrers).await.map_err(|error| (place, error))
            });
            let Err((place, error)) = asked.await else { return Ok(()) };
            if !is_elsewhere(&error) || Instant::now() >= until {
                return Err(error);
            }
            let is_fenced = matches!(&error, Error::Engine(error) if *error.kind() == Kind::Fenced);
            if !is_fenced && self.inner.places_of_store(entry).await?.contains(&place) {
                return Err(error);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn ask(&self, place: &Place, entry: &ModelEntry, referrers: &[&Referrer]) -> Result<()> {
        let session = self.inner.engine.session(place, &entry.schema).await?;
        // A write that began before the mark commits before this returns; later writes are refused.
        session.settled().await?;
        for referrer in referrers {
            if session.refers(referrer.model.as_str(), referrer.field.as_str(), &self.id).await? {
                // The error must not reveal which tenant refers to the row.
                let kind = Kind::Reference(referrer.model.to_string());
                return Err(tenantry_engine::Error::new(kind, "shared row is referred to by a tenant").into());
            }
        }
        Ok(())
    }
}

/// Waits until the delete of the mark's former owner has committed or failed. From now on, that worker finds that its
/// mark was taken over, so it begins no other delete.
pub(super) async fn settle_taken(inner: &Inner, entry: &ModelEntry) -> Result<()> {
    let place = entry.place.as_ref().ok_or(Error::NotFound("record"))?;
    Ok(inner.system_session(place, &entry.schema).await?.settled().await?)
}

pub(super) fn taken_over() -> Error {
    Error::Unavailable("another server has taken over this delete, because it took too long".into())
}

/// Returns true if the tenant cannot be asked in this place, because it is being moved.
fn is_elsewhere(error: &Error) -> bool {
    let elsewhere = |kind: &Kind| matches!(kind, Kind::Fenced | Kind::Missing | Kind::WrongIdentity);
    matches!(error, Error::Engine(error) if elsewhere(error.kind()))
}
