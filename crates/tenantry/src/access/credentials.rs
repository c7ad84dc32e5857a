//! From what a request presents to who acts and for which tenant: one path for every kind of
//! credential (`uneven-credentials`).
//!
//! Called by the HTTP layer through [`Access::resolve`]. All credentials present must be good and mean
//! the same identity; all sources of a tenant that are present must agree, else the request is
//! refused as if nothing were there (`absent-not-forbidden`, `sources-disagree`). Nothing falls back to anything.

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

/// What a request carries, taken apart but not believed.
#[derive(Clone, Copy, Default)]
pub struct Presented<'a> {
    /// The session cookie.
    pub session: Option<&'a str>,
    /// `Authorization: Bearer …`: a session token, an API key, or a token of a foreign issuer.
    pub bearer: Option<&'a str>,
    /// `X-API-Key`.
    pub api_key: Option<&'a str>,
    /// Host name, with or without port; forwarded only where the peer is trusted.
    pub host: Option<&'a str>,
    /// Slug from the path.
    pub path_tenant: Option<&'a str>,
    /// Slug from the `X-Tenant` header.
    pub header_tenant: Option<&'a str>,
}

/// Who acts, and for which tenant if any source named one.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// Who acts; bound to the tenant where there is one.
    pub actor: Actor,
    /// The tenant on which all sources agree. Not yet entered.
    pub tenant: Option<TenantId>,
}

/// One checked credential: the identity, and the tenant it names.
struct Checked {
    actor: Actor,
    tenant: Option<TenantId>,
    /// The tenant is what the holder of a foreign token says, not what this platform recorded.
    claimed: bool,
}

impl Access {
    /// Who acts, and for which tenant. On a warm path it asks no database and allocates nothing.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] without a good credential or when two mean different people;
    /// [`Error::NotFound`] when a named tenant does not exist or two sources disagree.
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
                // Boxed: it may ask a key server, and other requests need not carry room for that.
                false => Box::pin(self.foreign_token(text)).await?,
            };
            found = Some(join(found, checked)?);
        }
        if let Some(text) = presented.api_key {
            let checked = self.own_token(text, Some(TokenKind::ApiKey)).await?;
            found = Some(join(found, checked)?);
        }
        let Checked { actor, tenant, claimed } = found.ok_or_else(|| refuse("no credential"))?;
        let named = self.agree_with_names(tenant, presented).await?;
        // Membership comes before any answer: a tenant that is not the caller's looks like none.
        if let Some(id) = named
            && (claimed || names_tenant(presented, &self.base_domain))
        {
            self.require_member(&actor, id).await?;
        }
        Ok(Resolved { actor: actor.bind(named), tenant: named })
    }

    /// Refuses a tenant that the caller does not belong to, exactly as one that does not exist.
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

    /// The role a key has now: never more than its maker has in the tenant today. A key that the operator
    /// made has no maker and keeps its own.
    async fn role_of_key(&self, key: &Key) -> Result<RoleName> {
        let Some(maker) = key.made_by else { return Ok(key.role.clone()) };
        let maker = self.active_user(self.directory.user(maker).await?)?;
        let role = maker.role_in(key.tenant).ok_or_else(|| refuse("the key's maker left the tenant"))?;
        let lower = self.rank(role) > self.rank(&key.role) && !maker.superuser;
        Ok(if lower { role.clone() } else { key.role.clone() })
    }

    /// Place of a role among the configured ones, which stand from the most powerful to the least.
    fn rank(&self, role: &RoleName) -> usize {
        self.roles.iter().position(|known| known == role).unwrap_or(usize::MAX)
    }

    async fn foreign_token(&self, text: &str) -> Result<Checked> {
        let claims = self.issuers.verify(text).await?;
        let user = self.directory.claimed(&claims.user).await?;
        let user = self.active_user(user)?;
        let tenant = match &claims.tenant {
            Some(claimed) => Some(self.claimed_tenant(claimed).await?.id),
            None => None,
        };
        if !claims.allowed.is_empty() && !self.is_among(&user, &claims.allowed).await? {
            return Err(refuse("no member of a tenant that the issuer speaks for"));
        }
        let actor = Actor::token(user, issuer_limits(claims));
        Ok(Checked { actor, tenant, claimed: tenant.is_some() })
    }

    /// Whether the user belongs to one of these tenants.
    async fn is_among(&self, user: &User, allowed: &[Slug]) -> Result<bool> {
        for (tenant, _) in &user.memberships {
            if allowed.contains(&self.directory.tenant(*tenant).await?.slug) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn claimed_tenant(&self, claimed: &ClaimedTenant) -> Result<Arc<TenantRecord>> {
        match claimed {
            ClaimedTenant::Slug(slug) => self.directory.by_slug(slug).await,
            ClaimedTenant::ExternalId(id) => self.directory.by_external_id(id).await,
        }
    }

    fn active_user(&self, user: Option<Arc<User>>) -> Result<Arc<User>> {
        user.filter(|user| user.active).ok_or_else(|| refuse("no such user, or not active"))
    }

    /// Host, path and header, each against what is known so far.
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
        // The usual case: the name of the tenant that is known already needs no parsing.
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

/// Two credentials of one request must mean one identity and contradict each other in nothing.
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
    // The narrower of the two acts: a session says nothing that a token of an issuer bound to
    // tenants may not.
    let actor = if second.actor.is_narrower() { second.actor } else { first.actor };
    Ok(Checked { actor, tenant, claimed: first.claimed || second.claimed })
}

/// Whether host, path or header name a tenant.
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
