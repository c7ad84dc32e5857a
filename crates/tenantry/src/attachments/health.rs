//! The health of attached databases: whether each one answers and is still the one that was attached.
//!
//! A background pass checks some of them in turn, and those that were not well. A request never waits for that: it finds
//! out itself, and is refused for this tenant and store only. Nothing routes around a database that is lost.

use super::{Attachment, Attachments, row};
use crate::{Error, Platform, Result, access::Actor, topology::placement};
use futures_util::{StreamExt, stream};
use std::{sync::atomic::Ordering, time::Duration};
use tenantry_engine::{
    Kind,
    name::{Slug, StoreName},
};

/// Number of databases that one pass checks in turn.
const IN_TURN: u32 = 50;
/// Number of databases that are checked at once.
const AT_ONCE: usize = 8;
/// Longest time for one check.
const CHECK: Duration = Duration::from_secs(10);
/// Time after which an attachment that no placement needs is forgotten: its attaching was interrupted.
const INTERRUPTED_US: i64 = 10 * 60 * 1_000_000;

/// State of an attached database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// It answers and is the one that was attached.
    Ok,
    /// It does not answer.
    Unreachable,
    /// It refuses the role, or the URL cannot be decrypted.
    NoAccess,
    /// It does not exist any more.
    Missing,
    /// Another database is in its place, or an earlier state of it.
    Replaced,
    /// It has other migrations than the loaded apps.
    OtherSchema,
    /// It fails in another way.
    Failing,
}

impl Health {
    const ALL: [Self; 7] = [
        Self::Ok,
        Self::Unreachable,
        Self::NoAccess,
        Self::Missing,
        Self::Replaced,
        Self::OtherSchema,
        Self::Failing,
    ];

    /// Returns the name of the state in the catalog and for users.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unreachable => "unreachable",
            Self::NoAccess => "no_access",
            Self::Missing => "missing",
            Self::Replaced => "replaced",
            Self::OtherSchema => "other_schema",
            Self::Failing => "failing",
        }
    }

    pub(super) fn parse(text: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|health| health.as_str() == text);
        found.ok_or_else(|| Error::Internal(format!("health of an attachment: {text:?}")))
    }

    fn of(error: &tenantry_engine::Error) -> Self {
        match error.kind() {
            Kind::Unreachable | Kind::Busy | Kind::Io => Self::Unreachable,
            Kind::NoAccess | Kind::Denied(_) => Self::NoAccess,
            Kind::Missing => Self::Missing,
            Kind::WrongIdentity | Kind::Fenced => Self::Replaced,
            Kind::SchemaBehind | Kind::SchemaAhead => Self::OtherSchema,
            _ => Self::Failing,
        }
    }

    /// Returns what an operator can do.
    pub fn remedy(self) -> Option<&'static str> {
        Some(match self {
            Self::Ok => return None,
            Self::Unreachable => {
                "its owner starts it, or opens the way to it; requests go on by themselves then"
            }
            Self::NoAccess => {
                "attach it again with a URL that signs in, or put the key of [secrets] back: tenantry attach"
            }
            Self::Missing => "its owner brings it back; without it: tenantry detach --leave-data",
            Self::Replaced => {
                "its owner brings the right one back; or, to use the present one: tenantry detach --leave-data, then \
                 tenantry attach"
            }
            Self::OtherSchema => "run: tenantry migrate tenants --external --tenant SLUG",
            Self::Failing => "see the log; check again with: tenantry attachments check",
        })
    }
}

impl Attachments<'_> {
    /// Checks the attached database of a tenant's store now, and records its state.
    ///
    /// # Errors
    /// Returns the errors of [`Attachments::show`].
    pub async fn check(&self, actor: &Actor, slug: &Slug, store: &StoreName) -> Result<Attachment> {
        let attachment = self.show(actor, slug, store).await?;
        self.check_one(attachment).await?;
        self.show(actor, slug, store).await
    }

    /// Checks some attached databases, closes those that are idle, and forgets those whose attaching was interrupted.
    pub(crate) async fn pass(&self) -> Result<()> {
        let (platform, control) = (self.platform, self.platform.control());
        platform.0.engine.close_idle_attached(platform.config().attachments.idle);
        let mut tx = control.snapshot().await?;
        let after = platform.0.attachments_checked.load(Ordering::Relaxed);
        let mut page = row::page(&mut tx, None, after, IN_TURN).await?;
        let next = if page.len() < IN_TURN as usize { 0 } else { page.last().map_or(0, |last| last.id) };
        platform.0.attachments_checked.store(next, Ordering::Relaxed);
        let unwell = row::unwell(&mut tx, IN_TURN).await?;
        page.extend(unwell.into_iter().filter(|one| one.id <= after || one.id > next && next > 0));
        let unneeded = row::unneeded(&mut tx, control.now_us() - INTERRUPTED_US, IN_TURN).await?;
        drop(tx);
        let checks = page.into_iter().filter(|one| one.in_use).map(|one| self.check_one(one));
        let done: Vec<Result<()>> = stream::iter(checks).buffer_unordered(AT_ONCE).collect().await;
        for server in unneeded {
            let mut write = control.begin().await?;
            row::leave_unneeded(&mut write, &server).await?;
            write.commit_unaudited().await?;
        }
        done.into_iter().collect()
    }

    async fn check_one(&self, attachment: Attachment) -> Result<()> {
        let (health, detail) = self.look_at(&attachment).await?;
        if (health, &detail) == (attachment.health, &attachment.health_detail) {
            return Ok(());
        }
        let control = self.platform.control();
        let mut write = control.begin().await?;
        if row::set_health(&mut write, attachment.id, health, detail.as_deref()).await? {
            tracing::warn!(server = %attachment.server, tenant = %attachment.tenant, ?health, "an attached database");
            return write.commit_unaudited().await;
        }
        write.roll_back().await
    }

    async fn look_at(&self, attachment: &Attachment) -> Result<(Health, Option<String>)> {
        let tenant = self.platform.tenants().id_of(&attachment.tenant).await?;
        let mut tx = self.platform.control().snapshot().await?;
        let all = placement::of_tenant(&mut tx, tenant).await?;
        drop(tx);
        let Some(placement) = all.into_iter().find(|p| p.place.server == attachment.server) else {
            return Ok((Health::Ok, None));
        };
        let loaded = self.platform.loaded();
        let schema = loaded.databases.schema(&attachment.store)?;
        let engine = &self.platform.0.engine;
        let look = async {
            engine.close(&placement.place);
            engine.database_identity(&attachment.server).await?;
            engine.verify(&placement.place).await?;
            engine.session(&placement.place, &schema).await.map(drop)
        };
        Ok(match tokio::time::timeout(CHECK, look).await {
            Ok(Ok(())) => (Health::Ok, None),
            Ok(Err(error)) => {
                let health = Health::of(&error);
                tracing::info!(%error, server = %attachment.server, "an attached database is not well");
                if health == Health::Replaced {
                    // Connections to the former database may still be open.
                    engine.close_attached(&attachment.server);
                }
                (health, health.remedy().map(str::to_owned))
            }
            Err(_) => (Health::Unreachable, Health::Unreachable.remedy().map(str::to_owned)),
        })
    }
}

impl Platform {
    /// Returns the attached databases that are not well, at most `most`.
    pub(crate) async fn unwell_attachments(&self, most: u32) -> Result<Vec<Attachment>> {
        row::unwell(&mut self.control().snapshot().await?, most).await
    }
}
