//! The steps of `CloneTenant`. Called by the journal's driver only.

use super::CloneTenant;
use crate::{
    Error, Result,
    control::Write,
    operations::{
        World,
        arrive::{self, CopyOf},
    },
    tenants::{self, State},
    topology::{PlacementState, Policy, placement},
};
use futures_util::{StreamExt, TryStreamExt};
use std::{io, path::Path};
use tenantry_engine::{name::TenantId, place::Place};
use uuid::Uuid;

pub(super) async fn check(write: &mut Write, source: TenantId) -> Result<()> {
    let source = tenants::by_id(write, source).await?;
    match source.state {
        State::Active | State::Suspended | State::Cancelled => Ok(()),
        state => {
            let reason = format!("{} is {} and cannot be cloned", source.slug, state.as_str());
            Err(Error::Conflict(reason))
        }
    }
}

pub(super) async fn copy(world: &World, c: &mut CloneTenant) -> Result<()> {
    let mut tx = world.control.snapshot().await?;
    let placements = placement::of_tenant(&mut tx, c.source).await?;
    drop(tx);
    let ready: Vec<_> = placements.iter().filter(|p| p.state == PlacementState::Ready).collect();
    c.arrival.copies.clear();
    if let Some(blank) = &mut c.blank {
        *blank = <_>::default();
    }
    for (done, placement) in ready.iter().enumerate() {
        world.cancel.check()?;
        world.progress.set(done as u64, ready.len() as u64, "databases");
        copy_one(world, c, &placement.place).await?;
        if placement.policy == Policy::External {
            arrive::refuse_foreign(world, &placement.place.store, c.arrival.copies.last()).await?;
        }
    }
    Ok(())
}

async fn copy_one(world: &World, c: &mut CloneTenant, place: &Place) -> Result<()> {
    let (engine, scratch) = (world.databases.engine(), world.scratch()?);
    let (script, schema) = (world.databases.script(&place.store)?, world.databases.schema(&place.store)?);
    let copy = CopyOf { store: place.store.clone(), of: c.source };
    let (path, raw) = (copy.path(scratch), scratch.join(format!("{}.raw.sqlite", place.store)));
    for left in [&path, &raw] {
        remove_left(left)?;
    }
    let first = if c.blank.is_some() { &raw } else { &path };
    engine.copy_out(place, &script, first).await?;
    engine.migrate_copy(first, c.source, &script).await?;
    if let Some(blank) = &mut c.blank {
        let more = engine.blank_copy(&raw, &path, &schema).await?;
        blank.fields += more.fields;
        blank.rows += more.rows;
        remove_left(&raw)?;
    }
    c.arrival.copies.push(copy);
    Ok(())
}

/// What an earlier try wrote, with what SQLite lays beside it.
pub(in crate::operations) fn remove_left(path: &Path) -> Result<()> {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let mut path = path.as_os_str().to_owned();
        path.push(suffix);
        match std::fs::remove_file(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                return Err(Error::Unavailable(format!("{}: {e}", path.display())));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Copies the files that rows of the copies name; where personal data was blanked, its files are not
/// among them.
pub(super) async fn files(world: &World, c: &mut CloneTenant) -> Result<()> {
    c.arrival.files = 0;
    for copy in c.arrival.copies.clone() {
        let ids = arrive::file_ids(world, &copy.store, copy.path(world.scratch()?)).await?;
        for (done, id) in ids.iter().enumerate() {
            world.cancel.check()?;
            world.progress.set(done as u64, ids.len() as u64, "files");
            c.arrival.files += u64::from(file(world, c, *id).await?);
        }
    }
    Ok(())
}

/// False: the source has no such file any more.
async fn file(world: &World, c: &CloneTenant, id: Uuid) -> Result<bool> {
    let away = |e: crate::records::files::FileError| Error::Unavailable(e.to_string());
    match world.files.get(Some(c.source), &id.to_string()).await {
        Ok(bytes) => {
            let bytes = bytes.map_err(io::Error::other).boxed();
            world.files.put_back(Some(c.arrival.id()?), id, bytes).await.map_err(away)?;
            Ok(true)
        }
        Err(error) if error.is_missing() => Ok(false),
        Err(error) => Err(away(error)),
    }
}
