//! `tenantry user …`: accounts of people. Also the operator's own name, and how commands get a password.

use super::setup::{Place, explain};
use anyhow::{Context, Result, bail};
use clap::Subcommand;
use std::{
    io::{self, BufRead, IsTerminal},
    process::ExitCode,
};
use tenantry::{
    Error, Platform,
    access::{Operator, passwords::Password},
    name::UserId,
};

/// What can be done with users.
#[derive(Debug, Subcommand)]
pub(crate) enum User {
    /// Create a user with all rights.
    CreateSuperuser {
        /// E-mail address.
        #[arg(long)]
        email: String,
        /// Password. Default: TENANTRY_PASSWORD, else asked at a terminal or read from standard input.
        #[arg(long)]
        password: Option<String>,
    },
    /// Set a user's password, sign the user out everywhere and unlock the account.
    SetPassword {
        /// E-mail address.
        email: String,
        /// The new password. Default: TENANTRY_PASSWORD, else asked at a terminal or read from standard input.
        #[arg(long)]
        password: Option<String>,
    },
    /// Unlock an account that is locked after wrong passwords.
    Unlock {
        /// E-mail address.
        email: String,
    },
}

/// Runs a verb on users.
pub(super) async fn run(place: &Place, verb: &User) -> Result<ExitCode> {
    match verb {
        User::CreateSuperuser { email, password } => superuser(place, email, password.clone()).await,
        User::SetPassword { email, password } => set_password(place, email, password.clone()).await,
        User::Unlock { email } => unlock(place, email).await,
    }
}

/// The operator's name for the audit log: `cli:` and the name the system knows.
pub(super) fn operator() -> Operator {
    let named =
        ["USER", "LOGNAME"].iter().find_map(|key| std::env::var(key).ok().filter(|name| !name.is_empty()));
    let name = named.or_else(|| user_of(&std::fs::read_to_string("/etc/passwd").ok()?, process_uid()?));
    Operator::new(&format!("cli:{}", name.as_deref().unwrap_or("unknown")))
}

/// The user that this process runs as, where neither cron nor a container says so in the environment.
fn process_uid() -> Option<u32> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("Uid:"))?.split_whitespace().next()?.parse().ok()
}

/// Name of a user id in the text of `/etc/passwd`; the id itself where it has no name.
fn user_of(passwd: &str, uid: u32) -> Option<String> {
    let named = passwd.lines().find_map(|line| {
        let mut columns = line.split(':');
        let (name, id) = (columns.next()?, columns.nth(1)?);
        (id.parse() == Ok(uid)).then(|| name.to_owned())
    });
    named.or_else(|| Some(format!("uid-{uid}")))
}

/// Creates a user who may do everything.
async fn superuser(place: &Place, email: &str, password: Option<String>) -> Result<ExitCode> {
    let password = asked(password)?;
    let platform = place.platform().await?;
    platform.users().create_superuser(&operator(), email, Password::new(password)).await.map_err(explain)?;
    say!("created superuser {email}");
    Ok(ExitCode::SUCCESS)
}

/// Sets a new password for a user, for instance one who forgot it.
async fn set_password(place: &Place, email: &str, password: Option<String>) -> Result<ExitCode> {
    let platform = place.platform().await?;
    let user = user(&platform, email).await?;
    let password = Password::new(asked(password)?);
    platform.access().set_password(&operator(), user, password).await.map_err(explain)?;
    say!("{email} has a new password and is signed out everywhere");
    Ok(ExitCode::SUCCESS)
}

/// Returns the password of the command line, or that of the environment. An empty variable counts as none.
pub(super) fn password(given: Option<String>) -> Option<String> {
    given.or_else(|| std::env::var("TENANTRY_PASSWORD").ok().filter(|password| !password.is_empty()))
}

/// The password that was given, or asked for at a terminal, or else the first line of standard input.
pub(super) fn asked(given: Option<String>) -> Result<String> {
    match password(given) {
        Some(password) => Ok(password),
        None => offered()?.context(
            "there is no terminal to ask for a password: pipe it into standard input, or set TENANTRY_PASSWORD",
        ),
    }
}

/// A password from the terminal or from standard input; none: there is no terminal and nothing was piped in.
fn offered() -> Result<Option<String>> {
    if io::stdin().is_terminal() {
        return Ok(Some(inquire::Password::new("Password").prompt()?));
    }
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    let password = line.trim_end_matches(['\n', '\r']);
    Ok((!password.is_empty()).then(|| password.to_owned()))
}

async fn user(platform: &Platform, email: &str) -> Result<UserId> {
    match platform.users().by_email(&operator(), email).await {
        Ok(user) => Ok(user.id),
        Err(Error::NotFound(_)) => bail!("there is no user {email}"),
        Err(error) => Err(explain(error)),
    }
}

/// Opens an account that was closed after wrong passwords.
async fn unlock(place: &Place, email: &str) -> Result<ExitCode> {
    let platform = place.platform().await?;
    let user = user(&platform, email).await?;
    platform.users().unlock(&operator(), user).await.map_err(explain)?;
    say!("{email} may sign in");
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_named_without_help_of_the_environment() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\ntenantry:x:970:970::/srv:/bin/false\n";
        assert_eq!(user_of(passwd, 970).as_deref(), Some("tenantry"));
        assert_eq!(user_of(passwd, 4).as_deref(), Some("uid-4"));
    }
}
