//! Databases that owners made, and that operators attach to a tenant by URL.
//!
//! Each attachment is a server of its own that the catalog records: the engine opens it when a place needs it. Only a
//! superuser or the operator attaches: the platform then connects to the address, wherever it leads. The platform never
//! creates, renames or drops such a database. Its URL is stored encrypted and is never shown.

mod address;
mod attach;
mod check;
mod detach;
mod health;
mod inspect;
mod rotate;
pub(crate) mod row;
pub(crate) mod source;

pub use attach::{AttachReport, NewAttachment};
pub use detach::Leaving;
pub use health::Health;
pub use inspect::{Inspected, Unread};
pub use rotate::Rotated;
pub use row::Attachment;

use crate::{Error, Platform, Result, access::Actor, config::Provision, tenants};
use tenantry_engine::name::{ServerName, Slug, StoreName};

/// Beginning of the names of servers that stand for attached databases. No configured server has such a name.
pub(crate) const PREFIX: &str = "attached_";

/// Number of attachments in a page, unless the caller asks for another one.
const PAGE: u32 = 100;
/// Largest number of attachments in a page.
const LARGEST_PAGE: u32 = 1000;

/// Returns true if the server stands for an attached database.
pub(crate) fn is_attached(server: &ServerName) -> bool {
    server.as_str().starts_with(PREFIX)
}

/// The attached databases: `platform.attachments()`.
pub struct Attachments<'a> {
    pub(super) platform: &'a Platform,
}

impl Platform {
    /// Returns the attached databases and the verbs on them.
    pub fn attachments(&self) -> Attachments<'_> {
        Attachments { platform: self }
    }
}

impl Attachments<'_> {
    /// Returns attached databases in order of number, from the one after `after`; with `tenant`, only those of that
    /// tenant. No result contains a URL.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if the actor is not staff, or there is no such tenant.
    pub async fn list(
        &self,
        actor: &Actor,
        tenant: Option<&Slug>,
        after: Option<i64>,
        most: Option<u32>,
    ) -> Result<Vec<Attachment>> {
        actor.require_staff()?;
        let mut tx = self.platform.control().snapshot().await?;
        let tenant = match tenant {
            Some(slug) => Some(tenants::by_slug(&mut tx, slug).await?.id),
            None => None,
        };
        row::page(&mut tx, tenant, after.unwrap_or(0), most.unwrap_or(PAGE).clamp(1, LARGEST_PAGE)).await
    }

    /// Returns the database that is attached to the tenant's store.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if the actor is not staff, or there is no such tenant or attachment.
    pub async fn show(&self, actor: &Actor, slug: &Slug, store: &StoreName) -> Result<Attachment> {
        actor.require_staff()?;
        let mut tx = self.platform.control().snapshot().await?;
        let tenant = tenants::by_slug(&mut tx, slug).await?.id;
        row::in_use(&mut tx, tenant, store).await?.ok_or(Error::NotFound("attachment"))
    }

    fn require_superuser(actor: &Actor) -> Result<()> {
        match actor.is_superuser() {
            true => Ok(()),
            false => Err(Error::Denied(format!("{actor:?} may not say whose a database is"))),
        }
    }

    /// Refuses a store whose databases the platform makes.
    fn require_external(&self, store: &StoreName) -> Result<()> {
        match self.platform.config().tenant_store(store)?.provision {
            Provision::External => Ok(()),
            _ => Err(Error::Conflict(format!(
                "the platform makes the databases of {store}: use tenantry tenant create-database"
            ))),
        }
    }
}
