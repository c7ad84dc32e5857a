//! The record of a tenant in the catalog: found by id or slug, inserted by the operations that create tenants.
//!
//! Other files of this folder change the state, the name and the settings.

use super::State;
use crate::{
    Error, Result,
    control::{Write, ids, params},
    error::Wrong,
};
use tenantry_engine::{
    Kind, SqlRow, Tx,
    name::{Slug, TenantId},
};

/// A tenant's record.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Tenant {
    /// Permanent id of the tenant.
    pub id: TenantId,
    /// Short name of the tenant in URLs and hosts.
    pub slug: Slug,
    /// Display name of the tenant.
    pub name: String,
    /// E-mail address for letters about the tenant.
    pub email: String,
    /// State of the tenant. It determines whether access lets requests enter.
    pub state: State,
    /// Reason given for the state.
    pub state_reason: Option<String>,
    /// Time of creation, in microseconds since 1970, UTC.
    pub created_at_us: i64,
    /// Reason for maintenance, while only staff may enter.
    pub maintenance: Option<String>,
}

/// Names of a new tenant.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct NewTenant {
    /// Slug of the new tenant. It must be free, and no other tenant may ever have had it.
    pub slug: Slug,
    /// Display name, 1 to 200 characters.
    pub name: String,
    /// E-mail address for letters about the tenant.
    pub email: String,
}

const COLUMNS: &str = "id, slug, name, email, state, state_reason, created_at, maintenance";

fn read(r: &SqlRow) -> Result<Tenant> {
    Ok(Tenant {
        id: TenantId::from_raw(r.integer(0)?),
        slug: Slug::parse(r.text(1)?)?,
        name: r.text(2)?.to_owned(),
        email: r.text(3)?.to_owned(),
        state: State::parse(r.text(4)?)?,
        state_reason: r.opt_text(5)?.map(Into::into),
        created_at_us: r.integer(6)?,
        maintenance: r.opt_text(7)?.map(Into::into),
    })
}

/// Records a tenant in state `creating`: its slug is taken, and no user can enter yet. The id is above `highest` and
/// above every id that any row of the catalog mentions.
pub(crate) async fn insert(write: &mut Write, new: &NewTenant, highest: i64) -> Result<TenantId> {
    check(new)?;
    require_free(write, &new.slug).await?;
    let known = ids::highest_tenant(write).await?;
    ids::raise(write, "tenants", known.max(highest)).await?;
    let at = write.at_us();
    let sql = "INSERT INTO tenants (slug, name, email, state, created_at, state_at) \
               VALUES (?, ?, ?, 'creating', ?, ?) RETURNING id";
    let values = params![new.slug.as_str(), new.name.trim(), new.email.trim(), at, at];
    match write.query(sql, values).await {
        Ok(rows) => Ok(TenantId::from_raw(rows.first().ok_or(Error::NotFound("tenant"))?.integer(0)?)),
        Err(e) if matches!(e.kind(), Kind::Unique(_)) => Err(taken(&new.slug)),
        Err(e) => Err(e.into()),
    }
}

/// Refuses a slug that is or ever was a tenant's slug, or that foreign tokens already use as the name of another
/// tenant.
pub(crate) async fn require_free(tx: &mut Tx, slug: &Slug) -> Result<()> {
    let sql = "SELECT 1 FROM retired_slugs WHERE slug = ?1 UNION ALL SELECT 1 FROM tenants WHERE slug = ?1 \
               UNION ALL SELECT 1 FROM tenants WHERE settings ->> 'external_id' = ?1";
    match tx.query(sql, params![slug.as_str()]).await?.is_empty() {
        true => Ok(()),
        false => Err(taken(slug)),
    }
}

/// Checks the fields of a registration form before anything is written.
///
/// # Errors
/// Returns [`Error::Invalid`] or [`Error::InvalidFields`] if the name or the e-mail address is not valid.
pub fn check(new: &NewTenant) -> Result<()> {
    let mut wrong = Wrong::default();
    wrong.take(crate::users::check_text("name", &new.name))?;
    wrong.take(crate::users::check_email(&new.email))?;
    wrong.finish()
}

pub(super) fn taken(slug: &Slug) -> Error {
    Error::Conflict(format!("the name {slug} is taken"))
}

/// Removes the record of a tenant that never became active, with everything that belongs to it alone. Idempotent.
pub(crate) async fn remove_unborn(write: &mut Write, id: TenantId) -> Result<()> {
    let key = params![id.get()];
    write.execute("DELETE FROM memberships WHERE tenant = ?", key).await?;
    write.execute("DELETE FROM subscriptions WHERE tenant = ?", key).await?;
    write.execute("DELETE FROM tenants WHERE id = ? AND state = 'creating'", key).await?;
    Ok(())
}

/// Returns the tenant with this id.
///
/// # Errors
/// Returns [`Error::NotFound`] when there is no such tenant.
pub(crate) async fn by_id(tx: &mut Tx, id: TenantId) -> Result<Tenant> {
    one(tx, &format!("SELECT {COLUMNS} FROM tenants WHERE id = ?"), params![id.get()]).await
}

/// Returns the tenant with this slug.
///
/// # Errors
/// Returns [`Error::NotFound`] when there is no such tenant.
pub(crate) async fn by_slug(tx: &mut Tx, slug: &Slug) -> Result<Tenant> {
    one(tx, &format!("SELECT {COLUMNS} FROM tenants WHERE slug = ?"), params![slug.as_str()]).await
}

async fn one(tx: &mut Tx, sql: &str, values: &[tenantry_engine::value::Value]) -> Result<Tenant> {
    tx.query(sql, values).await?.first().map(read).transpose()?.ok_or(Error::NotFound("tenant"))
}
