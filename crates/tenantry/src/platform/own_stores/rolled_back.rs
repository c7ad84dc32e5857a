//! Makes a control store that is older than its surroundings safe to use (`no-reuse`, `wrong-tenant-restore`).
//!
//! Called by `restore --system`, and when the platform opens and finds that an older control store was put back by
//! hand, or that its server was restored to an earlier time. Things that the older store does not know still exist:
//! databases, rows in pools, files, backups, references to users. So new ids and generations are chosen above theirs.
//! All sessions end, because the old store's sessions include some that were ended since. Nothing that belongs to a
//! tenant is removed.

use crate::{
    Error, Platform, Result,
    audit::{By, Head},
    control::{Write, ids, params, settings},
    records::files::Files,
    users::count,
};
use serde_json::json;
use tenantry_engine::{Engine, Kind, Tx};

/// Number of ids to skip in every table, in addition to one for each action that the store no longer knows. They stand
/// for actions that no published head covers.
const GAP: i64 = 1_000;

/// Longest time that a starting server waits for the backup store.
const HEADS_WAIT: std::time::Duration = std::time::Duration::from_secs(10);

/// Settings key of the newest published head for which the store was already prepared.
const PREPARED: &str = "rolled_back.prepared";

/// Comparison of the control store with the newest published head of its audit log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Behind {
    /// Id of the newest published row of the audit log; 0 if none is known.
    pub(crate) published: i64,
    /// Id of the last row in the store's audit log.
    pub(crate) last: i64,
}

impl Behind {
    /// Compares the store with the newest published head of its audit log.
    pub(crate) async fn look(tx: &mut Tx, published: i64) -> Result<Self> {
        let last = count(tx, "SELECT coalesce(max(id), 0) FROM audit", &[]).await?;
        Ok(Self { published, last })
    }

    /// Returns true if actions were recorded that the store lacks. A head is published only after its commit is on
    /// disk, so a crash cannot make this true.
    fn is_older(self) -> bool {
        self.published > self.last
    }
}

/// Highest ids found outside the control store.
#[derive(Debug, Default)]
struct Seen {
    tenant: i64,
    generation: i64,
}

/// Prepares the store: raises ids and generations, ends sessions, and voids links to new passwords.
pub(crate) async fn prepare(
    engine: &Engine,
    files: &Files,
    tx: &mut Tx,
    behind: Behind,
    at_us: i64,
) -> Result<()> {
    let seen = look_around(engine, files, tx).await?;
    let known = ids::highest_tenant(tx).await?;
    ids::raise(tx, "tenants", seen.tenant.max(known)).await?;
    ids::skip(tx, behind.published.saturating_sub(behind.last).max(0) + GAP).await?;
    let placed = count(tx, "SELECT coalesce(max(generation), 0) FROM placements", &[]).await?;
    ids::raise_generations(tx, seen.generation.max(placed), at_us).await?;
    tx.execute("DELETE FROM sessions", &[]).await?;
    let links = "UPDATE mails SET used_at = ?, state = CASE state WHEN 'waiting' THEN 'dropped' ELSE state END \
        WHERE kind = 'reset' AND used_at IS NULL";
    tx.execute(links, params![at_us]).await?;
    let prepared = "INSERT INTO settings (key, value, updated_at) VALUES (?1, ?2, ?3) ON CONFLICT (key) DO UPDATE \
        SET value = excluded.value, updated_at = excluded.updated_at";
    tx.execute(prepared, params![PREPARED, behind.published.to_string(), at_us]).await?;
    Ok(())
}

/// Reads the highest ids on all servers and in the files. A file that cannot be read adds nothing; its name stays
/// taken.
async fn look_around(engine: &Engine, files: &Files, tx: &mut Tx) -> Result<Seen> {
    let platform = settings::known_platform_id(tx).await?.unwrap_or_default();
    let tenant = files.highest_tenant().await.map_err(|error| Error::Unavailable(error.to_string()))?;
    let mut seen = Seen { tenant, generation: 0 };
    let mut databases = Vec::new();
    for server in engine.servers() {
        databases.extend(engine.database_files(&server).await?);
    }
    for database in databases {
        let Some(physical) = &database.physical else { continue };
        match engine.highest(&database.server, physical, &platform).await {
            Ok(Some(found)) => {
                seen.tenant = seen.tenant.max(found.tenant);
                seen.generation = seen.generation.max(found.generation);
            }
            Ok(None) => {}
            // The ids on an unreachable server would not be counted, and an id or a generation would be used twice.
            Err(error) if matches!(error.kind(), Kind::Unreachable | Kind::Busy) => return Err(error.into()),
            Err(error) => tracing::warn!(%error, database = database.file, "its ids cannot be read"),
        }
    }
    Ok(seen)
}

impl Platform {
    /// Prepares the control store if it is older than the published heads of its audit log: an older store was put
    /// back, or rows of the log were removed. Does nothing if the store was already prepared.
    pub(crate) async fn prepare_if_rolled_back(&self) -> Result<()> {
        let published = newest(&self.control().heads().read()?);
        self.prepare_if_older_than(published).await
    }

    /// Prepares the control store if it is older than the heads that servers of all hosts have published. Called before
    /// a server serves: a control store on a database server may have been restored to an earlier time. An unreachable
    /// backup store does not stop the start.
    pub(crate) async fn prepare_if_restored(&self) -> Result<()> {
        match tokio::time::timeout(HEADS_WAIT, self.heads_of_all_hosts()).await {
            Ok(Ok(heads)) => self.prepare_if_older_than(newest(&heads)).await,
            Ok(Err(error)) => {
                tracing::warn!(%error, "whether the control store was restored to an earlier time is not known");
                Ok(())
            }
            Err(_) => {
                tracing::warn!(
                    "the backup store does not say whether the control store was restored to an earlier time"
                );
                Ok(())
            }
        }
    }

    async fn prepare_if_older_than(&self, published: i64) -> Result<()> {
        if !Behind::look(&mut self.control().snapshot().await?, published).await?.is_older() {
            return Ok(());
        }
        let mut write = self.control().begin().await?;
        let behind = Behind::look(&mut write, published).await?;
        if !behind.is_older() || is_prepared(&mut write, published).await? {
            return Ok(());
        }
        let at = write.at_us();
        prepare(&self.0.engine, &self.0.files, &mut write, behind, at).await?;
        let detail = json!({ "published": published, "last": behind.last });
        write.audit(&By::system(), None, "system.rolled_back", detail).await?;
        write.commit().await?;
        tracing::warn!(
            published,
            last = behind.last,
            "the control store is older than its audit log was: an older file was put back, or rows were removed. \
             New ids and generations go on above everything that exists, and all sessions were ended. If the newer \
             file still exists, stop the server and put it back; otherwise run: tenantry backup rescan, tenantry check"
        );
        Ok(())
    }
}

fn newest(heads: &[Head]) -> i64 {
    heads.iter().map(|head| head.id).max().unwrap_or(0)
}

async fn is_prepared(write: &mut Write, published: i64) -> Result<bool> {
    let value = settings::get(write, PREPARED).await?;
    Ok(value.and_then(|value| value.as_i64()).is_some_and(|prepared| prepared >= published))
}
