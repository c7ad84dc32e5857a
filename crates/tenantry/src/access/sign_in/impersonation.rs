//! Impersonation: staff act as a member of a tenant, with a reason, for at most an hour, and with both identities in
//! the log.
//!
//! The console's "enter company system" and "exit" call it. The impersonator has exactly the member's rights, and
//! cannot change credentials (`impersonation-abuse`, `Actor::may_change_credentials`).

use crate::{
    Error, Result,
    access::{
        Access,
        actor::Actor,
        session::{Draft, Origin},
        step_up::Confirmed,
        token::Token,
    },
    audit::By,
    control::{Subject, Write, clock::SECOND_US, params},
    error::{FieldError, Rule, Wrong},
};
use serde_json::json;
use tenantry_engine::name::{TenantId, UserId};

/// Longest impersonation in minutes.
pub const MAX_MINUTES: u32 = 60;

/// Request to impersonate a member.
#[derive(Debug, Clone)]
pub struct Impersonate {
    /// Id of the tenant to enter.
    pub tenant: TenantId,
    /// Member to act as; `None` for the longest-standing member with the first configured role.
    pub user: Option<UserId>,
    /// Reason for the audit log, 5 to 500 characters.
    pub reason: String,
    /// Duration in minutes, 1 to 60.
    pub minutes: u32,
}

impl Impersonate {
    fn check(&self) -> Result<()> {
        let mut wrong = Wrong::default();
        if !(5..=500).contains(&self.reason.trim().chars().count()) {
            wrong.add(FieldError::new("reason", Rule::Value, "write 5 to 500 characters"));
        }
        if !(1..=MAX_MINUTES).contains(&self.minutes) {
            wrong.add(FieldError::new("minutes", Rule::Value, "choose 1 to 60"));
        }
        wrong.finish()
    }
}

/// A session in which a staff member acts as another user. The staff member's own session stays unchanged.
#[derive(Debug)]
pub struct Impersonation {
    /// Token of the session, shown once.
    pub token: Token,
    /// Id of the member whose rights apply.
    pub user: UserId,
    /// Expiry in microseconds since 1970, UTC.
    pub expires_us: i64,
}

impl Access {
    /// Starts a session in which the actor acts as a member of a tenant.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] unless the actor is staff, and for an unknown tenant or member; [`Error::Denied`]
    /// for members who are staff; [`Error::Invalid`] for an invalid reason or duration.
    pub async fn impersonate(
        &self,
        actor: &Confirmed,
        wish: &Impersonate,
        origin: &Origin,
    ) -> Result<Impersonation> {
        actor.require_staff()?;
        // The operator at the command line has other ways; a session needs a user behind it.
        let staff = actor.user().ok_or(Error::NotFound("user"))?;
        let reason = wish.reason.trim();
        wish.check()?;
        self.directory.tenant(wish.tenant).await?;
        let mut write = self.control.begin().await?;
        let user = self.member(&mut write, wish).await?;
        let expires_us = write.at_us() + i64::from(wish.minutes) * 60 * SECOND_US;
        let draft = Draft {
            user,
            credentials: staff.credentials,
            tenant: Some(wish.tenant),
            expires_us,
            impersonator: Some((staff.id, reason)),
            origin,
        };
        let token = self.sessions.insert(&mut write, draft).await?;
        let by = By { actor: format!("user:{user}"), impersonator: Some(actor.label().to_owned()) };
        let detail = json!({ "reason": reason, "minutes": wish.minutes });
        write.audit(&by, Some(wish.tenant), "impersonation.start", detail).await?;
        write.commit().await?;
        Ok(Impersonation { token, user, expires_us })
    }

    /// Ends the impersonation and deletes its session.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] when the actor does not impersonate.
    pub async fn stop_impersonating(&self, actor: &Actor) -> Result<()> {
        let session = actor.current_session().filter(|session| session.impersonator.is_some());
        let session = session.ok_or(Error::NotFound("impersonation"))?;
        let mut write = self.control.begin().await?;
        write.execute("DELETE FROM sessions WHERE id = ?", params![session.id]).await?;
        write.invalidate(&Subject::Session(session.hash.to_hex())).await?;
        write.audit(&actor.by(), session.tenant, "impersonation.stop", json!({})).await?;
        write.commit().await?;
        self.control.refresh().await
    }

    /// Returns the member to act as. Refuses staff, so that impersonation never gives the platform's rights.
    async fn member(&self, write: &mut Write, wish: &Impersonate) -> Result<UserId> {
        let sql = "SELECT u.id, u.is_staff = 1 OR u.is_superuser = 1 FROM memberships m JOIN users u ON u.id = m.user_id \
                   WHERE m.tenant = ?1 AND u.is_active = 1 AND (u.id = ?2 OR (?2 IS NULL AND m.role = ?3)) \
                   ORDER BY m.created_at, u.id LIMIT 1";
        let first_role = self.roles.first().map(|role| role.as_str().to_owned());
        let values = params![wish.tenant.get(), wish.user.map(UserId::get), first_role];
        let rows = write.query(sql, values).await?;
        let row = rows.first().ok_or(Error::NotFound("member"))?;
        if row.integer(1)? != 0 {
            return Err(Error::Denied("this member is staff".into()));
        }
        Ok(UserId::from_raw(row.integer(0)?))
    }
}
