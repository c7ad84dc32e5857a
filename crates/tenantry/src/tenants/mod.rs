//! Tenants: their record, their state, their name.
//!
//! Called by operations (create), the command line, the staff pages and the API. Access decides whether a tenant may be
//! entered, from what topology caches. Nothing here opens a database.

mod lifecycle;
mod list;
mod maintenance;
pub(crate) mod on_demand;
mod own;
pub(crate) mod placing;
pub mod provision;
pub(crate) mod purge;
mod rename;
mod reserved;
mod retire;
mod settings;
mod state;
mod verbs;

pub(crate) use list::days_until;
pub use list::{Filter, Listed, list, show};
pub use maintenance::set_maintenance;
pub use own::{Held, OwnTenant};
pub use rename::{rename, set_name};
pub(crate) use reserved::is_reserved;
pub(crate) use retire::{PURGED, close_purged, read as read_retirement};
pub use retire::{Retirement, Terms, cancel, close_due, due, keep, reopen_undue};
pub use state::{State, resume, suspend, transition};
pub use verbs::Tenants;

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
    /// Its permanent id.
    pub id: TenantId,
    /// Its short name in URLs and hosts.
    pub slug: Slug,
    /// Its display name.
    pub name: String,
    /// E-mail address for letters about the tenant.
    pub email: String,
    /// State; access decides by it whether the tenant may be entered.
    pub state: State,
    /// Reason given for this state, if any.
    pub state_reason: Option<String>,
    /// Creation, in microseconds since 1970, UTC.
    pub created_at_us: i64,
    /// Reason of the maintenance during which only staff may enter, if any.
    pub maintenance: Option<String>,
}

/// Names of a new tenant.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct NewTenant {
    /// Must be free, and never have been another tenant's.
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

/// Records a tenant in state `creating`: its name is taken, and no user can enter yet. Its id is above `highest` and
/// above every id that the catalog has any record of.
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

/// Refuses a slug that is or ever was a tenant's, or that foreign tokens already use for another tenant.
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
/// [`Error::Invalid`] or [`Error::InvalidFields`] for a name and an e-mail address that are not valid.
pub fn check(new: &NewTenant) -> Result<()> {
    let mut wrong = Wrong::default();
    wrong.take(crate::users::check_text("name", &new.name))?;
    wrong.take(crate::users::check_email(&new.email))?;
    wrong.finish()
}

fn taken(slug: &Slug) -> Error {
    Error::Conflict(format!("the name {slug} is taken"))
}

/// Removes a record that never became active, with everything that belongs to it alone. Idempotent.
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
/// [`Error::NotFound`] when there is no such tenant.
pub async fn by_id(tx: &mut Tx, id: TenantId) -> Result<Tenant> {
    one(tx, &format!("SELECT {COLUMNS} FROM tenants WHERE id = ?"), params![id.get()]).await
}

/// Returns the tenant with this slug.
///
/// # Errors
/// [`Error::NotFound`] when there is no such tenant.
pub async fn by_slug(tx: &mut Tx, slug: &Slug) -> Result<Tenant> {
    one(tx, &format!("SELECT {COLUMNS} FROM tenants WHERE slug = ?"), params![slug.as_str()]).await
}

async fn one(tx: &mut Tx, sql: &str, values: &[tenantry_engine::value::Value]) -> Result<Tenant> {
    tx.query(sql, values).await?.first().map(read).transpose()?.ok_or(Error::NotFound("tenant"))
}

/// Returns at most `limit` ids of tenants greater than `after`, in order. For runs over all tenants.
///
/// # Errors
/// Those of the control store.
pub async fn ids(tx: &mut Tx, after: Option<TenantId>, limit: u32) -> Result<Vec<TenantId>> {
    let sql = "SELECT id FROM tenants WHERE id > ? AND state <> 'gone' ORDER BY id LIMIT ?";
    let rows = tx.query(sql, params![after.map_or(0, TenantId::get), i64::from(limit)]).await?;
    rows.iter().map(|r| Ok(TenantId::from_raw(r.integer(0)?))).collect()
}

/// Returns the settings of a tenant, a JSON object that the platform does not interpret.
///
/// # Errors
/// [`Error::NotFound`] when there is no such tenant.
pub async fn settings(tx: &mut Tx, id: TenantId) -> Result<serde_json::Value> {
    let rows = tx.query("SELECT settings FROM tenants WHERE id = ?", params![id.get()]).await?;
    let text = rows.first().ok_or(Error::NotFound("tenant"))?.text(0)?;
    serde_json::from_str(text).map_err(|e| Error::Internal(format!("settings of tenant {id}: {e}")))
}

/// Largest size of a tenant's settings as text, in bytes.
const SETTINGS_BYTES: usize = 64 << 10;
/// Longest name of a tenant at token issuers, in characters.
const EXTERNAL_CHARS: usize = 200;

/// Merges `changes` into the settings (RFC 7396). A null value removes its key.
///
/// # Errors
/// [`Error::Invalid`] for an `external_id` that is not a text, and for more than 64 KiB; [`Error::Conflict`] for an
/// `external_id` that is another tenant's, or is or was another tenant's slug.
pub async fn change_settings(
    write: &mut Write,
    by: &crate::audit::By,
    id: TenantId,
    changes: serde_json::Map<String, serde_json::Value>,
) -> Result<()> {
    let whole = |text: &str| !text.is_empty() && text.chars().count() <= EXTERNAL_CHARS;
    match changes.get("external_id") {
        None | Some(serde_json::Value::Null) => {}
        Some(serde_json::Value::String(text)) if whole(text) => require_no_slug(write, id, text).await?,
        Some(_) => return Err(Error::invalid("external_id", "a text of 1 to 200 characters, or null")),
    }
    let patch = serde_json::Value::Object(changes);
    let sql = "UPDATE tenants SET settings = json_patch(settings, ?) WHERE id = ?";
    match write.execute(sql, params![patch.to_string(), id.get()]).await {
        Ok(0) => return Err(Error::NotFound("tenant")),
        // `external_id` is the only setting with a unique index.
        Err(e) if matches!(e.kind(), Kind::Unique(_)) => {
            return Err(Error::Conflict("another tenant has this external_id".into()));
        }
        changed => changed?,
    };
    if settings(write, id).await?.to_string().len() > SETTINGS_BYTES {
        return Err(Error::invalid("settings", "at most 64 KiB in all"));
    }
    write.audit(by, Some(id), "tenant.settings", patch).await?;
    write.invalidate(&crate::control::Subject::Tenant(id)).await
}

/// Refuses an `external_id` that is or was another tenant's slug: a token would then name two tenants.
async fn require_no_slug(tx: &mut Tx, id: TenantId, external: &str) -> Result<()> {
    let sql = "SELECT 1 FROM tenants WHERE slug = ?1 AND id <> ?2 \
               UNION ALL SELECT 1 FROM retired_slugs WHERE slug = ?1 AND tenant IS NOT ?2";
    match tx.query(sql, params![external, id.get()]).await?.is_empty() {
        true => Ok(()),
        false => {
            Err(Error::Conflict("this external_id is the name of another tenant: choose another".into()))
        }
    }
}
