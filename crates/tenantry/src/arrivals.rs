//! Creates tenants from existing data: clones of a tenant, and imported archives.
//!
//! Verbs of [`Platform`], called by the staff API and the command line. They start an operation and return its id;
//! `Platform::operations` reports its progress.

use crate::{
    Error, NewOwner, Platform, Result,
    access::Actor,
    config::Scope,
    error::Wrong,
    operations::{
        Owner,
        arrive::Arriving,
        import::{fits_plan, precheck},
    },
    plans,
    scratch::ScratchDir,
    tenants::{self, NewTenant},
    users::{self, members},
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use std::{io, path::PathBuf};
use tenantry_engine::name::{RoleName, Slug, TenantId};
use tokio::io::AsyncWriteExt;

/// Request for a tenant created from a copy.
#[derive(Debug)]
pub struct NewFromCopy {
    /// Its slug.
    pub slug: Slug,
    /// Its name. `None`: that of the source.
    pub name: Option<String>,
    /// Its e-mail address. `None`: that of the source.
    pub email: Option<String>,
    /// Code of its plan. `None`: the configuration's default.
    pub plan: Option<String>,
    /// A user to create as its owner.
    pub owner: Option<NewOwner>,
    /// E-mail address of an existing user who becomes its owner. If `owner` is `None` too, the tenant has no members
    /// yet.
    pub member: Option<String>,
    /// Why this owner gets the rows, for the audit log. Required from superusers.
    pub reason: Option<String>,
}

/// An uploaded archive in scratch. Removed when this is dropped.
#[derive(Debug)]
pub struct Upload {
    dir: ScratchDir,
    path: PathBuf,
}

impl Platform {
    /// Creates a second tenant with the contents of a first, and returns the operation's id. With `blank_personal`,
    /// fields that the models mark as personal are blanked.
    ///
    /// # Errors
    /// [`Error::Denied`] when the actor may not name that owner; [`Error::Invalid`] when a superuser gives no reason.
    pub async fn clone_tenant(
        &self,
        actor: &Actor,
        source: &Slug,
        blank_personal: bool,
        wanted: NewFromCopy,
    ) -> Result<i64> {
        let of = tenants::by_slug(&mut self.control().snapshot().await?, source).await?;
        let arriving = self.arriving(actor, wanted, (&of.name, &of.email), Some(of.id)).await?;
        self.0.operations.clone_tenant((of.id, of.slug), blank_personal, arriving).await
    }

    /// Creates a tenant from an archive, and returns the operation's id. The archive must stay in place until the
    /// operation is over.
    ///
    /// # Errors
    /// [`Error::Invalid`] of `archive` for errors that its manifest shows; other errors fail the operation.
    /// [`Error::Denied`] when the actor may not name an owner.
    pub async fn import_tenant(&self, actor: &Actor, archive: PathBuf, wanted: NewFromCopy) -> Result<i64> {
        let (apps, path) = (self.apps(), archive.clone());
        let stores: Vec<_> = self.config().stores_of(Scope::Tenant).map(|s| s.name.clone()).collect();
        let opened = tokio::task::spawn_blocking(move || precheck(&path, &apps, &stores));
        let opened = opened.await.map_err(|e| Error::Internal(e.to_string()))??;
        let manifest = opened.manifest.clone();
        drop(opened);
        let facts = &manifest.tenant;
        let arriving = self.arriving(actor, wanted, (&facts.name, &facts.email), None).await?;
        let plan = plans::by_code(&mut self.control().snapshot().await?, &arriving.plan).await?;
        fits_plan(&manifest, &plan.spec.limits)?;
        self.0.operations.import_tenant(archive, arriving).await
    }

    /// Creates a tenant from an uploaded archive, and returns the operation's id. The archive is retained until the
    /// operation is over.
    ///
    /// # Errors
    /// Those of [`Platform::import_tenant`].
    pub async fn import_upload(&self, actor: &Actor, upload: Upload, wanted: NewFromCopy) -> Result<i64> {
        let id = self.import_tenant(actor, upload.path.clone(), wanted).await?;
        let platform = self.clone();
        tokio::spawn(async move {
            loop {
                match platform.operations().wait(id).await {
                    Ok(operation) if !operation.state.is_over() => {
                        tokio::time::sleep(std::time::Duration::from_secs(5)).await;
                    }
                    // The operation is over, or its state cannot be read: the archive is of no use any more.
                    _ => return drop(upload.dir),
                }
            }
        });
        Ok(id)
    }

    /// Stores an archive while it is uploaded.
    ///
    /// # Errors
    /// [`Error::Invalid`] for one longer than `limits.import_bytes`, or an upload that is cut off.
    pub async fn receive_archive<S>(&self, mut pieces: S) -> Result<Upload>
    where
        S: Stream<Item = io::Result<Bytes>> + Unpin,
    {
        let dir = ScratchDir::new(self.config())?;
        let path = dir.path().join("archive.zip");
        let away = |e: io::Error| Error::io("the archive in scratch", &e);
        let mut file = tokio::fs::File::create(&path).await.map_err(away)?;
        let (mut length, most) = (0, self.config().limits.import_bytes);
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|e| Error::invalid("archive", format!("was cut off: {}", e.kind())))?;
            length += piece.len() as u64;
            if length > most {
                return Err(Error::invalid("archive", format!("is longer than {most} bytes")));
            }
            file.write_all(&piece).await.map_err(away)?;
        }
        file.flush().await.map_err(away)?;
        Ok(Upload { dir, path })
    }

    async fn arriving(
        &self,
        actor: &Actor,
        wanted: NewFromCopy,
        like: (&str, &str),
        source: Option<TenantId>,
    ) -> Result<Arriving> {
        let NewFromCopy { slug, name, email, plan, owner, member, reason } = wanted;
        let by = actor.by();
        let plan = plan.unwrap_or_else(|| self.config().registration.default_plan.to_string());
        let mut wrong = Wrong::default();
        wrong.take(name.as_deref().map_or(Ok(()), |name| users::check_text("name", name)))?;
        wrong.take(email.as_deref().map_or(Ok(()), users::check_email))?;
        wrong.take(plans::by_code(&mut self.control().snapshot().await?, &plan).await)?;
        let member = match &member {
            Some(email) => wrong.take(self.member(email).await)?,
            None => None,
        };
        wrong.finish()?;
        let owner = match owner {
            Some(owner) => Some((self.hashed(owner).await?, self.owner_role()?)),
            None => member,
        };
        let reason = match &owner {
            Some((owner, _)) => self.may_name(actor, owner, source, reason.as_deref()).await?,
            None => None,
        };
        let placements = self.placements(&slug).await?;
        let new = NewTenant {
            slug,
            name: name.unwrap_or_else(|| like.0.to_owned()),
            email: email.unwrap_or_else(|| like.1.to_owned()),
        };
        Ok(Arriving { by, new, plan, owner, reason, members: vec![], placements })
    }

    /// Checks that the actor may give the rows of `source`, or of an archive, to that owner. Returns the reason to
    /// record. An owner reads every row, so naming one gives a user access to them. An owner of the source has that
    /// access already; any other owner requires a superuser and a reason. The members listed in an archive prove
    /// nothing.
    async fn may_name(
        &self,
        actor: &Actor,
        owner: &Owner,
        source: Option<TenantId>,
        reason: Option<&str>,
    ) -> Result<Option<String>> {
        if actor.is_system() || self.owns(owner, source).await? {
            return Ok(reason.map(str::to_owned));
        }
        if !actor.is_superuser() {
            return Err(Error::Denied(format!("{actor:?} may not name an owner of copied rows")));
        }
        let reason = reason.unwrap_or_default().trim();
        match (5..=500).contains(&reason.chars().count()) {
            true => Ok(Some(reason.to_owned())),
            false => Err(Error::invalid("reason", "say in 5 to 500 characters why this owner gets the rows")),
        }
    }

    async fn owns(&self, owner: &Owner, source: Option<TenantId>) -> Result<bool> {
        let (Owner::Existing(user), Some(source)) = (owner, source) else { return Ok(false) };
        let role = members::role(&mut self.control().snapshot().await?, *user, source).await?;
        Ok(role == Some(self.owner_role()?))
    }

    async fn member(&self, email: &str) -> Result<(Owner, RoleName)> {
        let found = users::by_email(&mut self.control().snapshot().await?, email).await?;
        // An unconfirmed account may belong to another person than the holder of the address.
        let user = found.filter(users::User::is_confirmed).ok_or_else(|| {
            Error::invalid(
                "owner",
                "no user has confirmed this address: have them sign in and confirm it first",
            )
        })?;
        if !user.is_active {
            return Err(Error::invalid(
                "owner",
                "this account is closed: name another one, or open it first",
            ));
        }
        Ok((Owner::Existing(user.id), self.owner_role()?))
    }
}
