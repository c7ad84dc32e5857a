//! The manifest of a backup: its tenant, its versions, and the hash of everything in it.
//!
//! It is written last, so a backup with a manifest is complete. Restore, verification and the rebuilding of a lost
//! catalog read it. It carries its own hash, so a changed byte anywhere is found. It contains no rows and no secrets.

use crate::backups::{id::BackupId, stream::Stored};
use crate::{Error, Result};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tenantry_engine::{
    name::{AppName, ModelName, Slug, StoreName, TenantId},
    place::{EngineKind, Isolation},
};

/// Version of the format that this program writes and reads.
pub const FORMAT: u32 = 1;

/// Reason why a backup was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A user or operator requested the backup.
    Manual,
    /// A schedule started the backup.
    Scheduled,
    /// The backup is the last one before a tenant is purged. Retention rules do not apply to it.
    Final,
}

impl Reason {
    /// Returns the name of the reason in the catalog.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Scheduled => "scheduled",
            Self::Final => "final",
        }
    }

    pub(in crate::backups) fn parse(text: &str) -> Result<Self> {
        let all = [Self::Manual, Self::Scheduled, Self::Final];
        let unknown = || Error::Internal(format!("reason of a backup {text:?}"));
        all.into_iter().find(|r| r.as_str() == text).ok_or_else(unknown)
    }
}

/// The description of a backup, stored with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of the format, always [`FORMAT`].
    pub format: u32,
    /// Id of the backup.
    pub id: BackupId,
    /// Id of the installation that made the backup.
    pub platform: String,
    /// Tenant that was backed up; `None` for the platform's own stores.
    pub tenant: Option<Whose>,
    /// Time of the data in the backup.
    #[serde(serialize_with = "crate::clock::six_digits")]
    pub at: Timestamp,
    /// Actor that requested the backup.
    pub by: String,
    /// Reason why the backup was made.
    pub reason: Reason,
    /// Name of the schedule that made the backup.
    pub schedule: Option<String>,
    /// zstd compression level.
    pub compression: i32,
    /// Installed apps with their versions at the time of the backup.
    pub apps: Vec<AppVersion>,
    /// Stores in the backup.
    pub stores: Vec<StoreCopy>,
    /// Files in the backup; `None` if there were none.
    pub files: Option<FilesCopy>,
}

/// The tenant as it was at the time of the backup.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Whose {
    /// Id of the tenant.
    pub id: TenantId,
    /// Slug of the tenant at that time.
    pub slug: Slug,
    /// Name of the tenant at that time.
    pub name: String,
    /// Time at which the tenant was created, in microseconds since 1970, UTC. It distinguishes the tenant from another
    /// tenant with the same id. Backups of older versions have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at_us: Option<i64>,
}

/// An installed app.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppVersion {
    /// Name of the app.
    pub app: AppName,
    /// Version of the app, if it declares one.
    pub version: Option<String>,
    /// Name of the app's last migration.
    pub migration: Option<String>,
}

/// One store of a backup: a SQLite file in the layout of a tenant's own database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreCopy {
    /// Name of the store.
    pub store: StoreName,
    /// Isolation of its rows when the backup was made.
    pub isolation: Isolation,
    /// Database software of the rows when the backup was made. Backups of older versions have none; theirs was SQLite.
    #[serde(default = "sqlite", skip_serializing_if = "is_sqlite")]
    pub engine: EngineKind,
    /// Generation of the store's placement.
    pub generation: u64,
    /// Fingerprint of the store's migrations.
    pub schema: String,
    /// Number of rows of all models.
    pub rows: u64,
    /// Number of rows and checksum of each model, at the schema of the backup. Old backups have none.
    pub tables: Vec<TableSum>,
    /// Length and hash of the SQLite file.
    pub raw: Stored,
    /// Name of the object within the backup.
    pub object: String,
    /// Length and hash of the object, which is the compressed file.
    pub stored: Stored,
}

fn sqlite() -> EngineKind {
    EngineKind::Sqlite
}

fn is_sqlite(engine: &EngineKind) -> bool {
    *engine == EngineKind::Sqlite
}

/// Number of rows of one model, and the checksum of their contents, which does not depend on the isolation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableSum {
    /// Name of the model.
    pub model: ModelName,
    /// Number of rows of the model.
    pub rows: u64,
    /// BLAKE3 hash of the rows' contents, in hex.
    pub blake3: String,
}

impl TableSum {
    pub(crate) fn of(table: tenantry_engine::TableDigest) -> Self {
        Self { model: table.model, rows: table.rows, blake3: table.blake3 }
    }
}

/// All files of a tenant as one compressed tar archive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilesCopy {
    /// Number of files.
    pub files: u64,
    /// Total length of the files, in bytes.
    pub bytes: u64,
    /// Name of the object within the backup.
    pub object: String,
    /// Length and hash of the object.
    pub stored: Stored,
}

/// The stored form: the manifest as text, and the hash of that text.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed<'a> {
    blake3: String,
    #[serde(borrow)]
    manifest: &'a RawValue,
}

impl Manifest {
    /// Returns the manifest as bytes to store, with its hash.
    ///
    /// # Errors
    /// Returns [`Error::Internal`] if the manifest cannot be serialized.
    pub fn seal(&self) -> Result<Vec<u8>> {
        let text = serde_json::value::to_raw_value(self).map_err(internal)?;
        let blake3 = blake3::hash(text.get().as_bytes()).to_hex().to_string();
        serde_json::to_vec(&Sealed { blake3, manifest: &text }).map_err(internal)
    }

    /// Reads a manifest that [`Manifest::seal`] wrote, and checks its hash.
    ///
    /// # Errors
    /// Returns a text that says what is damaged.
    pub fn open(bytes: &[u8]) -> Result<Self, String> {
        let sealed: Sealed<'_> = serde_json::from_slice(bytes).map_err(|e| format!("the manifest: {e}"))?;
        if blake3::hash(sealed.manifest.get().as_bytes()).to_hex().as_str() != sealed.blake3 {
            return Err("the manifest does not match its hash".into());
        }
        let manifest: Self =
            serde_json::from_str(sealed.manifest.get()).map_err(|e| format!("the manifest: {e}"))?;
        match manifest.format {
            FORMAT => Ok(manifest),
            other => Err(format!("format {other} is unknown to this program, which reads {FORMAT}")),
        }
    }

    /// Returns the id of the tenant, or `None` for the platform's own stores.
    pub fn tenant_id(&self) -> Option<TenantId> {
        self.tenant.as_ref().map(|t| t.id)
    }

    /// Returns true if the backup certainly belongs to a tenant other than `tenant`, although both have the same id.
    pub(crate) fn is_of_another(&self, tenant: &Whose) -> bool {
        let made_for = self.tenant.as_ref().and_then(|whose| whose.created_at_us);
        made_for.zip(tenant.created_at_us).is_some_and(|(made_for, now)| made_for != now)
    }

    /// Returns the names of the backup's objects, without the manifest itself.
    pub fn objects(&self) -> impl Iterator<Item = &str> {
        let stores = self.stores.iter().map(|s| s.object.as_str());
        stores.chain(self.files.iter().map(|f| f.object.as_str()))
    }

    /// Returns the number of rows of all models.
    pub fn rows(&self) -> u64 {
        self.stores.iter().map(|s| s.rows).sum()
    }

    /// Returns the size in bytes before compression.
    pub fn raw_bytes(&self) -> u64 {
        self.stores.iter().map(|s| s.raw.bytes).sum::<u64>() + self.files.as_ref().map_or(0, |f| f.bytes)
    }

    /// Returns the size in bytes in the backup store, without the manifest.
    pub fn stored_bytes(&self) -> u64 {
        let files = self.files.as_ref().map_or(0, |f| f.stored.bytes);
        self.stores.iter().map(|s| s.stored.bytes).sum::<u64>() + files
    }
}

fn internal(error: serde_json::Error) -> Error {
    Error::Internal(format!("manifest: {error}"))
}

#[cfg(test)]
pub(in crate::backups) mod tests {
    use super::*;

    pub(crate) fn sample() -> Manifest {
        let stored = Stored { bytes: 10, blake3: "ab".repeat(32) };
        Manifest {
            format: FORMAT,
            id: "20260528-202640-0603abe3b2".parse().unwrap(),
            platform: "p".into(),
            tenant: Some(Whose {
                id: TenantId::from_raw(7),
                slug: Slug::parse("city-hospital").unwrap(),
                name: "City Hospital".into(),
                created_at_us: Some(1_770_000_000_000_000),
            }),
            at: Timestamp::from_microsecond(1_780_000_000_000_000).unwrap(),
            by: "cli:root".into(),
            reason: Reason::Manual,
            schedule: None,
            compression: 3,
            apps: vec![],
            stores: vec![StoreCopy {
                store: StoreName::parse("tenant").unwrap(),
                isolation: Isolation::Pooled,
                engine: EngineKind::Postgres,
                generation: 3,
                schema: "f".into(),
                rows: 0,
                tables: vec![],
                raw: stored.clone(),
                object: "tenant.0.db.zst".into(),
                stored: stored.clone(),
            }],
            files: Some(FilesCopy { files: 1, bytes: 5, object: "files.0.tar.zst".into(), stored }),
        }
    }

    #[test]
    fn a_store_without_an_engine_was_on_sqlite() {
        let mut store = sample().stores.remove(0);
        let mut json = serde_json::to_value(&store).unwrap();
        assert_eq!(json.as_object_mut().unwrap().remove("engine"), Some("postgres".into()));
        let older: StoreCopy = serde_json::from_value(json).unwrap();
        assert_eq!(older.engine, EngineKind::Sqlite);
        // Older versions of this program can thus read the manifests of tenants on SQLite.
        store.engine = EngineKind::Sqlite;
        assert!(serde_json::to_value(&store).unwrap().get("engine").is_none());
    }

    #[test]
    fn every_single_bit_of_a_manifest_counts() {
        let bytes = sample().seal().unwrap();
        assert_eq!(Manifest::open(&bytes).unwrap(), sample());
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(Manifest::open(&damaged).is_err(), "bit {bit} was flipped and nobody saw");
        }
    }
}
