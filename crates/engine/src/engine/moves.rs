//! Functions that only moves use: recording, fencing and catching up, each with the fencing token of its move,
//! so that a late worker changes nothing. The operation `move` calls them.

use super::{Engine, Server};
use crate::{
    carry::{self, CaughtUp, Contents, End, Filled, ModelDiff, Source},
    error::{Error, Kind, Result},
    identity::{PlaceInfo, PlaceState},
    place::Place,
    schema::Script,
};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

impl Engine {
    /// Starts to note which records writes touch, for the operation with this fencing token. Call it before making a copy:
    /// every write that begins after this returns is noted. Durable and idempotent. Costs nothing while no operation
    /// records.
    ///
    /// # Errors
    /// Returns `Fenced` if the place is not here at its generation.
    pub async fn record_changes(&self, place: &Place, token: i64) -> Result<()> {
        at!(self.server(place)?, server => server.record_changes(place, token))
    }

    /// Stops the recording of this token and deletes its notes; another operation's recording stays. Idempotent.
    ///
    /// # Errors
    /// Returns the errors of the disk, and `WrongIdentity` for a database that is not ours.
    pub async fn stop_recording(&self, place: &Place, token: i64) -> Result<()> {
        at!(self.server(place)?, server => server.stop_recording(place, token))
    }

    /// Fences a place whose changes are recorded for this token.
    ///
    /// # Errors
    /// Returns `Fenced` if they are not, or no longer.
    pub async fn fence_recorded(&self, place: &Place, token: i64) -> Result<()> {
        at!(self.server(place)?, server => server.fence_recorded(place, token))
    }

    /// Lifts the fence of this holder: an operation's token, or None for a fence that no operation holds. Another
    /// operation's fence stays. Idempotent.
    ///
    /// # Errors
    /// Returns the errors of the disk, and `WrongIdentity` for a database that is not ours.
    pub async fn lift_fence(&self, place: &Place, holder: Option<i64>) -> Result<()> {
        at!(self.server(place)?, server => server.lift_fence(place, holder))
    }

    /// Makes the new place `to`, closed, with all rows of one state of `from` while writers go on there. Both are of the
    /// same tenant and store, on servers of any kind. Only [`Engine::copy_changes`] writes to `to` until
    /// [`Engine::open_filled`]. It has the migrations that `from` has, which may lack some of `script`; a pool must have
    /// the same ones. It replaces retained rows of the tenant in the same pool, which must not be in use. Adds the bytes to
    /// `carried` as they arrive. Idempotent: a place that was filled stays as it is, and the work of a caller that went
    /// away is done anew.
    ///
    /// # Errors
    /// Returns `Fenced` if a later generation of the tenant is there, or another caller fills the place meanwhile.
    /// Returns `SchemaAhead` if `from` has migrations that `script` lacks. Returns `SchemaBehind` or `SchemaAhead` if a
    /// pool has other migrations.
    pub async fn fill(
        &self,
        from: &Place,
        to: &Place,
        script: &Arc<Script>,
        carried: &AtomicU64,
    ) -> Result<Filled> {
        require_later(from, to)?;
        let (source, target) = (self.end(from)?, self.server(to)?);
        if let (End::Sqlite(source), Server::Sqlite(server)) = (&source, target)
            && !from.isolation.is_pooled()
            && !to.isolation.is_pooled()
        {
            let mut state = Source::open(&End::Sqlite(source.clone())).await?;
            script.as_applied(&state.ledger().await?)?;
            state.end().await?;
            // Pages are copied faster than rows, and tables that no model declares are in them.
            let bytes = server.fill_pages(source.clone(), to).await?;
            carried.store(bytes, Ordering::Relaxed);
            return Ok(Filled { bytes, left_out: vec![] });
        }
        let mut contents = Box::pin(Contents::of(Source::open(&source).await?, script)).await?;
        let left_out = contents.undeclared().await?;
        if !left_out.is_empty() {
            contents.end().await?;
            return Ok(Filled { bytes: 0, left_out });
        }
        at!(target, server => server.fill(to, script, contents, PlaceState::Closed, carried))?;
        Ok(Filled { bytes: carried.load(Ordering::Relaxed), left_out })
    }

    /// Opens a place that was filled ([`Engine::fill`]), and records its changes for this token from its
    /// first write on. From then on nothing can be carried into it. Idempotent.
    ///
    /// # Errors
    /// Returns `Fenced` if the place is not completely filled, is fenced by an operation, or is not here at its
    /// generation.
    pub async fn open_filled(&self, place: &Place, token: i64) -> Result<()> {
        at!(self.server(place)?, server => server.open_filled(place, token))
    }

    /// Reads the state and the counts of a place.
    ///
    /// # Errors
    /// Returns `Fenced` if the place is not here at its generation.
    pub async fn place_info(&self, place: &Place) -> Result<PlaceInfo> {
        at!(self.server(place)?, server => server.place_info(place))
    }

    /// Carries the current state of the records of `from` that were touched after change `after` (0 for all noted ones)
    /// to `to`, which is closed and was filled from `from`: whole rows with their ids, versions and instants,
    /// deletions, last ids, activity log, counters. Carries up to `most` changes in one transaction; repeating a call
    /// changes nothing. If it returns fewer changes than `most`, there were no more. `script` has the migrations of both
    /// places, and may have more.
    ///
    /// # Errors
    /// Returns `SchemaBehind` if migrations ran on one of the two since the copy was made: make it again. Returns
    /// `SchemaAhead` if they have migrations that `script` lacks. Returns `Fenced` if `to` was opened already, or
    /// `from` is not recorded for this token.
    pub async fn copy_changes(
        &self,
        from: &Place,
        to: &Place,
        script: &Script,
        token: i64,
        after: u64,
        most: u64,
    ) -> Result<CaughtUp> {
        carry::copy_changes(&self.end(from)?, &self.end(to)?, script, token, after, most).await
    }

    /// Counts, for each model, the rows that differ between the two places, without those that the log of `written`
    /// names after change `after`. `still` must not be written to meanwhile. `script` has the migrations of both places, and
    /// may have more.
    ///
    /// # Errors
    /// Returns `WrongIdentity` or `Fenced` if one of the places is not where it should be. Returns `SchemaBehind` if
    /// they have different migrations, `SchemaAhead` if they have some that `script` lacks.
    pub async fn compare_unwritten(
        &self,
        still: &Place,
        written: &Place,
        script: &Script,
        after: u64,
    ) -> Result<Vec<ModelDiff>> {
        carry::compare_unwritten(&self.end(still)?, &self.end(written)?, script, after).await
    }
}

/// Refuses two places that are not an earlier and a later one of the same tenant's store.
fn require_later(from: &Place, to: &Place) -> Result<()> {
    if from.tenant.is_none() || (from.tenant, &from.store) != (to.tenant, &to.store) {
        return Err(Error::new(Kind::WrongIdentity, format!("{to} is not of the tenant of {from}")));
    }
    if from.generation >= to.generation {
        return Err(Error::new(Kind::Fenced, format!("{to} is not later than {from}")));
    }
    Ok(())
}
