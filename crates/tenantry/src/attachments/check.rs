//! What must hold before a database is attached: it belongs to no other tenant, and it has the tables of the store's models, or
//! may get them.

use super::{Attachments, address::Address, row};
use crate::{Error, Result, config::Location, platform::databases::Databases};
use std::path::Path;
use tenantry_engine::{
    Kind, Survey,
    name::{ServerName, Slug, StoreName},
    place::{EngineKind, Place},
};

/// Largest number of differences that an error names.
const NAMED: usize = 20;

/// What to do with the tables of a database that may be attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tables {
    /// They are there: record that.
    Adopt,
    /// They are missing, and the attachment allows the platform to make them.
    Make,
}

impl Attachments<'_> {
    /// Refuses the platform's own databases, and one that is attached already.
    pub(super) async fn refuse_taken(
        &self,
        address: &Address,
        identity: &str,
        (slug, store): (&Slug, &StoreName),
    ) -> Result<Option<ServerName>> {
        self.refuse_own(address, identity).await?;
        let mut tx = self.platform.control().snapshot().await?;
        match row::with_identity(&mut tx, identity).await? {
            None => Ok(None),
            Some((tenant, of, server)) if (&tenant, &of) == (slug, store) => Ok(Some(server)),
            Some((tenant, of, _)) => Err(Error::Conflict(format!(
                "this database is attached to {tenant} in store {of}: a database belongs to one tenant and one store"
            ))),
        }
    }

    async fn refuse_own(&self, address: &Address, identity: &str) -> Result<()> {
        let own = |what: &str| {
            Error::Conflict(format!(
                "this is {what} of the platform: name the database of the tenant's owner"
            ))
        };
        let platform = self.platform;
        for server in &platform.config().servers {
            match &server.location {
                Location::Sqlite(root) if address.engine == EngineKind::Sqlite => {
                    let root = root.canonicalize().unwrap_or_else(|_| root.clone());
                    if Path::new(&address.url).starts_with(root) {
                        return Err(own("a file"));
                    }
                }
                Location::Postgres(_) if address.engine == EngineKind::Postgres => {
                    // A server that does not answer is recognised by what is in the database.
                    let home = platform.0.engine.database_identity(&server.name).await;
                    if home.is_ok_and(|home| home == identity) {
                        return Err(own("a database"));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Determines whether the database may be attached as `place`, from what is in it.
    ///
    /// # Errors
    /// Returns [`Error::Conflict`] if another tenant or program uses it, and [`Error::Invalid`] with every difference and the
    /// remedy if its tables are not those of the store's models.
    pub(super) async fn judge(&self, place: &Place, survey: &Survey, grants_schema: bool) -> Result<Tables> {
        self.refuse_others(place, survey).await?;
        if !survey.grants.is_empty() {
            return Err(Error::invalid(
                "url",
                format!("the role lacks rights. Its owner runs there: {};", survey.grants.join("; ")),
            ));
        }
        let store = &place.store;
        let shown = format!("tenantry schema --store {store} --sql");
        match (survey.tables.is_empty(), survey.missing.is_empty()) {
            _ if !survey.drift.is_empty() => {
                let mut differences: Vec<String> = survey.drift.iter().map(ToString::to_string).collect();
                let more = differences.len().saturating_sub(NAMED);
                differences.truncate(NAMED);
                let more = if more > 0 { format!("; and {more} more") } else { String::new() };
                Err(Error::invalid(
                    "schema",
                    format!(
                        "the tables are not those of {store}: {}{more}. See: {shown}",
                        differences.join("; ")
                    ),
                ))
            }
            (_, true) => Ok(Tables::Adopt),
            (true, false) if grants_schema => Ok(Tables::Make),
            (true, false) => Err(Error::invalid(
                "schema",
                format!(
                    "the tables are missing: {}. The owner makes them with: {shown}; or attach with --grant schema, \
                     and the platform makes them",
                    survey.missing.join(", ")
                ),
            )),
            (false, false) => Err(Error::invalid(
                "schema",
                format!(
                    "some tables are missing: {}. The owner makes them with: {shown}",
                    survey.missing.join(", ")
                ),
            )),
        }
    }

    /// Refuses a database in which models of the store that read tables of another program cannot be read.
    pub(super) async fn require_read(&self, place: &Place) -> Result<()> {
        let databases = self.platform.loaded().databases.clone();
        let schema = databases.schema(&place.store)?;
        let lacks = self.platform.0.engine.unread(place, &schema).await.map_err(explained)?;
        match lacks.is_empty() {
            true => Ok(()),
            false => Err(Error::invalid(
                "schema",
                format!(
                    "the models of {} cannot be read there: {}. Its owner runs: tenantry schema --store {} --sql",
                    place.store,
                    lacks.join("; "),
                    place.store
                ),
            )),
        }
    }

    async fn refuse_others(&self, place: &Place, survey: &Survey) -> Result<()> {
        if survey.is_of_an_installation {
            return Err(Error::Conflict(
                "the database holds pools or schemas of an installation of Tenantry: name a database of its own".into(),
            ));
        }
        let installation = crate::control::settings::platform_id(self.platform.control()).await?;
        let tenant = place.tenant.map_or(0, |tenant| tenant.get());
        let ours = |one: &tenantry_engine::Resident| {
            (one.platform.as_str(), one.tenant, one.store.as_str())
                == (installation.as_str(), tenant, place.store.as_str())
        };
        match survey.residents.iter().find(|one| !ours(one)) {
            None => Ok(()),
            Some(other) if other.platform != installation => Err(Error::Conflict(
                "the database belongs to another installation of Tenantry: detach it there first".into(),
            )),
            Some(_) => Err(Error::Conflict(
                "the database belongs to another tenant or store: detach it there first".into(),
            )),
        }
    }
}

/// Explains why a database could not be reached or read.
pub(super) fn explained(error: tenantry_engine::Error) -> Error {
    let why = match error.kind() {
        Kind::Unreachable => {
            "the database does not answer: check host and port, and that this machine may connect"
        }
        Kind::NoAccess => "the database refuses the role: check role and password",
        Kind::Missing => "there is no such database: its owner makes it first, the platform never does",
        Kind::WrongIdentity => "the database belongs to another tenant or store",
        Kind::FormatAhead => "a newer version of Tenantry uses the database",
        Kind::Denied(_) => {
            "the role may not make the platform's own tables: its owner runs GRANT USAGE, CREATE ON SCHEMA public"
        }
        _ => return error.into(),
    };
    tracing::warn!(%error, "a database was not attached");
    Error::invalid("url", why)
}

/// Brings the tables of an attached database into the state of the loaded apps, and gives it its identity.
pub(super) async fn settle(databases: &Databases, place: &Place, tables: Tables) -> Result<()> {
    let (engine, script) = (databases.engine(), databases.script(&place.store)?);
    match tables {
        Tables::Adopt => engine.adopt_schema(place, &script).await.map_err(explained),
        Tables::Make => {
            engine.attach(place).await.map_err(explained)?;
            engine.migrate_with(place, &script).await.map(drop).map_err(explained)
        }
    }
}
