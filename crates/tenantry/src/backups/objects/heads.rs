//! Heads of the audit chain in the backup store, where servers of all hosts publish and read them.
//!
//! `audit` calls it. Heads are objects without content: the key contains the id of a row and its hash, is created once
//! and never written over. If the chain is edited and hashed again, its head has another key, and the first key still
//! reveals the change.

use super::store::Store;
use crate::{Result, audit::Head};
use futures_util::TryStreamExt;
use object_store::{PutPayload, path::Path};

/// Number of retained heads. The newest head alone covers all rows before it.
const RETAINED: usize = 256;

impl Store {
    fn heads_of(&self, platform: &str) -> Path {
        self.path(["heads", platform])
    }

    /// Publishes a head of an installation.
    pub(crate) async fn publish_head(&self, platform: &str, head: &Head) -> Result<()> {
        let key = self.heads_of(platform).join(format!("{:020}-{}", head.id, head.hash));
        self.create(&key, PutPayload::new()).await.map(drop)
    }

    /// Returns the published heads of an installation, oldest first.
    pub(crate) async fn published_heads(&self, platform: &str) -> Result<Vec<Head>> {
        let names: Vec<_> = self.list(&self.heads_of(platform)).try_collect().await?;
        let head = |name: &str| {
            let (id, hash) = name.split_once('-')?;
            Some(Head { id: id.parse().ok()?, hash: hash.to_owned() })
        };
        let mut heads: Vec<_> = names.iter().filter_map(|object| head(object.location.filename()?)).collect();
        heads.sort_by_key(|head| head.id);
        Ok(heads)
    }

    /// Removes all but the newest heads of an installation.
    pub(crate) async fn retain_newest_heads(&self, platform: &str) -> Result<()> {
        let mut names: Vec<_> = self.list(&self.heads_of(platform)).try_collect().await?;
        names.sort_by(|one, other| one.location.cmp(&other.location));
        let old = names.len().saturating_sub(RETAINED);
        for object in &names[..old] {
            self.delete(&object.location).await?;
        }
        Ok(())
    }
}
