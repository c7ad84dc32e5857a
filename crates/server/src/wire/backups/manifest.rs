//! The manifest of a backup.

use crate::wire::{AsText, Instant};
use tenantry::{
    backups::{BackupId, manifest, stream},
    name::{self, AppName, ModelName, StoreName},
    place::{EngineKind, Isolation},
};

answers! {
    /// A backup's description of itself.
    struct Manifest from manifest: manifest::Manifest {
        /// Version of the format.
        format: u32 = manifest.format,
        id: AsText<BackupId> = AsText(manifest.id),
        /// Installation that made it.
        platform: String = manifest.platform,
        /// Null: the platform's own stores.
        tenant: Option<ManifestTenant> = manifest.tenant.map(ManifestTenant::from),
        /// Instant of the data in it.
        at: Instant = Instant(manifest.at.as_microsecond()),
        /// The account, key or program that requested the backup.
        by: String = manifest.by,
        reason: AsText<manifest::Reason> = AsText(manifest.reason),
        schedule: Option<String> = manifest.schedule,
        /// Compression level of zstd.
        compression: i32 = manifest.compression,
        apps: Vec<ManifestApp> = manifest.apps.into_iter().map(ManifestApp::from).collect(),
        stores: Vec<ManifestStore> = manifest.stores.into_iter().map(ManifestStore::from).collect(),
        /// Null: there were none.
        files: Option<ManifestFiles> = manifest.files.map(ManifestFiles::from),
    }

    /// The tenant at the time of the backup.
    struct ManifestTenant from tenant: manifest::Whose {
        id: i64 = tenant.id.get(),
        slug: AsText<name::Slug> = AsText(tenant.slug),
        name: String = tenant.name,
        /// Absent from backups of older versions.
        #[serde(skip_serializing_if = "Option::is_none")]
        created_at: Option<Instant> = tenant.created_at_us.map(Instant),
    }

    /// An app that was installed.
    struct ManifestApp from app: manifest::AppVersion {
        app: AsText<AppName> = AsText(app.app),
        version: Option<String> = app.version,
        /// Its last migration.
        migration: Option<String> = app.migration,
    }

    /// One store of a backup.
    struct ManifestStore from copy: manifest::StoreCopy {
        store: AsText<StoreName> = AsText(copy.store),
        /// `pooled`, `schema` or `database`.
        isolation: AsText<Isolation> = AsText(copy.isolation),
        /// Database software of the rows: `sqlite` or `postgres`.
        engine: AsText<EngineKind> = AsText(copy.engine),
        /// Generation of its placement.
        generation: u64 = copy.generation,
        /// Fingerprint of its migrations.
        schema: String = copy.schema,
        /// Rows of all models.
        rows: u64 = copy.rows,
        tables: Vec<ManifestTable> = copy.tables.into_iter().map(ManifestTable::from).collect(),
        /// Length and hash of the SQLite file.
        raw: Stored = copy.raw.into(),
        /// Name of the object within the backup.
        object: String = copy.object,
        /// Length and hash of the object.
        stored: Stored = copy.stored.into(),
    }

    /// Rows of one model, and the checksum of their content.
    struct ManifestTable from table: manifest::TableSum {
        model: AsText<ModelName> = AsText(table.model),
        rows: u64 = table.rows,
        blake3: String = table.blake3,
    }

    /// All files of a tenant as one archive.
    struct ManifestFiles from copy: manifest::FilesCopy {
        /// Number of files.
        files: u64 = copy.files,
        /// Their total length.
        bytes: u64 = copy.bytes,
        /// Name of the object within the backup.
        object: String = copy.object,
        /// Length and hash of the object.
        stored: Stored = copy.stored.into(),
    }

    /// Length and hash.
    struct Stored from stored: stream::Stored {
        bytes: u64 = stored.bytes,
        blake3: String = stored.blake3,
    }
}
