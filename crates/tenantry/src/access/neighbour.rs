//! Tries the session of a tenant's member at another tenant, in every way in which a request names a tenant.
//!
//! Proofs of isolation call it. The session exists only in memory and is never stored, so no client could present it.
//! From there on the checks are those of every request: the session and its user, the names in the request, then
//! [`Access::enter`].

use super::{
    Access, credentials::Presented, seen::LastSeen, session::Session, token::Token, token::TokenKind,
};
use crate::{Error, Result, control::clock::SECOND_US};
use std::sync::Arc;
use tenantry_engine::name::{Slug, TenantId, UserId};

/// Lifetime of the session in memory, in microseconds.
const LIFETIME_US: i64 = 60 * SECOND_US;

/// A way in which a request with a session reaches a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// The host name of the request.
    Host,
    /// The path of the request.
    Path,
    /// The header `X-Tenant`.
    Header,
    /// No name: the tenant is entered directly, as after a switch.
    Switch,
}

impl Way {
    const ALL: [Self; 4] = [Self::Host, Self::Path, Self::Header, Self::Switch];

    /// Returns the way in words.
    pub(crate) fn says(self) -> &'static str {
        match self {
            Self::Host => "by host",
            Self::Path => "by path",
            Self::Header => "by X-Tenant",
            Self::Switch => "by a switch",
        }
    }
}

/// Result of the tries.
#[derive(Debug, Default)]
pub(crate) struct Tried {
    /// Number of tries.
    pub(crate) tries: u64,
    /// Ways that did not answer as for a tenant that does not exist.
    pub(crate) open: Vec<Way>,
}

impl Access {
    /// Tries a session of the user at the tenant `other`: one that is bound to the user's tenant `own`, and one in which
    /// no tenant is chosen yet. Returns no tries if the user may not sign in.
    ///
    /// # Errors
    /// Returns the errors of the control store.
    pub(crate) async fn try_at_neighbour(
        &self,
        user: UserId,
        own: TenantId,
        (other, slug): (TenantId, &Slug),
    ) -> Result<Tried> {
        self.control.refresh().await?;
        let mut tried = Tried::default();
        let Some(user) = self.directory.user(user).await?.filter(|user| user.active) else {
            return Ok(tried);
        };
        let now_us = self.control.now_us();
        for tenant in [Some(own), None] {
            let session = Arc::new(Session {
                id: 0,
                user: user.id,
                tenant,
                credentials: user.credentials,
                created_us: now_us,
                expires_us: now_us + LIFETIME_US,
                impersonator: None,
                hash: Token::generate(TokenKind::Session).hash(),
                seen: LastSeen::at(now_us),
            });
            for way in Way::ALL {
                tried.tries += 1;
                if !self.is_absent(session.clone(), way, (other, slug)).await? && !tried.open.contains(&way) {
                    tried.open.push(way);
                }
            }
        }
        Ok(tried)
    }

    /// Returns true if a request with the session, which names the tenant in this way, is answered as if the tenant did
    /// not exist.
    async fn is_absent(
        &self,
        session: Arc<Session>,
        way: Way,
        (other, slug): (TenantId, &Slug),
    ) -> Result<bool> {
        let host = format!("{slug}.{}", self.base_domain);
        let named = Some(slug.as_str());
        let presented = match way {
            Way::Host => Presented { host: Some(&host), ..Presented::default() },
            Way::Path => Presented { path_tenant: named, ..Presented::default() },
            Way::Header => Presented { header_tenant: named, ..Presented::default() },
            Way::Switch => Presented::default(),
        };
        match self.answer(session, way, &presented, other).await {
            // The credentials of the user may have changed meanwhile.
            Err(Error::NotFound(_) | Error::Unauthenticated(_)) => Ok(true),
            // These answers say that the tenant exists.
            Ok(())
            | Err(
                Error::TenantSuspended
                | Error::Maintenance(_)
                | Error::SubscriptionRequired
                | Error::RateLimited { .. }
                | Error::Denied(_),
            ) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Answers a request with the session. If a name is ignored, the request reaches the tenant of the session.
    async fn answer(
        &self,
        session: Arc<Session>,
        way: Way,
        presented: &Presented<'_>,
        other: TenantId,
    ) -> Result<()> {
        let (actor, named) = self.resolve_session(session, presented).await?;
        let tenant = if way == Way::Switch { other } else { named.unwrap_or(other) };
        self.enter(&actor, tenant).await.map(drop)
    }
}
