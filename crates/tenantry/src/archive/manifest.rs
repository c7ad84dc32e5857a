//! `manifest.json`: the description of an archive. Data only; the importer decides what to trust.

use serde::{Deserialize, Serialize};

/// Format version that this program writes, and the only one that it reads.
pub(crate) const FORMAT: u32 = 1;
/// Product name that identifies an archive as Tenantry's.
pub(crate) const PRODUCT: &str = "tenantry";

/// The whole document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this format.
    pub format: u32,
    /// `tenantry`.
    pub product: String,
    /// Version of the program that wrote it.
    pub version: String,
    /// Time of the export, RFC 3339, UTC.
    pub made_at: String,
    /// The exported tenant.
    pub tenant: TenantFacts,
    /// Apps that were installed.
    pub apps: Vec<AppFacts>,
    /// Its databases.
    pub stores: Vec<StoreFacts>,
    /// Its uploaded files.
    pub files: FilesFacts,
    /// Every other entry of the archive.
    pub entries: Vec<Entry>,
}

/// The exported tenant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TenantFacts {
    /// Id in the installation it comes from; also inside its databases.
    pub id: i64,
    /// Slug in that installation.
    pub slug: String,
    /// Display name.
    pub name: String,
    /// E-mail address.
    pub email: String,
}

/// An app.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AppFacts {
    /// Its name.
    pub name: String,
    /// Its last migration, as `store/name`. `None`: it has none.
    pub last_migration: Option<String>,
}

/// A database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoreFacts {
    /// Its store.
    pub store: String,
    /// The SQLite file in the archive.
    pub database: String,
    /// Fingerprint of its migrations.
    pub schema_version: String,
    /// Its models.
    pub models: Vec<ModelFacts>,
}

/// The rows of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelFacts {
    /// Its name, which is also the table's.
    pub model: String,
    /// Display name.
    pub label: String,
    /// Number of rows.
    pub rows: u64,
    /// Checksum of all rows, the same in every isolation.
    pub blake3: String,
    /// The CSV file in the archive.
    pub csv: String,
    /// Its columns.
    pub fields: Vec<FieldFacts>,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FieldFacts {
    /// Its name.
    pub name: String,
    /// Display name.
    pub label: String,
    /// `text`, `integer`, `decimal`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// Decimal: number of decimal places in the whole number in the SQLite file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<u32>,
    /// Reference: the model it refers to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// The uploaded files, with one line each in `files.csv`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilesFacts {
    /// Number of files.
    pub count: u64,
    /// Total size in bytes.
    pub bytes: u64,
    /// Files that records name and that were missing. Their lines have no path.
    pub missing: u64,
}

/// An entry and its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its name.
    pub path: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// Its BLAKE3 hash in hex.
    pub blake3: String,
}

impl Manifest {
    /// Returns the entry with this name.
    pub fn entry(&self, path: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.path == path)
    }
}
