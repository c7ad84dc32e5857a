//! Steps of `RestoreSwap`. Called only by the journal's driver.

use super::{Pool, RestoreSwap, Turn};
use crate::{
    Error, Result,
    backups::{
        self, believed,
        restores::{self, Pair, State},
    },
    control::Write,
    operations::{Context, context::remove_left},
    platform::health::lost::{damaged_pool, why},
    topology::{NewPlacement, PlacementState, Policy, placement, record, swap as placements},
};
use futures_util::future::BoxFuture;
use serde_json::json;
use tenantry_engine::{
    Kind,
    place::{Isolation, Place},
};

/// Finds the restore, and records the places where pooled rows will be.
pub(super) fn begin<'a>(write: &'a mut Write, s: &'a mut RestoreSwap) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let (state, what) = match s.back {
            false => (State::Staged, "restored beside"),
            true => (State::Swapped, "to be undone for"),
        };
        let none = || Error::Conflict(format!("there is nothing {what} {}", s.slug));
        let restore = restores::latest(write, s.tenant, state).await?.ok_or_else(none)?;
        let (mut turns, in_use) = (Vec::new(), placement::of_tenant(write, s.tenant).await?);
        for pair in &restore.stores {
            let ready = |p: &&placement::Placement| {
                p.place.store == pair.live.store && p.state == PlacementState::Ready
            };
            let live = in_use.iter().find(ready).map(|p| &p.place);
            if live != Some(&pair.live) {
                return Err(Error::Conflict(format!(
                    "{} was moved since: discard this restore and make it again",
                    pair.live.store
                )));
            }
            if !s.back {
                // Checked here, where the operation can still go back: after `commit`, the result could change nothing.
                placements::fresh(write, &pair.live, &pair.other).await?;
            }
            turns.push(turn(write, s, pair).await?);
        }
        if s.back {
            still_retained(write, s, &turns).await?;
        }
        (s.restore, s.backup, s.turns) = (Some(restore.id), Some(restore.backup), turns);
        Ok(())
    })
}

async fn still_retained(write: &mut Write, s: &RestoreSwap, turns: &[Turn]) -> Result<()> {
    let retained = placements::retained(write, s.tenant).await?;
    match turns.iter().all(|t| retained.iter().any(|p| p.place == t.other)) {
        true => Ok(()),
        false => Err(Error::Conflict("what was in use before is no longer kept".into())),
    }
}

async fn turn(write: &mut Write, s: &RestoreSwap, pair: &Pair) -> Result<Turn> {
    let (live, other) = (pair.live.clone(), pair.other.clone());
    if !live.isolation.is_pooled() {
        return Ok(Turn { live, other, lost: false, pool: None });
    }
    let again = NewPlacement {
        store: live.store.clone(),
        server: live.server.clone(),
        isolation: Isolation::Pooled,
        policy: Policy::Managed,
        base: live.physical.clone(),
        numbered: true,
    };
    let keeper = s.keepers.iter().find(|k| k.store == live.store);
    let keeper = keeper.ok_or_else(|| Error::Internal(format!("{} has no keeper", live.store)))?;
    let keeper = placements::insert_staged(write, s.tenant, keeper).await?;
    // Inserted last, so that no copy made of either place has a later generation.
    let next = placements::insert_staged(write, s.tenant, &again).await?;
    Ok(Turn { live, other, lost: false, pool: Some(Pool { next, keeper }) })
}

pub(super) fn unbegin<'a>(write: &'a mut Write, s: &'a mut RestoreSwap) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        for pool in s.turns.iter().filter_map(|t| t.pool.as_ref()) {
            record::set_gone(write, &pool.next).await?;
            record::set_gone(write, &pool.keeper).await?;
        }
        Ok(())
    })
}

/// Restores the files that the restored records name. File ids are never reused, so no file overwrites another. A file
/// that no record names after an undo does no harm.
pub(super) fn files<'a>(context: &'a Context, s: &'a mut RestoreSwap) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let (false, Some(backup)) = (s.back, &s.backup) else { return Ok(()) };
        let manifest = backups::manifest_of(context.backups.store()?, Some(s.tenant), backup).await;
        backups::put_files_back(context, &believed(backup, manifest)?, Some(s.tenant), |_| true)
            .await
            .map(drop)
    })
}

/// Fences the places in use: from here on writers wait. A lost database cannot take a fence. Its file is set aside
/// instead and retained as evidence. A process that still has it open refuses each write after its commit.
pub(super) fn fence<'a>(context: &'a Context, s: &'a mut RestoreSwap) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        for turn in &mut s.turns {
            let lost = set_fence(context, &turn.live, true).await?;
            if let Some(error) = &lost {
                refuse_damaged_pool(context, &turn.live, error)?;
                if turn.pool.is_none() {
                    context.databases.engine().set_aside(&turn.live, error).await?;
                }
                tracing::warn!(tenant = %s.slug, store = %turn.live.store, %error, "restored over a lost database");
            }
            turn.lost = lost.is_some();
        }
        Ok(())
    })
}

pub(super) fn unfence<'a>(context: &'a Context, s: &'a mut RestoreSwap) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        for turn in &s.turns {
            // If `fence` failed midway, `turn.lost` was not saved.
            if turn.pool.is_none() {
                context.databases.engine().put_back(&turn.live).await?;
            }
            if !turn.lost {
                set_fence(context, &turn.live, false).await?;
            }
        }
        Ok(())
    })
}

/// Sets or lifts a fence. Returns the engine's error if the database is lost. Retries once, because some failures are
/// transient.
async fn set_fence(context: &Context, place: &Place, fenced: bool) -> Result<Option<tenantry_engine::Error>> {
    let engine = context.databases.engine();
    let Err(first) = engine.fence(place, fenced).await else { return Ok(None) };
    if !engine.is_loss(place, &first) {
        return Err(first.into());
    }
    engine.close(place);
    match engine.fence(place, fenced).await {
        Err(error) if engine.is_loss(place, &error) => Ok(Some(error)),
        done => Ok(done.map(|()| None)?),
    }
}

/// Refuses a damaged pool, because it cannot take rows, and later the operation can no longer go back. A recreated pool
/// that merely lacks the tenant's row can take rows.
fn refuse_damaged_pool(context: &Context, place: &Place, error: &tenantry_engine::Error) -> Result<()> {
    if !place.isolation.is_pooled() || *error.kind() == Kind::WrongIdentity {
        return Ok(());
    }
    Err(damaged_pool(place, context.databases.host_of(place), error))
}

/// Retains the rows of pooled stores. Lifts the fence of a database that comes back into use; no request is routed to
/// it yet.
pub(super) fn keep<'a>(context: &'a Context, s: &'a mut RestoreSwap) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        for turn in &s.turns {
            match &turn.pool {
                Some(_) if turn.lost => {}
                Some(pool) => keep_pooled(context, &turn.live, &pool.keeper).await?,
                None => open(context, s, &turn.other).await?,
            }
        }
        Ok(())
    })
}

async fn keep_pooled(context: &Context, live: &Place, keeper: &Place) -> Result<()> {
    match copy(context, live, keeper).await {
        Err(Error::Engine(error)) if *error.kind() == Kind::Corrupt => {
            Err(damaged_pool(live, context.databases.host_of(live), &error))
        }
        kept => kept,
    }
}

/// Opens a database that comes into use for writes.
async fn open(context: &Context, s: &RestoreSwap, other: &Place) -> Result<()> {
    match set_fence(context, other, false).await? {
        None => Ok(()),
        Some(error) => {
            let (store, why) = (&other.store, why(&error));
            let remedy = match s.back {
                true => "there is nothing to go back to".to_owned(),
                false => format!("discard it (tenantry restore discard {}) and restore again", s.slug),
            };
            let which = if s.back { "what was in use before" } else { "what was restored" };
            Err(Error::Conflict(format!("{which} in {store} {why}: {remedy}")))
        }
    }
}

/// Copies all rows of one place to another through scratch, at the current schema.
async fn copy(context: &Context, from: &Place, to: &Place) -> Result<()> {
    let path = context.scratch()?.join(format!("{}.{}.db", from.store, from.generation));
    remove_left(&path)?;
    let script = context.databases.script(&from.store)?;
    let engine = context.databases.engine();
    engine.copy_out(from, &script, &path).await?;
    let of = from.tenant.ok_or_else(|| Error::Internal("a system store is not swapped".into()))?;
    engine.migrate_copy(&path, of, &script).await?;
    engine.adopt(to, &script, &path, of).await?;
    remove_left(&path)
}

pub(super) fn unkeep<'a>(context: &'a Context, s: &'a mut RestoreSwap) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        for turn in &s.turns {
            match &turn.pool {
                Some(pool) => context.databases.remove(&pool.keeper).await?,
                // A retained database stays fenced, as it was before. A staged database was never fenced.
                None if s.back => drop(set_fence(context, &turn.other, true).await?),
                None => {}
            }
        }
        Ok(())
    })
}

pub(super) fn absorb<'a>(context: &'a Context, s: &'a mut RestoreSwap) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        for turn in &s.turns {
            if let Some(pool) = &turn.pool {
                copy(context, &turn.other, &pool.next).await?;
            }
        }
        Ok(())
    })
}

pub(super) fn swap<'a>(write: &'a mut Write, s: &'a mut RestoreSwap) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let until = write.retain_from_us().saturating_add(s.keep_us);
        let mut pairs = Vec::new();
        for turn in &s.turns {
            pairs.push(match &turn.pool {
                Some(pool) => pooled(write, s, turn, pool, until).await?,
                None => own(write, s, turn, until).await?,
            });
        }
        let (Some(restore), Some(backup)) = (s.restore, &s.backup) else {
            return Err(Error::Internal("swap before begin".into()));
        };
        let state = if s.back { State::Undone } else { State::Swapped };
        restores::set(write, restore, state, &pairs).await?;
        let action = if s.back { "tenant.restore_undo" } else { "tenant.restore_swap" };
        write.audit(&s.by, Some(s.tenant), action, json!({ "backup": backup })).await
    })
}

/// Swaps a tenant's own database: from now on the catalog names the other database.
async fn own(write: &mut Write, s: &RestoreSwap, turn: &Turn, until: i64) -> Result<Pair> {
    if s.back {
        placements::swap_back(write, &turn.other, &turn.live).await?;
        placements::discard(write, &turn.live, until).await?;
    } else {
        placements::swap(write, &turn.live, &turn.other, Some(until)).await?;
    }
    Ok(Pair { live: turn.other.clone(), other: turn.live.clone() })
}

/// Swaps rows in a pool: from now on the catalog names the next generation in the same pool.
async fn pooled(write: &mut Write, s: &RestoreSwap, turn: &Turn, pool: &Pool, until: i64) -> Result<Pair> {
    placements::swap(write, &turn.live, &pool.next, None).await?;
    record::set_gone(write, &turn.live).await?;
    match turn.lost {
        true => record::set_gone(write, &pool.keeper).await?,
        false => placements::discard(write, &pool.keeper, until).await?,
    }
    if !s.back {
        // The rows of the staged database are now in the pool.
        let now = write.at_us();
        placements::discard(write, &turn.other, now).await?;
    }
    Ok(Pair { live: pool.next.clone(), other: pool.keeper.clone() })
}
