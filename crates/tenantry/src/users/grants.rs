//! Access that a member has given to others in a tenant: API keys and open invitations. It ends with the membership.
//!
//! Called in the transaction that ends a membership, so a later membership of the same user revives no key or
//! invitation.

use crate::{
    Result,
    control::{Subject, Write, params},
};
use tenantry_engine::name::{TenantId, UserId};

/// Revokes the API keys and the open invitations that a user made, in one tenant or, with `None`, in all tenants.
pub(crate) async fn end(write: &mut Write, user: UserId, tenant: Option<TenantId>) -> Result<()> {
    let at = write.at_us();
    let values = params![at, user.get(), tenant.map(TenantId::get)];
    let sql = "UPDATE api_keys SET revoked_at = ?1 WHERE created_by = ?2 AND revoked_at IS NULL \
        AND (tenant = ?3 OR ?3 IS NULL) RETURNING hash";
    for row in write.query(sql, values).await? {
        write.invalidate(&Subject::ApiKey(row.text(0)?.to_owned())).await?;
    }
    let sql = "UPDATE invitations SET state = 'revoked', closed_at = ?1 WHERE made_by = ?2 AND state = 'open' \
        AND (tenant = ?3 OR ?3 IS NULL)";
    write.execute(sql, values).await?;
    Ok(())
}
