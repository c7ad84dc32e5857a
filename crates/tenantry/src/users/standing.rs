//! Trust in an account's e-mail address: confirmed, or only claimed at registration.
//!
//! `accounts` calls it after a user has followed a link that was sent to the address. An account that only claims its
//! address is bound to the tenants with which it was created. No look-up by address finds it, so nothing intended for
//! the holder of the address (an invitation, a token of another issuer, the ownership of a copy) can reach it.

use super::{User, by_email, by_id};
use crate::{
    Error, Result,
    audit::By,
    control::{Subject, Write, params},
};
use serde_json::json;
use tenantry_engine::name::{RoleName, UserId};

/// Trust in the address of a new account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub enum Standing {
    /// The person who created the account gave the address, and nothing proves it.
    #[default]
    Unconfirmed,
    /// The operator, a superuser or a link sent to the address vouches for the address.
    Confirmed,
}

/// Returns a sign-in name that no e-mail address can equal.
pub(super) fn no_address() -> String {
    format!("~{}", uuid::Uuid::now_v7())
}

/// Makes an account the holder of its address, which was just proven. Returns the account that now holds the address.
/// If another account was confirmed earlier, that account stays the holder and takes over the memberships. Of two roles
/// in a tenant, `first`, the first configured role, wins.
///
/// # Errors
/// Returns [`Error::NotFound`] when there is no such user; [`Error::Conflict`] if the holder is deactivated.
pub(crate) async fn confirm(write: &mut Write, by: &By, id: UserId, first: &RoleName) -> Result<UserId> {
    let user = by_id(write, id).await?;
    match by_email(write, &user.email).await? {
        Some(holder) if holder.id == id && holder.is_confirmed() => return Ok(id),
        Some(holder) if holder.id != id && holder.is_confirmed() => {
            return merge(write, by, &user, &holder, first).await;
        }
        Some(holder) if holder.id != id => give_up_address(write, by, holder.id).await?,
        _ => {}
    }
    let at = write.at_us();
    write
        .execute("UPDATE users SET email = address, verified_at = ? WHERE id = ?", params![at, id.get()])
        .await?;
    write.audit(by, None, "user.confirm_address", json!({ "user": id })).await?;
    write.invalidate(&Subject::User(id)).await?;
    Ok(id)
}

/// Releases the address of an account, because another person has proven that they read it. The account stays in its
/// tenants, and its user signs in with address and tenant.
pub(crate) async fn give_up_address(write: &mut Write, by: &By, id: UserId) -> Result<()> {
    let sql = "UPDATE users SET email = ?, verified_at = NULL WHERE id = ?";
    write.execute(sql, params![no_address(), id.get()]).await?;
    write.audit(by, None, "user.lose_address", json!({ "user": id })).await?;
    write.invalidate(&Subject::User(id)).await
}

/// Moves the memberships, invitations, API keys and identities of an account to the holder of its address, and
/// deactivates the account.
async fn merge(write: &mut Write, by: &By, from: &User, into: &User, first: &RoleName) -> Result<UserId> {
    if !into.is_active {
        return Err(Error::Conflict(
            "another account holds this address and is closed: ask the operator to open it first".into(),
        ));
    }
    let sql = "INSERT INTO memberships (user_id, tenant, role, created_at) \
        SELECT ?1, tenant, role, created_at FROM memberships WHERE user_id = ?2 \
        ON CONFLICT (user_id, tenant) DO UPDATE SET role = excluded.role WHERE excluded.role = ?3";
    write.execute(sql, params![into.id.get(), from.id.get(), first.as_str()]).await?;
    let both = params![into.id.get(), from.id.get()];
    for sql in [
        "UPDATE invitations SET made_by = ?1 WHERE made_by = ?2",
        "UPDATE api_keys SET created_by = ?1 WHERE created_by = ?2",
        "UPDATE identities SET user_id = ?1 WHERE user_id = ?2",
    ] {
        write.execute(sql, both).await?;
    }
    let one = params![from.id.get()];
    for sql in [
        "DELETE FROM memberships WHERE user_id = ?1",
        "DELETE FROM login_failures WHERE user_id = ?1",
        "DELETE FROM known_networks WHERE user_id = ?1",
        "UPDATE users SET is_active = 0, password_hash = NULL, credentials = credentials + 1 WHERE id = ?1",
    ] {
        write.execute(sql, one).await?;
    }
    write.audit(by, None, "user.merge", json!({ "user": from.id, "into": into.id })).await?;
    write.invalidate(&Subject::User(from.id)).await?;
    write.invalidate(&Subject::User(into.id)).await?;
    Ok(into.id)
}
