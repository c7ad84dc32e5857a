//! Folders of a tenant's documents for `mongorestore`, as MongoDB's own `mongodump` writes them: for each collection a
//! file of documents, and a file with its options and indexes.

use super::{
    carry::Reader,
    schema::inspect::{live_collections, live_indexes},
    server::Server,
    site::Site,
};
use crate::{
    error::{Error, Kind, Result},
    place::Place,
};
use mongodb::bson::{Bson, Document, doc};
use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::Path,
};

impl Server {
    /// Writes the collections of a tenant's models, in one consistent state, to the new folder `to`. Writers continue.
    ///
    /// # Errors
    /// Returns [`Kind::Statement`] with the obstacle if the tenant shares its collections, and [`Kind::Io`] if the
    /// folder exists or cannot be written.
    pub(crate) async fn dump(&self, place: &Place, to: &Path) -> Result<()> {
        let site = self.site(place)?;
        if site.is_pooled() {
            let why = "the tenant's records are in shared collections: promote it to a database first";
            return Err(Error::new(Kind::Statement(why.into()), why));
        }
        fs::create_dir(to).map_err(|error| io(error, to))?;
        let written = self.write_dump(&site, to).await;
        if written.is_err() {
            // This call created the folder, so it may remove it.
            drop(fs::remove_dir_all(to));
        }
        written
    }

    async fn write_dump(&self, site: &Site, to: &Path) -> Result<()> {
        let folder = to.join(&site.database);
        fs::create_dir(&folder).map_err(|error| io(error, &folder))?;
        let mut reader = Reader::open(self, site).await?;
        for (name, validator) in live_collections(self, site).await? {
            let path = folder.join(format!("{name}.bson"));
            write_documents(&mut reader, &name, &path).await.map_err(|error| error.in_file(&path))?;
            let indexes = live_indexes(self, site, &name).await?;
            let path = folder.join(format!("{name}.metadata.json"));
            let text = metadata(&name, validator, indexes)?;
            fs::write(&path, text).map_err(|error| io(error, &path))?;
        }
        reader.end().await
    }
}

async fn write_documents(reader: &mut Reader, collection: &str, path: &Path) -> Result<()> {
    let mut file = BufWriter::new(File::create_new(path).map_err(|error| io(error, path))?);
    let mut last = None;
    loop {
        let documents = reader.documents(collection, last.as_ref()).await?;
        let Some(of_last) = documents.last() else { break };
        let id = of_last.get("_id").ok().flatten().and_then(|id| Bson::try_from(id).ok());
        last = Some(id.ok_or_else(|| Error::new(Kind::Corrupt, "a document without an id"))?);
        let written = documents.iter().try_for_each(|document| file.write_all(document.as_bytes()));
        written.map_err(|error| io(error, path))?;
    }
    file.into_inner()
        .map_err(|error| io(error.into_error(), path))?
        .sync_all()
        .map_err(|error| io(error, path))
}

/// Returns the options and indexes of a collection, as `mongorestore` reads them. The order of an index's fields is kept.
fn metadata(collection: &str, validator: Document, indexes: Vec<Document>) -> Result<String> {
    let options = if validator.is_empty() {
        doc! {}
    } else {
        doc! { "validator": validator }
    };
    let metadata = doc! { "collectionName": collection, "options": options, "indexes": indexes };
    serde_json::to_string(&metadata)
        .map_err(|error| Error::with_source(Kind::Internal, "the metadata of a collection", error))
}

fn io(error: std::io::Error, path: &Path) -> Error {
    Error::with_source(Kind::Io, path.display().to_string(), error)
}
