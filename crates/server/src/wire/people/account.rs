//! Bodies and answers about the caller's account: registration, confirmation, forgotten passwords, invitations.

use crate::wire::{AsText, Email, Instant, Name, Password, Slug};
use schemars::JsonSchema;
use serde::Serialize;
use tenantry::{Invited, locale::ProfileChange, name};

requests! {
    /// Body of a registration. A signed-in caller omits e-mail address and password.
    struct Register {
        /// Name of the new tenant.
        company: String,
        /// Slug of the new tenant; derived from its name if absent.
        slug: Option<Slug>,
        /// Name of the owner.
        name: Option<String>,
        email: Option<Email>,
        password: Option<Password>,
        plan: Option<Name>,
    }

    /// A change of the caller's account or of the tenant. Absent members stay unchanged.
    struct ChangeProfile {
        /// Display name.
        name: Option<String>,
        /// Code of the language of pages, such as `az`. An empty text removes it.
        language: Option<String>,
        /// IANA name of the time zone of pages, such as `Asia/Baku`. An empty text removes it. The API always answers
        /// in UTC.
        time_zone: Option<String>,
    }
}

impl ChangeProfile {
    /// Returns the change, as the platform takes it.
    pub(crate) fn change(&self) -> ProfileChange<'_> {
        ProfileChange {
            name: self.name.as_deref(),
            language: self.language.as_deref(),
            time_zone: self.time_zone.as_deref(),
        }
    }
}

/// Name, language and time zone after a change.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Profiled {
    pub(crate) id: i64,
    pub(crate) name: String,
    /// Code of the language of pages; null if none is set.
    pub(crate) language: Option<String>,
    /// IANA name of the time zone of pages; null if none is set.
    pub(crate) time_zone: Option<String>,
}

requests! {
    /// The token of a link, and a password.
    struct TokenAndPassword {
        token: String,
        password: Password,
    }

    /// A request for a link with which to choose a new password.
    struct Forgotten {
        email: Email,
        /// A tenant of the account, which distinguishes the account from others with the same address.
        tenant: Option<Slug>,
    }
}

answers! {
    /// Outcome of a change that was not known at first.
    struct Outcome from outcome: tenantry::Outcome {
        /// `stored`: the change is stored, so do not repeat it. `not_stored`: the change is not stored and never will
        /// be. `unknown`: the record was changed or deleted since, so the outcome cannot be determined.
        #[schemars(extend("enum" = ["stored", "not_stored", "unknown"]))]
        outcome: &'static str = match outcome {
            tenantry::Outcome::Stored => "stored",
            tenantry::Outcome::NotStored => "not_stored",
            tenantry::Outcome::Unknown => "unknown",
        },
    }
}

/// Confirmation that a letter was requested. The answer is the same for every address.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Sent {
    pub(crate) sent: bool,
}

requests! {
    /// The token in an invitation's link.
    struct InvitationToken {
        token: String,
    }

    /// Body that accepts an invitation. With a password, the server creates an account if the address has none.
    struct AcceptInvitation {
        token: String,
        /// Name of the new account; its address if absent.
        name: Option<String>,
        password: Option<Password>,
    }
}

answers! {
    /// An invitation as its reader sees it.
    struct InvitationShown from invited: Invited {
        /// Slug of the tenant.
        tenant: AsText<name::Slug> = AsText(invited.tenant),
        /// Name of the tenant.
        name: String = invited.name,
        email: Email = Email(invited.email),
        role: AsText<name::RoleName> = AsText(invited.role),
        expires_at: Instant = Instant(invited.expires_at_us),
        /// True if the address has an account, whose holder must sign in to accept.
        has_account: bool = invited.has_account,
    }
}

/// The tenant that the caller has joined.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Joined {
    /// Slug of the tenant.
    pub(crate) tenant: AsText<name::Slug>,
}
