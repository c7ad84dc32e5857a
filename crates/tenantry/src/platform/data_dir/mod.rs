//! The data directory: created so that only the operating system's user of the process can read it, locked while it is
//! in use, and cleared of scratch directories that dead processes left.
//!
//! Called while the platform opens, and by work that needs files of its own. It knows no database.

pub(crate) mod in_use;
pub(crate) mod scratch;

use crate::{Error, Result};
use std::{
    fs,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::Path,
};

/// Mode of directories: accessible only to the operating system's user of the process.
const PRIVATE: u32 = 0o700;

/// Creates the directory and those above it. One that exists stays as it is.
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

/// Creates the data directory, or closes an existing one to other users: it holds password hashes and rows.
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

/// Returns the id of a data directory, which its first use gives it.
pub(crate) fn id(dir: &Path) -> Result<String> {
    let path = dir.join("id");
    let failed = |error: std::io::Error| Error::io(path.display(), &error);
    let new = uuid::Uuid::now_v7().to_string();
    // Written completely before it has its name: another process may read it at once.
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
