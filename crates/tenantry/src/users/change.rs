//! Changes of a user's record. Each change writes an audit row and drops the user from every cache.

use super::{by_id, check_text, count, members};
use crate::{
    Error, Result,
    audit::By,
    control::{Subject, Write, params},
    locale::ProfileChange,
};
use tenantry_engine::{
    Kind,
    name::{RoleName, UserId},
    value::Value,
};

/// Sets the hash of the user's password, and invalidates every existing session, even if a clock is wrong.
///
/// # Errors
/// Returns [`Error::NotFound`] when there is no such user.
pub async fn set_password_hash(write: &mut Write, by: &By, id: UserId, hash: &str) -> Result<()> {
    let at = write.at_us();
    // The password may be changed because of someone who signed in with the old one, so the known networks are deleted
    // too.
    for sql in
        ["DELETE FROM login_failures WHERE user_id = ?", "DELETE FROM known_networks WHERE user_id = ?"]
    {
        write.execute(sql, params![id.get()]).await?;
    }
    let sql = "UPDATE users SET password_hash = ?, credentials_at = ?, credentials = credentials + 1, \
        unlocks = unlocks + 1 WHERE id = ?";
    change(write, by, id, "user.set_password", sql, params![hash, at, id.get()], serde_json::json!({})).await
}

/// Changes the name of a user.
///
/// # Errors
/// Returns [`Error::Invalid`] for an invalid name; [`Error::NotFound`] when there is no such user.
pub(crate) async fn set_name(write: &mut Write, by: &By, id: UserId, name: &str) -> Result<()> {
    check_text("name", name)?;
    let sql = "UPDATE users SET name = ? WHERE id = ?";
    change(write, by, id, "user.set_name", sql, params![name.trim(), id.get()], serde_json::json!({})).await
}

/// Changes language and time zone of a user.
///
/// # Errors
/// Returns [`Error::NotFound`] when there is no such user.
pub(crate) async fn set_locale(
    write: &mut Write,
    by: &By,
    id: UserId,
    change_of: &ProfileChange<'_>,
) -> Result<()> {
    let language = "UPDATE users SET language = nullif(?, '') WHERE id = ?";
    let zone = "UPDATE users SET time_zone = nullif(?, '') WHERE id = ?";
    let both = "UPDATE users SET language = nullif(?, ''), time_zone = nullif(?, '') WHERE id = ?";
    let detail = serde_json::Value::Object(change_of.patch());
    let action = "user.set_locale";
    match (change_of.language, change_of.time_zone) {
        (Some(code), Some(name)) => {
            change(write, by, id, action, both, params![code, name, id.get()], detail).await
        }
        (Some(code), None) => change(write, by, id, action, language, params![code, id.get()], detail).await,
        (None, Some(name)) => change(write, by, id, action, zone, params![name, id.get()], detail).await,
        (None, None) => Ok(()),
    }
}

/// Refuses a request whose proof used older credentials than the user has now, or a user who may no longer sign in.
///
/// # Errors
/// Returns [`Error::Unauthenticated`] in these cases.
pub(crate) async fn require_credentials(write: &mut Write, id: UserId, proven: i64) -> Result<()> {
    let sql = "SELECT count(*) FROM users WHERE id = ? AND credentials = ? AND is_active = 1";
    match count(write, sql, params![id.get(), proven]).await? {
        0 => Err(Error::Unauthenticated("the credentials changed meanwhile".into())),
        _ => Ok(()),
    }
}

/// Unlocks an account for all networks for which it was locked after wrong passwords.
///
/// # Errors
/// Returns [`Error::NotFound`] when there is no such user.
pub async fn unlock(write: &mut Write, by: &By, id: UserId) -> Result<()> {
    write.execute("DELETE FROM login_failures WHERE user_id = ?", params![id.get()]).await?;
    let sql = "UPDATE users SET unlocks = unlocks + 1 WHERE id = ?";
    change(write, by, id, "user.unlock", sql, params![id.get()], serde_json::json!({})).await
}

/// Sets the platform flags of a user. The last active superuser cannot lose them, and the last active holder of
/// `first`, the first configured role, in an active tenant cannot be deactivated.
///
/// # Errors
/// Returns [`Error::Conflict`] in these cases; [`Error::NotFound`] when there is no such user.
pub async fn set_flags(write: &mut Write, by: &By, id: UserId, flags: Flags, first: &RoleName) -> Result<()> {
    if !flags.is_active {
        members::protect_managed(write, id, first).await?;
    }
    if !(flags.is_superuser && flags.is_active) {
        let sql = "SELECT count(*) FROM users WHERE is_superuser = 1 AND is_active = 1 AND id <> ?";
        let others = count(write, sql, params![id.get()]).await?;
        let user = by_id(write, id).await?;
        if user.is_superuser && user.is_active && others == 0 {
            return Err(Error::Conflict("the last superuser cannot be demoted".into()));
        }
    }
    let sql = "UPDATE users SET is_superuser = ?, is_staff = ?, is_active = ? WHERE id = ?";
    let values = params![flags.is_superuser, flags.is_staff, flags.is_active, id.get()];
    change(write, by, id, "user.set_flags", sql, values, serde_json::json!(flags)).await
}

/// Flags of a user on the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Flags {
    /// True if the user has all rights.
    pub is_superuser: bool,
    /// True if the user is platform staff.
    pub is_staff: bool,
    /// True if the user may sign in.
    pub is_active: bool,
}

/// Links an identity of another issuer to a user.
///
/// # Errors
/// Returns [`Error::Conflict`] when the identity is linked already; [`Error::NotFound`] when there is no such user.
pub(crate) async fn link_identity(
    write: &mut Write,
    by: &By,
    id: UserId,
    issuer: &str,
    subject: &str,
) -> Result<()> {
    let at = write.at_us();
    let sql = "INSERT INTO identities (user_id, issuer, subject, created_at) VALUES (?, ?, ?, ?)";
    let detail = serde_json::json!({ "issuer": issuer, "subject": subject });
    match change(write, by, id, "user.link_identity", sql, params![id.get(), issuer, subject, at], detail)
        .await
    {
        Err(Error::Engine(e)) if matches!(e.kind(), Kind::Unique(_)) => {
            Err(Error::Conflict("this identity is linked already".into()))
        }
        other => other,
    }
}

async fn change(
    write: &mut Write,
    by: &By,
    id: UserId,
    action: &str,
    sql: &str,
    values: &[Value],
    mut detail: serde_json::Value,
) -> Result<()> {
    if write.execute(sql, values).await? == 0 {
        return Err(Error::NotFound("user"));
    }
    detail["user"] = id.get().into();
    write.audit(by, None, action, detail).await?;
    write.invalidate(&Subject::User(id)).await
}
