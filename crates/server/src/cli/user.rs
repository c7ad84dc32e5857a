//! `tenantry user …`: accounts of people. Also determines the operator's own name, and how commands get a password.

use super::{
    args::Whole,
    setup::{Place, where_to_look},
    table::{self, PAGE, at},
};
use crate::wire::user::User as Shown;
use anyhow::{Context, Result, bail};
use clap::Subcommand;
use std::{
    io::{self, BufRead, IsTerminal},
    process::ExitCode,
};
use tenantry::{
    Error, Platform,
    access::{Operator, passwords::Password},
    users,
};

/// Verbs of `tenantry user`.
#[derive(Debug, Subcommand)]
pub(crate) enum User {
    /// List the accounts of people.
    List(Whole),
    /// Show one account.
    Show {
        /// E-mail address.
        email: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
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
        User::List(whole) => list(place, whole.json).await,
        User::Show { email, json } => show(place, email, *json).await,
        User::CreateSuperuser { email, password } => superuser(place, email, password.clone()).await,
        User::SetPassword { email, password } => set_password(place, email, password.clone()).await,
        User::Unlock { email } => unlock(place, email).await,
    }
}

/// Returns the operator for the audit log: `cli:` and the name of the operating-system user of this process.
pub(super) fn operator() -> Operator {
    let named =
        ["USER", "LOGNAME"].iter().find_map(|key| std::env::var(key).ok().filter(|name| !name.is_empty()));
    let name = named.or_else(|| user_of(&std::fs::read_to_string("/etc/passwd").ok()?, process_uid()?));
    Operator::new(&format!("cli:{}", name.as_deref().unwrap_or("unknown")))
}

/// Returns the id of the operating-system user of this process. In a cron job or a container, the environment does not
/// name the user.
fn process_uid() -> Option<u32> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("Uid:"))?.split_whitespace().next()?.parse().ok()
}

/// Returns the name that belongs to a user id in the text of `/etc/passwd`, or the id itself if it has no name.
fn user_of(passwd: &str, uid: u32) -> Option<String> {
    let named = passwd.lines().find_map(|line| {
        let mut columns = line.split(':');
        let (name, id) = (columns.next()?, columns.nth(1)?);
        (id.parse() == Ok(uid)).then(|| name.to_owned())
    });
    named.or_else(|| Some(format!("uid-{uid}")))
}

async fn list(place: &Place, json: bool) -> Result<ExitCode> {
    let platform = place.reading().await?;
    let next = async |last: Option<&users::User>| {
        let filter =
            users::Filter { after: last.map(|user| user.id), limit: PAGE, ..users::Filter::default() };
        platform.users().list(&operator(), &filter).await
    };
    let all = table::every(next).await?;
    if json {
        return table::all::<Shown>(all);
    }
    let row = |user: &users::User| {
        vec![user.email.clone(), user.name.clone(), rights(user).into(), state(user), at(user.created_at_us)]
    };
    table::print(&["e-mail", "name", "rights", "state", "created"], all.iter().map(row));
    Ok(ExitCode::SUCCESS)
}

async fn show(place: &Place, email: &str, json: bool) -> Result<ExitCode> {
    let platform = place.reading().await?;
    let user = by_email(&platform, email).await?;
    if json {
        return table::json(&Shown::from(user));
    }
    say!("{} (id {}): {}", user.email, user.id, user.name);
    let line = |what: &str, value: &str| say!("  {what:<13} {value}");
    line("rights", rights(&user));
    line("state", &state(&user));
    line("address", if user.is_confirmed() { "confirmed" } else { "not confirmed" });
    line("created", &at(user.created_at_us));
    line("last sign-in", &user.last_login_at_us.map_or_else(|| "never".into(), at));
    Ok(ExitCode::SUCCESS)
}

fn rights(user: &users::User) -> &'static str {
    match (user.is_superuser, user.is_staff) {
        (true, _) => "superuser",
        (false, true) => "staff",
        (false, false) => "-",
    }
}

fn state(user: &users::User) -> String {
    match (user.is_active, user.locked_until_us) {
        (false, _) => "inactive".into(),
        (true, Some(until)) => format!("locked until {}", at(until)),
        (true, None) => "active".into(),
    }
}

/// Creates a superuser. Without a password in the arguments, the command asks for it.
async fn superuser(place: &Place, email: &str, password: Option<String>) -> Result<ExitCode> {
    let password = asked(password)?;
    let platform = place.platform().await?;
    platform.users().create_superuser(&operator(), email, Password::new(password)).await?;
    say!("created superuser {email}");
    Ok(ExitCode::SUCCESS)
}

/// Sets a new password for an account.
async fn set_password(place: &Place, email: &str, password: Option<String>) -> Result<ExitCode> {
    let platform = place.platform().await?;
    let user = by_email(&platform, email).await?.id;
    let password = Password::new(asked(password)?);
    platform.access().set_password(&operator(), user, password).await?;
    say!("{email} has a new password and is signed out everywhere");
    Ok(ExitCode::SUCCESS)
}

/// Returns the password from the command line, otherwise the one from the environment. An empty variable counts as
/// absent.
pub(super) fn password(given: Option<String>) -> Option<String> {
    given.or_else(|| std::env::var("TENANTRY_PASSWORD").ok().filter(|password| !password.is_empty()))
}

/// Returns the given password. Otherwise asks for one at a terminal, or reads the first line of standard input.
pub(super) fn asked(given: Option<String>) -> Result<String> {
    match password(given) {
        Some(password) => Ok(password),
        None => offered()?.context(
            "there is no terminal to ask for a password\n  remedy: pipe it into standard input, or set TENANTRY_PASSWORD",
        ),
    }
}

/// Reads a password from the terminal or from standard input. Returns `None` if there is no terminal and no input.
fn offered() -> Result<Option<String>> {
    if io::stdin().is_terminal() {
        let question = dialoguer::Password::new().with_prompt("Password");
        let asked = question.with_confirmation("Password, once more", "The two differ: type both again.");
        return Ok(Some(asked.interact()?));
    }
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    let password = line.trim_end_matches(['\n', '\r']);
    Ok((!password.is_empty()).then(|| password.to_owned()))
}

async fn by_email(platform: &Platform, email: &str) -> Result<users::User> {
    match platform.users().by_email(&operator(), email).await {
        Ok(user) => Ok(user),
        Err(Error::NotFound(_)) => bail!("there is no user {email}\n  remedy: {}", where_to_look("user")),
        Err(error) => Err(error.into()),
    }
}

/// Unlocks an account that is locked after wrong passwords.
async fn unlock(place: &Place, email: &str) -> Result<ExitCode> {
    let platform = place.platform().await?;
    let user = by_email(&platform, email).await?.id;
    platform.users().unlock(&operator(), user).await?;
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
