//! `tenantry.toml` as a file that is replaced completely or not at all.

use crate::{Error, Result, config::Config};
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

/// Suffix of the copy of the file from before the first edit.
const KEPT: &str = "before-postgres";

/// A configuration file with its text when it was read.
#[derive(Debug)]
pub(super) struct ConfigFile {
    path: PathBuf,
    pub(super) text: String,
}

impl ConfigFile {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// Returns [`Error::NoAccess`] or [`Error::Unavailable`] if the file cannot be read.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).map_err(|error| Error::io(path.display(), &error))?;
        Ok(Self { path: path.to_owned(), text })
    }

    /// Parses and checks a text as if it were the text of this file.
    pub(super) fn parse(&self, text: &str) -> Result<Config> {
        let dir = self.path.parent().unwrap_or(Path::new(""));
        let file = self.path.display().to_string();
        Config::parse(&file, text, dir).map_err(|problems| Error::invalid(file.clone(), problems.to_string()))
    }

    /// Returns the error for a file that cannot be edited.
    pub(super) fn refused(&self, why: &str) -> Error {
        Error::invalid(self.path.display().to_string(), why)
    }

    /// Replaces the text, and saves a copy of the file before the first replacement. Returns the path of the copy, or
    /// `None` if the file already contains `text`. `between` is the text that an earlier replacement may have written.
    ///
    /// # Errors
    /// Returns [`Error::Conflict`] if the file was changed since it was read; [`Error::DiskFull`], [`Error::NoAccess`]
    /// or [`Error::Unavailable`] if the file cannot be written.
    pub(super) fn replace(&self, text: &str, between: &str) -> Result<Option<PathBuf>> {
        let io = |path: &Path, error: std::io::Error| Error::io(path.display(), &error);
        let now = fs::read_to_string(&self.path).map_err(|error| io(&self.path, error))?;
        if now == text {
            return Ok(None);
        }
        if now != self.text && now != between {
            let path = self.path.display();
            return Err(Error::Conflict(format!("{path} was changed meanwhile: run this again")));
        }
        let kept = self.path.with_extension(format!("toml.{KEPT}"));
        if !kept.exists() {
            fs::copy(&self.path, &kept).map_err(|error| io(&kept, error))?;
        }
        let staged = self.path.with_extension("toml.new");
        let write = || {
            let mut file = fs::File::create(&staged)?;
            file.write_all(text.as_bytes())?;
            file.set_permissions(fs::metadata(&self.path)?.permissions())?;
            file.sync_all()?;
            fs::rename(&staged, &self.path)
        };
        write().map_err(|error| io(&staged, error))?;
        Ok(Some(kept))
    }
}
