//! `manifest.json`: what an archive says of itself. Data only; what is believed is the importer's matter.

use serde::{Deserialize, Serialize};

/// Version of the format that this program writes, and the only one it reads.
pub(crate) const FORMAT: u32 = 1;
/// What makes a zip one of ours.
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
    /// When, RFC 3339, UTC.
    pub made_at: String,
    /// Whose it is.
    pub tenant: TenantFacts,
    /// Apps that were installed.
    pub apps: Vec<AppFacts>,
    /// Its databases.
    pub stores: Vec<StoreFacts>,
    /// Its files.
    pub files: FilesFacts,
    /// Every other entry of the archive.
    pub entries: Vec<Entry>,
}

/// Whose archive it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TenantFacts {
    /// Id in the installation it comes from; also inside its databases.
    pub id: i64,
    /// Slug there.
    pub slug: String,
    /// Name for people.
    pub name: String,
    /// E-mail address.
    pub email: String,
}

/// An app.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AppFacts {
    /// Its name.
    pub name: String,
    /// The last of its migrations, `store/name`; none: it has none.
    pub last_migration: Option<String>,
}

/// A database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoreFacts {
    /// Its store.
    pub store: String,
    /// The SQLite file in the archive.
    pub database: String,
    /// Fingerprint of the migrations it has.
    pub schema_version: String,
    /// What it holds.
    pub models: Vec<ModelFacts>,
}

/// The rows of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelFacts {
    /// Its name, also the table's.
    pub model: String,
    /// Name for people.
    pub label: String,
    /// How many.
    pub rows: u64,
    /// Checksum of all of them, the same in every isolation.
    pub blake3: String,
    /// The CSV file in the archive.
    pub csv: String,
    /// What the columns mean.
    pub fields: Vec<FieldFacts>,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FieldFacts {
    /// Its name.
    pub name: String,
    /// Name for people.
    pub label: String,
    /// `text`, `integer`, `decimal`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// Decimal: how many decimals the whole number in the SQLite file has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<u32>,
    /// Reference: the model it refers to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// The uploaded files, one line each in `files.csv`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilesFacts {
    /// How many.
    pub count: u64,
    /// Bytes of all of them.
    pub bytes: u64,
    /// Files that records name and that were not there; their lines have no path.
    pub missing: u64,
}

/// An entry and what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its name.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// Its BLAKE3 hash, hex.
    pub blake3: String,
}

impl Manifest {
    /// The entry of that name.
    pub fn entry(&self, path: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.path == path)
    }
}
