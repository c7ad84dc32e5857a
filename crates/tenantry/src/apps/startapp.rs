//! `tenantry app new NAME`: creates a folder with an example app that passes all checks.
//!
//! The command line calls it. It only writes new files and never changes existing ones.

use crate::{
    config::AppsConfig,
    error::{Error, Result},
};
use std::{fs, io::ErrorKind, path::PathBuf};
use tenantry_engine::name::{AppName, ModelName, StoreName};

const APP: &str = r#"# An app is this folder: app.toml, models/*.toml, migrations/*.toml.
# Add its name to `list` under [apps] in tenantry.toml to install it.
name = "{app}"
label = "{label}"
description = ""
depends = []                     # apps whose models this one refers to
"#;

const MODEL: &str = r#"# One file is one model: a table in every database of its store, and a place in the API under
# this file's name. Every model also has id, created_at, updated_at and version.
#
# After a change here:  tenantry migrate make
#                       tenantry migrate system
#                       tenantry migrate tenants
# and where a server runs: tenantry reload
label = "{label}"
store = "{store}"                # a store of tenantry.toml; a tenant store needs no tenant field
display = "name"                 # shown where a row is referred to
# id = "uuid"                    # default: integers, counted in each tenant
# audit = true                   # keep who changed what in the tenant's activity log

[fields.name]
type = "text"                    # text integer decimal boolean date datetime json file choice ref
max_length = 100
required = true
search = true                    # found by full-text search
# unique = true                  # no two rows of a tenant share it
# personal = true                # blanked in copies for staging

[fields.state]
type = "choice"
choices = ["open", "done"]
required = true
default = "open"
index = true

# [fields.customer]
# type = "ref"                   # to a model of the same or of a shared store
# to = "customers"
# on_delete = "protect"          # or "set_null"
# consistent = false             # need not agree with the record's other references

# [[indexes]]
# fields = ["state", "created_at"]
# unique = false

# [permissions]                  # "*" is every member of the tenant, "platform" is platform staff
# read = ["*"]
# write = ["owner", "admin"]     # or create, update and delete, each on its own
"#;

/// Writes `dir/NAME/` with a first model in `store`. Returns the paths of the written files.
///
/// # Errors
/// Returns [`Error::Conflict`] if the folder exists.
pub fn startapp(config: &AppsConfig, app: &AppName, store: &StoreName) -> Result<Vec<PathBuf>> {
    let folder = config.dir.join(app.as_str());
    let failed = |what: &std::path::Path, error: std::io::Error| {
        Error::Unavailable(format!("{} cannot be written: {error}", what.display()))
    };
    // The first model is named after the app: names of models and apps have the same syntax.
    let model = ModelName::parse(&format!("{app}_items"))
        .map_err(|error| Error::invalid("name", error.to_string()))?;
    fs::create_dir_all(&config.dir).map_err(|error| failed(&config.dir, error))?;
    fs::create_dir(&folder).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => Error::Conflict(format!("{} exists already", folder.display())),
        _ => failed(&folder, error),
    })?;
    let fill = |text: &str, label: &str| {
        text.replace("{app}", app.as_str()).replace("{label}", label).replace("{store}", store.as_str())
    };
    let files = [
        (folder.join("app.toml"), fill(APP, &human(app.as_str()))),
        (folder.join("models").join(format!("{model}.toml")), fill(MODEL, &human(model.as_str()))),
        (folder.join("migrations").join(".gitkeep"), String::new()),
    ];
    for (path, text) in &files {
        let parent = path.parent().unwrap_or(&folder);
        fs::create_dir_all(parent).map_err(|error| failed(parent, error))?;
        fs::write(path, text).map_err(|error| failed(path, error))?;
    }
    Ok(files.into_iter().map(|(path, _)| path).collect())
}

/// Returns `Time sheets` for `time_sheets`.
fn human(name: &str) -> String {
    let mut text = name.replace('_', " ");
    if let Some(first) = text.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    text
}
