//! Users of the platform and letters to them, for staff.

use super::{AsText, Email, Id, Instant, Limit, Password, absent_or};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tenantry::{mail, users};

/// Query of the list of users.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UsersQuery {
    /// Only entries after the one with this id.
    pub(crate) after: Option<Id>,
    #[serde(default)]
    pub(crate) limit: Limit,
}

/// A user of the platform.
#[derive(Serialize, JsonSchema)]
pub(crate) struct User {
    pub(crate) id: i64,
    pub(crate) email: Email,
    pub(crate) name: String,
    /// The address is proven.
    pub(crate) confirmed: bool,
    pub(crate) superuser: bool,
    pub(crate) staff: bool,
    /// May sign in.
    pub(crate) active: bool,
    /// Wrong passwords since the last sign-in.
    pub(crate) failed_logins: i64,
    /// The account is locked until then, for at least one network.
    pub(crate) locked_until: Option<Instant>,
}

impl From<users::User> for User {
    fn from(user: users::User) -> Self {
        Self {
            id: user.id.get(),
            confirmed: user.is_confirmed(),
            email: Email(user.email),
            name: user.name,
            superuser: user.is_superuser,
            staff: user.is_staff,
            active: user.is_active,
            failed_logins: user.failed_logins,
            locked_until: user.locked_until_us.map(Instant),
        }
    }
}

/// An account to create.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateUser {
    pub(crate) email: Email,
    pub(crate) name: Option<String>,
    pub(crate) password: Password,
}

/// A change of a user's rights.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeUser {
    #[serde(default, deserialize_with = "absent_or")]
    #[schemars(with = "bool")]
    pub(crate) superuser: Option<bool>,
    #[serde(default, deserialize_with = "absent_or")]
    #[schemars(with = "bool")]
    pub(crate) staff: Option<bool>,
    /// May sign in.
    #[serde(default, deserialize_with = "absent_or")]
    #[schemars(with = "bool")]
    pub(crate) active: Option<bool>,
}

/// A new password for a user.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetPassword {
    pub(crate) password: Password,
}

/// Query of the list of letters.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LettersQuery {
    /// Only those in this state; when it is absent, waiting and failed ones.
    #[schemars(extend("enum" = ["waiting", "sent", "failed", "dropped"]))]
    pub(crate) state: Option<String>,
    /// Only entries before the one with this id.
    pub(crate) before: Option<Id>,
    #[serde(default)]
    pub(crate) limit: Limit,
}

/// A letter of the outbox, without its text.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Letter {
    pub(crate) id: i64,
    /// Its purpose: `invitation`, `verify` or `reset`.
    pub(crate) kind: String,
    pub(crate) address: Email,
    /// Id of the user it concerns.
    pub(crate) user: Option<i64>,
    /// Id of the tenant it concerns.
    pub(crate) tenant: Option<i64>,
    pub(crate) state: AsText<mail::LetterState>,
    pub(crate) attempts: i64,
    pub(crate) created_at: Instant,
    /// Next attempt. Null: there is none.
    pub(crate) next_at: Option<Instant>,
    /// Why the last attempt failed.
    pub(crate) error: Option<String>,
}

impl From<mail::Letter> for Letter {
    fn from(letter: mail::Letter) -> Self {
        Self {
            id: letter.id,
            kind: letter.kind,
            address: Email(letter.address),
            user: letter.user,
            tenant: letter.tenant,
            state: AsText(letter.state),
            attempts: letter.attempts,
            created_at: Instant(letter.created_at_us),
            next_at: letter.next_at_us.map(Instant),
            error: letter.error,
        }
    }
}
