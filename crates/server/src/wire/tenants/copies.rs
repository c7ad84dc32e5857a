//! Bodies and queries for moving a tenant, and for creating tenants from existing data.

use crate::wire::{AsText, Email, Name, Slug, tenant::Place};
use schemars::JsonSchema;
use serde::Serialize;
use tenantry::{NewFromCopy, name::ServerName, place::Isolation};

requests! {
    /// A move to a server, or back.
    struct Move {
        server: Option<Name>,
        /// Name of the store; all stores of the tenant if absent.
        store: Option<Name>,
        /// Isolation at the target: `schema` or `database`. If absent, it stays as it is, or becomes what the server
        /// supports.
        isolation: Option<Name>,
        /// True to move back to the place before the tenant's last move.
        #[serde(default)]
        back: bool,
        /// True to move to servers that fit the tenant's plan.
        #[serde(default)]
        fit: bool,
        /// True to declare that the database in use is lost, together with everything written since the move.
        #[serde(default)]
        lost: bool,
    }

    /// A move out of the pool, or out of schemas.
    struct Promote {
        /// Target server; the one with the fewest databases if absent.
        server: Option<Name>,
        /// Name of the store; all stores of the tenant if absent.
        store: Option<Name>,
        /// Isolation at the target: `schema` or `database`; as configured for the store if absent.
        isolation: Option<Name>,
    }

    /// A move into the pool, or into schemas.
    struct Demote {
        /// Name of the store; all stores of the tenant if absent.
        store: Option<Name>,
        /// Isolation at the target: `pooled` or `schema`; `pooled` if absent.
        isolation: Option<Name>,
    }

    /// A store of the tenant, or all its stores.
    struct OfStore {
        /// Name of the store; all stores of the tenant if absent.
        store: Option<Name>,
    }
}

/// Result of the dry run of a move.
#[derive(Serialize, JsonSchema)]
pub(crate) struct MoveOutlook {
    /// True if nothing prevents the move.
    pub(crate) is_clear: bool,
    /// The stores that would move.
    pub(crate) stores: Vec<StoreOutlook>,
    /// Bytes of the tenant's uploaded files, which do not move. Null if they cannot be counted now.
    pub(crate) file_bytes: Option<u64>,
    /// Reasons that prevent the move and concern no single store.
    pub(crate) obstacles: Vec<Obstacle>,
}

/// Effect of a move on one store.
#[derive(Serialize, JsonSchema)]
pub(crate) struct StoreOutlook {
    /// Current place of the rows.
    pub(crate) from: Place,
    /// Server to which the rows would move.
    pub(crate) server: AsText<ServerName>,
    /// Isolation of the rows on that server: `pooled`, `schema` or `database`.
    pub(crate) isolation: AsText<Isolation>,
    /// Number of rows. Null if the place cannot be read.
    pub(crate) rows: Option<u64>,
    /// Current size on disk in bytes; for a pooled tenant, the bytes of its values. Null if the place cannot be read.
    pub(crate) bytes: Option<u64>,
    /// Places of the tenant's retained rows in the same pool, which the move would replace.
    pub(crate) replaces: Vec<Place>,
    /// Reasons that prevent the move and concern this store.
    pub(crate) obstacles: Vec<Obstacle>,
}

/// The problem with which the move itself would be refused.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Obstacle {
    /// Kind of the problem, for programs.
    pub(crate) code: &'static str,
    /// Description of the problem, for people.
    pub(crate) detail: String,
    /// Action that solves the problem.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) remedy: Option<String>,
}

/// Number of retained databases that were released.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Released {
    pub(crate) released: usize,
}

requests! {
    /// Request to copy a tenant as a new tenant.
    struct Clone {
        slug: Slug,
        name: Option<String>,
        email: Option<Email>,
        plan: Option<Name>,
        /// E-mail address of an existing account, which becomes the owner.
        owner: Option<Email>,
        /// Reason why that user gets the rows, for the audit log.
        reason: Option<String>,
        /// True to leave fields with personal data empty.
        #[serde(default)]
        blank_personal: bool,
    }

    /// Request to restore a backup as a new tenant.
    struct RestoreAs {
        slug: Slug,
        name: Option<String>,
        email: Option<Email>,
        plan: Option<Name>,
        /// E-mail address of an existing account, which becomes the owner.
        owner: Option<Email>,
        /// True to make the members of the backup's tenant members of the new tenant.
        #[serde(default)]
        members: bool,
        /// Reason why these users get the rows, for the audit log.
        reason: Option<String>,
    }

    /// Query of an import.
    struct Import {
        /// Slug of the new tenant.
        slug: Slug,
        /// Name of the new tenant; the exported name if absent.
        name: Option<String>,
        /// E-mail address of the new tenant.
        email: Option<Email>,
        /// Code of the plan; the default plan if absent.
        plan: Option<Name>,
        /// E-mail address of an existing account, which becomes the owner.
        owner: Option<Email>,
        /// Reason why that user gets the rows, for the audit log.
        reason: Option<String>,
        /// Number of seconds to wait for the end of the operation. If absent, the answer comes at once.
        #[schemars(range(min = 0, max = 300))]
        wait: Option<u64>,
    }
}

/// Converts the options that all requests for new tenants have in common.
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
