//! The control store as a file, the form in which a backup holds it, if the store itself is on a database server.
//!
//! The backup and the restore of the platform's own stores call it. The file has the form that the store has on SQLite,
//! so a backup can be restored into either, and is checked in the same way.

use crate::{
    Error, Result,
    control::{Control, carry::carry},
    platform::data_dir::make_dir,
};
use std::path::Path;
use tenantry_engine::{CacheLimits, CopyOptions, Engine, ServerSpec, SystemDb, place::Place};

/// Writes the committed state of the control store at `place` to the new file `to`. Works in the directory `scratch`,
/// and removes it.
pub(crate) async fn write(
    control: &Control,
    place: &Place,
    platform: &str,
    scratch: &Path,
    to: &Path,
) -> Result<()> {
    let engine = files(place, scratch)?;
    engine.set_platform(platform)?;
    engine.create_system(place).await?;
    let file = engine.system(place).await?;
    carry(&mut control.snapshot().await?, &file, control.now_us()).await?;
    drop(file);
    let script = std::sync::Arc::new(tenantry_engine::Script::new(&place.store, &[])?);
    // The next reader checks and syncs the copy, as for every copy of a backup.
    let copied = engine.copy_out_with(place, &script, to, CopyOptions { check: false, sync: false }).await;
    engine.shutdown().await;
    drop(std::fs::remove_dir_all(scratch));
    copied?;
    Ok(())
}

/// Replaces the rows of the control store `into` with the rows of the file `from`, whatever release wrote the file.
/// Works in the directory `scratch`, and removes it.
pub(crate) async fn read(
    from: &Path,
    place: &Place,
    scratch: &Path,
    into: &SystemDb,
    now_us: i64,
) -> Result<()> {
    let engine = files(place, scratch)?;
    let script = std::sync::Arc::new(tenantry_engine::Script::new(&place.store, &[])?);
    engine.adopt_system(place, &script, from).await?;
    // Opening brings the file's tables up to date.
    let file = Control::open(&engine, engine.system(place).await?, None).await?;
    carry(&mut file.snapshot().await?, into, now_us).await?;
    drop(file);
    engine.shutdown().await;
    drop(std::fs::remove_dir_all(scratch));
    Ok(())
}

/// Opens an engine in which the server of `place` is a directory of files.
fn files(place: &Place, scratch: &Path) -> Result<Engine> {
    if scratch.exists() {
        std::fs::remove_dir_all(scratch).map_err(|error| Error::io(scratch.display(), &error))?;
    }
    make_dir(scratch)?;
    let spec = ServerSpec::sqlite(place.server.clone(), scratch);
    Ok(Engine::open(vec![spec], CacheLimits::default())?)
}
