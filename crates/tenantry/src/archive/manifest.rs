//! `manifest.json`: the description of an archive. It contains only data; the importer decides what to trust.

use serde::{Deserialize, Serialize};

/// Version of the format that this program writes, and the only one that it reads.
pub(crate) const FORMAT: u32 = 1;
/// Product name that identifies an archive as Tenantry's.
pub(crate) const PRODUCT: &str = "tenantry";

/// The whole manifest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the format.
    pub format: u32,
    /// Name of the product, always `tenantry`.
    pub product: String,
    /// Version of the program that wrote the archive.
    pub version: String,
    /// Time of the export, RFC 3339, UTC.
    pub made_at: String,
    /// The exported tenant.
    pub tenant: TenantFacts,
    /// Apps that were installed at the time of the export.
    pub apps: Vec<AppFacts>,
    /// Databases of the tenant.
    pub stores: Vec<StoreFacts>,
    /// Uploaded files of the tenant.
    pub files: FilesFacts,
    /// Every entry of the archive that `files.csv` does not list.
    pub entries: Vec<Entry>,
}

/// The exported tenant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TenantFacts {
    /// Id of the tenant in the exporting installation. The databases contain the same id.
    pub id: i64,
    /// Slug of the tenant in the exporting installation.
    pub slug: String,
    /// Display name of the tenant.
    pub name: String,
    /// E-mail address of the tenant.
    pub email: String,
}

/// An installed app.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AppFacts {
    /// Name of the app.
    pub name: String,
    /// Last migration of the app, as `store/name`; `None` if it has none.
    pub last_migration: Option<String>,
}

/// A database of the tenant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoreFacts {
    /// Name of the store.
    pub store: String,
    /// Name of the SQLite file in the archive.
    pub database: String,
    /// Fingerprint of the store's migrations.
    pub schema_version: String,
    /// Models of the store.
    pub models: Vec<ModelFacts>,
}

/// The rows of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelFacts {
    /// Name of the model, which is also the name of its table.
    pub model: String,
    /// Display name of the model.
    pub label: String,
    /// Number of rows of the model.
    pub rows: u64,
    /// Checksum of all rows. It does not depend on the isolation.
    pub blake3: String,
    /// Name of the CSV file in the archive.
    pub csv: String,
    /// Columns of the model.
    pub fields: Vec<FieldFacts>,
}

/// A column of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FieldFacts {
    /// Name of the field.
    pub name: String,
    /// Display name of the field.
    pub label: String,
    /// Kind of the field: `text`, `integer`, `decimal`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// For a decimal: number of decimal places in the integer that the SQLite file stores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<u32>,
    /// For a reference: name of the model to which it refers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// The uploaded files, each with a line in `files.csv`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilesFacts {
    /// Number of files.
    pub count: u64,
    /// Total size in bytes.
    pub bytes: u64,
    /// Number of files that records name but that were missing. Their lines have no path.
    pub missing: u64,
}

/// An entry of the archive, with its length and hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Name of the entry.
    pub path: String,
    /// Length of the entry in bytes.
    pub bytes: u64,
    /// BLAKE3 hash of the entry, in hex.
    pub blake3: String,
}

impl Manifest {
    /// Returns the entry with this name.
    pub fn entry(&self, path: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.path == path)
    }
}
