//! Copies the platform's own stores to the new server while no process uses them, and compares every row.

use super::Upgrade;
use crate::{
    Error, Platform, Result,
    access::Operator,
    apps::Apps,
    backups::{
        BackupId,
        system::{file_of, move_aside},
    },
    config::StoreConfig,
    control::{Control, carry::carry},
    platform::{
        data_dir::{in_use::InUse, make_dir},
        databases::{Databases, platform_place},
        open::open_engine,
        own_stores::open_control,
    },
};
use serde_json::json;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};
use tenantry_engine::{CopyOptions, Kind, name::StoreName, place::Place};

/// Result of copying the platform's own stores.
#[derive(Debug)]
pub struct Carried {
    /// Names of the copied stores.
    pub stores: Vec<StoreName>,
    /// Directory to which the stores' files were moved; `None` if there were none.
    pub aside: Option<PathBuf>,
    /// Path of a copy of the configuration file from before the upgrade; `None` if the configuration had been written
    /// already.
    pub kept: Option<PathBuf>,
}

impl Upgrade {
    /// Copies the platform's own stores, writes the configuration that names only the new server, and moves the old
    /// files aside. Call it when no tenant is left on the old servers.
    ///
    /// # Errors
    /// Returns [`Error::Conflict`] while a process uses the data directory, or if the server has a database of another
    /// installation under the name of a store. In these cases the installation stays unchanged.
    pub async fn carry_stores(&self, operator: &Operator) -> Result<Carried> {
        let in_use = InUse::alone(&self.after.1)?;
        let scratch = std::path::absolute(self.after.1.platform.data_dir.join("scratch").join("upgrade"))
            .map_err(|error| Error::Internal(error.to_string()))?;
        // An interrupted run left it. No other process works there while this one uses the data directory exclusively.
        drop(std::fs::remove_dir_all(&scratch));
        make_dir(&scratch)?;
        let carried = self.carry_all(&scratch).await;
        drop(std::fs::remove_dir_all(&scratch));
        let stores = carried?;
        let kept = self.file.replace(&self.after.0, &self.during.0)?;
        // From here on the installation is on the server. Files left here would only mislead.
        let aside = self.put_away()?;
        drop(in_use);
        let platform = Platform::open(self.after.1.clone()).await?;
        let mut write = platform.control().begin().await?;
        let detail = json!({ "stores": stores, "server": self.goal.server, "aside": aside });
        write.audit(&operator.by(), None, "system.upgrade", detail).await?;
        write.commit().await?;
        platform.shutdown().await;
        Ok(Carried { stores, aside, kept })
    }

    async fn carry_all(&self, scratch: &Path) -> Result<Vec<StoreName>> {
        let apps = Apps::load(&self.after.1).map_err(|error| Error::invalid("apps", error.to_string()))?;
        let engine = open_engine(&self.after.1)?;
        let databases = Databases::new(engine.clone(), &self.after.1, Arc::new(apps))?;
        // Opening upgrades the store's tables, and sets the id of the installation in the engine.
        let control = open_control(&engine, &self.before).await?;
        let mut stores = Vec::new();
        for (from, to) in self.own_stores() {
            let (from, to) = (platform_place(from)?, platform_place(to)?);
            remove_unfinished(&databases, &to).await?;
            match from.store.as_str() {
                "control" => carry_control(&databases, &control, &to).await?,
                _ => carry_rows(&databases, &from, &to, scratch).await?,
            }
            stores.push(from.store);
        }
        drop(control);
        engine.shutdown().await;
        Ok(stores)
    }

    /// Moves the files of the copied stores aside.
    fn put_away(&self) -> Result<Option<PathBuf>> {
        let now_us = crate::control::clock::Clock::default().now_us();
        let aside = self.after.1.platform.data_dir.join("replaced").join(BackupId::new(now_us).as_str());
        let mut moved = false;
        for (from, _) in self.own_stores() {
            moved |= self.put_away_one(from, &aside)?;
        }
        Ok(moved.then_some(aside))
    }

    fn put_away_one(&self, store: &StoreConfig, aside: &Path) -> Result<bool> {
        file_of(&self.before, store)?.map_or(Ok(false), |file| move_aside(&file, aside))
    }
}

/// Removes the database that an interrupted run left. The configuration does not name it yet, so nothing has used it.
async fn remove_unfinished(databases: &Databases, place: &Place) -> Result<()> {
    let engine = databases.engine();
    if !engine.exists(place).await? {
        return Ok(());
    }
    // A database without an identity was left unfinished by an interrupted run; this finishes it. It refuses a database
    // of another program or installation.
    match engine.create_system(place).await {
        Ok(()) => Ok(engine.drop_database(place).await?),
        Err(error) if matches!(error.kind(), Kind::WrongIdentity | Kind::NoAccess | Kind::Denied(_)) => {
            Err(Error::Conflict(format!(
                "{} is not of this installation: rename or remove that database on the server",
                engine.shown(place)
            )))
        }
        Err(error) => Err(error.into()),
    }
}

async fn carry_control(databases: &Databases, control: &Control, to: &Place) -> Result<()> {
    let engine = databases.engine();
    engine.create_system(to).await?;
    carry(&mut control.snapshot().await?, &engine.system(to).await?, control.now_us()).await.map(drop)
}

async fn carry_rows(databases: &Databases, from: &Place, to: &Place, scratch: &Path) -> Result<()> {
    let (engine, script) = (databases.engine(), databases.script(&from.store)?);
    engine.migrate_with(from, &script).await?;
    let copy = scratch.join(format!("{}.db", from.store));
    engine.copy_out_with(from, &script, &copy, CopyOptions { check: true, sync: false }).await?;
    engine.adopt_system(to, &script, &copy).await?;
    let schema = databases.schema(&from.store)?;
    match engine.digest(from, &schema).await? == engine.digest(to, &schema).await? {
        true => Ok(()),
        false => Err(Error::Internal(format!("the copy of store {} is not equal", from.store))),
    }
}
