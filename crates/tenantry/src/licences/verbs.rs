//! The verbs on licences: `platform.licences()`. The staff API and the command line call them.

use super::{
    Claims, Licence, LicenceStatus, LicenceTerms, PublicKey, RevokedKeys, SigningKey, end_with_grace,
    of_tenant, revoke_key, terms::check_end,
};
use crate::{
    Error, Platform, Result,
    access::Actor,
    config::Secret,
    control::{Subject, Write, clock, params, settings::platform_id},
    tenants::{self, State},
};
use serde_json::json;
use tenantry_engine::name::{Slug, TenantId};

/// The licences of an installation.
pub struct Licences<'a>(&'a Platform);

impl Platform {
    /// Returns the licences: issue, show, list, renew, suspend and revoke them.
    pub fn licences(&self) -> Licences<'_> {
        Licences(self)
    }
}

impl Licences<'_> {
    pub(super) fn platform(&self) -> &Platform {
        self.0
    }

    /// Returns the licence of a tenant.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if the actor is not staff, or the tenant has no licence.
    pub async fn show(&self, actor: &Actor, slug: &Slug) -> Result<Licence> {
        actor.require_staff()?;
        let mut tx = self.0.control().snapshot().await?;
        let tenant = tenants::by_slug(&mut tx, slug).await?.id;
        of_tenant(&mut tx, tenant).await?.ok_or(Error::NotFound("licence"))
    }

    /// Issues a licence to a tenant. It replaces the licence that the tenant has, whose key is revoked.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if the actor is not staff or there is no such tenant; [`Error::InvalidFields`] with
    /// every wrong term; [`Error::Conflict`] if the installation has no signing key.
    pub async fn issue(&self, actor: &Actor, slug: &Slug, terms: LicenceTerms) -> Result<Licence> {
        actor.require_staff()?;
        terms.check(self.0.now_us())?;
        let signer = self.signer()?;
        let installation = platform_id(self.0.control()).await?;
        let mut write = self.0.control().begin().await?;
        let tenant = living(&mut write, slug).await?;
        let new = Issued { signer: &signer, installation, tenant, slug };
        let licence = new.write(&mut write, terms).await?;
        finish(write, actor, tenant, "licence.issue", &licence).await
    }

    /// Renews a licence until another end. The terms stay, and the licence gets a new key; the previous one is revoked.
    ///
    /// # Errors
    /// Returns the errors of [`Licences::issue`]; [`Error::NotFound`] if the tenant has no licence; [`Error::Conflict`] if
    /// it is revoked or suspended.
    pub async fn renew(&self, actor: &Actor, slug: &Slug, expires_at_us: Option<i64>) -> Result<Licence> {
        actor.require_staff()?;
        check_end(expires_at_us, self.0.now_us())?;
        let signer = self.signer()?;
        let installation = platform_id(self.0.control()).await?;
        let mut write = self.0.control().begin().await?;
        let tenant = living(&mut write, slug).await?;
        let old = of_tenant(&mut write, tenant).await?.ok_or(Error::NotFound("licence"))?;
        if old.status != LicenceStatus::Active {
            let status = old.status.as_str();
            return Err(Error::Conflict(format!("the licence is {status}: resume it or issue a new one")));
        }
        check_end(expires_at_us, old.starts_at_us)?;
        let terms = LicenceTerms {
            license_type: old.license_type,
            starts_at_us: Some(old.starts_at_us),
            expires_at_us,
            grace_days: old.grace_days,
            features: old.features,
            limits: old.limits,
            quotas: old.quotas,
        };
        let new = Issued { signer: &signer, installation, tenant, slug };
        let licence = new.write(&mut write, terms).await?;
        finish(write, actor, tenant, "licence.renew", &licence).await
    }

    /// Suspends, resumes or revokes a licence. A revoked licence stays revoked.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if the actor is not staff, or the tenant has no licence; [`Error::Conflict`] for a
    /// revoked licence.
    pub async fn set_status(&self, actor: &Actor, slug: &Slug, status: LicenceStatus) -> Result<Licence> {
        actor.require_staff()?;
        let mut write = self.0.control().begin().await?;
        let tenant = tenants::by_slug(&mut write, slug).await?.id;
        let mut licence = of_tenant(&mut write, tenant).await?.ok_or(Error::NotFound("licence"))?;
        if licence.status == status {
            return Ok(licence);
        }
        if licence.status == LicenceStatus::Revoked {
            return Err(Error::Conflict("a revoked licence stays revoked: issue a new one".into()));
        }
        if status == LicenceStatus::Revoked {
            revoke_key(&mut write, &licence).await?;
        }
        write
            .execute(
                "UPDATE licences SET status = ? WHERE tenant = ?",
                params![status.as_str(), tenant.get()],
            )
            .await?;
        licence.status = status;
        finish(write, actor, tenant, "licence.set_status", &licence).await
    }

    /// Returns the public key with which licence keys are verified.
    ///
    /// # Errors
    /// Returns [`Error::Conflict`] if the installation has no signing key.
    pub fn public_key(&self) -> Result<PublicKey> {
        self.signer().map(|signer| signer.public())
    }

    /// Returns the signed list of the revoked keys that have not expired, with the public key; `None` if the installation
    /// has no signing key. The list is public.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] if the signing key cannot be read, and the errors of the control store.
    pub async fn revoked(&self) -> Result<Option<(String, PublicKey)>> {
        if self.0.config().licences.signing_key.is_none() {
            return Ok(None);
        }
        let signer = self.signer()?;
        let control = self.0.control();
        let sql = "SELECT key_id FROM revoked_keys WHERE expires_at IS NULL OR expires_at > ? \
            ORDER BY key_id";
        let rows = control.snapshot().await?.query(sql, params![control.due_us()]).await?;
        let keys = rows.iter().map(|row| Ok(row.text(0)?.to_owned())).collect::<Result<_>>()?;
        let installation = platform_id(control).await?;
        let list = signer.sign_revoked(&RevokedKeys { installation, at_us: control.now_us(), keys })?;
        Ok(Some((list, signer.public())))
    }

    fn signer(&self) -> Result<SigningKey> {
        let place = self.0.config().licences.signing_key.as_ref();
        let none = "this installation has no key that signs licences: make one with tenantry licence keygen, and name its \
            file in licences.signing_key_file";
        let text = place.ok_or_else(|| Error::Conflict(none.into()))?;
        SigningKey::parse(
            &Secret::read(text).map_err(|reason| Error::invalid("licences.signing_key", reason))?,
        )
    }
}

/// What is the same for all keys that are issued to a tenant.
struct Issued<'a> {
    signer: &'a SigningKey,
    installation: String,
    tenant: TenantId,
    slug: &'a Slug,
}

impl Issued<'_> {
    /// Writes a licence with these terms and a new key in place of the tenant's licence.
    async fn write(self, write: &mut Write, terms: LicenceTerms) -> Result<Licence> {
        if let Some(old) = of_tenant(write, self.tenant).await? {
            revoke_key(write, &old).await?;
        }
        let starts_at_us = terms.starts_at_us.unwrap_or_else(|| write.at_us());
        let claims = Claims {
            id: uuid::Uuid::now_v7().to_string(),
            installation: self.installation,
            tenant: self.tenant.get(),
            slug: self.slug.to_string(),
            license_type: terms.license_type.trim().to_owned(),
            features: terms.features,
            limits: terms.limits,
            starts_at_us,
            ends_at_us: end_with_grace(terms.expires_at_us, terms.grace_days),
        };
        let licence = Licence {
            key: self.signer.sign(&claims)?,
            key_id: claims.id,
            license_type: claims.license_type,
            status: LicenceStatus::Active,
            starts_at_us,
            expires_at_us: terms.expires_at_us,
            grace_days: terms.grace_days,
            features: claims.features,
            limits: claims.limits,
            quotas: terms.quotas,
            issued_at_us: write.at_us(),
        };
        store(write, self.tenant, &licence).await?;
        Ok(licence)
    }
}

async fn store(write: &mut Write, tenant: TenantId, licence: &Licence) -> Result<()> {
    let json = |text: serde_json::Result<String>| text.map_err(|e| Error::Internal(e.to_string()));
    let (features, limits) =
        (serde_json::to_string(&licence.features), serde_json::to_string(&licence.limits));
    let sql = "INSERT INTO licences (tenant, license_type, status, starts_at, expires_at, grace_days, features, limits, \
        key_id, licence_key, issued_at, quotas) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let values = params![
        tenant.get(),
        licence.license_type.as_str(),
        licence.status.as_str(),
        licence.starts_at_us,
        licence.expires_at_us,
        i64::from(licence.grace_days),
        json(features)?,
        json(limits)?,
        licence.key_id.as_str(),
        licence.key.as_str(),
        licence.issued_at_us,
        json(serde_json::to_string(&licence.quotas))?
    ];
    write.execute("DELETE FROM licences WHERE tenant = ?", params![tenant.get()]).await?;
    write.execute(sql, values).await?;
    Ok(())
}

/// Returns the id of a tenant that may get a licence.
async fn living(write: &mut Write, slug: &Slug) -> Result<TenantId> {
    let tenant = tenants::by_slug(write, slug).await?;
    match tenant.state {
        State::Purging | State::Gone => Err(Error::Conflict("the tenant is purged".into())),
        _ => Ok(tenant.id),
    }
}

/// Audits the change, commits it, and makes it current in every process.
async fn finish(
    mut write: Write,
    actor: &Actor,
    tenant: TenantId,
    action: &str,
    now: &Licence,
) -> Result<Licence> {
    let detail = json!({ "key": now.key_id, "license_type": now.license_type, "status": now.status,
        "starts_at": clock::text(now.starts_at_us), "expires_at": now.expires_at_us.map(clock::text),
        "grace_days": now.grace_days, "features": now.features, "limits": now.limits, "quotas": now.quotas });
    write.audit(&actor.by(), Some(tenant), action, detail).await?;
    write.invalidate(&Subject::Tenant(tenant)).await?;
    write.commit().await?;
    Ok(now.clone())
}
