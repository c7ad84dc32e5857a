//! The database work of a move: copies a store, catches up with its changes, hands it over, and compares the places.
//!
//! Rows go from place to place without a copy on disk. The steps of `Move` call it for one store at a time. Every
//! function may be repeated, even by two workers at once: the new place accepts nothing but the changes of the
//! catch-up, and once it is open, it accepts no more changes from a move.

use super::{Leg, Move};
use crate::{
    Error, Result, counted,
    operations::{Context, Operation},
    platform::{databases::Databases, health::lost},
    topology::swap as places,
};
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use tenantry_engine::{
    Kind,
    engine::{Filled, PlaceInfo},
    name::Slug,
    place::Place,
};

/// Time between two updates of the progress.
const PROGRESS_EVERY: Duration = Duration::from_millis(200);
/// Largest number of changes carried in one transaction.
const BATCH: u64 = 5_000;
/// Number of changes in a round at which the catch-up ends: carrying so few while writes wait takes milliseconds.
const SMALL_LAG: u64 = 200;
/// Number of rounds after which writes are assumed to arrive faster than they can be carried.
const MOST_ROUNDS: u32 = 200;
/// Largest lag for which writes may be paused if further rounds do not reduce it.
const LARGEST_LAG: u64 = 5_000;

/// Fills the new place, which is closed, with all rows of the old one. Does nothing if it is already filled.
pub(super) async fn copy(context: &Context, slug: &Slug, leg: &mut Leg) -> Result<()> {
    let to = leg.to()?.clone();
    if info(context, &to).await?.is_some_and(|info| info.state.is_complete()) {
        return Ok(());
    }
    if to.isolation.is_pooled() {
        make_pool(context, &to).await?;
    }
    let filled = match fill(context, &leg.from, &to).await? {
        Ok(filled) => filled,
        Err(error) => return Err(refused(&context.databases, slug, &leg.from, &to, error).await),
    };
    refuse_left_out(&filled.left_out)?;
    leg.bytes = filled.bytes;
    pass(context, "filled").await
}

/// Returns why the rows of a place cannot be carried.
pub(in crate::moves) async fn refused(
    databases: &Databases,
    slug: &Slug,
    from: &Place,
    to: &Place,
    error: tenantry_engine::Error,
) -> Error {
    match error.kind() {
        Kind::Invalid(field, rule) => {
            Error::Conflict(format!("{field} does not fit on {}: it {rule}", to.server))
        }
        _ => lost::named(databases, slug, from, error).await,
    }
}

/// Refuses to leave the rows of these tables behind.
pub(in crate::moves) fn refuse_left_out(tables: &[String]) -> Result<()> {
    match tables.is_empty() {
        true => Ok(()),
        false => Err(Error::Conflict(format!(
            "rows of tables that no model declares would stay behind: {}. Declare models for them, or empty them first",
            tables.join(", ")
        ))),
    }
}

/// Fills a place, reports the progress, and stops if the operation is cancelled.
async fn fill(context: &Context, from: &Place, to: &Place) -> Result<tenantry_engine::Result<Filled>> {
    let engine = context.databases.engine();
    let (script, carried) = (context.databases.script(&to.store)?, AtomicU64::new(0));
    let total = engine.size_bytes(from).await?;
    let mut work = std::pin::pin!(engine.fill(from, to, &script, &carried));
    loop {
        context.progress.set(carried.load(Ordering::Relaxed), total, "bytes");
        tokio::select! {
            filled = &mut work => return Ok(filled),
            () = tokio::time::sleep(PROGRESS_EVERY) => context.cancel.check()?,
        }
    }
}

/// Creates the pool if it is missing, and migrates it if it is outdated. A store whose tenants all have their own
/// databases has no pool until one of them moves into it, and migration runs skip a pool without tenants.
async fn make_pool(context: &Context, to: &Place) -> Result<()> {
    let pool = Place { tenant: None, generation: 1, ..to.clone() };
    let mut tx = context.control.snapshot().await?;
    if places::in_pool(&mut tx, to).await? == 0 {
        drop(tx);
        context.databases.make_pool(&pool).await?;
    }
    Ok(())
}

/// Returns the state that the database reports for a place. Returns `None` if the database is missing or not at this
/// generation.
async fn info(context: &Context, place: &Place) -> Result<Option<PlaceInfo>> {
    match context.databases.engine().place_info(place).await {
        Ok(info) => Ok(Some(info)),
        Err(error) if matches!(error.kind(), Kind::Missing | Kind::WrongIdentity | Kind::Fenced) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Removes the new place. Retained rows in the same pool count as replaced if the copy got as far as replacing them.
pub(super) async fn discard(context: &Context, leg: &mut Leg) -> Result<()> {
    for old in &leg.in_the_way {
        leg.replaced |= info(context, old).await?.is_none();
    }
    let to = leg.to()?;
    if crate::attachments::is_attached(&to.server) {
        // Its tables stay, and were empty before. The copied rows are the platform's.
        let script = context.databases.script(&to.store)?;
        unless_lost(context.databases.engine().empty_attached(to, &script).await)?;
    }
    context.databases.remove(to).await
}

/// Carries changes in rounds until only few are left.
pub(super) async fn catch_up(context: &Context, legs: &mut [Leg], token: i64) -> Result<()> {
    for _ in 0..MOST_ROUNDS {
        context.cancel.check()?;
        let lag = round(context, legs, token).await?;
        pass(context, "carried").await?;
        if lag <= SMALL_LAG {
            return Ok(());
        }
    }
    match round(context, legs, token).await? {
        lag if lag <= LARGEST_LAG => Ok(()),
        lag => Err(Error::Conflict(format!(
            "writes come faster than they can be carried ({lag} still to go): move it at a quieter hour, \
             or put it in maintenance first"
        ))),
    }
}

/// Carries all changes recorded so far. Returns their number.
async fn round(context: &Context, legs: &mut [Leg], token: i64) -> Result<u64> {
    let mut lag = 0;
    for leg in legs {
        lag += all_changes(context, leg, token).await?;
    }
    Ok(lag)
}

async fn all_changes(context: &Context, leg: &mut Leg, token: i64) -> Result<u64> {
    let script = context.databases.script(&leg.from.store)?;
    let mut all = 0;
    loop {
        let to = leg.to()?;
        let done =
            context.databases.engine().copy_changes(&leg.from, to, &script, token, leg.seq, BATCH).await?;
        leg.seq = done.seq;
        leg.changes += done.changes;
        all += done.changes;
        if done.changes < BATCH {
            return Ok(all);
        }
    }
}

/// Carries the last changes of the fenced place, then opens the new place. No request is routed there before the swap,
/// and only the worker with the lease can swap.
pub(super) async fn hand_over(context: &Context, slug: &Slug, leg: &mut Leg, token: i64) -> Result<()> {
    let engine = context.databases.engine();
    if let Err(error) = all_changes(context, leg, token).await {
        // Another worker of this operation may have opened the place already; it then has all changes.
        return if engine.place_info(leg.to()?).await?.state.is_open() { Ok(()) } else { Err(error) };
    }
    pass(context, "last_carried").await?;
    let (old, new) = (engine.place_info(&leg.from).await?, engine.place_info(leg.to()?).await?);
    equal(slug, &leg.from, old, new)?;
    leg.rows = new.rows;
    engine.open_filled(leg.to()?, token).await?;
    pass(context, "opened").await
}

/// Compares the counters that every write maintains. In a place of an earlier version, bytes may not be counted yet.
fn equal(slug: &Slug, from: &Place, old: PlaceInfo, new: PlaceInfo) -> Result<()> {
    if old.rows != new.rows {
        return Err(differs(slug, from, format!("{} instead of {}", counted(new.rows, "row"), old.rows)));
    }
    match old.bytes.zip(new.bytes).filter(|(old, new)| old != new) {
        Some((old, new)) => Err(differs(slug, from, format!("{} instead of {old}", counted(new, "byte")))),
        None => Ok(()),
    }
}

/// Returns the error of a copy that differs from its original.
pub(super) fn differs(slug: &Slug, from: &Place, how: String) -> Error {
    let (slug, store) = (slug.to_string(), from.store.to_string());
    Error::CopyDiffers { slug, store, from: format!("{} on {}", from.physical, from.server), how }
}

/// Counts the records that differ between the places. Ignores records that `written` has recorded after `after`.
/// `still` takes no writes.
pub(super) async fn differing(context: &Context, still: &Place, written: &Place, after: u64) -> Result<u64> {
    let script = context.databases.script(&still.store)?;
    let diffs = context.databases.engine().compare_unwritten(still, written, &script, after).await?;
    Ok(diffs.iter().map(|diff| diff.added + diff.changed + diff.removed).sum())
}

/// Returns true if the database is gone for good, so that no fencing token can be set or cleared in it. A disk that
/// cannot be read may come back with the token on it, so such errors are retried.
pub(super) fn is_gone(error: &tenantry_engine::Error) -> bool {
    matches!(error.kind(), Kind::Missing | Kind::WrongIdentity | Kind::Corrupt)
}

/// Returns true if two places cannot be compared, because their migrations differ or are unknown here.
pub(super) fn is_at_another_schema(error: &tenantry_engine::Error) -> bool {
    matches!(error.kind(), Kind::SchemaBehind | Kind::SchemaAhead)
}

/// Ignores the error if the database is lost: nothing needs to be cleared in it, and an operation that waited for it
/// would block the tenant for good.
pub(super) fn unless_lost(done: tenantry_engine::Result<()>) -> Result<()> {
    match done {
        Err(error) if is_gone(&error) => {
            tracing::warn!(%error, "a database of a move is lost");
            Ok(())
        }
        done => Ok(done?),
    }
}

/// Stops recording changes on both places.
pub(super) async fn settle(context: &Context, leg: &Leg, token: i64) -> Result<()> {
    let engine = context.databases.engine();
    unless_lost(engine.stop_recording(&leg.from, token).await)?;
    pass(context, "settled").await?;
    unless_lost(engine.stop_recording(leg.to()?, token).await)?;
    engine.close(&leg.from);
    Ok(())
}

/// Passes a fault point inside a step, where test suites make workers fail, die or wait.
pub(super) async fn pass(context: &Context, point: &str) -> Result<()> {
    context.pass(Move::KIND, point).await
}
