//! Users at the command line: the operator's own name, and the first superuser.

use super::setup::{Place, explain};
use anyhow::{Context, Result};
use std::process::ExitCode;
use tenantry::{access::passwords::Password, audit::By, users};

/// Who runs the command, for the audit log: `cli:` and the name the system knows.
pub(super) fn operator() -> By {
    let name =
        std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_else(|_| "unknown".into());
    By { actor: format!("cli:{name}"), impersonator: None }
}

/// Creates a user who may do everything.
pub(super) async fn superuser(place: &Place, email: &str, password: Option<String>) -> Result<ExitCode> {
    let password = match password {
        Some(password) => password,
        None => {
            inquire::Password::new("Password").prompt().context("no password; give one with --password")?
        }
    };
    let platform = place.platform().await?;
    platform.create_superuser(&operator(), email, Password::new(password)).await.map_err(explain)?;
    say!("created superuser {email}");
    Ok(ExitCode::SUCCESS)
}

/// Opens an account that was closed after wrong passwords.
pub(super) async fn unlock(place: &Place, email: &str) -> Result<ExitCode> {
    let platform = place.platform().await?;
    let found = users::by_email(&mut platform.control().snapshot().await?, email).await.map_err(explain)?;
    let user = found.with_context(|| format!("there is no user {email}"))?;
    platform.unlock_user(&operator(), user.id).await.map_err(explain)?;
    say!("{email} may log in");
    Ok(ExitCode::SUCCESS)
}
