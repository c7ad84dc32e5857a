//! Functions for copies, catching up and comparing. Each runs on a blocking thread without a deadline, because its
//! duration depends on the size of the tenant. Operations call them; requests never do.

use super::{Engine, Server};
use crate::{
    carry::{
        self, AdoptOptions, Blanked, Contents, Copy, CopyInfo, CopyOptions, Digest, End, ModelDiff, Source,
        Tables,
    },
    error::{Error, Kind, Result},
    identity::PlaceState,
    ledger::MigrateReport,
    name::{FieldName, StoreName, TenantId},
    place::Place,
    row::Row,
    schema::{Schema, Script},
    sqlite::{blocking, transfer},
};
use std::{
    path::Path,
    sync::{Arc, atomic::AtomicU64},
};

/// Formats of dumps: those of the programs that come with a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DumpFormat {
    /// One file, which PostgreSQL's `pg_restore` reads.
    PgDump,
    /// A folder, which MongoDB's `mongorestore` reads.
    Mongodump,
}

impl DumpFormat {
    /// Returns the name of the format, which is the name of the program that writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PgDump => "pg_dump",
            Self::Mongodump => "mongodump",
        }
    }

    fn server(self) -> &'static str {
        match self {
            Self::PgDump => "PostgreSQL",
            Self::Mongodump => "MongoDB",
        }
    }
}

impl Engine {
    /// Writes the committed state of `place` to the new file `to`, while writers continue; checks and syncs the file.
    /// Whatever the isolation of the place, the copy is one file in the layout of a tenant's own database, with one
    /// tenant and store in it. For a pooled tenant, the shared tables must have exactly the migrations of `script`,
    /// which may be of either isolation.
    ///
    /// # Errors
    /// Returns `SchemaBehind` or `SchemaAhead` if the shared tables do not have exactly the migrations of `script`.
    pub async fn copy_out(&self, place: &Place, script: &Arc<Script>, to: &Path) -> Result<Copy> {
        self.copy_out_with(place, script, to, CopyOptions::default()).await
    }

    /// Writes a copy like [`Engine::copy_out`], without the steps that `options` skip.
    ///
    /// # Errors
    /// Returns the errors of [`Engine::copy_out`].
    pub async fn copy_out_with(
        &self,
        place: &Place,
        script: &Arc<Script>,
        to: &Path,
        options: CopyOptions,
    ) -> Result<Copy> {
        match &*self.server(place).await? {
            // Copying pages is faster than copying rows.
            Server::Sqlite(server) if !place.isolation.is_pooled() || place.tenant.is_none() => {
                server.copy_pages(place, to, options).await
            }
            _ => Box::pin(carry::copy_rows(&self.end(place).await?, script, to, options)).await,
        }
    }

    /// Writes the tables of a tenant's models to `to`, in the format of its server's own programs, while writers
    /// continue. The dump does not contain uploaded files and the activity log.
    ///
    /// # Errors
    /// Returns `Statement` with the obstacle: the place is on a server of another kind, it is pooled, or there is no
    /// `pg_dump`. Returns `Io` if `to` exists or cannot be written, and with the message of `pg_dump` if that fails.
    pub async fn dump(&self, place: &Place, format: DumpFormat, to: &Path) -> Result<()> {
        match (&*self.server(place).await?, format) {
            (Server::Postgres(server), DumpFormat::PgDump) => Box::pin(server.dump(place, to)).await,
            #[cfg(feature = "mongodb")]
            (Server::Mongo(server), DumpFormat::Mongodump) => Box::pin(server.dump(place, to)).await,
            _ => {
                let why = format!(
                    "the tenant is not on {}: choose another format, or move it there first",
                    format.server()
                );
                Err(Error::new(Kind::Statement(why.clone()), why))
            }
        }
    }

    /// Returns the tables of `place` that have rows but that no model declares. A copy contains them only if all pages
    /// are copied, as for a place with its own SQLite file. `script` has the migrations of the store.
    ///
    /// # Errors
    /// Returns `WrongIdentity` or `Fenced` if the place is not where it should be.
    pub async fn undeclared(&self, place: &Place, script: &Script) -> Result<Vec<String>> {
        let mut source = Source::open(&self.end(place).await?).await?;
        let found = source.undeclared(carry::declared(script.state())).await?;
        source.end().await?;
        Ok(found)
    }

    /// Creates the database of the new `place` from a copy, which must be of tenant `of` and of the place's store. The
    /// place's tenant, generation and platform replace the identity of the copy, and any fence is lifted. Idempotent.
    ///
    /// For a tenant with its own SQLite file, the copy becomes that file. On PostgreSQL and in a pool, its rows are
    /// inserted. Nothing is overwritten (`WrongIdentity`), except that in a pool the rows replace those of an earlier
    /// generation. A pool must have exactly the migrations of the copy. Other writers of the pool wait for at most one
    /// batch of rows, unless an earlier generation that may be in use is replaced: that is one transaction.
    ///
    /// # Errors
    /// Returns `Fenced` if the copy is of a later generation of the same tenant, or if another caller fills the place
    /// at the same time.
    pub async fn adopt(&self, place: &Place, script: &Arc<Script>, from: &Path, of: TenantId) -> Result<()> {
        self.adopt_with(place, script, from, of, AdoptOptions::default()).await
    }

    /// Creates a database from a copy like [`Engine::adopt`]. The options can move the source file instead of copying
    /// it, or skip checks that the caller already made.
    ///
    /// # Errors
    /// Returns the errors of [`Engine::adopt`].
    pub async fn adopt_with(
        &self,
        place: &Place,
        script: &Arc<Script>,
        from: &Path,
        of: TenantId,
        options: AdoptOptions,
    ) -> Result<()> {
        let found = self.server(place).await?;
        if let Server::Sqlite(server) = &*found
            && !place.isolation.is_pooled()
        {
            return server.adopt_file(place, from, Some(of), options).await;
        }
        let contents = Contents::of_copy(from, of, place, script, options.check).await?;
        let carried = AtomicU64::new(0);
        at!(found, server => server.fill(place, script, contents, PlaceState::Open, &carried))
    }

    /// Removes a pooled tenant with all its rows. Other writers of the shared database wait for at most one batch of
    /// rows. No request may be routed to the place in the meantime. Idempotent. To erase the tenant's last bytes, see
    /// [`Engine::scrub`].
    ///
    /// # Errors
    /// Returns `Fenced` if the database holds the tenant at another generation, or if another caller fills the place at
    /// the same time.
    pub async fn withdraw(&self, place: &Place) -> Result<()> {
        at!(self.server(place).await?, server => server.withdraw(place))
    }

    /// Creates the database of a system store from a copy of one. A system store always has its own database. On a
    /// server of databases, it gets the rows of the models, with the migrations of `script` that the copy has.
    ///
    /// # Errors
    /// Returns `Internal` if `place` is not a system store, and otherwise the errors of [`Engine::adopt`].
    pub async fn adopt_system(&self, place: &Place, script: &Arc<Script>, from: &Path) -> Result<()> {
        if place.tenant.is_some() {
            return Err(Error::new(Kind::Internal, format!("{place} is not a system store")));
        }
        match &*self.server(place).await? {
            Server::Sqlite(server) => server.adopt_file(place, from, None, AdoptOptions::default()).await,
            Server::Postgres(server) => {
                let source = Source::of_copy(from, &place.store, None).await?;
                let contents = Box::pin(Contents::of(source, script)).await?;
                let carried = AtomicU64::new(0);
                Box::pin(server.fill(place, script, contents, PlaceState::Open, &carried)).await
            }
            #[cfg(feature = "mongodb")]
            Server::Mongo(server) => {
                let source = Source::of_copy(from, &place.store, None).await?;
                let contents = Box::pin(Contents::of(source, script)).await?;
                let carried = AtomicU64::new(0);
                Box::pin(server.fill(place, script, contents, PlaceState::Open, &carried)).await
            }
        }
    }

    /// Applies the missing migrations of `script` to a copy, in place.
    ///
    /// # Errors
    /// Returns `SchemaAhead` if the copy has migrations that `script` does not have.
    pub async fn migrate_copy(
        &self,
        from: &Path,
        of: TenantId,
        script: &Arc<Script>,
    ) -> Result<MigrateReport> {
        let (script, from) = (script.clone(), from.to_owned());
        blocking(move || transfer::migrate_copy(&from, of, &script)).await
    }

    /// Checks every page of a copy and returns its own description: identity, migrations and counts.
    ///
    /// # Errors
    /// Returns `WrongIdentity` if the copy is not of this tenant (`None` for a system store) and store.
    pub async fn inspect_copy(
        &self,
        from: &Path,
        store: &StoreName,
        of: Option<TenantId>,
    ) -> Result<CopyInfo> {
        let (from, store) = (from.to_owned(), store.clone());
        blocking(move || transfer::inspect_copy(&from, &store, of)).await
    }

    /// Computes checksums of the contents of `place`, from one consistent state. Equal contents have equal checksums in
    /// every isolation.
    ///
    /// # Errors
    /// Returns `WrongIdentity` or `Fenced` if the place is not where it should be.
    pub async fn digest(&self, place: &Place, schema: &Arc<Schema>) -> Result<Digest> {
        let source = Source::open(&self.end(place).await?).await?;
        carry::digest(source, &Tables::of_schema(schema)).await
    }

    /// Computes checksums of the contents of a copy, like [`Engine::digest`].
    ///
    /// # Errors
    /// Returns `WrongIdentity` if the copy is not of this tenant (`None` for a system store) and store.
    pub async fn digest_copy(
        &self,
        from: &Path,
        schema: &Arc<Schema>,
        of: Option<TenantId>,
    ) -> Result<Digest> {
        let source = Source::of_copy(from, schema.store(), of).await?;
        carry::digest(source, &Tables::of_schema(schema)).await
    }

    /// Computes checksums of a copy under its own schema, even if it lacks migrations of `script`. A backup records
    /// these checksums, and later comparisons stay valid whatever changes in the apps.
    ///
    /// # Errors
    /// Returns [`Kind::SchemaAhead`] if the copy has migrations that `script` does not have, and [`Kind::Statement`] if
    /// its migrations differ from those of the current `script`.
    pub async fn describe_copy(
        &self,
        from: &Path,
        script: &Arc<Script>,
        of: Option<TenantId>,
    ) -> Result<Digest> {
        let mut source = Source::of_copy(from, script.store(), of).await?;
        let applied = script.as_applied(&source.ledger().await?)?;
        carry::digest(source, &Tables::of_state(applied.state(), applied.store())).await
    }

    /// Removes personal data from a copy: fields marked as personal get a meaningless value, in rows, full-text indexes
    /// and the activity log. `from` must not be used afterwards. `to` is a new file.
    ///
    /// # Errors
    /// Returns the errors of the disk.
    pub async fn blank_copy(&self, from: &Path, to: &Path, schema: &Arc<Schema>) -> Result<Blanked> {
        let (from, to, schema) = (from.to_owned(), to.to_owned(), schema.clone());
        blocking(move || transfer::blank(&from, &to, &schema)).await
    }

    /// Describes the differences between the schema of a copy that has all migrations of `script` and the schema that
    /// the script produces. Empty for a copy that we made. Call it for every file from outside (`dump-runs-code`).
    ///
    /// # Errors
    /// Returns `SchemaAhead` or `Statement` if the copy's migrations are not those of `script`.
    pub async fn foreign_in_copy(&self, from: &Path, script: &Arc<Script>) -> Result<Vec<String>> {
        let (from, script) = (from.to_owned(), script.clone());
        blocking(move || transfer::foreign(&from, &script)).await
    }

    /// Passes every row of a model of a copy to `show`, in order of id, until `show` returns false. If `fields` is
    /// empty, passes all columns. Blocks.
    ///
    /// # Errors
    /// Returns `NotFound` if there is no such model, and `Invalid` if it has no such field.
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

    /// Counts, for each model, the rows that would be added, changed and removed if `other` replaced `live`.
    ///
    /// # Errors
    /// Returns `WrongIdentity` or `Fenced` if one of the places is not where it should be.
    pub async fn compare(&self, live: &Place, other: &Place, schema: &Arc<Schema>) -> Result<Vec<ModelDiff>> {
        let tables = Tables::of_schema(schema);
        carry::compare(&self.end(live).await?, &self.end(other).await?, &tables).await
    }

    /// Returns `place` as an end of a transfer.
    pub(super) async fn end(&self, place: &Place) -> Result<End> {
        Ok(match &*self.server(place).await? {
            Server::Sqlite(server) => End::Sqlite(server.site(place)),
            Server::Postgres(server) => End::Postgres(server.clone(), server.site(place)?),
            #[cfg(feature = "mongodb")]
            Server::Mongo(server) => End::Mongo(server.clone(), server.site(place)?),
        })
    }
}
