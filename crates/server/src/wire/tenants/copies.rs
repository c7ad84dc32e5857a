//! Moving a tenant, and tenants made from existing data.

use crate::wire::{Email, Name, Slug};
use schemars::JsonSchema;
use serde::Serialize;
use tenantry::NewFromCopy;

requests! {
    /// A move to a server, or back.
    struct Move {
        server: Option<Name>,
        /// The store; the only one of tenants when it is absent.
        store: Option<Name>,
        /// `schema` or `database`; as it is, or as the server can, when it is absent.
        isolation: Option<Name>,
        /// Back to where the tenant was before its last move.
        #[serde(default)]
        back: bool,
        /// The database in use is lost, together with everything written since the move.
        #[serde(default)]
        lost: bool,
    }

    /// A move out of the pool, or out of schemas.
    struct Promote {
        /// The one with the fewest databases when it is absent.
        server: Option<Name>,
        /// The store; the only one of tenants when it is absent.
        store: Option<Name>,
        /// `schema` or `database`; as the configuration of the store says when it is absent.
        isolation: Option<Name>,
    }

    /// A move into the pool, or into schemas.
    struct Demote {
        /// The store; the only one of tenants when it is absent.
        store: Option<Name>,
        /// `pooled` or `schema`; `pooled` when it is absent.
        isolation: Option<Name>,
    }

    /// A store of the tenant.
    struct OfStore {
        /// The store; the only one of tenants when it is absent.
        store: Option<Name>,
    }
}

/// Retained databases that were released.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Released {
    pub(crate) released: usize,
}

requests! {
    /// A copy of a tenant as a new tenant.
    struct Clone {
        slug: Slug,
        name: Option<String>,
        email: Option<Email>,
        plan: Option<Name>,
        /// E-mail address of an existing account. The server makes it the owner.
        owner: Option<Email>,
        /// Why that user gets the rows.
        reason: Option<String>,
        /// Leaves fields with personal data empty.
        #[serde(default)]
        blank_personal: bool,
    }

    /// A backup as a new tenant.
    struct RestoreAs {
        slug: Slug,
        name: Option<String>,
        email: Option<Email>,
        plan: Option<Name>,
        /// E-mail address of an existing account. The server makes it the owner.
        owner: Option<Email>,
        /// The members of the tenant of the backup become members of the new one.
        #[serde(default)]
        members: bool,
        /// Why these users get the rows.
        reason: Option<String>,
    }

    /// Query of an import.
    struct Import {
        /// The new tenant's slug.
        slug: Slug,
        /// The new tenant's name; as exported when it is absent.
        name: Option<String>,
        /// The new tenant's address.
        email: Option<Email>,
        /// The plan; the default one when it is absent.
        plan: Option<Name>,
        /// E-mail address of an existing account. The server makes it the owner.
        owner: Option<Email>,
        /// Why that user gets the rows; for the audit log.
        reason: Option<String>,
        /// Seconds to wait for the end of the operation; without it the answer comes at once.
        #[schemars(range(min = 0, max = 300))]
        wait: Option<u64>,
    }
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
