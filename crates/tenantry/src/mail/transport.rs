//! Delivery of letters: through a mail server, or to a file if none is configured.
//!
//! [`super::Mailer`] calls it. It never logs a letter's text, which contains a token.

use crate::{Error, Result, config::MailConfig};
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor, transport::smtp::authentication::Credentials,
};
use std::path::{Path, PathBuf};
use tokio::io::AsyncWriteExt;

/// Destination of letters.
pub(super) enum Transport {
    Smtp(Box<AsyncSmtpTransport<Tokio1Executor>>),
    Folder(PathBuf),
    /// The password of the mail server cannot be read, for this reason.
    NoPassword(String),
}

impl Transport {
    /// Creates the configured transport. It does not connect.
    pub(super) fn open(mail: &MailConfig) -> Result<Self> {
        let Some(url) = &mail.smtp else { return Ok(Self::Folder(mail.folder.clone())) };
        let wrong = |reason: String| Error::invalid("mail.smtp", reason);
        let user = url.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@')).map(|(user, _)| user);
        let server = user.map_or(url.clone(), |user| url.replacen(&format!("{user}@"), "", 1));
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(&encrypted(&server))
            .map_err(|e| wrong(format!("cannot be used: {e}")))?;
        if let Some(user) = user {
            builder = match password(mail) {
                Ok(password) => builder.credentials(Credentials::new(user.to_owned(), password)),
                Err(reason) => return Ok(Self::NoPassword(reason)),
            };
        }
        Ok(Self::Smtp(Box::new(builder.build())))
    }

    /// Delivers a letter.
    ///
    /// # Errors
    /// Returns why the letter was not delivered, for the log.
    pub(super) async fn deliver(&self, id: i64, message: Message) -> Result<(), String> {
        match self {
            Self::NoPassword(reason) => Err(format!("the password of the mail server: {reason}")),
            Self::Smtp(server) => server.send(message).await.map(drop).map_err(|e| e.to_string()),
            Self::Folder(folder) => {
                let path = folder.join(format!("{id:08}.eml"));
                write(folder, &path, &message.formatted())
                    .await
                    .map_err(|e| format!("{}: {e}", path.display()))?;
                tracing::info!(mail = id, path = %path.display(), "no mail server is configured: a letter is in this file");
                Ok(())
            }
        }
    }
}

/// Returns the URL with STARTTLS required, unless the configuration contains `?tls=none`, for a relay on the same
/// machine.
fn encrypted(url: &str) -> String {
    match (url.strip_suffix("?tls=none"), url.contains("tls=") || url.starts_with("smtps://")) {
        (Some(plain), _) => plain.to_owned(),
        (None, true) => url.to_owned(),
        (None, false) => format!("{url}?tls=required"),
    }
}

fn password(mail: &MailConfig) -> Result<String, String> {
    match &mail.password {
        Some(secret) => secret.read(),
        None => {
            Err("mail.smtp names a user: say where the password is with password_env or password_file".into())
        }
    }
}

/// Writes a file that only the process's operating system user can read, completely or not at all.
async fn write(folder: &Path, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut make = tokio::fs::DirBuilder::new();
    let mut open = tokio::fs::OpenOptions::new();
    open.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        make.mode(0o700);
        open.mode(0o600);
    }
    make.recursive(true).create(folder).await?;
    let part = path.with_extension("part");
    let mut file = open.open(&part).await?;
    file.write_all(bytes).await?;
    file.sync_all().await?;
    tokio::fs::rename(&part, path).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_spoken_to_in_clear_only_when_that_is_said() {
        for (url, used) in [
            ("smtp://h:587", "smtp://h:587?tls=required"),
            ("smtps://h:465", "smtps://h:465"),
            ("smtp://h:25?tls=none", "smtp://h:25"),
            ("smtp://h:25?tls=opportunistic", "smtp://h:25?tls=opportunistic"),
        ] {
            assert_eq!(encrypted(url), used);
        }
    }
}
