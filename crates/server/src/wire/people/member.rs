//! What a tenant's own pages show and change: members, invitations, keys, usage, activity, its own SQL.

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
        /// State of its newest letter: `waiting`, `sent` or `failed`.
        letter: String = made.letter,
        /// The member that created the invitation. Null: an operator created it.
        made_by: Option<Inviter> = made.made_by.map(|by| Inviter { id: by.id.get(), email: Email(by.email) }),
    }
}

/// The member that created an invitation.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Inviter {
    pub(crate) id: i64,
    pub(crate) email: Email,
}

requests! {
    /// An API key to make.
    struct MakeKey {
        /// Its purpose.
        name: String,
        role: Name,
        /// Never when it is absent.
        expires_at: Option<Instant>,
    }
}

answers! {
    /// An API key.
    struct Key from key: KeyInfo {
        id: i64 = key.id,
        /// Its purpose.
        name: String = key.name,
        /// First characters of the key.
        prefix: String = key.prefix,
        role: String = key.role,
        /// The member that created the key. Null: an operator created it.
        made_by: Option<Maker> = key.made_by.map(Maker::from),
        created_at: Instant = Instant(key.created_us),
        /// Null: never.
        expires_at: Option<Instant> = key.expires_us.map(Instant),
        /// Null: never used.
        last_seen_at: Option<Instant> = key.seen_us.map(Instant),
    }

    /// The member that created a key.
    struct Maker from maker: api_keys::Maker {
        id: i64 = maker.id.get(),
        email: Email = Email(maker.email),
        /// Their present role, which limits the key. Null: they left, and the key works no longer.
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

/// What the tenant holds.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Usage {
    /// By name of the store.
    pub(crate) stores: BTreeMap<String, Held>,
    /// Bytes of uploaded files.
    pub(crate) file_bytes: u64,
    pub(crate) limits: Limits,
}

answers! {
    /// What one store holds.
    struct Held from held: tenantry::tenants::Held {
        rows: u64 = held.rows,
        /// As the plan's limit counts it: of the stored values or, in a SQLite file of its own, of the pages.
        bytes: u64 = held.bytes,
        /// On the server: of its own file, schema or database; in a pool, of the stored values.
        size_bytes: u64 = held.size_bytes,
    }
}

requests! {
    /// Query of the activity log.
    struct ActivityQuery {
        /// The store; `tenant` when it is absent.
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
        /// Staff account that impersonated the actor.
        impersonator: Option<String> = line.impersonator,
        /// `create`, `update` or `delete`.
        action: String = line.action,
        model: String = line.model,
        /// Key of the record.
        record: String = line.record,
        /// What changed.
        detail: Option<Value> = line.detail,
    }
}

requests! {
    /// A read-only statement.
    struct Sql {
        sql: String,
        /// Values of its parameters: an array, or an object by name.
        #[serde(default)]
        #[schemars(extend("type" = ["array", "object", "null"]))]
        params: Value,
        /// The store; `tenant` when it is absent.
        store: Option<Name>,
    }
}

answers! {
    /// Rows of a statement, as they are stored. A decimal of scale 2 is stored as hundredths: 13000 is 130.00, so divide sums
    /// by 10 to the power of the scale. Booleans are 0 and 1; dates and instants are text.
    struct SqlRows from rows: tenantry::SqlRows {
        columns: Vec<String> = rows.columns,
        /// One array of values for each row.
        rows: Vec<Vec<Value>> = rows.rows,
        /// Rows were cut off at a limit.
        truncated: bool = rows.truncated,
    }
}
