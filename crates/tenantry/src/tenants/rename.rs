//! Changes the name and the slug of a tenant. The slug is an alias, so the id, databases, files, sessions and keys
//! stay. The old slug stays reserved, and requests for it get the same answer as if it had never existed
//! (`checked-names`).

use super::{State, by_id, record::taken};
use crate::{
    Error, Result,
    audit::By,
    control::{Subject, Write, params},
};
use tenantry_engine::{
    Kind,
    name::{Slug, TenantId},
};

/// Changes the display name of the tenant.
///
/// # Errors
/// Returns [`Error::Invalid`] for an invalid name; [`Error::NotFound`] when there is no such tenant.
pub(crate) async fn set_name(write: &mut Write, by: &By, id: TenantId, name: &str) -> Result<()> {
    crate::users::check_text("name", name)?;
    let sql = "UPDATE tenants SET name = ? WHERE id = ?";
    if write.execute(sql, params![name.trim(), id.get()]).await? == 0 {
        return Err(Error::NotFound("tenant"));
    }
    write.audit(by, Some(id), "tenant.set_name", serde_json::json!({})).await?;
    write.invalidate(&Subject::Tenant(id)).await
}

/// Gives the tenant another slug. A tenant may take back its own former slugs; other tenants' former slugs stay
/// reserved.
///
/// # Errors
/// Returns [`Error::Conflict`] for a slug that is taken, or a tenant that is being created, is being purged or was
/// purged.
pub(crate) async fn rename(write: &mut Write, by: &By, id: TenantId, to: &Slug) -> Result<()> {
    let tenant = by_id(write, id).await?;
    if matches!(tenant.state, State::Creating | State::Purging | State::Gone) {
        return Err(Error::Conflict(format!(
            "{} is {} and keeps its name",
            tenant.slug,
            tenant.state.as_str()
        )));
    }
    if tenant.slug == *to {
        return Err(Error::Conflict(format!("{to} is its name already")));
    }
    let others = "SELECT 1 FROM retired_slugs WHERE slug = ?1 AND tenant IS DISTINCT FROM ?2 \
                  UNION ALL SELECT 1 FROM tenants WHERE settings ->> 'external_id' = ?1 AND id <> ?2";
    if !write.query(others, params![to.as_str(), id.get()]).await?.is_empty() {
        return Err(taken(to));
    }
    write.execute("DELETE FROM retired_slugs WHERE slug = ?", params![to.as_str()]).await?;
    let at = write.at_us();
    let keep_back = "INSERT INTO retired_slugs (slug, tenant, retired_at) VALUES (?, ?, ?)";
    write.execute(keep_back, params![tenant.slug.as_str(), id.get(), at]).await?;
    let changed =
        write.execute("UPDATE tenants SET slug = ? WHERE id = ?", params![to.as_str(), id.get()]).await;
    match changed {
        Err(e) if matches!(e.kind(), Kind::Unique(_)) => return Err(taken(to)),
        changed => changed?,
    };
    let detail = serde_json::json!({ "from": tenant.slug, "to": to });
    write.audit(by, Some(id), "tenant.rename", detail).await?;
    write.invalidate(&Subject::Tenant(id)).await
}
