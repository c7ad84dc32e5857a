//! Bodies and answers about signing in and out, sessions, and the caller.

use crate::wire::{Email, Id, Instant, Password, Slug};
use schemars::JsonSchema;
use serde::Serialize;
use tenantry::access::{
    impersonation,
    login::{self, SignedIn},
    sessions::SessionInfo,
};

requests! {
    /// Credentials for signing in.
    struct SignIn {
        email: Email,
        password: Password,
        /// Slug of the tenant to work in.
        tenant: Option<Slug>,
    }

    /// A choice of another tenant.
    struct Switch {
        tenant: Slug,
    }

    /// A change of the caller's password.
    struct PasswordChange {
        old: Password,
        new: Password,
    }
}

/// A new session.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Session {
    /// Token of the session. Send it as `Authorization: Bearer`. It is shown only once.
    pub(crate) token: String,
    pub(crate) expires_at: Instant,
    pub(crate) user: Person,
    /// Slug of the tenant in which the session works. Null if the user must first choose one of `tenants`.
    pub(crate) tenant: Option<String>,
    /// All tenants of the user.
    pub(crate) tenants: Vec<Choice>,
}

impl From<&SignedIn> for Session {
    fn from(signed_in: &SignedIn) -> Self {
        let current = signed_in.tenant.map(|id| id.get());
        let tenant = signed_in.choices.iter().find(|choice| Some(choice.tenant) == current);
        let user = &signed_in.user;
        Self {
            token: signed_in.token.reveal(),
            expires_at: Instant(signed_in.expires_us),
            user: Person { id: user.id.get(), email: Email(user.email.clone()), name: user.name.clone() },
            tenant: tenant.map(|choice| choice.slug.clone()),
            tenants: signed_in.choices.iter().cloned().map(Choice::from).collect(),
        }
    }
}

/// The user of a session.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Person {
    pub(crate) id: i64,
    pub(crate) email: Email,
    pub(crate) name: String,
}

answers! {
    /// A tenant in which the user may work.
    struct Choice from choice: login::Choice {
        /// Id of the tenant.
        tenant: i64 = choice.tenant,
        slug: String = choice.slug,
        name: String = choice.name,
        /// Role of the user in the tenant.
        role: String = choice.role,
    }
}

/// The tenant in which the session works now.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Chosen {
    /// Slug of the tenant.
    pub(crate) tenant: String,
    pub(crate) name: String,
}

/// A session of the caller.
#[derive(Serialize, JsonSchema)]
pub(crate) struct OwnSession {
    pub(crate) id: i64,
    /// Id of the tenant in which the session works.
    pub(crate) tenant: Option<i64>,
    pub(crate) created_at: Instant,
    pub(crate) expires_at: Instant,
    pub(crate) last_seen_at: Instant,
    /// Network address from which the session was created.
    pub(crate) address: Option<String>,
    /// User agent with which the session was created.
    pub(crate) agent: Option<String>,
    /// True if platform staff act as the user in the session.
    pub(crate) impersonated: bool,
    /// True if this request uses the session.
    pub(crate) current: bool,
}

impl OwnSession {
    /// Returns a session as its owner sees it. `current` is the id of the session that the request uses.
    pub(crate) fn new(session: SessionInfo, current: Option<i64>) -> Self {
        Self {
            id: session.id,
            tenant: session.tenant,
            created_at: Instant(session.created_us),
            expires_at: Instant(session.expires_us),
            last_seen_at: Instant(session.seen_us),
            address: session.address,
            agent: session.agent,
            impersonated: session.impersonated,
            current: Some(session.id) == current,
        }
    }
}

/// The caller: identity, account and tenants.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Me {
    /// Name of the caller in the audit log.
    pub(crate) actor: String,
    /// Account of the caller; null for an API key.
    pub(crate) user: Option<Myself>,
    /// Name of the staff account that acts as the user.
    pub(crate) impersonator: Option<String>,
    /// Slug of the tenant in which the credential works.
    pub(crate) tenant: Option<String>,
    /// All tenants of the caller.
    pub(crate) tenants: Vec<Choice>,
    /// Expiry of the session; null for other credentials.
    pub(crate) expires_at: Option<Instant>,
}

/// The caller's account.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Myself {
    pub(crate) id: i64,
    pub(crate) email: Email,
    pub(crate) name: String,
    /// Language of pages; null if none is chosen.
    pub(crate) language: Option<String>,
    /// Time zone of pages; null if none is chosen.
    pub(crate) time_zone: Option<String>,
    /// True if the caller has proven that the address is theirs.
    pub(crate) confirmed: bool,
    pub(crate) staff: bool,
    pub(crate) superuser: bool,
}

requests! {
    /// A request to act as a member of a tenant.
    struct Impersonate {
        tenant: Slug,
        /// Id of the member; an owner of the tenant if absent.
        user: Option<Id>,
        /// Reason for the audit log.
        reason: String,
        /// Duration in minutes; 30 if absent.
        #[schemars(range(min = 1, max = 60))]
        minutes: Option<u32>,
        /// The caller's own password. It is not needed within ten minutes after the sign-in.
        password: Option<Password>,
    }
}

/// A session in which the caller acts as a member of a tenant.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Impersonation {
    pub(crate) token: String,
    /// Id of the member.
    pub(crate) user: i64,
    /// Slug of the tenant.
    pub(crate) tenant: String,
    pub(crate) expires_at: Instant,
}

impl Impersonation {
    pub(crate) fn new(begun: &impersonation::Impersonation, slug: &tenantry::name::Slug) -> Self {
        Self {
            token: begun.token.reveal(),
            user: begun.user.get(),
            tenant: slug.to_string(),
            expires_at: Instant(begun.expires_us),
        }
    }
}
