//! Functions for moves only: recording, fencing and catching up. Each takes the fencing token of its move, so that a
//! late worker changes nothing. The operation `move` calls them.

use super::{Engine, Server};
use crate::{
    carry::{self, CaughtUp, Contents, End, Filled, ModelDiff, Source},
    error::{Error, Kind, Result},
    identity::{PlaceInfo, PlaceState},
    place::{EngineKind, Place},
    schema::Script,
    sqlite,
};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// The way in which the contents of one place reach another.
enum Carriage {
    /// Page by page, from one SQLite file to another.
    Pages(sqlite::Site),
    /// Row by row.
    Rows(Box<Contents>),
    /// Not possible, because rows of these tables would stay behind.
    LeavesOut(Vec<String>),
}

impl Server {
    pub(super) fn kind(&self) -> EngineKind {
        match self {
            Self::Sqlite(_) => EngineKind::Sqlite,
            Self::Postgres(_) => EngineKind::Postgres,
            #[cfg(feature = "mongodb")]
            Self::Mongo(_) => EngineKind::Mongo,
        }
    }
}

impl Engine {
    /// Starts to record which records writes touch, for the operation with this fencing token. Call it before making a
    /// copy: every write that begins after this call returns is recorded. Durable and idempotent. While no operation
    /// records, recording costs nothing.
    ///
    /// # Errors
    /// Returns `Fenced` if the database does not hold the place at its generation, or the operation's recording there was
    /// stopped before: a worker that comes late does not start it again.
    pub async fn record_changes(&self, place: &Place, token: i64) -> Result<()> {
        at!(self.server(place).await?, server => server.record_changes(place, token))
    }

    /// Stops the recording of this token and deletes the recorded changes. Does not affect another operation's
    /// recording. Idempotent.
    ///
    /// # Errors
    /// Returns the errors of the disk, and `WrongIdentity` for a database that is not ours.
    pub async fn stop_recording(&self, place: &Place, token: i64) -> Result<()> {
        at!(self.server(place).await?, server => server.stop_recording(place, token))
    }

    /// Fences a place whose changes are recorded for this token.
    ///
    /// # Errors
    /// Returns `Fenced` if the changes of the place are not recorded for this token, or no longer.
    pub async fn fence_recorded(&self, place: &Place, token: i64) -> Result<()> {
        at!(self.server(place).await?, server => server.fence_recorded(place, token))
    }

    /// Lifts the fence of this holder: an operation's token, or `None` for a fence that no operation holds. Does not
    /// affect another operation's fence. Idempotent.
    ///
    /// # Errors
    /// Returns the errors of the disk, and `WrongIdentity` for a database that is not ours.
    pub async fn lift_fence(&self, place: &Place, holder: Option<i64>) -> Result<()> {
        at!(self.server(place).await?, server => server.lift_fence(place, holder))
    }

    /// Creates the new place `to`, in the state *closed*, with all rows of one state of `from`, while writers of `from`
    /// continue. Both places belong to the same tenant and store, and their servers may be of any kind. Until
    /// [`Engine::open_filled`], only [`Engine::copy_changes`] writes to `to`. `to` gets the migrations of `from`, which
    /// may lack some of `script`; a pool must have the same migrations. It replaces retained rows of the tenant in the
    /// same pool, which must not be in use. Adds the bytes to `carried` as they arrive. Idempotent: a place that was
    /// filled stays as it is, and the work of a caller that went away is done again.
    ///
    /// # Errors
    /// Returns `Fenced` if `to` has a later generation of the tenant, or if another caller fills the place at the same
    /// time. Returns `SchemaAhead` if `from` has migrations that `script` lacks. Returns `SchemaBehind` or
    /// `SchemaAhead` if a pool has other migrations.
    pub async fn fill(
        &self,
        from: &Place,
        to: &Place,
        script: &Arc<Script>,
        carried: &AtomicU64,
    ) -> Result<Filled> {
        let found = self.server(to).await?;
        let target = &*found;
        let contents = match (self.prepared(from, to, target.kind(), script).await?, target) {
            (Carriage::Pages(source), Server::Sqlite(server)) => {
                let bytes = server.fill_pages(source, to).await?;
                carried.store(bytes, Ordering::Relaxed);
                return Ok(Filled { bytes, left_out: vec![] });
            }
            (Carriage::LeavesOut(left_out), _) => return Ok(Filled { bytes: 0, left_out }),
            (Carriage::Rows(contents), _) => *contents,
            (Carriage::Pages(_), _) => {
                return Err(Error::new(Kind::Internal, "pages for a server of databases"));
            }
        };
        at!(found, server => server.fill(to, script, contents, PlaceState::Closed, carried))?;
        Ok(Filled { bytes: carried.load(Ordering::Relaxed), left_out: vec![] })
    }

    /// Determines whether [`Engine::fill`] would carry everything, without changing anything. Returns the tables with
    /// rows that would stay behind. Neither `to` nor its server, which is of the given kind, need exist; `pool` is the
    /// pool of `to`, if there is one. If texts in indexes must be shorter than in the database of `from`, it reads all
    /// rows that have such texts.
    ///
    /// # Errors
    /// Returns the errors of [`Engine::fill`], and `Invalid` for the first row that does not fit.
    pub async fn rehearse_fill(
        &self,
        from: &Place,
        (to, kind): (&Place, EngineKind),
        pool: Option<&Place>,
        script: &Arc<Script>,
    ) -> Result<Vec<String>> {
        let contents = match self.prepared(from, to, kind, script).await? {
            Carriage::Pages(_) => return Ok(vec![]),
            Carriage::LeavesOut(left_out) => return Ok(left_out),
            Carriage::Rows(contents) => contents,
        };
        if let Some(pool) = pool {
            let mut pool = Source::open(&self.end(pool).await?).await?;
            carry::require_same(&contents.applied, &pool.ledger().await?, script)?;
            pool.end().await?;
        }
        match kind {
            EngineKind::Postgres => Box::pin(contents.check_entries()).await?,
            EngineKind::Sqlite | EngineKind::Mongo => contents.end().await?,
        }
        Ok(vec![])
    }

    /// Opens the source of a move, and checks which of its rows can be carried.
    async fn prepared(
        &self,
        from: &Place,
        to: &Place,
        kind: EngineKind,
        script: &Arc<Script>,
    ) -> Result<Carriage> {
        require_later(from, to)?;
        let source = self.end(from).await?;
        if let (End::Sqlite(site), EngineKind::Sqlite) = (&source, kind)
            && !from.isolation.is_pooled()
            && !to.isolation.is_pooled()
        {
            let mut state = Source::open(&source).await?;
            script.as_applied(&state.ledger().await?)?;
            state.end().await?;
            // Copying pages is faster than copying rows, and it includes tables that no model declares.
            return Ok(Carriage::Pages(site.clone()));
        }
        let mut contents = Box::pin(Contents::of(Source::open(&source).await?, script)).await?;
        let left_out = contents.undeclared().await?;
        if !left_out.is_empty() {
            contents.end().await?;
            return Ok(Carriage::LeavesOut(left_out));
        }
        Ok(Carriage::Rows(Box::new(contents)))
    }

    /// Opens a place that was filled ([`Engine::fill`]), and records its changes for this token from its first write
    /// on. Afterwards no changes can be carried into it. Idempotent.
    ///
    /// # Errors
    /// Returns `Fenced` if the place is not completely filled, is fenced by an operation, or is not in the database at
    /// its generation.
    pub async fn open_filled(&self, place: &Place, token: i64) -> Result<()> {
        at!(self.server(place).await?, server => server.open_filled(place, token))
    }

    /// Reads the state and the counts of a place.
    ///
    /// # Errors
    /// Returns `Fenced` if the database does not hold the place at its generation.
    pub async fn place_info(&self, place: &Place) -> Result<PlaceInfo> {
        at!(self.server(place).await?, server => server.place_info(place))
    }

    /// Carries the current state of the records of `from` that were touched after change `after` (0 for all recorded
    /// changes) to `to`, which is closed and was filled from `from`. That includes whole rows with their ids, versions
    /// and instants, deletions, last ids, the activity log, and counters. Carries up to `most` changes in one
    /// transaction. Idempotent. If it returns fewer changes than `most`, there were no more. `script` has the
    /// migrations of both places, and may have more.
    ///
    /// # Errors
    /// Returns `SchemaBehind` if migrations ran on one of the two places since the copy was made; make the copy again.
    /// Returns `SchemaAhead` if they have migrations that `script` lacks. Returns `Fenced` if `to` was already opened,
    /// or if the changes of `from` are not recorded for this token.
    pub async fn copy_changes(
        &self,
        from: &Place,
        to: &Place,
        script: &Script,
        token: i64,
        after: u64,
        most: u64,
    ) -> Result<CaughtUp> {
        carry::copy_changes(&self.end(from).await?, &self.end(to).await?, script, token, after, most).await
    }

    /// Counts, for each model, the rows that differ between the two places, except those that the log of `written`
    /// names after change `after`. `still` must not be written to in the meantime. `script` has the migrations of both
    /// places, and may have more.
    ///
    /// # Errors
    /// Returns `WrongIdentity` or `Fenced` if one of the places is not where it should be. Returns `SchemaBehind` if
    /// they have different migrations, and `SchemaAhead` if they have migrations that `script` lacks.
    pub async fn compare_unwritten(
        &self,
        still: &Place,
        written: &Place,
        script: &Script,
        after: u64,
    ) -> Result<Vec<ModelDiff>> {
        carry::compare_unwritten(&self.end(still).await?, &self.end(written).await?, script, after).await
    }
}

/// Refuses two places unless they are an earlier and a later place of the same tenant and store.
fn require_later(from: &Place, to: &Place) -> Result<()> {
    if from.tenant.is_none() || (from.tenant, &from.store) != (to.tenant, &to.store) {
        return Err(Error::new(Kind::WrongIdentity, format!("{to} is not of the tenant of {from}")));
    }
    if from.generation >= to.generation {
        return Err(Error::new(Kind::Fenced, format!("{to} is not later than {from}")));
    }
    Ok(())
}
