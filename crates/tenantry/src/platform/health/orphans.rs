//! Orphans: databases that the catalog does not name, and placements without a database.
//!
//! Called by `check`, the staff API and the background pass. It only reports, with one exception: if the configuration
//! allows it (`operations.orphan_days`), it removes a database of this installation if the catalog says that its
//! placement or tenant is gone.

use crate::{
    Error, Platform, Result,
    audit::By,
    config::{Config, Scope},
    control::{clock::DAY_US, params, settings},
    platform::databases::{platform_place, pool_place},
    topology::placement,
};
use std::{collections::HashSet, fmt, time::UNIX_EPOCH};
use tenantry_engine::{
    Kind,
    engine::{DatabaseFile, Resident},
    name::{PhysicalName, ServerName, StoreName, TenantId},
    place::Place,
};

/// Age in microseconds below which a file may belong to a database that is still being created.
const GRACE_US: i64 = 60_000_000;

/// Largest number of tenants read from a file that no placement names.
const SHOWN: u32 = 100;

/// A file or rows without a placement, or a placement without a file.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Orphan {
    /// A database file that no placement names.
    File {
        /// Server on which the file is.
        server: ServerName,
        /// File name.
        file: String,
        /// Size of the file in bytes.
        bytes: u64,
        /// Time of the last change, in microseconds since 1970, UTC.
        modified_at_us: i64,
        /// Tenants in the file, as far as its contents show.
        holds: String,
    },
    /// Rows of a tenant in a shared database for which no placement exists.
    Resident {
        /// Server on which the shared database is.
        server: ServerName,
        /// Physical name of the shared database.
        physical: PhysicalName,
        /// Store to which the rows belong.
        store: String,
        /// Id of the tenant whose rows they are.
        tenant: i64,
    },
    /// A placement in use whose file does not exist.
    Placement {
        /// Id of the placed tenant; `None` for a place of the platform.
        tenant: Option<i64>,
        /// Place that the catalog names.
        place: Place,
    },
}

impl fmt::Display for Orphan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { server, file, bytes, holds, .. } => {
                write!(f, "{server}/{file}: no placement names this file ({bytes} bytes, {holds})")
            }
            Self::Resident { server, physical, store, tenant } => write!(
                f,
                "{server}/{physical}: rows of tenant {tenant} in store {store} that no placement names; its id is not \
                 given to another tenant"
            ),
            Self::Placement { tenant, place } => {
                let tenant = tenant.unwrap_or_default();
                write!(
                    f,
                    "{}: the database of tenant {tenant} in store {} is not there; see its disk or server, or restore a \
                     backup",
                    place.physical, place.store
                )
            }
        }
    }
}

/// Database files without a placement, and placements without a file.
pub struct Orphans<'a> {
    platform: &'a Platform,
}

impl Platform {
    /// Returns the orphans of the installation.
    pub fn orphans(&self) -> Orphans<'_> {
        Orphans { platform: self }
    }
}

impl Orphans<'_> {
    /// Returns all orphans, files first.
    ///
    /// # Errors
    /// Returns [`Error::Engine`] if a server's directory cannot be read, and the errors of the control store.
    pub async fn list(&self) -> Result<Vec<Orphan>> {
        let mut found = Vec::new();
        for file in self.stray_files().await? {
            let holds = match self.residents(&file).await {
                Ok(residents) => described(&residents),
                Err(error) => {
                    tracing::debug!(%error, file = file.file, "who lives in it cannot be told");
                    "not one of Tenantry's databases".into()
                }
            };
            let modified_at_us = modified_us(&file);
            let DatabaseFile { server, file, bytes, .. } = file;
            found.push(Orphan::File { server, file, bytes, modified_at_us, holds });
        }
        found.extend(self.stray_residents().await?);
        found.extend(self.missing_files().await?);
        Ok(found)
    }

    /// Returns the tenants that have rows in a shared database without a placement. Reads each pool before the catalog:
    /// a tenant that is enrolled meanwhile is in the catalog first.
    async fn stray_residents(&self) -> Result<Vec<Orphan>> {
        let (mut stray, mut pools) = (Vec::new(), HashSet::new());
        for store in self.platform.config().stores_of(Scope::Tenant) {
            let Some(pool) = pool_place(self.platform.config(), store)? else { continue };
            if !pools.insert((pool.server.clone(), pool.physical.clone())) {
                continue;
            }
            let Ok(all) = self.platform.0.engine.residents(&pool.server, &pool.physical, u32::MAX).await
            else {
                continue;
            };
            let placed = self.placed_in(&pool).await?;
            for resident in all.into_iter().filter(|r| r.tenant > 0) {
                if !placed.contains(&(resident.store.clone(), resident.tenant)) {
                    let Place { server, physical, .. } = pool.clone();
                    stray.push(Orphan::Resident {
                        server,
                        physical,
                        store: resident.store,
                        tenant: resident.tenant,
                    });
                }
            }
        }
        Ok(stray)
    }

    /// Returns store and tenant of every placement in a shared database.
    async fn placed_in(&self, pool: &Place) -> Result<HashSet<(String, i64)>> {
        let sql = "SELECT store, tenant FROM placements WHERE server = ? AND physical = ? AND isolation = 'pooled' \
            AND state <> 'gone'";
        let key = params![pool.server.as_str(), pool.physical.as_str()];
        let rows = self.platform.control().snapshot().await?.query(sql, key).await?;
        rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.integer(1)?))).collect()
    }

    /// Runs the background pass: counts the orphans, and removes those that the configuration allows it to remove.
    pub(crate) async fn sweep(&self) -> Result<()> {
        let days = i64::from(self.platform.config().operations.orphan_days);
        if days > 0 {
            let before_us = self.platform.control().due_us() - days * DAY_US;
            for file in self.stray_files().await?.iter().filter(|file| modified_us(file) < before_us) {
                self.remove_if_over(file).await?;
            }
        }
        let found = self.list().await?;
        for orphan in &found {
            tracing::warn!(%orphan, "without its counterpart; see: tenantry check");
        }
        self.platform.0.orphans.store(found.len() as u64, std::sync::atomic::Ordering::Relaxed);
        Ok(())
    }

    /// Returns the number of orphans that the last background pass found.
    pub fn seen(&self) -> u64 {
        self.platform.0.orphans.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Returns the databases that neither the configuration nor a placement names. Lists the databases before it reads
    /// the catalog: one created meanwhile is in the catalog before it exists. Ignores databases that other programs
    /// made on a PostgreSQL server.
    async fn stray_files(&self) -> Result<Vec<DatabaseFile>> {
        let (engine, mut files) = (&self.platform.0.engine, Vec::new());
        for server in engine.servers() {
            match engine.database_files(&server).await {
                Err(error) if *error.kind() == Kind::Unreachable => {
                    tracing::warn!(%error, %server, "its databases cannot be listed");
                }
                found => files.extend(found?),
            }
        }
        let known = self.known().await?;
        let newest_us = self.platform.control().now_us() - GRACE_US;
        let stray = files.into_iter().filter(|file| {
            let named =
                file.physical.as_ref().is_some_and(|p| known.contains(&(file.server.clone(), p.clone())));
            !named && modified_us(file) < newest_us
        });
        Ok(stray.collect())
    }

    /// Returns the databases that the configuration or a placement names.
    async fn known(&self) -> Result<HashSet<(ServerName, PhysicalName)>> {
        let mut known = platforms(self.platform.config())?;
        let mut tx = self.platform.control().snapshot().await?;
        let sql = "SELECT DISTINCT server, physical FROM placements WHERE state <> 'gone'";
        for row in tx.query(sql, &[]).await? {
            known.insert((ServerName::parse(row.text(0)?)?, PhysicalName::parse(row.text(1)?)?));
        }
        Ok(known)
    }

    async fn missing_files(&self) -> Result<Vec<Orphan>> {
        let mut missing = Vec::new();
        for store in self.platform.config().stores_of(Scope::Tenant) {
            for place in placement::places_of_store(self.platform.control(), &store.name).await? {
                let is_there = match self.platform.0.engine.exists(&place).await {
                    // This process cannot see files of a server that it does not know.
                    Err(error) if matches!(error.kind(), Kind::UnknownServer(_)) => false,
                    // An unreachable server does not mean that its databases are missing.
                    Err(error) if *error.kind() == Kind::Unreachable => continue,
                    found => found?,
                };
                if !is_there && self.is_in_use(&place).await? {
                    missing.push(Orphan::Placement { tenant: place.tenant.map(|t| t.get()), place });
                }
            }
        }
        Ok(missing)
    }

    /// Reads the placement again: it may have been swapped out since the list was read.
    async fn is_in_use(&self, place: &Place) -> Result<bool> {
        let tenant = place.tenant.ok_or_else(|| Error::Internal(format!("{place} is no tenant's")))?;
        let now = placement::of_tenant(&mut self.platform.control().snapshot().await?, tenant).await?;
        Ok(now.iter().any(|p| p.place == *place))
    }

    async fn residents(&self, file: &DatabaseFile) -> Result<Vec<Resident>> {
        let physical = file.physical.as_ref().ok_or(Error::NotFound("database"))?;
        Ok(self.platform.0.engine.residents(&file.server, physical, SHOWN).await?)
    }

    /// Removes a database of this installation if the catalog says that its placement or tenant is gone.
    async fn remove_if_over(&self, file: &DatabaseFile) -> Result<()> {
        let (Ok(residents), Some(physical)) = (self.residents(file).await, &file.physical) else {
            return Ok(());
        };
        let [resident] = residents.as_slice() else { return Ok(()) };
        let ours = settings::platform_id(self.platform.control()).await?;
        if resident.platform != ours || !self.is_over(file, resident).await? {
            return Ok(());
        }
        let mut write = self.platform.control().begin().await?;
        let detail = serde_json::json!({
            "server": file.server, "file": file.file, "store": resident.store, "generation": resident.generation,
        });
        let tenant = TenantId::from_raw(resident.tenant);
        write.audit(&By::system(), Some(tenant), "orphan.remove", detail).await?;
        let place = Place {
            server: file.server.clone(),
            store: StoreName::parse(&resident.store)?,
            isolation: file.isolation,
            physical: physical.clone(),
            tenant: Some(tenant),
            generation: u64::try_from(resident.generation).unwrap_or(0),
        };
        // The audit row comes first: after a crash in between, the next pass removes the file.
        write.commit().await?;
        Ok(self.platform.0.engine.drop_database(&place).await?)
    }

    /// Returns true if the catalog says that the placement or the tenant is gone. An unknown placement proves nothing.
    async fn is_over(&self, file: &DatabaseFile, resident: &Resident) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM placements WHERE server = ?1 AND physical = ?2 AND tenant = ?3 \
            AND store = ?4 AND generation = ?5 AND state = 'gone') \
            OR EXISTS (SELECT 1 FROM tenants WHERE id = ?3 AND state = 'gone')";
        let physical = file.physical.as_ref().map(ToString::to_string);
        let values = params![
            file.server.as_str(),
            physical,
            resident.tenant,
            resident.store.as_str(),
            resident.generation
        ];
        let rows = self.platform.control().snapshot().await?.query(sql, values).await?;
        Ok(resident.tenant > 0 && rows.first().map_or(Ok(0), |row| row.integer(0))? == 1)
    }
}

/// Returns the databases of the platform itself: system stores and pools.
fn platforms(config: &Config) -> Result<HashSet<(ServerName, PhysicalName)>> {
    let mut known = HashSet::new();
    for store in &config.stores {
        let own = (store.scope == Scope::System).then(|| platform_place(store)).transpose()?;
        for place in [own, pool_place(config, store)?].into_iter().flatten() {
            known.insert((place.server, place.physical));
        }
    }
    Ok(known)
}

fn described(residents: &[Resident]) -> String {
    let each = residents.iter().map(|r| format!("tenant {} in {}", r.tenant, r.store));
    match residents.len() {
        0 => "holds nobody".into(),
        _ => each.take(3).collect::<Vec<_>>().join(", "),
    }
}

/// Returns when the file was last changed or created, in microseconds since 1970, UTC.
fn modified_us(file: &DatabaseFile) -> i64 {
    let since = file.modified.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
