//! The manifest of a backup.

use crate::wire::{AsText, Instant};
use tenantry::{
    backups::{BackupId, manifest, stream},
    name::{self, AppName, ModelName, StoreName},
    place::{EngineKind, Isolation},
};

answers! {
    /// The description of a backup, stored with it.
    struct Manifest from manifest: manifest::Manifest {
        /// Version of the manifest's format.
        format: u32 = manifest.format,
        id: AsText<BackupId> = AsText(manifest.id),
        /// Id of the installation that made the backup.
        platform: String = manifest.platform,
        /// Tenant that was backed up; null for the platform's own stores.
        tenant: Option<ManifestTenant> = manifest.tenant.map(ManifestTenant::from),
        /// Time of the data in the backup.
        at: Instant = Instant(manifest.at.as_microsecond()),
        /// The account, key or program that requested the backup.
        by: String = manifest.by,
        reason: AsText<manifest::Reason> = AsText(manifest.reason),
        schedule: Option<String> = manifest.schedule,
        /// zstd compression level.
        compression: i32 = manifest.compression,
        apps: Vec<ManifestApp> = manifest.apps.into_iter().map(ManifestApp::from).collect(),
        stores: Vec<ManifestStore> = manifest.stores.into_iter().map(ManifestStore::from).collect(),
        /// Files in the backup; null if there were none.
        files: Option<ManifestFiles> = manifest.files.map(ManifestFiles::from),
    }

    /// The tenant as it was at the time of the backup.
    struct ManifestTenant from tenant: manifest::Whose {
        id: i64 = tenant.id.get(),
        slug: AsText<name::Slug> = AsText(tenant.slug),
        name: String = tenant.name,
        /// Time at which the tenant was created. Absent from backups of older versions.
        #[serde(skip_serializing_if = "Option::is_none")]
        created_at: Option<Instant> = tenant.created_at_us.map(Instant),
    }

    /// An app that was installed.
    struct ManifestApp from app: manifest::AppVersion {
        app: AsText<AppName> = AsText(app.app),
        version: Option<String> = app.version,
        /// Name of the app's last migration.
        migration: Option<String> = app.migration,
    }

    /// One store of a backup.
    struct ManifestStore from copy: manifest::StoreCopy {
        store: AsText<StoreName> = AsText(copy.store),
        /// Isolation of the rows: `pooled`, `schema` or `database`.
        isolation: AsText<Isolation> = AsText(copy.isolation),
        /// Database software of the rows: `sqlite` or `postgres`.
        engine: AsText<EngineKind> = AsText(copy.engine),
        /// Generation of the store's placement.
        generation: u64 = copy.generation,
        /// Fingerprint of the store's migrations.
        schema: String = copy.schema,
        /// Number of rows of all models.
        rows: u64 = copy.rows,
        tables: Vec<ManifestTable> = copy.tables.into_iter().map(ManifestTable::from).collect(),
        /// Length and hash of the SQLite file.
        raw: Stored = copy.raw.into(),
        /// Name of the object within the backup.
        object: String = copy.object,
        /// Length and hash of the object.
        stored: Stored = copy.stored.into(),
    }

    /// Number of rows of one model, and the checksum of their contents.
    struct ManifestTable from table: manifest::TableSum {
        model: AsText<ModelName> = AsText(table.model),
        rows: u64 = table.rows,
        blake3: String = table.blake3,
    }

    /// All files of a tenant as one archive.
    struct ManifestFiles from copy: manifest::FilesCopy {
        /// Number of files.
        files: u64 = copy.files,
        /// Total length of the files in bytes.
        bytes: u64 = copy.bytes,
        /// Name of the object within the backup.
        object: String = copy.object,
        /// Length and hash of the object.
        stored: Stored = copy.stored.into(),
    }

    /// Length and hash of stored bytes.
    struct Stored from stored: stream::Stored {
        bytes: u64 = stored.bytes,
        blake3: String = stored.blake3,
    }
}
