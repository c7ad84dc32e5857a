//! Steps of `Move`: their actions and undo actions. Called only by the journal's driver. `carry` does the database
//! work.

use super::{
    Move,
    carry::{self, pass},
    shown,
};
use crate::{
    Error, Result,
    control::Write,
    counted,
    operations::Context,
    platform::health::lost,
    topology::{record as placements, swap as places},
};
use futures_util::future::BoxFuture;
use serde_json::json;
use tenantry_engine::{name::Slug, place::Place};

pub(super) fn record<'a>(write: &'a mut Write, m: &'a mut Move) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        for leg in &mut m.legs {
            let ready = places::ready(write, m.tenant, &leg.from.store).await?;
            if ready.is_none_or(|ready| ready.place != leg.from) {
                let store = &leg.from.store;
                return Err(Error::Conflict(format!("where {store} lies was changed meanwhile: look again")));
            }
            let to = places::insert_staged(write, m.tenant, &leg.new).await?;
            places::keep_migration_error(write, &leg.from, &to).await?;
            for old in places::retained(write, m.tenant).await? {
                if shares_rows(&old.place, &to) {
                    leg.in_the_way.push(old.place);
                }
            }
            leg.to = Some(to);
        }
        Ok(())
    })
}

/// Returns true if both places are for the rows of one tenant and store in the same pool. A pool holds one set of rows
/// per tenant and store.
fn shares_rows(old: &Place, to: &Place) -> bool {
    old.isolation.is_pooled()
        && to.isolation.is_pooled()
        && (&old.server, &old.physical, &old.store) == (&to.server, &to.physical, &to.store)
}

pub(super) fn unrecord<'a>(write: &'a mut Write, m: &'a mut Move) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        for leg in &m.legs {
            placements::set_gone(write, leg.to()?).await?;
            placements::forget_attached(write, leg.to()?).await?;
            for replaced in leg.in_the_way.iter().filter(|_| leg.replaced) {
                placements::set_gone(write, replaced).await?;
            }
        }
        Ok(())
    })
}

/// Makes the old place record its changes from now on. The undo stops the recording. A worker may be so late that the
/// move was undone meanwhile; it then stops the recording itself, in a task that is not interrupted before that.
pub(super) fn watch<'a>(context: &'a Context, m: &'a mut Move) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let (context, token, slug) = (context.clone(), m.fencing_token, m.slug.clone());
        let places: Vec<_> = m.legs.iter().map(|leg| leg.from.clone()).collect();
        let work = tokio::spawn(async move {
            let watched = record_changes(&context, &slug, &places, token).await;
            if !context.goes_forward().await? {
                for place in &places {
                    carry::unless_lost(context.databases.engine().stop_recording(place, token).await)?;
                }
            }
            watched
        });
        work.await.map_err(|e| Error::Internal(format!("watch: {e}")))?
    })
}

async fn record_changes(context: &Context, slug: &Slug, places: &[Place], token: i64) -> Result<()> {
    let engine = context.databases.engine();
    for place in places {
        if let Err(error) = engine.record_changes(place, token).await {
            return Err(lost::named(&context.databases, slug, place, error).await);
        }
        pass(context, "watching").await?;
    }
    Ok(())
}

/// Stops the recording, and lifts the fence once more. From then on no worker can set the fence with this token:
/// otherwise a worker that is late in `fence` would close the place for good.
pub(super) fn unwatch<'a>(context: &'a Context, m: &'a mut Move) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let engine = context.databases.engine();
        for leg in &m.legs {
            carry::unless_lost(engine.stop_recording(&leg.from, m.fencing_token).await)?;
            pass(context, "unwatched").await?;
            carry::unless_lost(engine.lift_fence(&leg.from, Some(m.fencing_token)).await)?;
        }
        Ok(())
    })
}

pub(super) fn copy<'a>(context: &'a Context, m: &'a mut Move) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        for leg in &mut m.legs {
            context.cancel.check()?;
            carry::copy(context, &m.slug, leg).await?;
        }
        Ok(())
    })
}

pub(super) fn discard<'a>(context: &'a Context, m: &'a mut Move) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        for leg in &mut m.legs {
            carry::discard(context, leg).await?;
        }
        Ok(())
    })
}

pub(super) fn catch_up<'a>(context: &'a Context, m: &'a mut Move) -> BoxFuture<'a, Result<()>> {
    Box::pin(carry::catch_up(context, &mut m.legs, m.fencing_token))
}

/// Compares, record by record, what has not changed since the copy, then carries the few changes made since.
pub(super) fn check<'a>(context: &'a Context, m: &'a mut Move) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        for leg in &m.legs {
            let differing = carry::differing(context, leg.to()?, &leg.from, leg.seq).await?;
            if differing > 0 {
                return Err(carry::differs(&m.slug, &leg.from, counted(differing, "record")));
            }
            pass(context, "compared").await?;
        }
        carry::catch_up(context, &mut m.legs, m.fencing_token).await
    })
}

/// Fences the old places. From here on writes wait.
pub(super) fn fence<'a>(context: &'a Context, m: &'a mut Move) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        for leg in &m.legs {
            // Opening the new place now makes its first write as fast as any other.
            context.databases.engine().verify(leg.to()?).await?;
        }
        m.fenced_us.get_or_insert(context.control.now_us());
        for leg in &m.legs {
            context.databases.engine().fence_recorded(&leg.from, m.fencing_token).await?;
            pass(context, "fenced").await?;
        }
        Ok(())
    })
}

pub(super) fn lift<'a>(context: &'a Context, m: &'a mut Move) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        for leg in &m.legs {
            carry::unless_lost(
                context.databases.engine().lift_fence(&leg.from, Some(m.fencing_token)).await,
            )?;
            pass(context, "lifted").await?;
        }
        m.fenced_us = None;
        Ok(())
    })
}

pub(super) fn hand_over<'a>(context: &'a Context, m: &'a mut Move) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        for leg in &mut m.legs {
            carry::hand_over(context, &m.slug, leg, m.fencing_token).await?;
        }
        Ok(())
    })
}

pub(super) fn swap<'a>(write: &'a mut Write, m: &'a mut Move) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let until = write.retain_from_us().saturating_add(m.keep_us);
        for leg in &m.legs {
            places::swap(write, &leg.from, leg.to()?, Some(until)).await?;
            for replaced in &leg.in_the_way {
                placements::set_gone(write, replaced).await?;
            }
        }
        let stores = m.legs.iter().map(|leg| {
            json!({ "store": leg.from.store, "from": shown(Some(&leg.from)), "to": shown(leg.to.as_ref()) })
        });
        let detail = json!({ "slug": m.slug, "stores": stores.collect::<Vec<_>>() });
        write.audit(&m.by, Some(m.tenant), m.purpose.action(), detail).await
    })
}

/// Compares the places. The old place is frozen, so records that were not written since the swap must be equal in the
/// new place.
pub(super) fn prove<'a>(context: &'a Context, m: &'a mut Move) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        m.released_us.get_or_insert(context.control.now_us());
        for leg in &mut m.legs {
            leg.differing = match carry::differing(context, &leg.from, leg.to()?, 0).await {
                // The places cannot be compared, so the old place is retained until an operator releases it.
                Err(Error::Engine(error)) if carry::is_gone(&error) => {
                    tracing::error!(tenant = %m.slug, store = %leg.from.store, %error, "lost after a move");
                    None
                }
                // A pool was migrated since the swap, or this worker has older apps than the worker it took over from.
                Err(Error::Engine(error)) if carry::is_at_another_schema(&error) => {
                    tracing::error!(tenant = %m.slug, store = %leg.from.store, %error, "not compared after a move");
                    None
                }
                differing => Some(differing?),
            };
            if let Some(differing @ 1..) = leg.differing {
                tracing::error!(tenant = %m.slug, store = %leg.from.store, differing, "records differ after a move");
            }
        }
        Ok(())
    })
}

pub(super) fn settle<'a>(context: &'a Context, m: &'a mut Move) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        for leg in &m.legs {
            carry::settle(context, leg, m.fencing_token).await?;
        }
        Ok(())
    })
}

/// Records the end of the move. A place that could not be proven equal is retained until an operator releases it.
pub(super) fn finish<'a>(write: &'a mut Write, m: &'a mut Move) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        for leg in m.legs.iter().filter(|leg| leg.differing != Some(0)) {
            places::keep_until_released(write, &leg.from).await?;
        }
        let differing: u64 = m.legs.iter().filter_map(|leg| leg.differing).sum();
        let detail = json!({ "verified": m.verified(), "differing": differing, "pause_us": m.pause_us() });
        write.audit(&m.by, Some(m.tenant), "tenant.moved", detail).await
    })
}
