//! The files of an app, from its folder or from the binary, before they are parsed.
//!
//! [`super::Apps::load`] calls it. It reads `app.toml`, `models/`, `migrations/`, `languages/` and `demo/` one level deep
//! (two for demo data). It follows no path that a file names.

use super::builtin;
use crate::config::{AppsConfig, Problem, Problems};
use std::{fs, io, path::Path, path::PathBuf};
use tenantry_engine::name::AppName;

/// A file, with its path inside the app's folder.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'t> {
    pub(super) path: &'t str,
    pub(super) text: &'t str,
}

/// Origin of an app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The app is in a folder. New migrations are written there.
    Folder(PathBuf),
    /// The app is part of the binary.
    BuiltIn,
}

/// All files of one app.
#[derive(Debug, Clone)]
pub(super) struct AppSource {
    pub(super) name: AppName,
    pub(super) origin: Origin,
    files: Vec<(String, String)>,
}

impl AppSource {
    /// Returns the folder `dir/NAME` if it exists, otherwise the built-in app with that name.
    pub(super) fn find(name: &AppName, config: &AppsConfig) -> Result<Self, Problems> {
        let folder = config.dir.join(name.as_str());
        if folder.join("app.toml").is_file() {
            return Self::read(name, &folder);
        }
        let Some(files) = builtin::files(name.as_str()) else {
            let message = format!(
                "app `{name}` is listed, but this file does not exist; `tenantry app new {name}` writes one"
            );
            return Err(Problems::one(folder.join("app.toml").display().to_string(), message));
        };
        let files = files.iter().map(|file| (file.path.to_owned(), file.text.to_owned())).collect();
        Ok(Self { name: name.clone(), origin: Origin::BuiltIn, files })
    }

    fn read(name: &AppName, folder: &Path) -> Result<Self, Problems> {
        let mut source =
            Self { name: name.clone(), origin: Origin::Folder(folder.to_owned()), files: Vec::new() };
        let mut problems = Vec::new();
        let mut wanted = vec!["app.toml".to_owned()];
        for (part, ending) in
            [("models", ".toml"), ("migrations", ".toml"), ("demo", ".toml"), ("languages", ".ftl")]
        {
            match names(&folder.join(part), ending) {
                Ok(found) => wanted.extend(found.into_iter().map(|file| format!("{part}/{file}"))),
                Err(error) => problems.push(unreadable(&folder.join(part), &error)),
            }
        }
        for path in wanted {
            match fs::read_to_string(folder.join(&path)) {
                Ok(text) => source.files.push((path, text)),
                Err(error) => problems.push(unreadable(&folder.join(&path), &error)),
            }
        }
        Problems(problems).into_result()?;
        Ok(source)
    }

    /// Returns the name of a file of this app for problems.
    pub(super) fn display(&self, path: &str) -> String {
        match &self.origin {
            Origin::Folder(folder) => folder.join(path).display().to_string(),
            Origin::BuiltIn => format!("(built in) {}/{path}", self.name),
        }
    }

    /// Returns the text of a file.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.files.iter().find(|(name, _)| name == path).map(|(_, text)| text.as_str())
    }

    /// Returns the files of one part, ordered by name. Each has its stem, its path inside the app, and its text.
    pub(super) fn part<'a>(&'a self, part: &'a str) -> Vec<(&'a str, Text<'a>)> {
        self.files_of(part, ".toml")
    }

    /// Returns the files of one part with this ending, ordered by name.
    pub(super) fn files_of<'a>(&'a self, part: &'a str, ending: &str) -> Vec<(&'a str, Text<'a>)> {
        let stem = |path: &'a str| path.strip_prefix(part)?.strip_prefix('/')?.strip_suffix(ending);
        let files = self.files.iter().filter_map(|(path, text)| Some((stem(path)?, Text { path, text })));
        let mut files: Vec<_> = files.filter(|(stem, _)| !stem.contains('/')).collect();
        files.sort_by_key(|(stem, _)| *stem);
        files
    }

    /// Returns a file of the demo data. The path is made of parsed names, so it stays inside the folder.
    pub(super) fn demo_file(&self, path: &str) -> Option<String> {
        let path = format!("demo/{path}");
        match &self.origin {
            Origin::BuiltIn => self.text(&path).map(str::to_owned),
            Origin::Folder(folder) => fs::read_to_string(folder.join(path)).ok(),
        }
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Problem {
    Problem { file: path.display().to_string(), line: 0, message: format!("cannot be read: {error}") }
}

/// Returns the file names with this ending, sorted. A missing directory yields none.
fn names(dir: &Path, ending: &str) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut found = Vec::new();
    for entry in entries {
        if let Ok(name) = entry?.file_name().into_string()
            && name.ends_with(ending)
            && !name.starts_with('.')
        {
            found.push(name);
        }
    }
    found.sort();
    Ok(found)
}
