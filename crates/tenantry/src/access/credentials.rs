//! Resolves the credentials and names in a request to an actor and a tenant, on one path for every kind of credential
//! (`uneven-credentials`).
//!
//! The HTTP layer calls it through [`Access::resolve`]. All presented credentials must be valid and identify the same
//! identity. All sources that name a tenant must agree, otherwise the request is refused as if the tenant did not exist
//! (`absent-not-forbidden`, `sources-disagree`). There are no fallbacks.

use super::{
    Access,
    actor::Actor,
    api_keys::Key,
    directory::User,
    host,
    jwt::{ClaimedTenant, Claims},
    session::Session,
    token::{Token, TokenKind},
};
use crate::{Error, Result, topology::TenantRecord};
use std::sync::Arc;
use tenantry_engine::name::{RoleName, Slug, TenantId};

/// The credentials and tenant names of a request, parsed but not trusted.
#[derive(Clone, Copy, Default)]
pub struct Presented<'a> {
    /// Text of the session cookie.
    pub session: Option<&'a str>,
    /// Token of `Authorization: Bearer …`: a session token, an API key, or a token of a foreign issuer.
    pub bearer: Option<&'a str>,
    /// Value of the header `X-API-Key`.
    pub api_key: Option<&'a str>,
    /// Host name, with or without port. It comes from forwarded headers only if the peer is trusted.
    pub host: Option<&'a str>,
    /// Slug in the path.
    pub path_tenant: Option<&'a str>,
    /// Slug in the header `X-Tenant`.
    pub header_tenant: Option<&'a str>,
}

/// The acting identity, and the tenant if any source named one.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// The acting identity, bound to the tenant if one is named.
    pub actor: Actor,
    /// The tenant on which all sources agree, not yet entered.
    pub tenant: Option<TenantId>,
}

/// A checked credential: the identity, and the tenant that the credential names.
struct Checked {
    actor: Actor,
    tenant: Option<TenantId>,
    /// True if the tenant comes from a foreign token instead of this platform's records.
    claimed: bool,
}

impl Access {
    /// Returns the acting identity, and the tenant if one is named. With warm caches, this queries no database and
    /// allocates nothing.
    ///
    /// # Errors
    /// Returns [`Error::Unauthenticated`] without a valid credential, or if two credentials identify different
    /// identities; [`Error::NotFound`] if a named tenant does not exist or two sources disagree.
    pub async fn resolve(&self, presented: &Presented<'_>) -> Result<Resolved> {
        self.control.refresh().await?;
        let mut found: Option<Checked> = None;
        if let Some(text) = presented.session {
            let checked = self.own_token(text, Some(TokenKind::Session)).await?;
            found = Some(join(found, checked)?);
        }
        if let Some(text) = presented.bearer {
            let checked = match Token::looks_ours(text) {
                true => self.own_token(text, None).await?,
                // Boxed because it may query a key server: the futures of other requests need not reserve space for
                // that.
                false => Box::pin(self.foreign_token(text)).await?,
            };
            found = Some(join(found, checked)?);
        }
        if let Some(text) = presented.api_key {
            let checked = self.own_token(text, Some(TokenKind::ApiKey)).await?;
            found = Some(join(found, checked)?);
        }
        let Checked { actor, tenant, claimed } = found.ok_or_else(|| refuse("no credential"))?;
        match self.named(&actor, tenant, claimed, presented).await {
            Ok(named) => Ok(Resolved { actor: actor.bind(named), tenant: named }),
            Err(error @ Error::NotFound(_)) => {
                Box::pin(self.record_stranger(&actor)).await;
                Err(error)
            }
            Err(error) => Err(error),
        }
    }

    /// Returns the actor and the named tenant of a request with this session and no other credential. Unlike
    /// [`Access::resolve`], it records no refusal.
    pub(super) async fn resolve_session(
        &self,
        session: Arc<Session>,
        presented: &Presented<'_>,
    ) -> Result<(Actor, Option<TenantId>)> {
        let Checked { actor, tenant, claimed } = self.check_session(session).await?;
        let named = self.named(&actor, tenant, claimed, presented).await?;
        Ok((actor.bind(named), named))
    }

    /// Returns the tenant that the request names, if the caller belongs to that tenant.
    async fn named(
        &self,
        actor: &Actor,
        known: Option<TenantId>,
        claimed: bool,
        presented: &Presented<'_>,
    ) -> Result<Option<TenantId>> {
        let named = self.agree_with_names(known, presented).await?;
        // Check membership before any answer: another caller's tenant must look absent.
        if let Some(id) = named
            && (claimed || names_tenant(presented, &self.base_domain))
        {
            self.require_member(actor, id).await?;
        }
        Ok(named)
    }

    /// Records that a caller named a tenant to which the caller does not belong, whether the tenant exists or not. A
    /// failed write to the log does not change the answer.
    async fn record_stranger(&self, actor: &Actor) {
        if let Err(error) = self.record_denial(&actor.by(), None, "name a tenant of others").await {
            tracing::warn!(%error, "a denied act could not be written to the audit log");
        }
    }

    /// Refuses a tenant to which the caller does not belong, with the same answer as for a tenant that does not exist.
    async fn require_member(&self, actor: &Actor, tenant: TenantId) -> Result<()> {
        let member = actor.belongs_to(tenant)
            && (!actor.is_narrower() || actor.issuer_allows(&self.directory.tenant(tenant).await?.slug));
        if member { Ok(()) } else { Err(Error::NotFound("tenant")) }
    }

    async fn own_token(&self, text: &str, wanted: Option<TokenKind>) -> Result<Checked> {
        let token = Token::parse(text).ok_or_else(|| refuse("malformed token"))?;
        if wanted.is_some_and(|kind| kind != token.kind()) {
            return Err(refuse("a token of the wrong kind"));
        }
        match token.kind() {
            TokenKind::Session => {
                let session =
                    self.sessions.find(token.hash()).await?.ok_or_else(|| refuse("no such session"))?;
                self.check_session(session).await
            }
            TokenKind::ApiKey => {
                let key = self.api_keys.find(token.hash()).await?.ok_or_else(|| refuse("no such API key"))?;
                let tenant = Some(key.tenant);
                let role = self.role_of_key(&key).await?;
                Ok(Checked { actor: Actor::key(key, role), tenant, claimed: false })
            }
            TokenKind::Link => Err(refuse("the link of a letter is no credential")),
        }
    }

    async fn check_session(&self, session: Arc<Session>) -> Result<Checked> {
        let user = self.active_user(self.directory.user(session.user).await?)?;
        if session.credentials != user.credentials {
            return Err(refuse("the credentials changed after this session was made"));
        }
        if let Some(impersonator) = &session.impersonator {
            let staff = self.active_user(self.directory.user(impersonator.user).await?)?;
            if !(staff.staff || staff.superuser) || impersonator.credentials != staff.credentials {
                return Err(refuse("impersonator may no longer act"));
            }
        }
        let tenant = session.tenant;
        Ok(Checked { actor: Actor::session(user, session), tenant, claimed: false })
    }

    /// Returns the current role of a key, which never exceeds the role that its maker now has in the tenant. A key
    /// created by the operator has no maker and keeps its own role.
    async fn role_of_key(&self, key: &Key) -> Result<RoleName> {
        let Some(maker) = key.made_by else { return Ok(key.role.clone()) };
        let maker = self.active_user(self.directory.user(maker).await?)?;
        let role = maker.role_in(key.tenant).ok_or_else(|| refuse("the key's maker left the tenant"))?;
        let lower = self.rank(role) > self.rank(&key.role) && !maker.superuser;
        Ok(if lower { role.clone() } else { key.role.clone() })
    }

    /// Returns the position of a role among the configured roles, which are ordered from most to least powerful.
    fn rank(&self, role: &RoleName) -> usize {
        self.roles.iter().position(|known| known == role).unwrap_or(usize::MAX)
    }

    async fn foreign_token(&self, text: &str) -> Result<Checked> {
        let claims = self.issuers.verify(text).await?;
        let user = self.directory.claimed(&claims.user).await?;
        let user = self.active_user(user)?;
        // Check this first: for a user of other tenants, no claim may change the answer.
        if !claims.allowed.is_empty() && !self.is_among(&user, &claims.allowed).await? {
            return Err(refuse("no member of a tenant that the issuer speaks for"));
        }
        let tenant = match &claims.tenant {
            Some(claimed) => Some(self.claimed_tenant(claimed).await?.id),
            None => None,
        };
        let authenticated_us = claims.authenticated_us;
        let actor = Actor::token(user, issuer_limits(claims), authenticated_us);
        Ok(Checked { actor, tenant, claimed: tenant.is_some() })
    }

    /// Returns true if the user belongs to one of these tenants.
    async fn is_among(&self, user: &User, allowed: &[Slug]) -> Result<bool> {
        for (tenant, _) in &user.memberships {
            if allowed.contains(&self.directory.tenant(*tenant).await?.slug) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns the tenant that a token names. No slug is the external id of another tenant, so at most one has the name.
    async fn claimed_tenant(&self, claimed: &ClaimedTenant) -> Result<Arc<TenantRecord>> {
        match claimed {
            ClaimedTenant::SlugOrExternalId(slug) => match self.directory.by_slug(slug).await {
                Err(Error::NotFound(_)) => self.directory.by_external_id(slug.as_str()).await,
                found => found,
            },
            ClaimedTenant::ExternalId(id) => self.directory.by_external_id(id).await,
        }
    }

    fn active_user(&self, user: Option<Arc<User>>) -> Result<Arc<User>> {
        user.filter(|user| user.active).ok_or_else(|| refuse("no such user, or not active"))
    }

    /// Compares the tenant named by host, path and header with the tenant known so far.
    async fn agree_with_names(&self, known: Option<TenantId>, p: &Presented<'_>) -> Result<Option<TenantId>> {
        let of_host = p.host.and_then(|host| host::label_of(host, &self.base_domain));
        let mut known = known;
        if let Some(label) = of_host.as_deref() {
            known = Some(self.agree_with(known, label).await?);
        }
        for text in [p.path_tenant, p.header_tenant].into_iter().flatten() {
            known = Some(self.agree_with(known, text).await?);
        }
        Ok(known)
    }

    async fn agree_with(&self, known: Option<TenantId>, text: &str) -> Result<TenantId> {
        // In the usual case, the text is the slug of the known tenant and needs no parsing.
        if let Some(known) = known
            && self.directory.tenant(known).await?.slug.as_str() == text
        {
            return Ok(known);
        }
        let slug = Slug::parse(text).map_err(|_| Error::NotFound("tenant"))?;
        let named = self.directory.by_slug(&slug).await?.id;
        agree(known, named).map(|_| named)
    }
}

/// Joins two credentials of one request. They must identify the same identity and not contradict each other.
fn join(first: Option<Checked>, second: Checked) -> Result<Checked> {
    let Some(first) = first else { return Ok(second) };
    let same = first.actor.label() == second.actor.label()
        && first.actor.impersonator() == second.actor.impersonator();
    if !same {
        return Err(refuse("two credentials mean different identities"));
    }
    let tenant = match second.tenant {
        Some(tenant) => agree(first.tenant, tenant)?,
        None => first.tenant,
    };
    // The more restricted actor acts: a session must not extend the rights of a token whose issuer is restricted to
    // tenants.
    let actor = if second.actor.is_narrower() { second.actor } else { first.actor };
    Ok(Checked { actor, tenant, claimed: first.claimed || second.claimed })
}

/// Returns true if host, path or header name a tenant.
fn names_tenant(p: &Presented<'_>, base_domain: &str) -> bool {
    p.path_tenant.is_some()
        || p.header_tenant.is_some()
        || p.host.is_some_and(|host| host::label_of(host, base_domain).is_some())
}

fn agree(known: Option<TenantId>, named: TenantId) -> Result<Option<TenantId>> {
    match known {
        Some(known) if known != named => Err(Error::NotFound("tenant")),
        _ => Ok(Some(named)),
    }
}

fn issuer_limits(claims: Claims) -> Option<Arc<[Slug]>> {
    (!claims.allowed.is_empty()).then(|| claims.allowed.into())
}

fn refuse(detail: &str) -> Error {
    Error::Unauthenticated(detail.into())
}
