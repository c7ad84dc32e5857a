//! Reads the names, residents and sizes of the databases of a deployment, whether or not the catalog knows them. The
//! results are used for operators' reports and for choosing names and ids (`no-reuse`), never for routing
//! (`catalog-placement`).

use crate::{
    error::{Error, Kind, Result},
    identity::{Highest, Resident},
    mongo::{cells::whole, server::Server, tables::PLACES},
    name::PhysicalName,
    place::{DatabaseFile, Isolation, Place},
};
use futures_util::TryStreamExt;
use mongodb::bson::{Bson, Document, doc};
use std::time::SystemTime;

/// Names of MongoDB's own databases.
const SERVERS: [&str; 3] = ["admin", "config", "local"];

impl Server {
    /// Returns true if there is a database with this name.
    pub(in crate::mongo) async fn has_database(&self, name: &str) -> Result<bool> {
        Ok(!self.names(doc! { "name": name }).await?.is_empty())
    }

    async fn names(&self, filter: Document) -> Result<Vec<String>> {
        let client = self.client().await?;
        Ok(self.answer(async { client.list_database_names().filter(filter).await }).await?)
    }

    /// Returns true if the database of the place exists.
    pub(crate) async fn exists(&self, place: &Place) -> Result<bool> {
        self.has_database(&self.site(place)?.database).await
    }

    /// Returns true if a database has this name in any letter case, because MongoDB refuses names that differ only in
    /// case, or if the name belongs to MongoDB itself.
    pub(crate) async fn is_taken(&self, physical: &PhysicalName) -> Result<bool> {
        let name = self.database_name(physical)?;
        Ok(SERVERS.contains(&name.as_str())
            || self.names(doc! {}).await?.iter().any(|other| other.eq_ignore_ascii_case(&name)))
    }

    /// Returns the databases of the platform whose names begin with the prefix.
    pub(crate) async fn database_files(&self) -> Result<Vec<DatabaseFile>> {
        let client = self.client().await?;
        let all = self.answer(async { client.list_databases().await }).await?;
        let mut found = vec![];
        for database in all.into_iter().filter(|one| !SERVERS.contains(&one.name.as_str())) {
            let Some(physical) = self.physical(&database.name) else { continue };
            let Some(made_at) = self.made_at(&database.name).await? else { continue };
            found.push(DatabaseFile {
                server: self.name.clone(),
                file: database.name,
                physical: Some(physical),
                isolation: Isolation::Database,
                bytes: database.size_on_disk,
                modified: made_at,
            });
        }
        found.sort_by(|a, b| a.file.cmp(&b.file));
        Ok(found)
    }

    /// Returns when the first place in a database was made; `None` if the database is not one of the platform's.
    async fn made_at(&self, database: &str) -> Result<Option<SystemTime>> {
        let places = self.places_in(database, doc! {}, 1).await?;
        let made_at = places.first().and_then(|place| place.get_datetime("made_at").ok());
        Ok(made_at.map(|at| at.to_system_time()))
    }

    /// Returns at most `most` documents of places in a database, ordered by tenant and store.
    async fn places_in(&self, database: &str, mut filter: Document, most: u32) -> Result<Vec<Document>> {
        filter.insert("tenant", doc! { "$exists": true });
        let places = self.database(database).await?.collection::<Document>(PLACES);
        let read = async {
            let find = places.find(filter).sort(doc! { "tenant": 1, "store": 1 }).limit(most.into());
            find.await?.try_collect::<Vec<_>>().await
        };
        Ok(self.answer(read).await?)
    }

    /// Returns the size of the database on disk, in bytes; for a pooled tenant, the bytes of its values.
    pub(crate) async fn size_bytes(&self, place: &Place) -> Result<u64> {
        let site = self.site(place)?;
        if site.is_pooled() && place.tenant.is_some() {
            return Ok(self.place_info(place).await?.bytes.unwrap_or_default());
        }
        if !self.has_database(&site.database).await? {
            return Err(Error::new(Kind::Missing, format!("{site}: no such database")));
        }
        let stats = self.run(&site.database, doc! { "dbStats": 1 }).await?;
        let bytes = |name: &str| stats.get(name).and_then(whole).unwrap_or_default();
        Ok((bytes("storageSize") + bytes("indexSize")).unsigned_abs())
    }

    /// Returns the total size, in bytes, of the databases of the deployment that the user of the URL may list.
    ///
    /// # Errors
    /// Returns `Unreachable` if the deployment does not answer.
    pub(crate) async fn used_bytes(&self) -> Result<u64> {
        let client = self.client().await?;
        let all = self.answer(async { client.list_databases().await }).await?;
        Ok(all.iter().map(|database| database.size_on_disk).sum())
    }

    /// Returns the highest tenant id and generation of the residents that the installation `platform` has in the
    /// database with this name. Returns `None` if the database does not exist or is not one of the platform's.
    pub(crate) async fn highest(&self, physical: &PhysicalName, platform: &str) -> Result<Option<Highest>> {
        let database = self.database_name(physical)?;
        let ours = doc! { "platform": { "$in": [platform, ""] } };
        let places = self.database(&database).await?.collection::<Document>(PLACES);
        if self.answer(async { places.find_one(doc! {}).await }).await?.is_none() {
            return Ok(None);
        }
        let group = doc! {
            "_id": Bson::Null, "tenant": { "$max": "$tenant" }, "generation": { "$max": "$generation" },
        };
        let pipeline = vec![doc! { "$match": ours }, doc! { "$group": group }];
        let read = async { places.aggregate(pipeline).await?.try_collect::<Vec<_>>().await };
        let found = self.answer(read).await?;
        let number =
            |name: &str| found.first().and_then(|row| row.get(name)).and_then(whole).unwrap_or_default();
        Ok(Some(Highest { tenant: number("tenant"), generation: number("generation") }))
    }

    /// Returns the generation of the tenant's rows in the pool of `place`, whatever the generation of `place`.
    pub(crate) async fn generation_in(&self, place: &Place) -> Result<Option<i64>> {
        let found = self.find_place(&self.site(place)?).await?;
        Ok(found.and_then(|place| place.get("generation").and_then(whole)))
    }

    /// Returns the residents of the database with this name, at most `most`.
    ///
    /// # Errors
    /// Returns `Missing` if there is no such database, and `WrongIdentity` if it does not have the platform's
    /// collections.
    pub(crate) async fn residents(&self, physical: &PhysicalName, most: u32) -> Result<Vec<Resident>> {
        let database = self.database_name(physical)?;
        let places = self.places_in(&database, doc! {}, most).await?;
        if places.is_empty() {
            return Err(match self.has_database(&database).await? {
                true => Error::new(Kind::WrongIdentity, format!("{physical}: not one of ours")),
                false => Error::new(Kind::Missing, format!("no database {physical}")),
            });
        }
        let number = |place: &Document, name: &str| place.get(name).and_then(whole).unwrap_or_default();
        let text = |place: &Document, name: &str| place.get_str(name).unwrap_or_default().to_owned();
        let resident = |place: &Document| Resident {
            platform: text(place, "platform"),
            tenant: number(place, "tenant"),
            store: text(place, "store"),
            generation: number(place, "generation"),
        };
        Ok(places.iter().map(resident).collect())
    }
}
