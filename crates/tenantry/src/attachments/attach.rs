//! Attaches a database by URL: checks it, gives it the tenant's identity, and routes the tenant to it.

use super::{
    Attachments, PREFIX,
    address::{Address, reached_at},
    check::{Tables, explained, settle},
    row::{self, New, Url},
    source,
};
use crate::{
    Error, Result,
    access::Actor,
    audit::By,
    control::{Subject, Write, settings},
    moves::attach::give_way,
    tenants,
    topology::{NewPlacement, PlacementState, Policy, placement, record as placements},
};
use serde_json::json;
use std::time::Duration;
use tenantry_engine::{
    AttachedSpec, Survey,
    engine::Session,
    name::{ServerName, Slug, StoreName, TenantId},
    place::{Isolation, Place},
    query::Filter,
    sole_name,
};

/// Longest time for all checks of a database.
pub(super) const CHECKS: Duration = Duration::from_secs(30);

/// The database to attach. Its `Debug` output contains no URL.
#[derive(Clone)]
pub struct NewAttachment {
    /// Name of the tenant's store.
    pub store: StoreName,
    /// URL of the database: `postgresql://…`, `sqlite:/PATH`, or the path of a SQLite file.
    pub url: String,
    /// Whether the platform may create and migrate the tables of the models there.
    pub grants_schema: bool,
    /// Whether the tenant's rows in the pool are moved into the database.
    pub takes_data: bool,
}

impl std::fmt::Debug for NewAttachment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewAttachment").field("store", &self.store).finish_non_exhaustive()
    }
}

/// Result of attaching a database.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct AttachReport {
    /// Name of the server that stands for the database.
    pub server: ServerName,
    /// Address without credentials.
    pub address: String,
    /// True if the platform made the tables of the models.
    pub made_tables: bool,
    /// Operation that moves the rows of the pool into the database, if they are moved.
    pub operation: Option<i64>,
}

/// A database that was opened for its checks. Dropping it closes the database again.
pub(super) struct Opened<'a> {
    on: &'a Attachments<'a>,
    id: i64,
    pub(super) server: ServerName,
    address: Address,
    identity: String,
}

impl Drop for Opened<'_> {
    fn drop(&mut self) {
        // Once it is recorded, it is opened again when a place needs it, with its identity.
        self.on.platform.0.engine.close_attached(&self.server);
    }
}

impl Attachments<'_> {
    /// Attaches a database that its owner made to the tenant, in a store with `provision = "external"`. It checks
    /// everything before it records anything; from the commit on, the tenant's requests go there. It writes the
    /// platform's own tables into the database, and the tables of the models only with `grants_schema`. Attaching the
    /// same database again replaces its URL. A tenant in the pool leaves it, if it has no rows there; with
    /// `takes_data`, an operation moves them.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] unless the actor is a superuser or the operator; [`Error::NotFound`] if there is no
    /// such tenant or store; [`Error::Invalid`] with the reason and the remedy if the database cannot be used;
    /// [`Error::Conflict`] if it belongs to another tenant, or the tenant already has another database or rows.
    pub async fn attach(&self, actor: &Actor, slug: &Slug, new: &NewAttachment) -> Result<AttachReport> {
        Self::require_superuser(actor)?;
        self.require_external(&new.store)?;
        let mut tx = self.platform.control().snapshot().await?;
        let tenant = tenants::by_slug(&mut tx, slug).await?.id;
        drop(tx);
        let address = Address::parse(&new.url, &self.platform.config().attachments)?;
        self.require_keys(&address)?;
        let checks = async {
            let opened = self.open(address, &new.store).await?;
            self.attach_opened(&actor.by(), (slug, tenant), new, &opened).await
        };
        match tokio::time::timeout(CHECKS, checks).await {
            Ok(attached) => attached,
            Err(_) => {
                let why =
                    format!("the database was not checked in {} s: it answers too slowly", CHECKS.as_secs());
                Err(Error::invalid("url", why))
            }
        }
    }

    /// Refuses a password that could not be encrypted, before anything is connected to.
    fn require_keys(&self, address: &Address) -> Result<()> {
        match address.has_password && !self.platform.0.secrets.is_configured() {
            false => Ok(()),
            true => Err(Error::invalid(
                "url",
                "it contains a password, which is stored only encrypted: name a key in [secrets] of the \
                 configuration, which tenantry secrets new-key makes, then attach again",
            )),
        }
    }

    pub(super) async fn open(&self, address: Address, store: &StoreName) -> Result<Opened<'_>> {
        let id = i64::from(rand::random::<u32>() >> 1).max(1);
        let server = ServerName::parse(&format!("{PREFIX}{id}"))?;
        let at = reached_at(address.engine, address.url.clone(), self.platform.config(), store)?;
        let engine = &self.platform.0.engine;
        engine.open_attached(AttachedSpec { name: server.clone(), at, identity: None }).map_err(explained)?;
        let mut opened = Opened { on: self, id, server, address, identity: String::new() };
        opened.identity = engine.database_identity(&opened.server).await.map_err(explained)?;
        Ok(opened)
    }

    async fn attach_opened(
        &self,
        by: &By,
        (slug, tenant): (&Slug, TenantId),
        new: &NewAttachment,
        opened: &Opened<'_>,
    ) -> Result<AttachReport> {
        let known = self.refuse_taken(&opened.address, &opened.identity, (slug, &new.store)).await?;
        let mut tx = self.platform.control().snapshot().await?;
        let all = placement::of_tenant(&mut tx, tenant).await?;
        drop(tx);
        let old = all.into_iter().find(|p| p.place.store == new.store && p.state == PlacementState::Ready);
        if let Some(server) = known {
            return match old.is_some_and(|old| old.place.server == server) {
                true => self.attach_again(by, tenant, new, opened, &server).await,
                false => Err(Error::Conflict(format!(
                    "this database is retained from an earlier attachment of {slug}, or its rows are being moved: wait \
                     for that, or release it with tenantry tenant release {slug} --store {}",
                    new.store
                ))),
            };
        }
        let place = self.next_place(tenant, new, opened).await?;
        let databases = self.platform.loaded().databases.clone();
        let script = databases.script(&new.store)?;
        let survey = self.platform.0.engine.survey(&place, &script).await.map_err(explained)?;
        let tables = self.judge(&place, &survey, new.grants_schema).await?;
        self.require_read(&place).await?;
        match old {
            None => self.record(by, new, opened, (&place, tables), None).await,
            Some(old) if !old.place.isolation.is_pooled() => Err(Error::Conflict(format!(
                "{slug} has the database {} in {}: detach it first",
                old.place.physical, new.store
            ))),
            Some(old) if new.takes_data => {
                self.take_data(by, (slug, tenant), new, (opened, &place), (&old, &survey)).await
            }
            Some(old) => self.leave_pool(by, new, opened, (&place, tables), &old.place).await,
        }
    }

    /// Replaces the URL and the rights of a database that is attached to the same store of the same tenant.
    async fn attach_again(
        &self,
        by: &By,
        tenant: TenantId,
        new: &NewAttachment,
        opened: &Opened<'_>,
        server: &ServerName,
    ) -> Result<AttachReport> {
        let mut tx = self.platform.control().snapshot().await?;
        let stored = row::stored(&mut tx, server).await?.ok_or(Error::NotFound("attachment"))?;
        let installation = settings::known_platform_id(&mut tx).await?.unwrap_or_default();
        let all = placement::of_tenant(&mut tx, tenant).await?;
        drop(tx);
        let place = all.into_iter().map(|p| p.place).find(|place| place.server == *server);
        let version = match &place {
            Some(place) => Some(self.catch_up(place, new, opened).await?),
            None => None,
        };
        let owner = source::owner(&installation, tenant, &new.store, stored.id);
        let url = source::sealed(
            &self.platform.0.secrets,
            &owner,
            &opened.address.url,
            opened.address.has_password,
        )
        .await?;
        let mut write = self.platform.control().begin().await?;
        row::replace(&mut write, server, &opened.address.shown, &url, new.grants_schema).await?;
        if let Some((place, version)) = place.as_ref().zip(version) {
            placements::set_ready(&mut write, place, Some(&version)).await?;
            write.invalidate(&Subject::Tenant(tenant)).await?;
        }
        let detail = json!({ "store": new.store, "server": server, "address": opened.address.shown,
            "grants_schema": new.grants_schema });
        write.audit(by, Some(tenant), "tenant.attachment_change", detail).await?;
        write.commit().await?;
        let (server, address) = (server.clone(), opened.address.shown.clone());
        Ok(AttachReport { server, address, made_tables: false, operation: None })
    }

    /// Brings the ledger of an attached database up to date: with the rights of the new URL, and after its owner has
    /// changed its tables. Returns the version of its schema.
    async fn catch_up(&self, place: &Place, new: &NewAttachment, opened: &Opened<'_>) -> Result<String> {
        let databases = self.platform.loaded().databases.clone();
        let (engine, script) = (databases.engine(), databases.script(&place.store)?);
        let here = Place { server: opened.server.clone(), ..place.clone() };
        engine.verify(&here).await.map_err(explained)?;
        match new.grants_schema {
            true => engine.migrate_with(&here, &script).await.map(drop).map_err(explained)?,
            false => {
                let survey = engine.survey(&here, &script).await.map_err(explained)?;
                let tables = self.judge(&here, &survey, false).await?;
                self.require_read(&here).await?;
                settle(&databases, &here, tables).await?;
            }
        }
        databases.fingerprint(&place.store)
    }

    /// Returns the place that the database would become. Records nothing.
    async fn next_place(&self, tenant: TenantId, new: &NewAttachment, opened: &Opened<'_>) -> Result<Place> {
        let mut trial = self.platform.control().begin().await?;
        let place = give_way(&mut trial, tenant, &new_placement(new, opened)?).await?;
        trial.roll_back().await?;
        Ok(place)
    }

    /// Takes the tenant out of the pool, in which it has no rows. Its writes to the pool wait meanwhile.
    async fn leave_pool(
        &self,
        by: &By,
        new: &NewAttachment,
        opened: &Opened<'_>,
        to: (&Place, Tables),
        pool: &Place,
    ) -> Result<AttachReport> {
        let engine = &self.platform.0.engine;
        engine.fence(pool, true).await?;
        let recorded = match self.is_empty(pool).await {
            Ok(true) => self.record(by, new, opened, to, Some(pool)).await,
            Ok(false) => Err(Error::Conflict(format!(
                "its rows of {} are in the pool: add --take-data to move them into the database",
                pool.store
            ))),
            Err(error) => Err(error),
        };
        match &recorded {
            // The tenant stays in the pool, so its writes continue there.
            Err(_) => engine.fence(pool, false).await?,
            Ok(_) => engine.withdraw(pool).await?,
        }
        recorded
    }

    pub(super) async fn is_empty(&self, place: &Place) -> Result<bool> {
        let loaded = self.platform.loaded();
        let schema = &loaded.databases.schema(&place.store)?;
        let session: Session = self.platform.0.engine.session(place, schema).await?;
        for model in loaded.apps.models().iter().filter(|model| model.store == place.store) {
            if session.count(model.name.as_str(), &Filter::All(vec![]), None, None).await? > 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Gives the database its identity, then records attachment and placement in one commit. A crash in between leaves
    /// a database that can be attached again, but only to this store of this tenant.
    async fn record(
        &self,
        by: &By,
        new: &NewAttachment,
        opened: &Opened<'_>,
        (place, tables): (&Place, Tables),
        pool: Option<&Place>,
    ) -> Result<AttachReport> {
        let tenant = place.tenant.ok_or_else(|| Error::Internal("an attachment without a tenant".into()))?;
        let databases = self.platform.loaded().databases.clone();
        settle(&databases, place, tables).await?;
        let version = databases.fingerprint(&place.store)?;
        let url = self.sealed_for(place, opened).await?;
        let mut write = self.platform.control().begin().await?;
        if give_way(&mut write, tenant, &new_placement(new, opened)?).await? != *place {
            return Err(Error::Conflict(
                "the tenant's databases were changed meanwhile: attach again".into(),
            ));
        }
        self.insert(&mut write, new, opened, (tenant, &url)).await?;
        placements::set_ready(&mut write, place, Some(&version)).await?;
        let detail = json!({ "store": place.store, "server": place.server, "address": opened.address.shown,
            "grants_schema": new.grants_schema, "left_pool": pool.map(|pool| &pool.physical) });
        write.audit(by, Some(tenant), "tenant.attach", detail).await?;
        write.invalidate(&Subject::Tenant(tenant)).await?;
        write.commit().await?;
        Ok(AttachReport {
            server: place.server.clone(),
            address: opened.address.shown.clone(),
            made_tables: tables == Tables::Make,
            operation: None,
        })
    }

    async fn sealed_for(&self, place: &Place, opened: &Opened<'_>) -> Result<Url> {
        let installation = settings::platform_id(self.platform.control()).await?;
        let tenant = place.tenant.ok_or_else(|| Error::Internal("an attachment without a tenant".into()))?;
        let owner = source::owner(&installation, tenant, &place.store, opened.id);
        let Address { url, has_password, .. } = &opened.address;
        source::sealed(&self.platform.0.secrets, &owner, url, *has_password).await
    }

    async fn insert(
        &self,
        write: &mut Write,
        new: &NewAttachment,
        opened: &Opened<'_>,
        (tenant, url): (TenantId, &Url),
    ) -> Result<()> {
        let attachment = New {
            id: opened.id,
            tenant,
            store: &new.store,
            server: &opened.server,
            engine: opened.address.engine,
            address: &opened.address.shown,
            identity: &opened.identity,
            url,
            grants_schema: new.grants_schema,
        };
        row::insert(write, &attachment).await
    }

    /// Records the attachment and starts the operation that moves the rows of the pool into the database. Requests go
    /// to the pool until its swap.
    async fn take_data(
        &self,
        by: &By,
        (slug, tenant): (&Slug, TenantId),
        new: &NewAttachment,
        (opened, place): (&Opened<'_>, &Place),
        (from, survey): (&crate::topology::Placement, &Survey),
    ) -> Result<AttachReport> {
        if survey.has_rows {
            return Err(Error::Conflict(format!(
                "the tables of {} have rows in this database: rows of the pool are moved only into empty tables",
                new.store
            )));
        }
        let url = self.sealed_for(place, opened).await?;
        let mut write = self.platform.control().begin().await?;
        self.insert(&mut write, new, opened, (tenant, &url)).await?;
        let detail = json!({ "store": new.store, "server": opened.server, "address": opened.address.shown,
            "grants_schema": new.grants_schema });
        write.audit(by, Some(tenant), "tenant.attach_begin", detail).await?;
        write.commit().await?;
        let leg = (from.clone(), new_placement(new, opened)?);
        match self.platform.moves().attaching(by, (slug, tenant), leg).await {
            Ok(operation) => Ok(AttachReport {
                server: opened.server.clone(),
                address: opened.address.shown.clone(),
                made_tables: false,
                operation: Some(operation),
            }),
            Err(error) => {
                let mut write = self.platform.control().begin().await?;
                row::leave_unneeded(&mut write, &opened.server).await?;
                write.commit_unaudited().await?;
                Err(error)
            }
        }
    }
}

fn new_placement(new: &NewAttachment, opened: &Opened<'_>) -> Result<NewPlacement> {
    Ok(NewPlacement {
        store: new.store.clone(),
        server: opened.server.clone(),
        isolation: Isolation::Database,
        policy: Policy::External,
        base: sole_name(&opened.address.database, opened.id)?,
        numbered: true,
    })
}
