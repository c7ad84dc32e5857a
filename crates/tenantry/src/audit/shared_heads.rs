//! Heads of the audit chain for all hosts (`audit-tampering`). If the control store is on a database server, the file
//! of one host does not contain the commits of other hosts. So each server also publishes the newest head that it has
//! committed in the backup store.
//!
//! Called by the background pass, when a server joins, and by the verification.

use super::Head;
use crate::{Platform, Result, control::settings::platform_id};

/// Number of published heads after which this process removes old ones.
const SWEEP_EVERY: i64 = 64;

impl Platform {
    /// Publishes the newest head that this process has committed, unless it is published already. Does nothing if the
    /// control store is a file of this host: `audit.heads` next to it then has every head.
    pub(crate) async fn publish_head(&self) -> Result<()> {
        let (control, newest) = (self.control(), self.control().heads().newest());
        if !control.is_shared() || newest.id == 0 || !control.heads().is_news(&newest) {
            return Ok(());
        }
        let (platform, store) = (platform_id(control).await?, self.backup_service().store()?);
        store.publish_head(&platform, &newest).await?;
        if control.heads().was_published(&newest) % SWEEP_EVERY == 0 {
            store.retain_newest_heads(&platform).await?;
        }
        Ok(())
    }

    /// Returns the heads that the servers of all hosts have published. Empty if the control store is a file of this
    /// host.
    pub(crate) async fn heads_of_all_hosts(&self) -> Result<Vec<Head>> {
        match self.control().is_shared() {
            true => {
                let platform = platform_id(self.control()).await?;
                self.backup_service().store()?.published_heads(&platform).await
            }
            false => Ok(vec![]),
        }
    }
}
