//! What a move does to databases: copies a store, catches up with it, hands it over, compares.
//!
//! Called by the steps of `Move`, for one store at a time. Everything may be repeated, and by two workers
//! at once: the copy is closed to everybody but its catching up, and once opened to that as well.

use super::{Leg, Move};
use crate::{
    Error, Result, lost,
    operations::{Operation, World},
    topology::swap as places,
};
use tenantry_engine::{
    Kind,
    engine::{AdoptOptions, CopyOptions, Standing},
    name::{Slug, TenantId},
    place::{Isolation, Place},
};

/// Changes carried in one transaction.
const BATCH: u64 = 5_000;
/// So few changes in a round are carried while writes wait: milliseconds.
const SMALL_LAG: u64 = 200;
/// Rounds until it is believed that writes come faster than they can be carried.
const MOST_ROUNDS: u32 = 200;
/// So few are still worth making writes wait, when it does not get better.
const LARGEST_LAG: u64 = 5_000;

/// Makes the new place from a copy of the old one, closed. Made before: nothing to do.
pub(super) async fn copy(world: &World, slug: &Slug, leg: &mut Leg) -> Result<()> {
    let (engine, to) = (world.databases.engine(), leg.to()?.clone());
    if standing(world, &to).await?.is_some_and(|standing| standing.filled) {
        return Ok(());
    }
    if to.isolation == Isolation::Pooled {
        make_pool(world, &to).await?;
    }
    let script = world.databases.script(&to.store)?;
    world.progress.set(0, engine.size_bytes(&leg.from)?, "bytes");
    // A name of its own for each worker: two may be at it.
    let file = world.scratch()?.join(format!("{}.db", uuid::Uuid::now_v7()));
    // It is read once more and then removed; whoever reads it looks at every page.
    let options = CopyOptions { check: false, sync: false };
    let copied = match engine.copy_out_with(&leg.from, &script, &file, options).await {
        Ok(copied) => copied,
        Err(error) => return Err(lost::named(engine, slug, &leg.from, error).await),
    };
    pass(world, "copied").await?;
    world.progress.set(copied.bytes / 2, copied.bytes, "bytes");
    leg.bytes = copied.bytes;
    let options = AdoptOptions { closed: true, used_up: true, ..AdoptOptions::default() };
    let adopted = engine.adopt_with(&to, &script, &file, whose(&to)?, options).await;
    // Swept with the operation's directory if this fails.
    drop(std::fs::remove_file(&file));
    if let Err(error) = adopted {
        // A page that was damaged in the old place is found when the copy is looked at.
        return Err(lost::named(engine, slug, &leg.from, error).await);
    }
    pass(world, "adopted").await
}

fn whose(place: &Place) -> Result<TenantId> {
    place.tenant.ok_or_else(|| Error::Internal(format!("{place:?} is no tenant's")))
}

/// A store whose tenants have databases of their own has no pool until one of them goes into it; and no
/// migration run looks at a pool while nobody is in it.
async fn make_pool(world: &World, to: &Place) -> Result<()> {
    let pool = Place { tenant: None, generation: 1, ..to.clone() };
    let mut tx = world.control.snapshot().await?;
    if places::in_pool(&mut tx, to).await? == 0 {
        drop(tx);
        world.databases.make_pool(&pool).await?;
    }
    Ok(())
}

/// None: it is not there, or not at this generation.
async fn standing(world: &World, place: &Place) -> Result<Option<Standing>> {
    match world.databases.engine().standing(place).await {
        Ok(standing) => Ok(Some(standing)),
        Err(error) if matches!(error.kind(), Kind::Missing | Kind::WrongIdentity | Kind::Fenced) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Removes the new place. What was kept in the pool is gone if the copy got as far as replacing it.
pub(super) async fn discard(world: &World, leg: &mut Leg) -> Result<()> {
    for kept in &leg.in_the_way {
        leg.replaced |= standing(world, kept).await?.is_none();
    }
    world.databases.remove(leg.to()?).await
}

/// Carries what is written meanwhile, until hardly anything is left.
pub(super) async fn catch_up(world: &World, legs: &mut [Leg], mark: i64) -> Result<()> {
    for _ in 0..MOST_ROUNDS {
        world.cancel.check()?;
        let lag = round(world, legs, mark).await?;
        pass(world, "carried").await?;
        if lag <= SMALL_LAG {
            return Ok(());
        }
    }
    match round(world, legs, mark).await? {
        lag if lag <= LARGEST_LAG => Ok(()),
        lag => Err(Error::Conflict(format!(
            "writes come faster than they can be carried ({lag} still to go): move it at a quieter hour, \
             or put it in maintenance first"
        ))),
    }
}

/// Everything noted until now; how much that was.
async fn round(world: &World, legs: &mut [Leg], mark: i64) -> Result<u64> {
    let mut lag = 0;
    for leg in legs {
        lag += all_changes(world, leg, mark).await?;
    }
    Ok(lag)
}

async fn all_changes(world: &World, leg: &mut Leg, mark: i64) -> Result<u64> {
    let schema = world.databases.schema(&leg.from.store)?;
    let mut all = 0;
    loop {
        let to = leg.to()?;
        let done =
            world.databases.engine().copy_changes(&leg.from, to, &schema, mark, leg.seq, BATCH).await?;
        leg.seq = done.seq;
        leg.changes += done.changes;
        all += done.changes;
        if done.changes < BATCH {
            return Ok(all);
        }
    }
}

/// The last changes of the fenced place, then the new one is opened. Nobody is routed there before the
/// swap, and nobody but the worker with the lease can swap.
pub(super) async fn hand_over(world: &World, leg: &mut Leg, mark: i64) -> Result<()> {
    let engine = world.databases.engine();
    if let Err(error) = all_changes(world, leg, mark).await {
        // Another worker of this operation was here and has opened it: what it has is all there was.
        return if engine.standing(leg.to()?).await?.fence == 0 { Ok(()) } else { Err(error) };
    }
    pass(world, "last_carried").await?;
    let (old, new) = (engine.standing(&leg.from).await?, engine.standing(leg.to()?).await?);
    equal(&leg.from, leg.to()?, old, new)?;
    leg.rows = new.rows;
    engine.open_filled(leg.to()?, mark).await?;
    pass(world, "opened").await
}

/// The counts that every write keeps, of both places. Bytes of values are counted in pools only.
fn equal(from: &Place, to: &Place, old: Standing, new: Standing) -> Result<()> {
    let bytes_differ = from.isolation == to.isolation && old.bytes != new.bytes;
    if old.rows == new.rows && !bytes_differ {
        return Ok(());
    }
    Err(Error::Internal(format!("{from:?} has {old:?}, but {to:?} has {new:?}")))
}

/// Records that are not the same in both, of those that `written` has not noted after `after`. `still` is
/// not written to.
pub(super) async fn differing(world: &World, still: &Place, written: &Place, after: u64) -> Result<u64> {
    let schema = world.databases.schema(&still.store)?;
    let diffs = world.databases.engine().compare_unwritten(still, written, &schema, after).await?;
    Ok(diffs.iter().map(|diff| diff.added + diff.changed + diff.removed).sum())
}

/// There is nothing any more in which a mark could be set or taken back. A disk that cannot be read may come back, with
/// the mark on it: that is tried again.
pub(super) fn is_gone(error: &tenantry_engine::Error) -> bool {
    matches!(error.kind(), Kind::Missing | Kind::WrongIdentity | Kind::Corrupt)
}

/// What cannot be taken back in a database that is lost need not be: an operation that waited for it would
/// keep others from the tenant for good.
pub(super) fn unless_lost(done: tenantry_engine::Result<()>) -> Result<()> {
    match done {
        Err(error) if is_gone(&error) => {
            tracing::warn!(%error, "a database of a move is lost");
            Ok(())
        }
        done => Ok(done?),
    }
}

/// Nothing is recorded any more.
pub(super) async fn settle(world: &World, leg: &Leg, mark: i64) -> Result<()> {
    let engine = world.databases.engine();
    unless_lost(engine.stop_recording(&leg.from, mark).await)?;
    pass(world, "settled").await?;
    unless_lost(engine.stop_recording(leg.to()?, mark).await)?;
    engine.close(&leg.from);
    Ok(())
}

/// A point inside a step, where suites make workers fail, die or wait.
pub(super) async fn pass(world: &World, point: &str) -> Result<()> {
    world.pass(Move::KIND, point).await
}
