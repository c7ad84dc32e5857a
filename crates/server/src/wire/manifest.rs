//! The manifest of a backup.

use super::{AsText, Instant};
use schemars::JsonSchema;
use serde::Serialize;
use tenantry::{
    backups::{BackupId, manifest, stream},
    name::{self, AppName, ModelName, StoreName},
    place::Isolation,
};

/// A backup's description of itself.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Manifest {
    /// Version of the format.
    pub(crate) format: u32,
    pub(crate) id: AsText<BackupId>,
    /// Installation that made it.
    pub(crate) platform: String,
    /// Null: the platform's own stores.
    pub(crate) tenant: Option<ManifestTenant>,
    /// Instant of the data in it.
    pub(crate) at: Instant,
    /// Actor who asked for it.
    pub(crate) by: String,
    pub(crate) reason: AsText<manifest::Reason>,
    pub(crate) schedule: Option<String>,
    /// Compression level of zstd.
    pub(crate) compression: i32,
    pub(crate) apps: Vec<ManifestApp>,
    pub(crate) stores: Vec<ManifestStore>,
    /// Null: there were none.
    pub(crate) files: Option<ManifestFiles>,
}

impl From<manifest::Manifest> for Manifest {
    fn from(manifest: manifest::Manifest) -> Self {
        Self {
            format: manifest.format,
            id: AsText(manifest.id),
            platform: manifest.platform,
            tenant: manifest.tenant.map(ManifestTenant::from),
            at: Instant(manifest.at.as_microsecond()),
            by: manifest.by,
            reason: AsText(manifest.reason),
            schedule: manifest.schedule,
            compression: manifest.compression,
            apps: manifest.apps.into_iter().map(ManifestApp::from).collect(),
            stores: manifest.stores.into_iter().map(ManifestStore::from).collect(),
            files: manifest.files.map(ManifestFiles::from),
        }
    }
}

/// The tenant at the time of the backup.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ManifestTenant {
    pub(crate) id: i64,
    pub(crate) slug: AsText<name::Slug>,
    pub(crate) name: String,
    /// Absent from backups of older versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) created_at: Option<Instant>,
}

impl From<manifest::Whose> for ManifestTenant {
    fn from(tenant: manifest::Whose) -> Self {
        Self {
            id: tenant.id.get(),
            slug: AsText(tenant.slug),
            name: tenant.name,
            created_at: tenant.created_at_us.map(Instant),
        }
    }
}

/// An app that was installed.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ManifestApp {
    pub(crate) app: AsText<AppName>,
    pub(crate) version: Option<String>,
    /// Its last migration.
    pub(crate) migration: Option<String>,
}

impl From<manifest::AppVersion> for ManifestApp {
    fn from(manifest::AppVersion { app, version, migration }: manifest::AppVersion) -> Self {
        Self { app: AsText(app), version, migration }
    }
}

/// One store of a backup.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ManifestStore {
    pub(crate) store: AsText<StoreName>,
    /// `pooled` or `database`.
    pub(crate) isolation: AsText<Isolation>,
    /// Generation of its placement.
    pub(crate) generation: u64,
    /// Fingerprint of its migrations.
    pub(crate) schema: String,
    /// Rows of all models.
    pub(crate) rows: u64,
    pub(crate) tables: Vec<ManifestTable>,
    /// Length and hash of the SQLite file.
    pub(crate) raw: Stored,
    /// Name of the object within the backup.
    pub(crate) object: String,
    /// Length and hash of the object.
    pub(crate) stored: Stored,
}

impl From<manifest::StoreCopy> for ManifestStore {
    fn from(copy: manifest::StoreCopy) -> Self {
        let table =
            |t: manifest::TableSum| ManifestTable { model: AsText(t.model), rows: t.rows, blake3: t.blake3 };
        Self {
            store: AsText(copy.store),
            isolation: AsText(copy.isolation),
            generation: copy.generation,
            schema: copy.schema,
            rows: copy.rows,
            tables: copy.tables.into_iter().map(table).collect(),
            raw: copy.raw.into(),
            object: copy.object,
            stored: copy.stored.into(),
        }
    }
}

/// Rows of one model, and the checksum of their content.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ManifestTable {
    pub(crate) model: AsText<ModelName>,
    pub(crate) rows: u64,
    pub(crate) blake3: String,
}

/// All files of a tenant as one archive.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ManifestFiles {
    /// Number of files.
    pub(crate) files: u64,
    /// Their total length.
    pub(crate) bytes: u64,
    /// Name of the object within the backup.
    pub(crate) object: String,
    /// Length and hash of the object.
    pub(crate) stored: Stored,
}

impl From<manifest::FilesCopy> for ManifestFiles {
    fn from(copy: manifest::FilesCopy) -> Self {
        let manifest::FilesCopy { files, bytes, object, stored } = copy;
        Self { files, bytes, object, stored: stored.into() }
    }
}

/// Length and hash.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Stored {
    pub(crate) bytes: u64,
    pub(crate) blake3: String,
}

impl From<stream::Stored> for Stored {
    fn from(stream::Stored { bytes, blake3 }: stream::Stored) -> Self {
        Self { bytes, blake3 }
    }
}
