//! Maintenance mode: members are refused with the reason, while staff and operations continue.
//!
//! The staff API and the command line call it. It takes effect at the next request in every process: access reads the
//! mode from the tenant's record, which this module invalidates.

use crate::{
    Result,
    audit::By,
    control::{Subject, Write, params},
    tenants::by_id,
};
use tenantry_engine::name::TenantId;

/// Closes a tenant to its members for this reason, or reopens it with `None`. Setting the current value again changes
/// and records nothing.
///
/// # Errors
/// Returns [`crate::Error::Invalid`] for an unreadable reason.
pub(crate) async fn set_maintenance(
    write: &mut Write,
    by: &By,
    id: TenantId,
    reason: Option<&str>,
) -> Result<()> {
    let reason = reason.map(str::trim);
    if let Some(reason) = reason {
        crate::users::check_text("reason", reason)?;
    }
    let tenant = by_id(write, id).await?;
    if tenant.maintenance.as_deref() == reason {
        write.found_nothing_to_do();
        return Ok(());
    }
    let values = params![reason.map(str::to_owned), id.get()];
    write.execute("UPDATE tenants SET maintenance = ? WHERE id = ?", values).await?;
    let detail = serde_json::json!({ "slug": tenant.slug, "on": reason.is_some(), "reason": reason });
    write.audit(by, Some(id), "tenant.maintenance", detail).await?;
    write.invalidate(&Subject::Tenant(id)).await
}
