//! Models as data: what a table or collection is, and which roles may access it. Parsed from `models/*.toml`.

mod check;
pub mod default;
pub(crate) mod field;
pub(crate) mod indexes;
mod load;
mod overrides;
pub(crate) mod parse;
pub(crate) mod problem;
pub(crate) mod reader;

pub use load::{Source, load};
pub use problem::Problem;

use crate::name::{AppName, FieldName, ModelName, RoleName, StoreName};
use serde::{Deserialize, Serialize};

/// One model. Every model also has the implicit columns `id`, `created_at`, `updated_at` and
/// `version` (1 on insert, +1 on every update; the ETag of a record).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// The app that declares it.
    pub app: AppName,
    /// Name, also the table or collection name and the URL segment.
    pub name: ModelName,
    /// Label for users, plural.
    pub label: String,
    /// The store of its rows.
    pub store: StoreName,
    /// Kind of primary key.
    pub id: IdKind,
    /// Field that is shown where other rows refer to a row.
    pub display: Option<FieldName>,
    /// Fields in declaration order.
    pub fields: Vec<Field>,
    /// Composite indexes.
    pub indexes: Vec<Index>,
    /// Which roles may do what.
    pub permissions: Permissions,
    /// Name of the tenant column in pooled tables.
    pub tenant_field: FieldName,
    /// For shared models: the fields that a tenant may override for itself, and where the overrides are stored.
    pub overrides: Option<Overrides>,
    /// Log each change in the tenant's activity log.
    pub audit: bool,
}

/// Kind of primary key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdKind {
    /// Integers that are unique within a tenant and never reused.
    #[default]
    Integer,
    /// UUID version 7.
    Uuid,
}

/// One field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// Name, also the column name.
    pub name: FieldName,
    /// Type and its options.
    pub kind: FieldKind,
    /// Label for users.
    pub label: String,
    /// Must not be null.
    pub required: bool,
    /// No two rows (of one tenant) have the same value.
    pub unique: bool,
    /// Has its own index.
    pub index: bool,
    /// Part of full-text search (text only).
    pub search: bool,
    /// Personal data: blanked in staging clones.
    pub personal: bool,
    /// Value if absent on insert, as JSON; also fills existing rows when the field is added.
    pub default: Option<serde_json::Value>,
    /// For a reference: it must agree with the record's other references, for example a city with the region of the
    /// same record.
    #[serde(default = "consistent")]
    pub consistent: bool,
}

fn consistent() -> bool {
    true
}

/// Type of a field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FieldKind {
    /// UTF-8 text.
    Text {
        /// In characters, not bytes.
        max_length: Option<u32>,
    },
    /// 64-bit integer.
    Integer {
        /// Smallest allowed value.
        min: Option<i64>,
        /// Largest allowed value.
        max: Option<i64>,
    },
    /// Exact decimal of at most 18 digits.
    Decimal {
        /// Number of decimals, 0 to 9.
        scale: u32,
    },
    /// True or false.
    Boolean,
    /// Calendar date.
    Date,
    /// Instant in UTC.
    Datetime,
    /// Any JSON.
    Json,
    /// Bytes in the object store; the row holds name, media type, size and hash.
    File {
        /// Largest accepted size in bytes.
        max_bytes: u64,
    },
    /// One of a closed list.
    Choice {
        /// Allowed values.
        choices: Vec<String>,
    },
    /// Reference to a row of another model, in the same or another store.
    Ref {
        /// The model it refers to.
        to: ModelName,
        /// What happens when the referenced row is deleted.
        on_delete: OnDelete,
    },
}

/// What deleting the referenced row does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnDelete {
    /// Refuse the delete.
    #[default]
    Protect,
    /// Set the reference to null (field must not be required).
    SetNull,
}

/// A composite index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// Columns in order; implicit columns are allowed.
    pub fields: Vec<FieldName>,
    /// Unique over (tenant and) these columns.
    #[serde(default)]
    pub unique: bool,
}

/// Roles per action; `*` is every member of the tenant, `platform` is platform staff. Superusers may always act. By
/// default, `platform` writes models of system stores.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Permissions {
    /// List, get, search, export.
    pub read: Vec<Grant>,
    /// Create, import.
    pub create: Vec<Grant>,
    /// Patch.
    pub update: Vec<Grant>,
    /// Delete.
    pub delete: Vec<Grant>,
}

/// One entry of a permission list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Grant {
    /// `*`: any member.
    Any,
    /// `platform`: platform staff.
    Platform,
    /// A named role.
    Role(RoleName),
}

/// Per-tenant overrides of a shared model, stored in an automatic model `{model}_overrides` of `store`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overrides {
    /// The tenant store that holds the override rows.
    pub store: StoreName,
    /// Fields that may be overridden.
    pub fields: Vec<FieldName>,
}

impl std::str::FromStr for Grant {
    type Err = crate::name::NameError;
    fn from_str(value: &str) -> Result<Self, Self::Err> {
        match value {
            "*" => Ok(Self::Any),
            "platform" => Ok(Self::Platform),
            role => RoleName::parse(role).map(Self::Role),
        }
    }
}

impl TryFrom<String> for Grant {
    type Error = crate::name::NameError;
    fn try_from(value: String) -> Result<Self, Self::Error> {
        value.parse()
    }
}

impl From<Grant> for String {
    fn from(value: Grant) -> Self {
        match value {
            Grant::Any => "*".into(),
            Grant::Platform => "platform".into(),
            Grant::Role(role) => role.into(),
        }
    }
}

/// Whether a store exists once or once per tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// One for the platform.
    System,
    /// One for each tenant.
    Tenant,
}

impl Permissions {
    /// Returns the permissions of a model that does not declare any: every member reads; members write tenants' rows,
    /// platform staff write rows of a system store.
    pub fn defaults(scope: Scope) -> Self {
        let writers: Vec<Grant> = match scope {
            Scope::System => vec![Grant::Platform],
            Scope::Tenant => {
                let roles = ["owner", "admin", "member"].into_iter();
                roles.filter_map(|r| RoleName::parse(r).ok()).map(Grant::Role).collect()
            }
        };
        Self { read: vec![Grant::Any], create: writers.clone(), update: writers.clone(), delete: writers }
    }
}

impl Model {
    /// Returns the declared field of that name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|f| f.name.as_str() == name)
    }

    /// Returns the fields in the full-text search, in declaration order.
    pub fn search_fields(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(|f| f.search)
    }
}

impl Index {
    /// Returns the part of its name that comes from its fields. Two indexes of a model must differ in it, or their
    /// names would clash, as for `(a, b)` and `(a_b)`.
    pub(crate) fn stem(&self) -> String {
        self.fields.iter().map(FieldName::as_str).collect::<Vec<_>>().join("_")
    }
}

impl Field {
    /// Returns true if it has its own index, unique or not: because it is declared, or because it is a reference.
    pub fn has_index(&self) -> bool {
        self.index || self.unique || matches!(self.kind, FieldKind::Ref { .. })
    }
}
