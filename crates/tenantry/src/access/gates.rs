//! Roles against a model's permission lists. Called for every act on records, by every kind of
//! credential alike (threat 3). It never asks a database.

use tenantry_engine::{
    model::{Grant, Permissions},
    name::RoleName,
};

/// What somebody wants to do with a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    /// List, get, search, export.
    Read,
    /// Create, import.
    Create,
    /// Patch.
    Update,
    /// Delete.
    Delete,
}

impl Verb {
    /// All of them, for tables of cases.
    pub const ALL: [Self; 4] = [Self::Read, Self::Create, Self::Update, Self::Delete];

    fn grants(self, permissions: &Permissions) -> &[Grant] {
        match self {
            Self::Read => &permissions.read,
            Self::Create => &permissions.create,
            Self::Update => &permissions.update,
            Self::Delete => &permissions.delete,
        }
    }
}

/// Where somebody stands when a permission list is read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// Role in the tenant that was entered; None outside any tenant.
    pub role: Option<RoleName>,
    /// Platform staff.
    pub staff: bool,
    /// Superuser, or acting for the platform inside a tenant with a reason on record.
    pub full: bool,
}

impl Standing {
    /// Whether one of the verb's grants fits. An empty list is nobody but those of full standing.
    pub fn allows(&self, permissions: &Permissions, verb: Verb) -> bool {
        self.full
            || verb.grants(permissions).iter().any(|grant| match grant {
                Grant::Any => self.role.is_some(),
                Grant::Platform => self.staff,
                Grant::Role(role) => self.role.as_ref() == Some(role),
            })
    }
}
