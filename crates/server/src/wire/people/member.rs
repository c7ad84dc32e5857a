//! Bodies and answers of a tenant's own pages: members, invitations, keys, usage, activity, its own SQL.

use crate::wire::{AsText, Email, Id, Instant, Limit, Name, plan::Limits};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use tenantry::{
    access::api_keys::{self, KeyInfo},
    name, users,
};

answers! {
    /// A member of the tenant.
    struct Member from member: users::Member {
        /// Id of the user.
        id: i64 = member.user.get(),
        email: Email = Email(member.email),
        name: String = member.name,
        role: AsText<name::RoleName> = AsText(member.role),
        since: Instant = Instant(member.created_at_us),
    }
}

requests! {
    /// A new role for a member.
    struct RoleChange {
        role: Name,
    }
}

/// A member after a change of role.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Membership {
    /// Id of the user.
    pub(crate) id: i64,
    pub(crate) role: AsText<name::RoleName>,
}

requests! {
    /// An invitation to send.
    struct Invite {
        email: Email,
        role: Name,
    }
}

answers! {
    /// An open invitation.
    struct Invitation from made: tenantry::Invitation {
        id: i64 = made.id,
        email: Email = Email(made.email),
        role: AsText<name::RoleName> = AsText(made.role),
        created_at: Instant = Instant(made.created_at_us),
        expires_at: Instant = Instant(made.expires_at_us),
        /// State of the newest letter of the invitation: `waiting`, `sent` or `failed`.
        letter: String = made.letter,
        /// The member who created the invitation; null if an operator did.
        made_by: Option<Inviter> = made.made_by.map(|by| Inviter { id: by.id.get(), email: Email(by.email) }),
    }
}

/// The member who created an invitation.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Inviter {
    pub(crate) id: i64,
    pub(crate) email: Email,
}

requests! {
    /// An API key to create.
    struct MakeKey {
        /// Name that states the purpose of the key.
        name: String,
        role: Name,
        /// Expiry of the key; it never expires if absent.
        expires_at: Option<Instant>,
    }
}

answers! {
    /// An API key.
    struct Key from key: KeyInfo {
        id: i64 = key.id,
        /// Name that states the purpose of the key.
        name: String = key.name,
        /// First characters of the key.
        prefix: String = key.prefix,
        role: String = key.role,
        /// The member who created the key; null if an operator did.
        made_by: Option<Maker> = key.made_by.map(Maker::from),
        created_at: Instant = Instant(key.created_us),
        /// Expiry of the key; null if it never expires.
        expires_at: Option<Instant> = key.expires_us.map(Instant),
        /// Time of the last use; null if the key was never used.
        last_seen_at: Option<Instant> = key.seen_us.map(Instant),
    }

    /// The member who created a key.
    struct Maker from maker: api_keys::Maker {
        id: i64 = maker.id.get(),
        email: Email = Email(maker.email),
        /// Current role of the member, which limits the key. Null if the member has left the tenant; the key then no
        /// longer works.
        role: Option<String> = maker.role,
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

/// Space that the tenant uses.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Usage {
    /// Usage by the name of the store.
    pub(crate) stores: BTreeMap<String, Held>,
    /// Total size of uploaded files in bytes.
    pub(crate) file_bytes: u64,
    pub(crate) limits: Limits,
}

answers! {
    /// Space that the tenant uses in one store.
    struct Held from held: tenantry::tenants::Held {
        rows: u64 = held.rows,
        /// Size in bytes that counts towards the plan's limit: of the pages of an own SQLite file, otherwise of the
        /// stored values.
        bytes: u64 = held.bytes,
        /// Size in bytes on the server: of the tenant's own file, schema or database; in a pool, of the stored values.
        size_bytes: u64 = held.size_bytes,
    }
}

requests! {
    /// Query of the activity log.
    struct ActivityQuery {
        /// Name of the store. If absent, the store `tenant`, or the first store of tenants if none has that name.
        store: Option<Name>,
        /// Only entries before the one with this id.
        before: Option<Id>,
        #[serde(default)]
        limit: Limit,
    }
}

answers! {
    /// A change of a record.
    struct Activity from line: tenantry::Activity {
        id: i64 = line.id,
        #[schemars(with = "Instant")]
        at: String = line.at,
        actor: String = line.actor,
        /// Staff account that acted as the actor.
        impersonator: Option<String> = line.impersonator,
        /// Kind of change: `create`, `update` or `delete`.
        action: String = line.action,
        model: String = line.model,
        /// Id of the record.
        record: String = line.record,
        /// Details of the change.
        detail: Option<Value> = line.detail,
    }
}

requests! {
    /// A read-only statement.
    struct Sql {
        sql: String,
        /// Values of the statement's parameters: an array, or an object with their names.
        #[serde(default)]
        #[schemars(extend("type" = ["array", "object", "null"]))]
        params: Value,
        /// Name of the store. If absent, the store `tenant`, or the first store of tenants if none has that name.
        store: Option<Name>,
    }
}

answers! {
    /// Rows of a statement, in their stored form. A decimal of scale 2 is stored as hundredths: 13000 is 130.00. So
    /// divide sums by 10 to the power of the scale. Booleans are 0 and 1; dates and times are text.
    struct SqlRows from rows: tenantry::SqlRows {
        columns: Vec<String> = rows.columns,
        /// The rows, each as an array of values.
        rows: Vec<Vec<Value>> = rows.rows,
        /// True if a limit cut off further rows.
        truncated: bool = rows.truncated,
    }
}
