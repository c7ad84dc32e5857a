//! What can be told of an archive from its manifest: whether it is of these apps and stores at all.

use crate::{
    Result,
    apps::Apps,
    archive::{FILES, Manifest, Unpacker, bad},
};
use std::path::Path;
use tenantry_engine::name::{StoreName, TenantId};

/// Opens an archive and refuses what can never be imported here. Blocks.
pub(crate) fn precheck(archive: &Path, apps: &Apps, stores: &[StoreName]) -> Result<Unpacker> {
    let archive = Unpacker::open(archive)?;
    manifest(&archive.manifest, apps, stores)?;
    Ok(archive)
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
