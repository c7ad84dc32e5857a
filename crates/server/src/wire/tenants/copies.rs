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

/// What a move would do: its dry run.
#[derive(Serialize, JsonSchema)]
pub(crate) struct MoveOutlook {
    /// Nothing is in the way.
    pub(crate) is_clear: bool,
    /// The stores that would move.
    pub(crate) stores: Vec<StoreOutlook>,
    /// Bytes of the tenant's uploaded files, which stay where they are. Null: they cannot be counted now.
    pub(crate) file_bytes: Option<u64>,
    /// What is in the way, whatever the store.
    pub(crate) obstacles: Vec<Obstacle>,
}

/// What a move would do with one store.
#[derive(Serialize, JsonSchema)]
pub(crate) struct StoreOutlook {
    /// Where the rows are.
    pub(crate) from: Place,
    /// The server that they would go to.
    pub(crate) server: AsText<ServerName>,
    /// `pooled`, `schema` or `database`: how they would be separated there.
    pub(crate) isolation: AsText<Isolation>,
    /// Null: the place cannot be read.
    pub(crate) rows: Option<u64>,
    /// Bytes on disk now; of a pooled tenant, those of its values. Null: the place cannot be read.
    pub(crate) bytes: Option<u64>,
    /// Retained rows of the tenant in the same pool, which would be replaced.
    pub(crate) replaces: Vec<Place>,
    /// What is in the way.
    pub(crate) obstacles: Vec<Obstacle>,
}

/// What the move would answer.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Obstacle {
    /// Kind of the problem, for programs.
    pub(crate) code: &'static str,
    /// What is wrong, for people.
    pub(crate) detail: String,
    /// What to do about it.
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
