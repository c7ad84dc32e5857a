//! `files.csv`: one line for each uploaded file. It is a separate list instead of a part of the manifest, so neither
//! the writer nor the reader holds a hundred thousand lines in memory.

use crate::{Error, Result, records::FileInfo};
use serde::{Deserialize, Serialize};
use std::{fs::File, path::Path};

/// A line of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileLine {
    /// Name of the file in the archive. Empty if the file was missing when the archive was made.
    pub(crate) path: String,
    /// Name of the model of the record that names the file.
    pub(crate) model: String,
    /// Id of that record.
    pub(crate) record: String,
    /// Name of the record's field.
    pub(crate) field: String,
    /// Id of the file, as in the record.
    pub(crate) id: String,
    /// File name that the client gave.
    pub(crate) name: String,
    /// Media type of the file.
    #[serde(rename = "type")]
    pub(crate) media_type: String,
    /// Length of the file in bytes.
    pub(crate) bytes: u64,
    /// SHA-256 of the file, in hex.
    pub(crate) sha256: String,
}

impl FileLine {
    /// Returns the line for a file that a record names.
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

/// Writer of the list.
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
