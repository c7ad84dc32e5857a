//! Definition of the views of a shared store, and the names that are derived from it.

use super::{address, joined::Joined};
use crate::{
    error::Result,
    joins::SharedStore,
    name::StoreName,
    postgres::{cells::column_type, names::quoted, places::roles, server::Server, site::Site},
};

/// Version of the statements that create the views. Change it whenever these statements change.
const FORM: &str = "1";
/// Maximum length of the part of a schema's name that comes from its store's name.
const STORE: usize = 16;

/// Everything that determines the views of one shared store in one database.
pub(super) struct Definition {
    models: Vec<Model>,
    /// The schema of the shared tables, not quoted.
    pub(super) from: String,
    pub(super) remote: Remote,
    /// Name of the schema with the views.
    pub(super) views: String,
    /// Name of the schema with the foreign tables, and of the foreign server.
    pub(super) foreign: String,
    /// Prefixes of the names of all versions of the two schemas.
    pub(super) versions: [String; 2],
    /// The role that may read the views.
    pub(super) reader: String,
}

/// A shared model, with its columns and their types.
pub(super) struct Model {
    pub(super) name: String,
    columns: Vec<(String, String)>,
}

/// The access from the tenant's database to that of the shared store.
pub(super) struct Remote {
    /// Options of the foreign server.
    pub(super) options: Vec<(&'static str, String)>,
    pub(super) role: String,
    pub(super) password: String,
}

impl Definition {
    pub(super) async fn new(
        (server, site): (&Server, &Site),
        (source, at): (&Server, &Site),
        shared: &SharedStore,
    ) -> Result<Self> {
        let models: Vec<_> = shared
            .plans()
            .map(|plan| Model {
                name: plan.model().name.to_string(),
                columns: plan
                    .columns()
                    .iter()
                    .map(|column| (column.name.to_string(), column_type(column.storage)))
                    .collect(),
            })
            .collect();
        let role = roles::reader(at);
        let remote = Remote {
            options: address::options(server, (source, at)).await?,
            password: source.password(&role).await?,
            role,
        };
        let hash = hash(&models, &at.quoted, &remote);
        let versions = ["shared", "remote"].map(|what| versions(server, what, &shared.place.store));
        Ok(Self {
            models,
            from: at.schema.to_string(),
            remote,
            views: format!("{}{hash}", versions[0]),
            foreign: format!("{}{hash}", versions[1]),
            versions,
            reader: match site.shares_database() {
                true => roles::home_readers(&server.prefix),
                false => roles::reader(site),
            },
        })
    }

    pub(super) fn joined(&self) -> Joined {
        Joined::new(&quoted(&self.views).to_string())
    }

    pub(super) fn models(&self) -> impl Iterator<Item = &Model> {
        self.models.iter()
    }
}

impl Model {
    /// Returns the names of the columns as an SQL list.
    pub(super) fn columns(&self) -> String {
        self.columns.iter().map(|(name, _)| quoted(name).to_string()).collect::<Vec<_>>().join(", ")
    }

    /// Returns the columns with their types as an SQL list.
    pub(super) fn typed(&self) -> String {
        let column = |(name, kind): &(String, String)| format!("{} {kind}", quoted(name));
        self.columns.iter().map(column).collect::<Vec<_>>().join(", ")
    }
}

/// Returns the prefix of the names of a store's schemas, whatever their version.
fn versions(server: &Server, what: &str, store: &StoreName) -> String {
    let store = store.as_str();
    let short = match store.len() <= STORE {
        true => store.to_owned(),
        false => format!("{}.{}", &store[..7], &blake3::hash(store.as_bytes()).to_hex()[..8]),
    };
    server.prefix.own(&format!("{what}.{short}."))
}

fn hash(models: &[Model], from: &str, Remote { options, role, password }: &Remote) -> String {
    let mut text = format!("{FORM}\n{from}\n");
    for model in models {
        text.push_str(&format!("{}({})\n", model.name, model.typed()));
    }
    text.push_str(&format!("{options:?}\n{role}\n{password}\n"));
    blake3::hash(text.as_bytes()).to_hex()[..16].to_owned()
}
