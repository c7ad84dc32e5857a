//! The caller's account: registration, confirmation, forgotten passwords, invitations.

use super::{AsText, Email, Instant, Name, Password, Slug};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tenantry::{Invited, name};

/// Body of a registration. A signed-in caller omits e-mail address and password.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Register {
    /// Name of the new tenant.
    pub(crate) company: String,
    /// Derived from the name when it is absent.
    pub(crate) slug: Option<Slug>,
    /// Name of the owner.
    pub(crate) name: Option<String>,
    pub(crate) email: Option<Email>,
    pub(crate) password: Option<Password>,
    pub(crate) plan: Option<Name>,
}

/// A new display name, of the caller or of the tenant.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rename {
    pub(crate) name: String,
}

/// The name after a change.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Named {
    pub(crate) id: i64,
    pub(crate) name: String,
}

/// The token of a link, and a password.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenAndPassword {
    pub(crate) token: String,
    pub(crate) password: Password,
}

/// A request for a link to choose a new password.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Forgotten {
    pub(crate) email: Email,
    /// A tenant of the account, to tell it from others with its address.
    pub(crate) tenant: Option<Slug>,
}

/// The letter was requested. The answer is the same for every address.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Sent {
    pub(crate) sent: bool,
}

/// The token of an invitation's link.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InvitationToken {
    pub(crate) token: String,
}

/// Body that accepts an invitation. With a password, the server creates an account if the address has none.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AcceptInvitation {
    pub(crate) token: String,
    /// Name of the new account; its address when it is absent.
    pub(crate) name: Option<String>,
    pub(crate) password: Option<Password>,
}

/// An invitation, as its reader sees it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct InvitationShown {
    /// Slug of the tenant.
    pub(crate) tenant: AsText<name::Slug>,
    /// Name of the tenant.
    pub(crate) name: String,
    pub(crate) email: Email,
    pub(crate) role: AsText<name::RoleName>,
    pub(crate) expires_at: Instant,
    /// The address has an account: sign in to accept.
    pub(crate) has_account: bool,
}

impl From<Invited> for InvitationShown {
    fn from(invited: Invited) -> Self {
        Self {
            tenant: AsText(invited.tenant),
            name: invited.name,
            email: Email(invited.email),
            role: AsText(invited.role),
            expires_at: Instant(invited.expires_at_us),
            has_account: invited.has_account,
        }
    }
}

/// The tenant that the caller has joined.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Joined {
    /// Slug of the tenant.
    pub(crate) tenant: AsText<name::Slug>,
}
