//! Bodies and answers about users of the platform and letters to them, for staff.

use crate::wire::{AsText, Email, Id, Instant, Limit, Password, absent_or};
use schemars::JsonSchema;
use serde::Serialize;
use tenantry::{access::sessions::SessionInfo, mail, name, tenants, users};

requests! {
    /// Query of the list of users.
    struct UsersQuery {
        /// Text that the address or the name contains.
        q: Option<String>,
        /// Only users of this kind: with rights of the platform, closed, with an unproven address, or locked.
        #[schemars(extend("enum" = ["staff", "superusers", "closed", "unconfirmed", "locked"]))]
        only: Option<String>,
        /// Only users after the one with this id.
        after: Option<Id>,
        #[serde(default)]
        limit: Limit,
    }
}

/// A user of the platform.
#[derive(Serialize, JsonSchema)]
pub(crate) struct User {
    pub(crate) id: i64,
    pub(crate) email: Email,
    pub(crate) name: String,
    /// True if the user has proven that the address is theirs.
    pub(crate) confirmed: bool,
    pub(crate) superuser: bool,
    pub(crate) staff: bool,
    /// True if the user may sign in.
    pub(crate) active: bool,
    /// Number of wrong passwords since the last sign-in.
    pub(crate) failed_logins: i64,
    /// Time until which the account is locked for at least one network.
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

requests! {
    /// An account to create.
    struct CreateUser {
        email: Email,
        name: Option<String>,
        password: Password,
    }

    /// A change of a user's rights.
    struct ChangeUser {
        #[serde(default, deserialize_with = "absent_or")]
        #[schemars(with = "bool")]
        superuser: Option<bool>,
        #[serde(default, deserialize_with = "absent_or")]
        #[schemars(with = "bool")]
        staff: Option<bool>,
        /// Whether the user may sign in.
        #[serde(default, deserialize_with = "absent_or")]
        #[schemars(with = "bool")]
        active: Option<bool>,
    }

    /// A new password for a user.
    struct SetPassword {
        password: Password,
    }

    /// Query of the list of letters.
    struct LettersQuery {
        /// Only letters in this state; waiting and failed letters if absent. `all` lists letters in every state.
        #[schemars(extend("enum" = ["waiting", "sent", "failed", "dropped", "all"]))]
        state: Option<String>,
        /// Only letters before the one with this id.
        before: Option<Id>,
        #[serde(default)]
        limit: Limit,
    }
}

answers! {
    /// A letter in the outbox, without its text.
    struct Letter from letter: mail::Letter {
        id: i64 = letter.id,
        /// Purpose of the letter: `invitation`, `verify` or `reset`.
        kind: String = letter.kind,
        address: Email = Email(letter.address),
        /// Id of the user that the letter concerns.
        user: Option<i64> = letter.user,
        /// Id of the tenant that the letter concerns.
        tenant: Option<i64> = letter.tenant,
        state: AsText<mail::LetterState> = AsText(letter.state),
        attempts: i64 = letter.attempts,
        created_at: Instant = Instant(letter.created_at_us),
        /// Time of the next attempt; null if there is none.
        next_at: Option<Instant> = letter.next_at_us.map(Instant),
        /// Reason why the last attempt failed.
        error: Option<String> = letter.error,
        /// True if the letter's link was used, or its purpose is fulfilled in another way.
        used: bool = letter.is_used,
    }
}

answers! {
    /// A user with memberships and sessions.
    struct Profile from profile: users::Profile {
        user: User = profile.user.into(),
        /// Memberships of the user, at most 200.
        memberships: Vec<UserMembership> = profile.memberships.into_iter().map(UserMembership::from).collect(),
        /// Live sessions of the user, newest first, at most 200.
        sessions: Vec<UserSession> = profile.sessions.into_iter().map(UserSession::from).collect(),
    }

    /// A membership of a user.
    struct UserMembership from of: users::Membership {
        /// Id of the tenant.
        tenant: i64 = of.tenant.get(),
        slug: AsText<name::Slug> = AsText(of.slug),
        name: String = of.name,
        /// State of the tenant.
        state: AsText<tenants::State> = AsText(of.state),
        role: AsText<name::RoleName> = AsText(of.role),
        since: Instant = Instant(of.since_us),
    }

    /// A live session of a user.
    struct UserSession from session: SessionInfo {
        id: i64 = session.id,
        created_at: Instant = Instant(session.created_us),
        expires_at: Instant = Instant(session.expires_us),
        /// Time of the last use, to the minute.
        seen_at: Instant = Instant(session.seen_us),
        address: Option<String> = session.address,
        agent: Option<String> = session.agent,
        /// True if platform staff act as the user in the session.
        impersonated: bool = session.impersonated,
    }
}

answers! {
    /// Result of a request for a letter with which to choose a new password.
    struct ResetSent from sent: bool {
        /// False if such a letter is already waiting to be sent.
        sent: bool = sent,
    }
}
