//! The data directory: created so that only the process's operating system user can read it, locked while it is in use,
//! and cleared of scratch directories of dead processes.
//!
//! Called while the platform opens, and by work that needs its own files. This module knows no database.

pub(crate) mod in_use;
pub(crate) mod scratch;

use crate::{Error, Result};
use std::{
    fs,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::Path,
};

/// Mode of directories: access only for the process's operating system user.
const PRIVATE: u32 = 0o700;

/// Creates the directory and its missing parents. An existing directory stays as it is.
pub(crate) fn make_dir(path: &Path) -> Result<()> {
    fs::DirBuilder::new().recursive(true).mode(PRIVATE).create(path).map_err(|e| {
        match Error::io(path.display(), &e) {
            Error::Unavailable(_) => Error::invalid(
                "platform.data_dir",
                format!("{} cannot be made, or is none: {e}", path.display()),
            ),
            error => error,
        }
    })
}

/// Creates the data directory, or closes an existing one to other operating system users: it holds password hashes and
/// rows.
pub(crate) fn make_data_dir(path: &Path) -> Result<()> {
    make_dir(path)?;
    let mode = fs::metadata(path).map_err(|e| Error::io(path.display(), &e))?.permissions().mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let private = fs::Permissions::from_mode(mode & !0o077);
    match fs::set_permissions(path, private) {
        Ok(()) => {
            tracing::warn!(path = %path.display(), "the data directory was open to other users and is closed to them now")
        }
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "the data directory is open to other users: chmod it to 0700")
        }
    }
    Ok(())
}

/// Returns the id of a data directory. The first call creates the id.
pub(crate) fn id(dir: &Path) -> Result<String> {
    let path = dir.join("id");
    let failed = |error: std::io::Error| Error::io(path.display(), &error);
    let new = uuid::Uuid::now_v7().to_string();
    // Write the file completely before it gets its name: another process may read it at once.
    let draft = dir.join(format!("id.{new}"));
    if !path.exists() {
        fs::write(&draft, &new).map_err(failed)?;
        let linked = fs::hard_link(&draft, &path);
        fs::remove_file(&draft).map_err(failed)?;
        if let Err(error) = linked
            && error.kind() != std::io::ErrorKind::AlreadyExists
        {
            return Err(failed(error));
        }
    }
    fs::read_to_string(&path).map_err(failed)
}
