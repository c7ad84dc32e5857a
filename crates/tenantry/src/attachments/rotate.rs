//! Encrypts the stored URLs again with the newest key, so that older keys can be removed.

use super::{Attachments, row, source};
use crate::{Result, access::Actor, control::settings};
use serde_json::json;

/// Number of URLs that one commit encrypts again.
const BATCH: u32 = 100;

/// Result of a rotation.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Rotated {
    /// Id of the newest key.
    pub key: String,
    /// Number of URLs that were encrypted again.
    pub encrypted: u64,
    /// Servers whose URL could not be opened, so that it is still under another key.
    pub left: Vec<String>,
}

impl Attachments<'_> {
    /// Encrypts every stored URL that is not under the newest key of `[secrets]` with that key. Repeating it goes on
    /// where an earlier call ended. If nothing is left, all other keys can be removed.
    ///
    /// # Errors
    /// Returns [`crate::Error::Denied`] unless the actor is a superuser or the operator, and [`crate::Error::Invalid`]
    /// if the keys cannot be read.
    pub async fn rotate(&self, actor: &Actor) -> Result<Rotated> {
        Self::require_superuser(actor)?;
        let (control, secrets) = (self.platform.control(), &self.platform.0.secrets);
        let mut rotated = Rotated { key: secrets.newest_id().await?, ..Rotated::default() };
        let installation = settings::platform_id(control).await?;
        let mut after = 0;
        loop {
            let mut tx = control.snapshot().await?;
            let page = row::under_other_keys(&mut tx, &rotated.key, after, BATCH).await?;
            drop(tx);
            let Some(last) = page.last() else { return Ok(rotated) };
            after = last.id;
            let mut sealed = Vec::new();
            for stored in &page {
                match source::resealed(secrets, &installation, stored).await {
                    Ok(new) => sealed.push((stored, new)),
                    Err(error) => {
                        tracing::warn!(%error, server = %stored.server, "a stored URL was not encrypted again");
                        rotated.left.push(stored.server.to_string());
                    }
                }
            }
            let (mut write, mut done) = (control.begin().await?, 0);
            for (stored, new) in &sealed {
                done += u64::from(row::reseal(&mut write, stored.id, &stored.url, new).await?);
            }
            if done == 0 {
                write.roll_back().await?;
                continue;
            }
            let detail = json!({ "key": rotated.key, "encrypted": done });
            write.audit(&actor.by(), None, "secrets.rotate", detail).await?;
            write.commit().await?;
            rotated.encrypted += done;
        }
    }
}
