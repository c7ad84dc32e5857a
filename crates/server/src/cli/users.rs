//! Users at the command line: the operator's own name, and the first superuser.

use super::setup::{Place, explain};
use anyhow::{Context, Result};
use std::process::ExitCode;
use tenantry::{Platform, access::passwords::Password, audit::By, name::UserId, users};

/// Who runs the command, for the audit log: `cli:` and the name the system knows.
pub(super) fn operator() -> By {
    let name =
        std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_else(|_| "unknown".into());
    By { actor: format!("cli:{name}"), impersonator: None }
}

/// Creates a user who may do everything.
pub(super) async fn superuser(place: &Place, email: &str, password: Option<String>) -> Result<ExitCode> {
    let password = asked(password)?;
    let platform = place.platform().await?;
    platform.create_superuser(&operator(), email, Password::new(password)).await.map_err(explain)?;
    say!("created superuser {email}");
    Ok(ExitCode::SUCCESS)
}

/// Sets the password of whoever forgot it.
pub(super) async fn set_password(place: &Place, email: &str, password: Option<String>) -> Result<ExitCode> {
    let platform = place.platform().await?;
    let user = user(&platform, email).await?;
    let password = Password::new(asked(password)?);
    platform.access().set_password(&operator(), user, password).await.map_err(explain)?;
    say!("{email} has a new password and is logged out everywhere");
    Ok(ExitCode::SUCCESS)
}

fn asked(given: Option<String>) -> Result<String> {
    match given {
        Some(password) => Ok(password),
        None => inquire::Password::new("Password").prompt().context("no password; give one with --password"),
    }
}

async fn user(platform: &Platform, email: &str) -> Result<UserId> {
    let found = users::by_email(&mut platform.control().snapshot().await.map_err(explain)?, email).await;
    Ok(found.map_err(explain)?.with_context(|| format!("there is no user {email}"))?.id)
}

/// Opens an account that was closed after wrong passwords.
pub(super) async fn unlock(place: &Place, email: &str) -> Result<ExitCode> {
    let platform = place.platform().await?;
    let user = user(&platform, email).await?;
    platform.unlock_user(&operator(), user).await.map_err(explain)?;
    say!("{email} may log in");
    Ok(ExitCode::SUCCESS)
}
