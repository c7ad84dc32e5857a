//! Memberships: users in tenants, with their roles. The last holder of the first configured role cannot be removed. The
//! plan's limit on users is checked in the transaction that adds a member.

use super::{count, grants};
use crate::{
    Error, Result,
    audit::By,
    control::{Subject, Write, params},
    plans::Limits,
    records::views,
};
use tenantry_engine::{
    SqlRow, Tx,
    name::{RoleName, Slug, TenantId, UserId},
};

/// A membership as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Member {
    /// Id of the user.
    pub user: UserId,
    /// E-mail address of the user.
    pub email: String,
    /// Display name of the user.
    pub name: String,
    /// Id of the tenant.
    pub tenant: TenantId,
    /// Slug of the tenant.
    pub slug: Slug,
    /// Role of the user in the tenant.
    pub role: RoleName,
    /// Start of the membership, in microseconds since 1970, UTC.
    pub created_at_us: i64,
}

const SELECT: &str = "SELECT m.user_id, u.address, u.name, m.tenant, t.slug, m.role, m.created_at FROM memberships m \
    JOIN users u ON u.id = m.user_id JOIN tenants t ON t.id = m.tenant";

fn read(r: &SqlRow) -> Result<Member> {
    Ok(Member {
        user: UserId::from_raw(r.integer(0)?),
        email: r.text(1)?.to_owned(),
        name: r.text(2)?.to_owned(),
        tenant: TenantId::from_raw(r.integer(3)?),
        slug: Slug::parse(r.text(4)?)?,
        role: RoleName::parse(r.text(5)?)?,
        created_at_us: r.integer(6)?,
    })
}

/// Returns the members of a tenant, ordered by user id.
///
/// # Errors
/// Returns the errors of the control store.
pub async fn of_tenant(tx: &mut Tx, tenant: TenantId) -> Result<Vec<Member>> {
    let sql = format!("{SELECT} WHERE m.tenant = ? ORDER BY m.user_id");
    tx.query(&sql, params![tenant.get()]).await?.iter().map(read).collect()
}

/// Returns a user's role in a tenant, or `None` if the user is not a member.
///
/// # Errors
/// Returns the errors of the control store.
pub async fn role(tx: &mut Tx, user: UserId, tenant: TenantId) -> Result<Option<RoleName>> {
    let sql = "SELECT role FROM memberships WHERE user_id = ? AND tenant = ?";
    let rows = tx.query(sql, params![user.get(), tenant.get()]).await?;
    rows.first().map(|r| Ok(RoleName::parse(r.text(0)?)?)).transpose()
}

/// Adds a user to a tenant, if the plan allows another member.
///
/// # Errors
/// Returns [`Error::Conflict`] if the user is a member already; [`Error::LimitExceeded`] when the plan is full.
pub async fn add(write: &mut Write, by: &By, user: UserId, tenant: TenantId, role: &RoleName) -> Result<()> {
    insert(write, user, tenant, role).await?;
    log(write, by, "member.add", user, tenant, Some(role)).await
}

/// Adds a user to a tenant like [`add`], but without an audit row, as part of a larger action.
pub(crate) async fn insert(write: &mut Write, user: UserId, tenant: TenantId, role: &RoleName) -> Result<()> {
    if self::role(write, user, tenant).await?.is_some() {
        return Err(Error::Conflict("this user is a member already".into()));
    }
    reserve(write, tenant, 0).await?;
    keep_default(write, user).await?;
    let at = write.at_us();
    let sql = "INSERT INTO memberships (user_id, tenant, role, created_at) VALUES (?, ?, ?, ?)";
    write.execute(sql, params![user.get(), tenant.get(), role.as_str(), at]).await?;
    Ok(())
}

/// Records the current tenant as the default, so that the user's sign-in without a tenant still leads there after the
/// user joins a second tenant.
async fn keep_default(write: &mut Write, user: UserId) -> Result<()> {
    let sql = "UPDATE users SET last_tenant = (SELECT min(tenant) FROM memberships WHERE user_id = ?1) \
               WHERE id = ?1 AND last_tenant IS NULL AND (SELECT count(*) FROM memberships WHERE user_id = ?1) = 1";
    write.execute(sql, params![user.get()]).await?;
    Ok(())
}

/// Refuses if the plan does not allow another member in addition to the members and pending invitations.
pub(crate) async fn reserve(write: &mut Write, tenant: TenantId, invited: i64) -> Result<()> {
    let sql = "SELECT p.limits FROM subscriptions s JOIN plans p ON p.id = s.plan WHERE s.tenant = ?";
    let rows = write.query(sql, params![tenant.get()]).await?;
    let Some(row) = rows.first() else { return Ok(()) };
    let limits: Limits =
        serde_json::from_str(row.text(0)?).map_err(|e| Error::Internal(format!("limits of a plan: {e}")))?;
    let members =
        count(write, "SELECT count(*) FROM memberships WHERE tenant = ?", params![tenant.get()]).await?;
    match limits.users {
        Some(most) if u64::try_from(members + invited).unwrap_or(0) >= most => {
            Err(Error::LimitExceeded { limit: "users" })
        }
        _ => Ok(()),
    }
}

/// Changes a member's role. The last holder of `first`, the first configured role, keeps it.
///
/// # Errors
/// Returns [`Error::NotFound`] when the user is not a member; [`Error::Conflict`] for the last holder of `first`.
pub async fn set_role(
    write: &mut Write,
    by: &By,
    user: UserId,
    tenant: TenantId,
    role: &RoleName,
    first: &RoleName,
) -> Result<()> {
    if role != first {
        protect_last(write, user, tenant, first).await?;
    }
    let sql = "UPDATE memberships SET role = ? WHERE user_id = ? AND tenant = ?";
    if write.execute(sql, params![role.as_str(), user.get(), tenant.get()]).await? == 0 {
        return Err(Error::NotFound("member"));
    }
    log(write, by, "member.set_role", user, tenant, Some(role)).await
}

/// Removes a member. The last holder of `first`, the first configured role, stays.
///
/// # Errors
/// Returns [`Error::NotFound`] when the user is not a member; [`Error::Conflict`] for the last holder of `first`.
pub async fn remove(
    write: &mut Write,
    by: &By,
    user: UserId,
    tenant: TenantId,
    first: &RoleName,
) -> Result<()> {
    end(write, by, "member.remove", user, tenant, first).await
}

/// Ends a membership because the member wants to leave. The last holder of `first`, the first configured role, stays.
///
/// # Errors
/// Returns [`Error::NotFound`] when the user is not a member; [`Error::Conflict`] for the last holder of `first`.
pub(crate) async fn leave(
    write: &mut Write,
    by: &By,
    user: UserId,
    tenant: TenantId,
    first: &RoleName,
) -> Result<()> {
    end(write, by, "member.leave", user, tenant, first).await
}

async fn end(
    write: &mut Write,
    by: &By,
    action: &str,
    user: UserId,
    tenant: TenantId,
    first: &RoleName,
) -> Result<()> {
    protect_last(write, user, tenant, first).await?;
    let sql = "DELETE FROM memberships WHERE user_id = ? AND tenant = ?";
    if write.execute(sql, params![user.get(), tenant.get()]).await? == 0 {
        return Err(Error::NotFound("member"));
    }
    grants::end(write, user, Some(tenant)).await?;
    views::end(write, user, tenant).await?;
    log(write, by, action, user, tenant, None).await
}

/// Refuses a change that would leave a tenant without an active holder of the role that manages it.
async fn protect_last(write: &mut Write, user: UserId, tenant: TenantId, first: &RoleName) -> Result<()> {
    if role(write, user, tenant).await?.as_ref() != Some(first) {
        return Ok(());
    }
    let sql = "SELECT count(*) FROM memberships m JOIN users u ON u.id = m.user_id \
               WHERE m.tenant = ? AND m.role = ? AND m.user_id <> ? AND u.is_active = 1";
    match count(write, sql, params![tenant.get(), first.as_str(), user.get()]).await? {
        0 => Err(Error::Conflict(format!(
            "the last {first} of a tenant stays: give another member the role {first} first"
        ))),
        _ => Ok(()),
    }
}

/// Refuses to deactivate a user if an active tenant would then have no active holder of the role that manages it.
pub(super) async fn protect_managed(write: &mut Write, user: UserId, first: &RoleName) -> Result<()> {
    let sql = "SELECT t.slug FROM memberships m JOIN tenants t ON t.id = m.tenant \
        WHERE m.user_id = ?1 AND m.role = ?2 AND t.state IN ('creating', 'active') AND NOT EXISTS (\
        SELECT 1 FROM memberships o JOIN users u ON u.id = o.user_id \
        WHERE o.tenant = m.tenant AND o.role = ?2 AND o.user_id <> ?1 AND u.is_active = 1) ORDER BY t.slug LIMIT 5";
    let rows = write.query(sql, params![user.get(), first.as_str()]).await?;
    let alone = rows.iter().map(|row| row.text(0)).collect::<Result<Vec<_>, _>>()?;
    if alone.is_empty() {
        return Ok(());
    }
    Err(Error::Conflict(format!(
        "this account is the last active {first} of {}: give another member the role {first} first, add one with \
         tenantry tenant add-owner, or suspend the tenant",
        alone.join(", ")
    )))
}

async fn log(
    write: &mut Write,
    by: &By,
    action: &str,
    user: UserId,
    tenant: TenantId,
    role: Option<&RoleName>,
) -> Result<()> {
    write.audit(by, Some(tenant), action, serde_json::json!({ "user": user, "role": role })).await?;
    write.invalidate(&Subject::User(user)).await
}
