//! What a tenant's own pages show and change: members, invitations, keys, usage, activity, its own SQL.

use super::{AsText, Email, Id, Instant, Limit, Name, plan::Limits};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use tenantry::{
    access::api_keys::{self, KeyInfo},
    name, users,
};

/// A member of the tenant.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Member {
    /// Id of the user.
    pub(crate) id: i64,
    pub(crate) email: Email,
    pub(crate) name: String,
    pub(crate) role: AsText<name::RoleName>,
    pub(crate) since: Instant,
}

impl From<users::members::Member> for Member {
    fn from(member: users::members::Member) -> Self {
        Self {
            id: member.user.get(),
            email: Email(member.email),
            name: member.name,
            role: AsText(member.role),
            since: Instant(member.created_at_us),
        }
    }
}

/// A new role for a member.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoleChange {
    pub(crate) role: Name,
}

/// A member after a change of role.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Membership {
    /// Id of the user.
    pub(crate) id: i64,
    pub(crate) role: AsText<name::RoleName>,
}

/// An invitation to send.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Invite {
    pub(crate) email: Email,
    pub(crate) role: Name,
}

/// An open invitation.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Invitation {
    pub(crate) id: i64,
    pub(crate) email: Email,
    pub(crate) role: AsText<name::RoleName>,
    pub(crate) created_at: Instant,
    pub(crate) expires_at: Instant,
    /// State of its newest letter: `waiting`, `sent` or `failed`.
    pub(crate) letter: String,
    /// The member who made it. Null: the operator.
    pub(crate) made_by: Option<Inviter>,
}

/// The member who made an invitation.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Inviter {
    pub(crate) id: i64,
    pub(crate) email: Email,
}

impl From<tenantry::Invitation> for Invitation {
    fn from(made: tenantry::Invitation) -> Self {
        Self {
            id: made.id,
            email: Email(made.email),
            role: AsText(made.role),
            created_at: Instant(made.created_at_us),
            expires_at: Instant(made.expires_at_us),
            letter: made.letter,
            made_by: made.made_by.map(|by| Inviter { id: by.id.get(), email: Email(by.email) }),
        }
    }
}

/// An API key to make.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MakeKey {
    /// Its purpose.
    pub(crate) name: String,
    pub(crate) role: Name,
    /// Never when it is absent.
    pub(crate) expires_at: Option<Instant>,
}

/// An API key.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Key {
    pub(crate) id: i64,
    /// Its purpose.
    pub(crate) name: String,
    /// First characters of the key.
    pub(crate) prefix: String,
    pub(crate) role: String,
    /// The member who made it. Null: the operator.
    pub(crate) made_by: Option<Maker>,
    pub(crate) created_at: Instant,
    /// Null: never.
    pub(crate) expires_at: Option<Instant>,
    /// Null: never used.
    pub(crate) last_seen_at: Option<Instant>,
}

/// The member who made a key.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Maker {
    pub(crate) id: i64,
    pub(crate) email: Email,
    /// Their present role, which limits the key. Null: they left, and the key works no longer.
    pub(crate) role: Option<String>,
}

impl From<KeyInfo> for Key {
    fn from(key: KeyInfo) -> Self {
        let maker = |by: api_keys::Maker| Maker { id: by.id.get(), email: Email(by.email), role: by.role };
        Self {
            id: key.id,
            name: key.name,
            prefix: key.prefix,
            role: key.role,
            made_by: key.made_by.map(maker),
            created_at: Instant(key.created_us),
            expires_at: key.expires_us.map(Instant),
            last_seen_at: key.seen_us.map(Instant),
        }
    }
}

/// A new API key.
#[derive(Serialize, JsonSchema)]
pub(crate) struct NewKey {
    #[serde(flatten)]
    pub(crate) made: Key,
    /// The key. It is shown only once.
    pub(crate) key: String,
}

/// What the tenant holds.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Usage {
    /// By name of the store.
    pub(crate) stores: BTreeMap<String, Held>,
    pub(crate) limits: Limits,
}

/// What one store holds.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Held {
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
}

impl From<tenantry::tenants::Held> for Held {
    fn from(tenantry::tenants::Held { rows, bytes }: tenantry::tenants::Held) -> Self {
        Self { rows, bytes }
    }
}

/// Query of the activity log.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ActivityQuery {
    /// The store; `tenant` when it is absent.
    pub(crate) store: Option<Name>,
    /// Only entries before the one with this id.
    pub(crate) before: Option<Id>,
    #[serde(default)]
    pub(crate) limit: Limit,
}

/// A change of a record.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Activity {
    pub(crate) id: i64,
    #[schemars(with = "Instant")]
    pub(crate) at: String,
    pub(crate) actor: String,
    /// Staff account that impersonated the actor.
    pub(crate) impersonator: Option<String>,
    /// `create`, `update` or `delete`.
    pub(crate) action: String,
    pub(crate) model: String,
    /// Key of the record.
    pub(crate) record: String,
    /// What changed.
    pub(crate) detail: Option<Value>,
}

impl From<tenantry::Activity> for Activity {
    fn from(line: tenantry::Activity) -> Self {
        let tenantry::Activity { id, at, actor, impersonator, action, model, record, detail } = line;
        Self { id, at, actor, impersonator, action, model, record, detail }
    }
}

/// A read-only statement.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sql {
    pub(crate) sql: String,
    /// Values of its parameters: an array, or an object by name.
    #[serde(default)]
    #[schemars(extend("type" = ["array", "object", "null"]))]
    pub(crate) params: Value,
    /// The store; `tenant` when it is absent.
    pub(crate) store: Option<Name>,
}

/// Rows of a statement, as they are stored. A decimal of scale 2 is stored as hundredths: 13000 is 130.00, so divide sums
/// by 10 to the power of the scale. Booleans are 0 and 1; dates and instants are text.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SqlRows {
    pub(crate) columns: Vec<String>,
    /// One array of values for each row.
    pub(crate) rows: Vec<Vec<Value>>,
    /// Rows were cut off at a limit.
    pub(crate) truncated: bool,
}

impl From<tenantry::SqlRows> for SqlRows {
    fn from(tenantry::SqlRows { columns, rows, truncated }: tenantry::SqlRows) -> Self {
        Self { columns, rows, truncated }
    }
}
