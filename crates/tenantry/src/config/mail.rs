//! `[mail]`: how letters are sent, how many, and how long their links are valid.
//!
//! The module `read` reads the section; `mail` and `accounts` use it. It reads no secret, only the location of the
//! password.

use super::{PlatformConfig, reader::Section, secret::Secret};
use std::path::{Path, PathBuf};

/// The section `[mail]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailConfig {
    /// Sender, such as `MedAdmin <no-reply@app.example>`; `None` for the platform's name at its base domain.
    pub from: Option<String>,
    /// Mail server, as `smtps://user@host:465` or `smtp://user@host:587`; `None` to write letters to `folder`.
    pub smtp: Option<String>,
    /// Location of the mail server's password.
    pub password: Option<Secret>,
    /// Directory for letters if there is no mail server. Resolved against the data directory.
    pub folder: PathBuf,
    /// Address of the platform for users, with which links in letters begin; `None` to derive it from base domain and
    /// port.
    pub base_url: Option<String>,
    /// Largest number of letters of one kind to one address per hour. Further letters wait.
    pub per_address_per_hour: u32,
    /// Largest number of letters caused by one tenant per hour.
    pub per_tenant_per_hour: u32,
    /// Number of days for which an invitation can be accepted.
    pub invitation_days: u32,
    /// Number of days for which the link that confirms an address is valid.
    pub verify_days: u32,
    /// Number of minutes for which the link that resets a password is valid.
    pub reset_minutes: u32,
}

impl MailConfig {
    /// Returns the defaults for this data directory.
    pub fn defaults_in(data_dir: &Path) -> Self {
        Self {
            from: None,
            smtp: None,
            password: None,
            folder: data_dir.join("mail"),
            base_url: None,
            per_address_per_hour: 10,
            per_tenant_per_hour: 100,
            invitation_days: 7,
            verify_days: 7,
            reset_minutes: 60,
        }
    }
}

pub(super) fn read(section: Section<'_>, dir: &Path, platform: &PlatformConfig) -> MailConfig {
    let default = MailConfig::defaults_in(&platform.data_dir);
    let number = |key, most, default: u32| section.number(key, 1..=most).map_or(default, |n| n as u32);
    let from = section.text("from").map(str::to_owned);
    if from.as_deref().is_some_and(|from| from.parse::<lettre::message::Mailbox>().is_err()) {
        section.problem("from", "must be an address, such as \"MedAdmin <no-reply@app.example>\"");
    }
    let smtp = section.text("smtp").map(str::to_owned);
    if let Some(reason) = smtp.as_deref().and_then(wrong_with) {
        section.problem("smtp", reason);
    }
    let base_url = section.text("base_url").map(|url| url.trim_end_matches('/').to_owned());
    if base_url.as_deref().is_some_and(|url| !url.starts_with("http://") && !url.starts_with("https://")) {
        section.problem("base_url", "must begin with http:// or https://");
    }
    let mail = MailConfig {
        from,
        smtp,
        password: password(&section, dir),
        folder: section.text("folder").map_or(default.folder, |folder| platform.data_dir.join(folder)),
        base_url,
        per_address_per_hour: number("per_address_per_hour", 100_000, default.per_address_per_hour),
        per_tenant_per_hour: number("per_tenant_per_hour", 100_000, default.per_tenant_per_hour),
        invitation_days: number("invitation_days", 365, default.invitation_days),
        verify_days: number("verify_days", 365, default.verify_days),
        reset_minutes: number("reset_minutes", 1_440, default.reset_minutes),
    };
    section.finish();
    mail
}

fn password(section: &Section<'_>, dir: &Path) -> Option<Secret> {
    let env = section.text("password_env").map(|name| Secret::Env(name.to_owned()));
    let file = section.text("password_file").map(|path| Secret::File(dir.join(path)));
    if env.is_some() && file.is_some() {
        section.problem("password_file", "give `password_env` or `password_file`, not both");
    }
    env.or(file)
}

/// Returns what is wrong with the address of a mail server, or `None` if it is valid.
fn wrong_with(url: &str) -> Option<&'static str> {
    let Some(rest) = url.strip_prefix("smtps://").or_else(|| url.strip_prefix("smtp://")) else {
        return Some("must begin with smtps:// or smtp://");
    };
    let user = rest.rsplit_once('@').map_or("", |(user, _)| user);
    user.contains(':')
        .then_some("must hold no password: name its place with `password_env` or `password_file`")
}
