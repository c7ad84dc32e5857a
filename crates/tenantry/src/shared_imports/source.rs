//! The source: a database on a MongoDB deployment, or the files that `mongoexport` made of it. It is only read.

use super::extended;
use crate::{Error, Result, config::Config};
use serde::{Deserialize, Serialize};
use std::{
    fmt,
    fs::{self, File},
    io::{BufRead, BufReader, ErrorKind, Lines},
    path::PathBuf,
};
use tenantry_engine::{
    Engine, ForeignDocuments,
    input::foreign::{Foreign, ForeignDocument},
    name::ServerName,
};

/// Folder in the data directory that has a folder for each set of exported files.
const FOLDER: &str = "imports";

/// Name of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedSource {
    /// Server of the configuration.
    pub server: Option<String>,
    /// Folder of exported files in `imports/` of the data directory, instead of a server.
    pub files: Option<String>,
    /// Database with the documents of all organisations.
    pub database: String,
    /// Database with the documents that all organisations share.
    pub shared_database: String,
}

impl SharedSource {
    /// Checks the names.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] for a name that cannot be one, or if not exactly one of server and files is named.
    pub(super) fn check(&self) -> Result<()> {
        let plain = |text: &str| {
            let fits = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
            fits && !text.is_empty() && text.len() <= 63
        };
        let names = [
            ("files", self.files.as_deref()),
            ("database", Some(&*self.database)),
            ("shared_database", Some(&*self.shared_database)),
        ];
        for (field, name) in names {
            if name.is_some_and(|name| !plain(name)) {
                return Err(Error::invalid(field, "must consist of letters, digits, _ and -"));
            }
        }
        match (&self.server, &self.files) {
            (Some(server), None) => Ok(ServerName::parse(server).map(drop)?),
            (None, Some(_)) => Ok(()),
            _ => Err(Error::invalid("server", "name either a server or files")),
        }
    }
}

/// Formats the source as it is named in histories: `old/valuation_reports`.
impl fmt::Display for SharedSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let from = self.server.as_deref().or(self.files.as_deref()).unwrap_or_default();
        write!(f, "{from}/{}", self.database)
    }
}

/// A source that can be read.
pub(super) struct Source<'s> {
    name: &'s SharedSource,
    engine: &'s Engine,
    /// Folder with the exported files, if the source has files.
    folder: Option<PathBuf>,
}

impl<'s> Source<'s> {
    /// Opens a source. Reads nothing yet.
    pub(super) fn new(name: &'s SharedSource, engine: &'s Engine, config: &Config) -> Self {
        let folder = name.files.as_ref().map(|files| config.platform.data_dir.join(FOLDER).join(files));
        Self { name, engine, folder }
    }

    /// Returns the database with the shared documents, or that with the documents of organisations.
    pub(super) fn database(&self, system: bool) -> &'s str {
        if system { &self.name.shared_database } else { &self.name.database }
    }

    fn server(&self) -> Result<ServerName> {
        Ok(ServerName::parse(self.name.server.as_deref().unwrap_or_default())?)
    }

    /// Returns the names of the collections in one of the two databases.
    pub(super) async fn collections(&self, system: bool) -> Result<Vec<String>> {
        let database = self.database(system);
        let Some(folder) = &self.folder else {
            return self.engine.foreign_collections(&self.server()?, database).await.map_err(readable);
        };
        let folder = folder.join(database);
        let entries = fs::read_dir(&folder).map_err(|error| Error::io(folder.display(), &error))?;
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<_> =
            names.filter_map(|name| Some(name.strip_suffix(".json")?.to_owned())).collect();
        names.sort();
        Ok(names)
    }

    /// Begins to read a collection: all documents, or those of one organisation, which `field` names by `key`.
    pub(super) async fn documents(
        &self,
        collection: &str,
        system: bool,
        only: Option<(&str, &str)>,
    ) -> Result<Documents> {
        let database = self.database(system);
        let Some(folder) = &self.folder else {
            let values = only.map(|(field, key)| (field, Foreign::of_key(key)));
            let only = values.as_ref().map(|(field, values)| (*field, values.as_slice()));
            let begun = self.engine.foreign_documents(&self.server()?, database, collection, only).await;
            return Ok(Documents::Server(Box::new(begun.map_err(readable)?)));
        };
        let path = folder.join(database).join(format!("{collection}.json"));
        let lines = match File::open(&path) {
            Ok(file) => Some(BufReader::new(file).lines()),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(Error::io(path.display(), &error)),
        };
        let only = only.map(|(field, key)| (field.to_owned(), key.to_owned()));
        Ok(Documents::Files { lines, path, number: 0, only })
    }
}

/// Shows the reason of an error that the operator can act on.
fn readable(error: tenantry_engine::Error) -> Error {
    match error.kind() {
        tenantry_engine::Kind::Statement(why) => Error::invalid("server", why.clone()),
        tenantry_engine::Kind::UnknownServer(_) => {
            Error::invalid("server", "the configuration has no such server: add it under [servers]")
        }
        _ => error.into(),
    }
}

/// Documents of a collection, read one by one.
pub(super) enum Documents {
    /// From a deployment.
    Server(Box<ForeignDocuments>),
    /// From a file with a document in each line. A file that does not exist has none.
    Files {
        lines: Option<Lines<BufReader<File>>>,
        path: PathBuf,
        number: u64,
        /// Field and key of the wanted organisation.
        only: Option<(String, String)>,
    },
}

impl Documents {
    /// Returns up to `most` documents; none after the last one.
    pub(super) async fn next(&mut self, most: usize) -> Result<Vec<ForeignDocument>> {
        let mut found = Vec::with_capacity(most);
        while found.len() < most {
            match self.one().await? {
                Some(document) => found.push(document),
                None => break,
            }
        }
        Ok(found)
    }

    async fn one(&mut self) -> Result<Option<ForeignDocument>> {
        match self {
            Self::Server(documents) => documents.next().await.map_err(readable),
            Self::Files { lines, path, number, only } => {
                let Some(lines) = lines else { return Ok(None) };
                for line in lines {
                    let line = line.map_err(|error| Error::io(path.display(), &error))?;
                    *number += 1;
                    if line.trim().is_empty() {
                        continue;
                    }
                    let document = extended::document(&line).map_err(|why| {
                        Error::invalid("files", format!("{}, line {number}: {why}", path.display()))
                    })?;
                    let is_wanted = only
                        .as_ref()
                        .is_none_or(|(field, key)| value_key(&document, field).as_ref() == Some(key));
                    if is_wanted {
                        return Ok(Some(document));
                    }
                }
                Ok(None)
            }
        }
    }
}

/// Returns the key that a field of a document holds.
pub(super) fn value_key(document: &ForeignDocument, field: &str) -> Option<String> {
    document.iter().find(|(name, _)| name == field).and_then(|(_, value)| value.key())
}
