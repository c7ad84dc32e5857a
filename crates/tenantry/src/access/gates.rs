//! Compares roles with a model's permission lists. Called for every action on records, for every kind of credential in
//! the same way (`uneven-credentials`). It never queries a database.

use super::actor::Actor;
use crate::{Error, Result};
use tenantry_engine::model::{Grant, Permissions};

/// An action on a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Covers listing, getting, searching and exporting records.
    Read,
    /// Covers creating and importing records.
    Create,
    /// Covers patching records.
    Update,
    /// Covers deleting records.
    Delete,
}

impl Verb {
    /// All verbs, for tables of test cases.
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

/// Returns true if one of the verb's grants applies to the actor. An empty list allows superusers only, and no user
/// writes records that another program owns. Staff may do outside tenants, where only shared models exist, what every
/// member may do; inside a tenant they need a role.
pub fn allows(actor: &Actor, permissions: &Permissions, verb: Verb) -> bool {
    if permissions.read_only && verb != Verb::Read {
        return false;
    }
    holds(actor, verb.grants(permissions))
}

/// Returns true if one of the grants applies to the actor.
pub(crate) fn holds(actor: &Actor, grants: &[Grant]) -> bool {
    actor.is_superuser()
        || grants.iter().any(|grant| match grant {
            Grant::Any => actor.role().is_some() || actor.is_staff(),
            Grant::Platform => actor.is_staff(),
            Grant::Role(role) => actor.role() == Some(role),
        })
}

/// Refuses an actor that [`allows`] does not allow. An actor who may not even read gets the same error as if nothing
/// existed (`absent-not-forbidden`).
///
/// # Errors
/// Returns [`Error::NotFound`] without the right to read, otherwise [`Error::Denied`].
pub fn require(actor: &Actor, permissions: &Permissions, verb: Verb) -> Result<()> {
    if allows(actor, permissions, verb) {
        return Ok(());
    }
    match allows(actor, permissions, Verb::Read) {
        true => Err(Error::Denied(format!("{actor:?} may not {verb:?}"))),
        false => Err(Error::NotFound("record")),
    }
}
