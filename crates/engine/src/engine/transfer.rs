//! The facade of `sqlite/transfer`: copies, catching up and comparing, each on a blocking thread without a
//! deadline, for they take as long as a tenant is large. Called by operations only, never by a request.

use super::{Engine, blocking};
use crate::{
    error::{Error, Kind, Result},
    name::{FieldName, StoreName, TenantId},
    place::{Isolation, Place},
    row::Row,
    sqlite::{
        AdoptOptions, Blanked, Copy, CopyInfo, CopyOptions, Digest, ModelDiff,
        migrate::{MigrateReport, Script},
        plan::Schema,
        transfer,
    },
};
use std::{path::Path, sync::Arc};

impl Engine {
    /// Writes the committed state of `place` to the new file `to`, beside running writers: checked and
    /// synced. Whatever the isolation, the copy is one file in the layout of a database of one's own with one
    /// tenant and store inside. A pooled tenant's rows are taken out of the shared tables, which must be at the
    /// end of `script` (else `SchemaBehind` or `SchemaAhead`); `script` may be of either isolation.
    pub async fn copy_out(&self, place: &Place, script: &Arc<Script>, to: &Path) -> Result<Copy> {
        self.copy_out_with(place, script, to, CopyOptions::default()).await
    }

    /// The same, leaving out what the caller does by itself.
    pub async fn copy_out_with(
        &self,
        place: &Place,
        script: &Arc<Script>,
        to: &Path,
        options: CopyOptions,
    ) -> Result<Copy> {
        let (script, to) = (script.clone(), to.to_owned());
        self.on_file(place, move |site| transfer::copy_out(site, &script, &to, options)).await
    }

    /// Makes the database of the new `place` from a copy that must carry tenant `of` and the place's store; it takes
    /// on the place's tenant, generation and platform, and any fence is lifted.
    ///
    /// A database of one's own becomes a new file; nothing is written over (`WrongIdentity`). A pooled place's rows
    /// are put into the shared tables, in place of those of an earlier generation; copy and shared database must be
    /// at the end of `script`. Other writers of the shared database wait for a batch of rows at most, but where an
    /// earlier generation is replaced, which may be in use: that is one transaction. Idempotent. A copy of a later
    /// generation of the same tenant is `Fenced`, and so is what another caller fills meanwhile.
    pub async fn adopt(&self, place: &Place, script: &Arc<Script>, from: &Path, of: TenantId) -> Result<()> {
        self.adopt_with(place, script, from, of, AdoptOptions::default()).await
    }

    /// The same: closed, using the copy up, or leaving out what the caller has done. When it is closed, an earlier
    /// generation of the tenant in the same pool must not be in use.
    pub async fn adopt_with(
        &self,
        place: &Place,
        script: &Arc<Script>,
        from: &Path,
        of: TenantId,
        options: AdoptOptions,
    ) -> Result<()> {
        if place.isolation == Isolation::Database {
            let (server, place, from) = (self.server(place)?.1.clone(), place.clone(), from.to_owned());
            return blocking(move || transfer::adopt(&server, &place, &from, Some(of), options)).await;
        }
        let (script, from, queue) = (script.clone(), from.to_owned(), self.queue(place)?);
        self.on_file(place, move |site| transfer::absorb(site, &script, &from, of, options.closed, &queue))
            .await
    }

    /// Removes a pooled tenant with all its rows. Other writers of the shared database wait for a batch of rows at
    /// most; meanwhile nobody may be routed there. Idempotent. For his last bytes see [`Engine::scrub`].
    pub async fn withdraw(&self, place: &Place) -> Result<()> {
        let queue = self.queue(place)?;
        self.on_file(place, move |site| transfer::withdraw(site, &queue)).await
    }

    /// What writers of this process queue for while a batch lasts, instead of giving up on a busy database.
    pub(super) fn queue(&self, place: &Place) -> Result<impl Fn() -> transfer::Turn + Send + 'static> {
        let (index, inner, physical) = (self.server(place)?.0, self.0.clone(), place.physical.clone());
        Ok(move || -> transfer::Turn {
            let database = inner.cache.open_now(index, &physical)?;
            Some(Box::new(database.writer.clone().blocking_lock_owned()))
        })
    }

    /// The same for a system store, which is always a database of its own.
    pub async fn adopt_system(&self, place: &Place, from: &Path) -> Result<()> {
        if place.tenant.is_some() {
            return Err(Error::new(Kind::Internal, format!("{place:?} is not a system store")));
        }
        let (server, place, from) = (self.server(place)?.1.clone(), place.clone(), from.to_owned());
        let options = AdoptOptions::default();
        blocking(move || transfer::adopt(&server, &place, &from, None, options)).await
    }

    /// Brings a copy to the end of `script`, in place; one that has migrations not known here is `SchemaAhead`.
    pub async fn migrate_copy(
        &self,
        from: &Path,
        of: TenantId,
        script: &Arc<Script>,
    ) -> Result<MigrateReport> {
        let (script, from) = (script.clone(), from.to_owned());
        blocking(move || transfer::migrate_copy(&from, of, &script)).await
    }

    /// Looks at every page of a copy and says what is in it; one that is not of this tenant (None: of a system
    /// store) and store is `WrongIdentity`.
    pub async fn inspect_copy(
        &self,
        from: &Path,
        store: &StoreName,
        of: Option<TenantId>,
    ) -> Result<CopyInfo> {
        let (from, store) = (from.to_owned(), store.clone());
        blocking(move || transfer::inspect_copy(&from, &store, of)).await
    }

    /// Checksums of what `place` holds, from one state of it; equal for equal contents in every isolation.
    pub async fn digest(&self, place: &Place, schema: &Arc<Schema>) -> Result<Digest> {
        let schema = schema.clone();
        self.on_file(place, move |site| transfer::digest(site, &schema)).await
    }

    /// The same of a copy.
    pub async fn digest_copy(
        &self,
        from: &Path,
        schema: &Arc<Schema>,
        of: Option<TenantId>,
    ) -> Result<Digest> {
        let (from, schema) = (from.to_owned(), schema.clone());
        blocking(move || transfer::digest_copy(&from, &schema, of)).await
    }

    /// Checksums of a copy at the schema that it has, whether or not it is at the end of `script`: what a backup says of
    /// itself, and what it is compared with however the apps have changed since.
    ///
    /// # Errors
    /// [`Kind::SchemaAhead`] when the copy has migrations that are not known here; [`Kind::Statement`] when those that it
    /// has are not those of `script` as they are now.
    pub async fn describe_copy(
        &self,
        from: &Path,
        script: &Arc<Script>,
        of: Option<TenantId>,
    ) -> Result<Digest> {
        let (from, script) = (from.to_owned(), script.clone());
        blocking(move || transfer::describe_copy(&from, &script, of)).await
    }

    /// Takes personal data out of a copy: fields marked so get a value that says nothing, in rows, full-text
    /// indexes and the log of changes. `from` is used up; `to` is a new file.
    pub async fn blank_copy(&self, from: &Path, to: &Path, schema: &Arc<Schema>) -> Result<Blanked> {
        let (from, to, schema) = (from.to_owned(), to.to_owned(), schema.clone());
        blocking(move || transfer::blank(&from, &to, &schema)).await
    }

    /// In what the schema of a copy that is at the end of `script` differs from what the script makes, in words:
    /// empty for a copy of ours. Ask it of every file that comes from outside (`dump-runs-code`).
    pub async fn foreign_in_copy(&self, from: &Path, script: &Arc<Script>) -> Result<Vec<String>> {
        let (from, script) = (from.to_owned(), script.clone());
        blocking(move || transfer::foreign(&from, &script)).await
    }

    /// Shows every row of a model of a copy, in order of id, until `show` wants no more. No fields given: all
    /// columns. Blocks: call it where that is allowed.
    pub fn read_copy(
        &self,
        from: &Path,
        schema: &Schema,
        model: &str,
        fields: &[FieldName],
        show: &mut dyn FnMut(&dyn Row) -> bool,
    ) -> Result<()> {
        transfer::rows(from, schema, model, fields, show)
    }

    /// For each model, the rows that would come, change and go if `other` took the place of `live`.
    pub async fn compare(&self, live: &Place, other: &Place, schema: &Arc<Schema>) -> Result<Vec<ModelDiff>> {
        let (schema, other) = (schema.clone(), self.server(other)?.1.site(other));
        self.on_file(live, move |live| transfer::compare(live, &other, &schema)).await
    }
}
