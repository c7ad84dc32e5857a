//! Moving a tenant, and tenants made from existing data.

use super::{Email, Name, Slug};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tenantry::NewFromCopy;

/// A move to a server, or back.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Move {
    pub(crate) server: Option<Name>,
    /// The store; the only one of tenants when it is absent.
    pub(crate) store: Option<Name>,
    /// Back to where the tenant was before its last move.
    #[serde(default)]
    pub(crate) back: bool,
    /// The database in use is lost, together with everything written since the move.
    #[serde(default)]
    pub(crate) lost: bool,
}

/// A move out of the pool.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Promote {
    /// The server of the pool when it is absent.
    pub(crate) server: Option<Name>,
    /// The store; the only one of tenants when it is absent.
    pub(crate) store: Option<Name>,
}

/// A store of the tenant.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OfStore {
    /// The store; the only one of tenants when it is absent.
    pub(crate) store: Option<Name>,
}

/// Retained databases that were released.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Released {
    pub(crate) released: usize,
}

/// A copy of a tenant as a new tenant.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Clone {
    pub(crate) slug: Slug,
    pub(crate) name: Option<String>,
    pub(crate) email: Option<Email>,
    pub(crate) plan: Option<Name>,
    /// E-mail address of an existing account. The server makes it the owner.
    pub(crate) owner: Option<Email>,
    /// Why that user gets the rows.
    pub(crate) reason: Option<String>,
    /// Leaves fields with personal data empty.
    #[serde(default)]
    pub(crate) blank_personal: bool,
}

/// A backup as a new tenant.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RestoreAs {
    pub(crate) slug: Slug,
    pub(crate) name: Option<String>,
    pub(crate) email: Option<Email>,
    pub(crate) plan: Option<Name>,
    /// E-mail address of an existing account. The server makes it the owner.
    pub(crate) owner: Option<Email>,
    /// The members of the tenant of the backup become members of the new one.
    #[serde(default)]
    pub(crate) members: bool,
    /// Why these users get the rows.
    pub(crate) reason: Option<String>,
}

/// Query of an import.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Import {
    /// The new tenant's slug.
    pub(crate) slug: Slug,
    /// The new tenant's name; as exported when it is absent.
    pub(crate) name: Option<String>,
    /// The new tenant's address.
    pub(crate) email: Option<Email>,
    /// The plan; the default one when it is absent.
    pub(crate) plan: Option<Name>,
    /// E-mail address of an existing account. The server makes it the owner.
    pub(crate) owner: Option<Email>,
    /// Why that user gets the rows; for the audit log.
    pub(crate) reason: Option<String>,
    /// Seconds to wait for the end of the operation; without it the answer comes at once.
    #[schemars(range(min = 0, max = 300))]
    pub(crate) wait: Option<u64>,
}

/// Converts the options that all new tenants have in common.
macro_rules! new_from_copy {
    ($($from:ident)*) => {$(
        impl From<$from> for NewFromCopy {
            fn from(from: $from) -> Self {
                Self {
                    slug: from.slug.into(),
                    name: from.name,
                    email: from.email.map(Into::into),
                    plan: from.plan.map(Into::into),
                    owner: None,
                    member: from.owner.map(Into::into),
                    reason: from.reason,
                }
            }
        }
    )*};
}

new_from_copy!(Clone RestoreAs Import);
