//! What a backup says of itself: whose it is, of which state, and the hash of everything in it.
//!
//! Written last, so that a backup with a manifest is whole; read by restore, verification and the
//! rebuilding of a lost catalog. It carries its own hash, so that a changed byte anywhere is found. It
//! holds no rows and no secrets.

use super::{id::BackupId, stream::Stored};
use crate::{Error, Result};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tenantry_engine::{
    name::{AppName, ModelName, Slug, StoreName, TenantId},
    place::Isolation,
};

/// The format this program writes and reads.
pub const FORMAT: u32 = 1;

/// Why a backup was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Somebody asked for it.
    Manual,
    /// A schedule did.
    Scheduled,
    /// The last one before a tenant is purged. Never expires by itself.
    Final,
}

impl Reason {
    /// As the catalog writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Scheduled => "scheduled",
            Self::Final => "final",
        }
    }

    pub(super) fn parse(text: &str) -> Result<Self> {
        let all = [Self::Manual, Self::Scheduled, Self::Final];
        let unknown = || Error::Internal(format!("reason of a backup {text:?}"));
        all.into_iter().find(|r| r.as_str() == text).ok_or_else(unknown)
    }
}

/// A backup's description of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Always [`FORMAT`].
    pub format: u32,
    /// Name of the backup.
    pub id: BackupId,
    /// The installation it was made on.
    pub platform: String,
    /// Whose it is; none: of the platform's own stores.
    pub tenant: Option<Whose>,
    /// When its state was taken.
    #[serde(serialize_with = "crate::clock::six_digits")]
    pub at: Timestamp,
    /// Who asked for it.
    pub by: String,
    /// Why.
    pub reason: Reason,
    /// The schedule that made it.
    pub schedule: Option<String>,
    /// Level of zstd.
    pub compression: i32,
    /// Apps that were installed, with their versions.
    pub apps: Vec<AppVersion>,
    /// Its stores.
    pub stores: Vec<StoreCopy>,
    /// Its files; none: it had none.
    pub files: Option<FilesCopy>,
}

/// The tenant as it was then.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Whose {
    /// Id.
    pub id: TenantId,
    /// Slug at that time.
    pub slug: Slug,
    /// Name at that time.
    pub name: String,
}

/// An app that was installed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppVersion {
    /// Its name.
    pub app: AppName,
    /// Its version, where it says one.
    pub version: Option<String>,
    /// The last of its migrations.
    pub migration: Option<String>,
}

/// One store of a backup: a SQLite file in the layout of a database of one's own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreCopy {
    /// Which.
    pub store: StoreName,
    /// How its rows were kept apart when the backup was made.
    pub isolation: Isolation,
    /// Generation of its placement.
    pub generation: u64,
    /// Fingerprint of the migrations it had.
    pub schema: String,
    /// Rows of all models.
    pub rows: u64,
    /// Rows and checksum of each model, at the schema of then. Backups made before this was always known have none.
    pub tables: Vec<TableSum>,
    /// Length and hash of the SQLite file.
    pub raw: Stored,
    /// Name of the object within the backup.
    pub object: String,
    /// Length and hash of the object, which is the file compressed.
    pub stored: Stored,
}

/// Rows of one model and the checksum of their content, the same in every isolation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableSum {
    /// The model.
    pub model: ModelName,
    /// How many.
    pub rows: u64,
    /// BLAKE3 over their content, hex.
    pub blake3: String,
}

impl TableSum {
    pub(crate) fn of(table: tenantry_engine::TableDigest) -> Self {
        Self { model: table.model, rows: table.rows, blake3: table.blake3 }
    }
}

/// All files of a tenant as one tar archive, compressed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilesCopy {
    /// How many.
    pub files: u64,
    /// Their bytes together.
    pub bytes: u64,
    /// Name of the object within the backup.
    pub object: String,
    /// Length and hash of the object.
    pub stored: Stored,
}

/// What is written: the manifest as text, and the hash of that text.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed<'a> {
    blake3: String,
    #[serde(borrow)]
    manifest: &'a RawValue,
}

impl Manifest {
    /// The bytes to be written.
    pub fn seal(&self) -> Result<Vec<u8>> {
        let text = serde_json::value::to_raw_value(self).map_err(internal)?;
        let blake3 = blake3::hash(text.get().as_bytes()).to_hex().to_string();
        serde_json::to_vec(&Sealed { blake3, manifest: &text }).map_err(internal)
    }

    /// Reads what [`Manifest::seal`] wrote; the error says what is damaged.
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

    /// The tenant; none: the platform.
    pub fn tenant_id(&self) -> Option<TenantId> {
        self.tenant.as_ref().map(|t| t.id)
    }

    /// Objects it consists of, without the manifest itself.
    pub fn objects(&self) -> impl Iterator<Item = &str> {
        let stores = self.stores.iter().map(|s| s.object.as_str());
        stores.chain(self.files.iter().map(|f| f.object.as_str()))
    }

    /// Rows of all models.
    pub fn rows(&self) -> u64 {
        self.stores.iter().map(|s| s.rows).sum()
    }

    /// Bytes before compression.
    pub fn raw_bytes(&self) -> u64 {
        self.stores.iter().map(|s| s.raw.bytes).sum::<u64>() + self.files.as_ref().map_or(0, |f| f.bytes)
    }

    /// Bytes the backup takes where it lies, without the manifest.
    pub fn stored_bytes(&self) -> u64 {
        let files = self.files.as_ref().map_or(0, |f| f.stored.bytes);
        self.stores.iter().map(|s| s.stored.bytes).sum::<u64>() + files
    }
}

fn internal(error: serde_json::Error) -> Error {
    Error::Internal(format!("manifest: {error}"))
}

#[cfg(test)]
pub(super) mod tests {
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
