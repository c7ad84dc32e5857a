//! Checks by its manifest whether an archive's apps and stores match this installation.

use crate::{
    Error, Result,
    apps::Apps,
    archive::{FILES, Manifest, Unpacker, bad},
    plans::Limits,
};
use std::path::Path;
use tenantry_engine::name::{StoreName, TenantId};

/// Opens an archive, and refuses one that can never be imported here. Blocks the thread.
pub(crate) fn precheck(archive: &Path, apps: &Apps, stores: &[StoreName]) -> Result<Unpacker> {
    let archive = Unpacker::open(archive)?;
    manifest(&archive.manifest, apps, stores)?;
    Ok(archive)
}

/// Refuses an archive that holds more than the plan allows, before any of its contents are written.
///
/// # Errors
/// Returns [`crate::Error::Invalid`] of the field `archive`.
pub(crate) fn fits_plan(manifest: &Manifest, limits: &Limits) -> Result<()> {
    let stores: Vec<_> = manifest.stores.iter().map(|store| store.database.as_str()).collect();
    let (mut files, mut rest) = (0_u64, 0_u64);
    for entry in &manifest.entries {
        if stores.contains(&entry.path.as_str()) {
            within(&entry.path, entry.bytes, limits.bytes)?;
        } else if entry.path.starts_with("files/") {
            files = files.saturating_add(entry.bytes);
        } else {
            rest = rest.saturating_add(entry.bytes);
        }
    }
    within("files/", files, limits.file_bytes)?;
    within("its lists", rest, limits.bytes.map(|most| most.max(LISTS_LEAST)))
}

/// Smallest allowance in bytes for the lists of an archive, however small the plan.
const LISTS_LEAST: u64 = 64 << 20;

fn within(what: &str, bytes: u64, most: Option<u64>) -> Result<()> {
    match most.filter(|most| bytes > *most) {
        None => Ok(()),
        Some(most) => Err(bad(format!(
            "is larger than the plan allows: {what} unpacked has {bytes} bytes, the plan has {most}: choose a larger plan"
        ))),
    }
}

/// Refuses an archive whose unpacked parts do not fit on the disk of the scratch directory.
///
/// # Errors
/// Returns [`crate::Error::DiskFull`] if the space does not suffice.
pub(super) fn fits_disk(manifest: &Manifest, scratch: &Path) -> Result<()> {
    let wanted = manifest.entries.iter().fold(0_u64, |sum, entry| sum.saturating_add(entry.bytes));
    let Ok(stat) = rustix::fs::statvfs(scratch) else { return Ok(()) };
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    if wanted <= free {
        return Ok(());
    }
    Err(Error::DiskFull(format!(
        "{}: the archive unpacked has {wanted} bytes, {free} are free",
        scratch.display()
    )))
}

fn manifest(manifest: &Manifest, apps: &Apps, stores: &[StoreName]) -> Result<()> {
    if TenantId::from_raw(manifest.tenant.id).get() <= 0 {
        return Err(bad("is damaged: its manifest names no company"));
    }
    let lacking: Vec<_> =
        manifest.apps.iter().map(|a| a.name.as_str()).filter(|name| apps.app(name).is_none()).collect();
    if !lacking.is_empty() {
        return Err(bad(format!("is of other apps: {} is not installed here", lacking.join(", "))));
    }
    for store in &manifest.stores {
        if !stores.iter().any(|known| known.as_str() == store.store) {
            return Err(bad(format!("has a store {}, which companies do not have here", store.store)));
        }
        for model in &store.models {
            if apps.model(&model.model).is_some_and(|known| known.store.as_str() != store.store) {
                return Err(bad(format!("keeps {} in another store than this installation", model.model)));
            }
        }
    }
    let mut names: Vec<_> = manifest.stores.iter().map(|s| &s.store).collect();
    names.sort_unstable();
    names.dedup();
    if names.len() != manifest.stores.len() || names.is_empty() || manifest.entry(FILES).is_none() {
        return Err(bad("is damaged: its manifest is not whole"));
    }
    Ok(())
}
