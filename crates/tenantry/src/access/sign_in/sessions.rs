//! Sessions: created at sign-in, found by the hash of their token, invalid as soon as they are revoked.
//!
//! `credentials` calls it for each request, and the account pages manage the sessions. The control store's invalidation
//! log keeps the cache coherent, so the first request after a revocation is refused in every process
//! (`late-revocation`). The text of a token is never stored.

pub use crate::access::session::{Impersonator, Origin, Session, SessionInfo};

use crate::access::{
    actor::Actor,
    directory::cached,
    seen::{Kind, Seen},
    session::{Draft, info, read},
    token::{Token, TokenHash, TokenKind},
};
use crate::{
    Error, Result,
    audit::By,
    control::{Control, Subject, Write, params},
    users,
};
use quick_cache::sync::Cache;
use serde_json::json;
use std::sync::Arc;
use tenantry_engine::{
    SqlRow,
    name::{Slug, TenantId, UserId},
};

/// Number of sessions cached in memory.
const CACHED: usize = 100_000;
/// Largest number of sessions of one user. The oldest are removed first.
const PER_USER: i64 = 50;
/// Number of characters of a user agent that are stored.
const AGENT_CHARS: usize = 200;

/// SQL that deletes all sessions of a user, including sessions in which staff act as the user, and sessions in which
/// the user acts as others.
const END_ALL: &str = "DELETE FROM sessions WHERE user_id = ?1 OR impersonator = ?1 RETURNING token_hash";

/// The sessions of the platform.
pub struct Sessions {
    control: Control,
    cache: Arc<Cache<TokenHash, Arc<Session>>>,
    seen: Seen,
}

impl Sessions {
    pub(in crate::access) fn new(control: Control, seen: Seen) -> Self {
        let cache: Arc<Cache<TokenHash, Arc<Session>>> = Arc::new(Cache::new(CACHED));
        let listening = Arc::clone(&cache);
        control.listen(move |subject| match subject {
            Subject::Session(hash) => drop(TokenHash::from_hex(hash).map(|hash| listening.remove(&hash))),
            Subject::Everything => listening.clear(),
            _ => {}
        });
        Self { control, cache, seen }
    }

    /// Returns the live session with this token hash, and records its use.
    pub(in crate::access) async fn find(&self, hash: TokenHash) -> Result<Option<Arc<Session>>> {
        let found = cached(&self.control, &self.cache, hash, async |tx| read(tx, hash).await).await?;
        let now_us = self.control.now_us();
        let live = found.filter(|session| session.is_live(now_us));
        if let Some(session) = &live {
            self.seen.note(Kind::Session, session.id, &session.seen, now_us);
        }
        Ok(live)
    }

    /// Inserts a new session into a change with its own audit row. The caller commits.
    ///
    /// # Errors
    /// Returns [`Error::Unauthenticated`] if the credentials changed since they were proven.
    pub(in crate::access) async fn insert(&self, write: &mut Write, draft: Draft<'_>) -> Result<Token> {
        let proven = draft.impersonator.map_or(draft.user, |(staff, _)| staff);
        users::require_credentials(write, proven, draft.credentials).await?;
        let token = Token::generate(TokenKind::Session);
        make_room(write, draft.user).await?;
        let agent =
            draft.origin.agent.as_deref().map(|agent| agent.chars().take(AGENT_CHARS).collect::<String>());
        let now_us = write.at_us();
        write
            .execute(
                "INSERT INTO sessions (token_hash, user_id, tenant, created_at, expires_at, seen_at, impersonator, \
                 reason, address, agent, credentials, impersonator_credentials) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, \
                 (SELECT credentials FROM users WHERE id = ?2), (SELECT credentials FROM users WHERE id = ?7))",
                params![
                    token.hash().to_hex(),
                    draft.user.get(),
                    draft.tenant.map(TenantId::get),
                    now_us,
                    draft.expires_us,
                    now_us,
                    draft.impersonator.map(|(user, _)| user.get()),
                    draft.impersonator.map(|(_, reason)| reason.to_owned()),
                    draft.origin.address.map(|address| address.to_string()),
                    agent
                ],
            )
            .await?;
        Ok(token)
    }

    /// Returns the live sessions of a user, newest first. An impersonator and the token of a restricted issuer see only
    /// sessions in tenants that answers may mention to them.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] when the actor is not a user.
    pub async fn list(&self, actor: &Actor) -> Result<Vec<SessionInfo>> {
        let user = actor.user_id().ok_or(Error::NotFound("session"))?;
        let sql = "SELECT s.id, s.tenant, s.created_at, s.expires_at, s.seen_at, s.address, s.agent, \
                   s.impersonator IS NOT NULL, t.slug FROM sessions s LEFT JOIN tenants t ON t.id = s.tenant \
                   WHERE s.user_id = ? AND s.expires_at > ? ORDER BY s.id DESC LIMIT 200";
        let rows =
            self.control.snapshot().await?.query(sql, params![user.get(), self.control.now_us()]).await?;
        let mut sessions = Vec::with_capacity(rows.len());
        for row in &rows {
            if actor.sees_whole_account() || may_see(actor, row)? {
                sessions.push(info(row)?);
            }
        }
        Ok(sessions)
    }

    /// Returns the live sessions of a user, newest first. For staff only.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if the actor is not staff.
    pub async fn of_user(&self, actor: &Actor, user: UserId) -> Result<Vec<SessionInfo>> {
        actor.require_staff()?;
        let sql = "SELECT id, tenant, created_at, expires_at, seen_at, address, agent, impersonator IS NOT NULL \
                   FROM sessions WHERE user_id = ? AND expires_at > ? ORDER BY id DESC LIMIT 200";
        let rows =
            self.control.snapshot().await?.query(sql, params![user.get(), self.control.now_us()]).await?;
        rows.iter().map(info).collect()
    }

    /// Ends one of the actor's own sessions. Ending the current session signs the actor out.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if the session is another user's; [`Error::Denied`] for any session but the current
    /// one while impersonating.
    pub async fn revoke(&self, actor: &Actor, id: i64) -> Result<()> {
        let user = actor.user_id().ok_or(Error::NotFound("session"))?;
        if actor.current_session().is_none_or(|session| session.id != id) {
            actor.may_change_credentials()?;
        }
        let sql = "DELETE FROM sessions WHERE id = ? AND user_id = ? RETURNING token_hash";
        match self.end(actor.by(), "session.revoke", sql, params![id, user.get()]).await? {
            0 => Err(Error::NotFound("session")),
            _ => Ok(()),
        }
    }

    /// Ends all sessions of the actor except the current one. Returns the number of ended sessions.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] while impersonating; [`Error::NotFound`] when the actor is not a user.
    pub async fn revoke_others(&self, actor: &Actor) -> Result<usize> {
        actor.may_change_credentials()?;
        let user = actor.user_id().ok_or(Error::NotFound("session"))?;
        let current = actor.current_session().map_or(0, |session| session.id);
        let sql = "DELETE FROM sessions WHERE user_id = ? AND id <> ? RETURNING token_hash";
        self.end(actor.by(), "session.revoke_others", sql, params![user.get(), current]).await
    }

    /// Ends all sessions of a user, including sessions in which staff act as the user, and sessions in which the user
    /// acts as others. For staff only.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] when there is no such user, or the actor is not staff.
    pub async fn revoke_all(&self, actor: &Actor, user: UserId) -> Result<usize> {
        actor.require_staff()?;
        users::by_id(&mut self.control.snapshot().await?, user).await?;
        self.end(actor.by(), "session.revoke_all", END_ALL, params![user.get()]).await
    }

    async fn end(
        &self,
        by: By,
        action: &str,
        sql: &str,
        values: &[tenantry_engine::value::Value],
    ) -> Result<usize> {
        let mut write = self.control.begin().await?;
        let ended = write.query(sql, values).await?;
        if ended.is_empty() {
            return Ok(0);
        }
        drop_all(&mut write, &ended).await?;
        write.audit(&by, None, action, json!({ "sessions": ended.len() })).await?;
        write.commit().await?;
        self.control.refresh().await?;
        Ok(ended.len())
    }

    /// Switches the session to another tenant of the user. The caller has checked the membership.
    pub(in crate::access) async fn switch(&self, actor: &Actor, tenant: TenantId) -> Result<()> {
        actor.may_change_credentials()?;
        let session = actor.current_session().ok_or(Error::NotFound("session"))?;
        let mut write = self.control.begin().await?;
        write
            .execute("UPDATE sessions SET tenant = ? WHERE id = ?", params![tenant.get(), session.id])
            .await?;
        let chosen = "UPDATE users SET last_tenant = ? WHERE id = ?";
        write.execute(chosen, params![tenant.get(), session.user.get()]).await?;
        write.invalidate(&Subject::Session(session.hash.to_hex())).await?;
        write.audit(&actor.by(), Some(tenant), "session.switch", json!({})).await?;
        write.commit().await?;
        self.control.refresh().await
    }

    /// Ends all sessions of a user within a change that has its own audit row.
    pub(crate) async fn remove_all(write: &mut Write, user: UserId) -> Result<()> {
        let ended = write.query(END_ALL, params![user.get()]).await?;
        drop_all(write, &ended).await
    }

    /// Deletes at most `most` expired sessions, and returns their number. A reconciler calls this.
    ///
    /// # Errors
    /// Returns the errors of the control store.
    pub async fn purge_expired(&self, most: u32) -> Result<u64> {
        let mut write = self.control.begin().await?;
        let sql = "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at <= ? LIMIT ?)";
        let values = params![write.due_us(), i64::from(most)];
        let gone = write.execute(sql, values).await?;
        // This is not an audited action: an expired session is refused whether its row exists or not.
        write.commit_unaudited().await?;
        Ok(gone)
    }
}

fn may_see(actor: &Actor, row: &SqlRow) -> Result<bool> {
    let Some((tenant, slug)) = row.opt_integer(1)?.zip(row.opt_text(8)?) else { return Ok(false) };
    Ok(actor.may_tell_of(TenantId::from_raw(tenant), &Slug::parse(slug)?))
}

/// Invalidates every session whose hash `RETURNING token_hash` returned.
async fn drop_all(write: &mut Write, rows: &[SqlRow]) -> Result<()> {
    for row in rows {
        write.invalidate(&Subject::Session(row.text(0)?.to_owned())).await?;
    }
    Ok(())
}

async fn make_room(write: &mut Write, user: UserId) -> Result<()> {
    let sql = "DELETE FROM sessions WHERE user_id = ?1 AND id NOT IN \
        (SELECT id FROM sessions WHERE user_id = ?1 ORDER BY id DESC LIMIT ?2) RETURNING token_hash";
    let gone = write.query(sql, params![user.get(), PER_USER - 1]).await?;
    drop_all(write, &gone).await
}
