//! Models as data: the structure of a table or collection, and the roles that may access it. Parsed from
//! `models/*.toml`.

mod automatic;
mod check;
pub mod custom;
pub mod default;
pub(crate) mod field;
pub(crate) mod indexes;
mod load;
mod overrides;
pub(crate) mod parse;
pub(crate) mod problem;
pub(crate) mod reader;
mod reads;
mod workflow;

pub use load::{Source, load};
pub use problem::Problem;
pub use reads::Reads;
pub use workflow::{Barred, COMMENT_CHARS, Transition, Workflow};

use crate::name::{AppName, FieldName, ModelName, RoleName, StoreName};
use serde::{Deserialize, Serialize};

/// One model. Every model also has the implicit columns `id`, `created_at`, `updated_at` and
/// `version` (1 on insert, +1 on every update; the ETag of a record).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// The app that declares it.
    pub app: AppName,
    /// Name of the model, which is also the table or collection name and the URL segment.
    pub name: ModelName,
    /// Plural label for users.
    pub label: String,
    /// Name of the store that holds the rows.
    pub store: StoreName,
    /// Kind of primary key.
    pub id: IdKind,
    /// Field that represents a row where other rows refer to it.
    pub display: Option<FieldName>,
    /// Fields in declaration order.
    pub fields: Vec<Field>,
    /// Composite indexes.
    pub indexes: Vec<Index>,
    /// Roles that may read, create, update and delete.
    pub permissions: Permissions,
    /// Name of the tenant column in pooled tables.
    pub tenant_field: FieldName,
    /// For shared models: the fields that a tenant may override, and where the overrides are stored.
    pub overrides: Option<Overrides>,
    /// Whether each change is recorded in the tenant's activity log.
    pub audit: bool,
    /// The table of another program that the model reads; `None` if the platform makes its table.
    #[serde(default)]
    pub reads: Option<Reads>,
    /// The states of records and the transitions between them.
    #[serde(default)]
    pub workflow: Option<Workflow>,
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

/// One field of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// Name of the field, which is also the column name.
    pub name: FieldName,
    /// Type of the field with its options.
    pub kind: FieldKind,
    /// Label for users.
    pub label: String,
    /// Whether the value must not be null.
    pub required: bool,
    /// Whether a value may occur in only one row (of one tenant).
    pub unique: bool,
    /// Whether the field has its own index.
    pub index: bool,
    /// Whether the field is part of full-text search (text only).
    pub search: bool,
    /// Whether the field contains personal data, which is blanked in staging clones.
    pub personal: bool,
    /// Value, as JSON, if the field is absent on insert. Also fills existing rows when the field is added.
    pub default: Option<serde_json::Value>,
    /// For a reference: whether it must agree with the record's other references, for example a city with the region of
    /// the same record.
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
        /// Maximum length in characters, not bytes.
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
    /// Any JSON value.
    Json,
    /// The values of the tenant's own fields, as a JSON object. A model has at most one such field, [`custom::FIELD`].
    Custom,
    /// Bytes in the object store; the row holds name, media type, size and hash.
    File {
        /// Maximum size in bytes.
        max_bytes: u64,
    },
    /// One value of a closed list.
    Choice {
        /// Allowed values.
        choices: Vec<String>,
    },
    /// Reference to a row of another model, in the same or another store.
    Ref {
        /// Name of the model that it refers to.
        to: ModelName,
        /// Effect of deleting the referenced row.
        on_delete: OnDelete,
    },
}

/// Effect that deleting the referenced row has on the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnDelete {
    /// The delete is refused.
    #[default]
    Protect,
    /// The reference becomes null. The field must not be required.
    SetNull,
}

/// A composite index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// Columns in order. Implicit columns are allowed.
    pub fields: Vec<FieldName>,
    /// Whether the combination of these columns (and the tenant) is unique.
    #[serde(default)]
    pub unique: bool,
}

/// Roles per action: `*` is every member of the tenant, `platform` is platform staff. Superusers may do every action.
/// By default, `platform` writes models of system stores.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Permissions {
    /// Grants for list, get, search and export.
    pub read: Vec<Grant>,
    /// Grants for create and import.
    pub create: Vec<Grant>,
    /// Grants for patch.
    pub update: Vec<Grant>,
    /// Grants for delete.
    pub delete: Vec<Grant>,
    /// True if no user may write records, not even a superuser, because another program owns them.
    #[serde(default)]
    pub read_only: bool,
}

/// One entry of a permission list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Grant {
    /// `*`: any member of the tenant; outside tenants, platform staff.
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
    /// Fields that a tenant may override.
    pub fields: Vec<FieldName>,
    /// Whether a tenant may add entries of its own, which only this tenant sees.
    #[serde(default)]
    pub add: bool,
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
    /// One store for the platform.
    System,
    /// One store for each tenant.
    Tenant,
}

impl Permissions {
    /// Returns the permissions of a model that declares none: every member may read; members may write tenants' rows;
    /// platform staff may write rows of a system store.
    pub fn defaults(scope: Scope) -> Self {
        let writers: Vec<Grant> = match scope {
            Scope::System => vec![Grant::Platform],
            Scope::Tenant => {
                let roles = ["owner", "admin", "member"].into_iter();
                roles.filter_map(|r| RoleName::parse(r).ok()).map(Grant::Role).collect()
            }
        };
        let (create, update) = (writers.clone(), writers.clone());
        Self { read: vec![Grant::Any], create, update, delete: writers, read_only: false }
    }
}

impl Model {
    /// Returns the declared field with this name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|f| f.name.as_str() == name)
    }

    /// Returns the fields of the full-text search, in declaration order.
    pub fn search_fields(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(|f| f.search)
    }
}

impl Model {
    /// Returns the automatic models that belong to this one.
    pub fn automatic_models(&self) -> impl Iterator<Item = Model> {
        [self.override_model(), self.custom_model(), self.trail_model()].into_iter().flatten()
    }
}

impl Index {
    /// Returns the part of the index's name that comes from its fields. It must differ between two indexes of a model,
    /// or their names would clash, as for `(a, b)` and `(a_b)`.
    pub(crate) fn stem(&self) -> String {
        self.fields.iter().map(FieldName::as_str).collect::<Vec<_>>().join("_")
    }
}

impl Field {
    /// Returns true if the field has its own index, unique or not, because it is declared or because the field is a
    /// reference.
    pub fn has_index(&self) -> bool {
        self.index || self.unique || matches!(self.kind, FieldKind::Ref { .. })
    }
}
