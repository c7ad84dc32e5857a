//! New tenants made from what is there already: clones of a tenant, and archives that are read back.
//!
//! Verbs of [`Platform`], called by the staff API and the command line. They start an operation and
//! give its id; `Platform::operations` tells the rest.

use crate::{
    Error, NewOwner, Platform, Result,
    access::Actor,
    config::Scope,
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

/// The tenant that is to be made.
#[derive(Debug)]
pub struct NewFromCopy {
    /// Its slug.
    pub slug: Slug,
    /// Its name; none: as the one it is made from.
    pub name: Option<String>,
    /// Its e-mail address; none: as the one it is made from.
    pub email: Option<String>,
    /// Code of its plan; none: the configuration's default.
    pub plan: Option<String>,
    /// A user to be made as its owner.
    pub owner: Option<NewOwner>,
    /// The e-mail address of a user who exists and becomes its owner; none of both: it has no members yet.
    pub member: Option<String>,
    /// Why an owner is named; for the audit log. Superusers must say.
    pub reason: Option<String>,
}

/// An archive that was sent, in scratch; removed when this is dropped.
#[derive(Debug)]
pub struct Upload {
    dir: ScratchDir,
    path: PathBuf,
}

impl Platform {
    /// Makes a second tenant with the contents of a first; id of the operation. With `blank_personal`
    /// without what its models mark as personal.
    ///
    /// # Errors
    /// [`Error::Denied`] when the actor may not name that owner; [`Error::Invalid`] for a superuser's missing reason.
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

    /// Makes a new tenant from an archive; id of the operation. The archive must stay where it is until
    /// the operation is over.
    ///
    /// # Errors
    /// [`Error::Invalid`] of `archive` for what can be told from its manifest; the rest fails the
    /// operation. [`Error::Denied`] when the actor may not name an owner.
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

    /// Makes a new tenant from an archive that was sent, which is kept until the operation is over; id of the
    /// operation.
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
                    // Over, or nobody can tell: then it is of no use any more.
                    _ => return drop(upload.dir),
                }
            }
        });
        Ok(id)
    }

    /// Takes in an archive as it is sent, at most `limits.import_bytes`.
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
        let owner = match (owner, member) {
            (Some(owner), _) => Some((self.hashed(owner).await?, self.owner_role()?)),
            (None, Some(email)) => Some(self.member(&email).await?),
            (None, None) => None,
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
        let plan = plan.unwrap_or_else(|| self.config().registration.default_plan.to_string());
        Ok(Arriving { by, new, plan, owner, reason, members: vec![], placements })
    }

    /// Whether the actor may give the rows of `source`, or of an archive, to that owner; the reason to record.
    /// The owner reads every row, so to name one is to let a user into them: an owner of the source has them
    /// already, any other takes a superuser with a reason. What an archive says of its members proves nothing.
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
        // An account that only claims the address may be another person's.
        let user = found.filter(users::User::is_confirmed).ok_or_else(|| {
            Error::invalid(
                "owner",
                "no user has confirmed this address: have them sign in and confirm it first",
            )
        })?;
        Ok((Owner::Existing(user.id), self.owner_role()?))
    }
}
