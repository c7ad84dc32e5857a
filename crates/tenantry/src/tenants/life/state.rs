//! States of a tenant. Every change of state goes through `transition`.

use crate::{
    Error, Result,
    audit::By,
    control::{Subject, Write, params},
    tenants::by_id,
};
use tenantry_engine::name::TenantId;

/// State of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The tenant is recorded, and its databases are being created. No user can enter.
    Creating,
    /// The tenant is in use.
    Active,
    /// Staff closed the tenant until they resume it. Its data is retained.
    Suspended,
    /// The tenant is closed because it was cancelled. Its data is retained for the retention period, then purged
    /// (`staged-deletion`).
    Cancelled,
    /// The tenant's data is being removed. This cannot be undone.
    Purging,
    /// The tenant was purged. The row prevents reuse of its id and slug.
    Gone,
}

impl State {
    /// Returns the name of the state in the database and for users.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Cancelled => "cancelled",
            Self::Purging => "purging",
            Self::Gone => "gone",
        }
    }

    /// Parses the stored text.
    ///
    /// # Errors
    /// Returns [`Error::Internal`] for any other text.
    pub fn parse(text: &str) -> Result<Self> {
        use State::{Active, Cancelled, Creating, Gone, Purging, Suspended};
        let all = [Creating, Active, Suspended, Cancelled, Purging, Gone];
        let unknown = || Error::Internal(format!("tenant state {text:?}"));
        all.into_iter().find(|s| s.as_str() == text).ok_or_else(unknown)
    }

    /// Returns true if a tenant may change from this state to `to`.
    pub fn may_become(self, to: Self) -> bool {
        use State::{Active, Cancelled, Creating, Gone, Purging, Suspended};
        matches!(
            (self, to),
            (Creating, Active)
                | (Active, Suspended | Cancelled)
                | (Suspended, Active | Cancelled)
                | (Cancelled, Active | Suspended | Purging)
                | (Purging, Cancelled | Gone)
        )
    }
}

/// Changes the state of a tenant, with an audit row.
///
/// # Errors
/// Returns [`Error::Conflict`] if `State::may_become` does not allow it.
pub(crate) async fn transition(
    write: &mut Write,
    by: &By,
    id: TenantId,
    to: State,
    reason: Option<&str>,
) -> Result<()> {
    let tenant = by_id(write, id).await?;
    if !tenant.state.may_become(to) {
        let (from, to) = (tenant.state.as_str(), to.as_str());
        let slug = &tenant.slug;
        return Err(Error::Conflict(match from == to {
            true => format!("{slug} is {to} already"),
            false => format!("{slug} is {from} and cannot become {to}"),
        }));
    }
    let sql = "UPDATE tenants SET state = ?, state_reason = ?, state_at = ? WHERE id = ?";
    let at = write.at_us();
    write.execute(sql, params![to.as_str(), reason.map(str::to_owned), at, id.get()]).await?;
    let action = match to {
        State::Active if tenant.state == State::Creating => "tenant.create",
        State::Active => "tenant.resume",
        State::Suspended => "tenant.suspend",
        State::Cancelled => "tenant.close",
        State::Purging => "tenant.purge_begin",
        State::Gone | State::Creating => "tenant.purge",
    };
    let detail = serde_json::json!({ "slug": tenant.slug, "from": tenant.state, "reason": reason });
    write.audit(by, Some(id), action, detail).await?;
    write.invalidate(&Subject::Tenant(id)).await
}

/// Closes a tenant to all actors except platform staff, from the next request on.
///
/// # Errors
/// Returns the errors of [`transition`].
pub(crate) async fn suspend(write: &mut Write, by: &By, id: TenantId, reason: &str) -> Result<()> {
    transition(write, by, id, State::Suspended, Some(reason)).await
}

/// Reopens a suspended tenant. Use [`crate::tenants::keep`] for a cancelled one.
///
/// # Errors
/// Returns the errors of [`transition`], and [`Error::Conflict`] for a cancelled tenant.
pub(crate) async fn resume(write: &mut Write, by: &By, id: TenantId) -> Result<()> {
    let tenant = by_id(write, id).await?;
    if tenant.state == State::Cancelled {
        return Err(Error::Conflict(format!("{} was cancelled: take that back instead", tenant.slug)));
    }
    transition(write, by, id, State::Active, None).await
}
