//! The caller's account: registration, confirmation, forgotten passwords, invitations.

use crate::wire::{AsText, Email, Instant, Name, Password, Slug};
use schemars::JsonSchema;
use serde::Serialize;
use tenantry::{Invited, name};

requests! {
    /// Body of a registration. A signed-in caller omits e-mail address and password.
    struct Register {
        /// Name of the new tenant.
        company: String,
        /// Derived from the name when it is absent.
        slug: Option<Slug>,
        /// Name of the owner.
        name: Option<String>,
        email: Option<Email>,
        password: Option<Password>,
        plan: Option<Name>,
    }

    /// A new display name, of the caller or of the tenant.
    struct Rename {
        name: String,
    }
}

/// The name after a change.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Named {
    pub(crate) id: i64,
    pub(crate) name: String,
}

requests! {
    /// The token of a link, and a password.
    struct TokenAndPassword {
        token: String,
        password: Password,
    }

    /// A request for a link to choose a new password.
    struct Forgotten {
        email: Email,
        /// A tenant of the account, to tell it from others with its address.
        tenant: Option<Slug>,
    }
}

answers! {
    /// What became of a change whose outcome was not known.
    struct Outcome from outcome: tenantry::Outcome {
        /// `stored`: it is stored, so do not repeat it. `not_stored`: it is not, and never will be. `unknown`: the record was
        /// changed or deleted since, so that it does not tell.
        #[schemars(extend("enum" = ["stored", "not_stored", "unknown"]))]
        outcome: &'static str = match outcome {
            tenantry::Outcome::Stored => "stored",
            tenantry::Outcome::NotStored => "not_stored",
            tenantry::Outcome::Unknown => "unknown",
        },
    }
}

/// The letter was requested. The answer is the same for every address.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Sent {
    pub(crate) sent: bool,
}

requests! {
    /// The token of an invitation's link.
    struct InvitationToken {
        token: String,
    }

    /// Body that accepts an invitation. With a password, the server creates an account if the address has none.
    struct AcceptInvitation {
        token: String,
        /// Name of the new account; its address when it is absent.
        name: Option<String>,
        password: Option<Password>,
    }
}

answers! {
    /// An invitation, as its reader sees it.
    struct InvitationShown from invited: Invited {
        /// Slug of the tenant.
        tenant: AsText<name::Slug> = AsText(invited.tenant),
        /// Name of the tenant.
        name: String = invited.name,
        email: Email = Email(invited.email),
        role: AsText<name::RoleName> = AsText(invited.role),
        expires_at: Instant = Instant(invited.expires_at_us),
        /// The address has an account: sign in to accept.
        has_account: bool = invited.has_account,
    }
}

/// The tenant that the caller has joined.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Joined {
    /// Slug of the tenant.
    pub(crate) tenant: AsText<name::Slug>,
}
