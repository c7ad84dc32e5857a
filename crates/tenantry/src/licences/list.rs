//! Lists the licences of all tenants for staff, with one query per page.

use super::{COLUMNS, Licence, LicenceStatus, Licences, read};
use crate::{Result, access::Actor, tenants::list::Where};
use tenantry_engine::{
    SqlRow,
    name::{Slug, TenantId},
};

/// Conditions and size of a page of licences, in the order of tenants.
#[derive(Debug, Clone, Default)]
pub struct LicenceFilter {
    /// Only licences with this status.
    pub status: Option<LicenceStatus>,
    /// Only licences of this type.
    pub license_type: Option<String>,
    /// Only licences after that of this tenant.
    pub after: Option<TenantId>,
    /// Largest number of licences.
    pub limit: u32,
}

/// A licence with its tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedLicence {
    /// Id of the tenant.
    pub tenant: TenantId,
    /// Slug of the tenant.
    pub slug: Slug,
    /// Name of the tenant.
    pub name: String,
    /// The licence.
    pub licence: Licence,
}

impl Licences<'_> {
    /// Returns a page of licences.
    ///
    /// # Errors
    /// Returns [`crate::Error::NotFound`] if the actor is not staff.
    pub async fn list(&self, actor: &Actor, filter: &LicenceFilter) -> Result<Vec<ListedLicence>> {
        actor.require_staff()?;
        let mut all = Where::default();
        if let Some(status) = filter.status {
            all.and("l.status = ?", [status.as_str().into()]);
        }
        if let Some(kind) = &filter.license_type {
            all.and("l.license_type = ?", [kind.as_str().into()]);
        }
        all.and("l.tenant > ?", [filter.after.map_or(0, TenantId::get).into()]);
        let sql = format!(
            "SELECT t.id, t.slug, t.name, {COLUMNS} FROM licences l JOIN tenants t ON t.id = l.tenant WHERE {} \
             ORDER BY l.tenant LIMIT ?",
            all.text.join(" AND ")
        );
        all.values.push(i64::from(filter.limit.clamp(1, 1000)).into());
        let rows = self.platform().control().snapshot().await?.query(&sql, &all.values).await?;
        rows.iter().map(listed).collect()
    }
}

fn listed(r: &SqlRow) -> Result<ListedLicence> {
    Ok(ListedLicence {
        tenant: TenantId::from_raw(r.integer(0)?),
        slug: Slug::parse(r.text(1)?)?,
        name: r.text(2)?.to_owned(),
        licence: read(r, 3)?,
    })
}
