//! `files.csv`: one line for each uploaded file. It is a separate list, not part of the manifest, so that neither side
//! holds a hundred thousand lines in memory.

use crate::{Error, Result, records::FileInfo};
use serde::{Deserialize, Serialize};
use std::{fs::File, path::Path};

/// A line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileLine {
    /// Name in the archive. Empty: the file was missing when the archive was made.
    pub(crate) path: String,
    /// Model of the record that names it.
    pub(crate) model: String,
    /// Id of the record.
    pub(crate) record: String,
    /// Field of the record.
    pub(crate) field: String,
    /// Id of the file, as in the row.
    pub(crate) id: String,
    /// Name that the client gave.
    pub(crate) name: String,
    /// Media type.
    #[serde(rename = "type")]
    pub(crate) media_type: String,
    /// Length in bytes.
    pub(crate) bytes: u64,
    /// SHA-256 in hex.
    pub(crate) sha256: String,
}

impl FileLine {
    /// Returns the line of a file of a record.
    pub(crate) fn new(model: &str, record: &str, field: &str, info: FileInfo) -> Self {
        Self {
            path: super::file_path(model, record, field, &info.name),
            model: model.into(),
            record: record.into(),
            field: field.into(),
            id: info.id,
            name: info.name,
            media_type: info.media_type,
            bytes: info.size,
            sha256: info.sha256,
        }
    }
}

/// The list while it is written.
pub(crate) struct FileList(csv::Writer<File>);

impl FileList {
    pub(crate) fn create(path: &Path) -> Result<Self> {
        csv::Writer::from_path(path).map(Self).map_err(failed)
    }

    pub(crate) fn add(&mut self, line: &FileLine) -> Result<()> {
        self.0.serialize(line).map_err(failed)
    }

    pub(crate) fn finish(mut self) -> Result<()> {
        self.0.flush().map_err(|e| Error::io("files.csv", &e))
    }
}

/// Reads the lines of an unpacked list.
pub(crate) fn read_files(path: &Path) -> Result<impl Iterator<Item = Result<FileLine>>> {
    let lines = csv::Reader::from_path(path).map_err(failed)?.into_deserialize();
    Ok(lines.map(|line| line.map_err(|_| Error::invalid("archive", "is damaged: files.csv cannot be read"))))
}

fn failed(error: csv::Error) -> Error {
    Error::io("files.csv", &std::io::Error::from(error))
}
