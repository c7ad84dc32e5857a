//! The verbs on imports of shared databases: `platform.shared_imports()`.

use super::{
    mapping::Mapping,
    plan::Plan,
    run::{KIND, SharedImportRun},
    source::SharedSource,
};
use crate::{Error, Platform, Result, access::Actor, operations::Filter, plans, users};
use serde::{Deserialize, Serialize};

/// The import to run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SharedImport {
    /// The database to read.
    pub source: SharedSource,
    /// What becomes of its collections.
    pub mapping: Mapping,
    /// True to count and check only.
    pub dry_run: bool,
    /// How to create tenants for organisations that are unknown here; `None` to leave these organisations out.
    pub create_missing: Option<NewTenants>,
    /// True to leave out documents that cannot become rows. They are in the report.
    pub skip_invalid: bool,
}

/// How tenants for unknown organisations are created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewTenants {
    /// Code of their plan.
    pub plan: String,
    /// E-mail address for letters about them.
    pub email: String,
}

/// Imports of databases that all organisations shared.
pub struct SharedImports<'a> {
    platform: &'a Platform,
}

impl Platform {
    /// Returns the verb that imports a database which all organisations shared.
    pub fn shared_imports(&self) -> SharedImports<'_> {
        SharedImports { platform: self }
    }
}

impl SharedImports<'_> {
    /// Starts an import. Returns the id of the operation, whose result is the report.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if the actor is not staff; [`Error::Denied`] if the actor is no superuser;
    /// [`Error::Invalid`] for a mapping that does not fit the models or a source that cannot be named; and
    /// [`Error::Occupied`] while another import is under way.
    pub async fn start(&self, actor: &Actor, wanted: SharedImport) -> Result<i64> {
        actor.require_staff()?;
        actor.require_superuser("import a shared database")?;
        wanted.source.check()?;
        Plan::new(&wanted.mapping, &self.platform.loaded())?;
        if let Some(missing) = &wanted.create_missing {
            users::check_email(&missing.email)?;
            plans::by_code(&mut self.platform.control().snapshot().await?, &missing.plan).await?;
        }
        let open = Filter { open: true, kind: Some(KIND), limit: 1, ..Filter::default() };
        if let Some(open) = self.platform.operations().list(&open).await?.pop() {
            return Err(Error::Occupied(format!(
                "operation {} imports a shared database: wait for its end; `tenantry operation watch {}` shows it",
                open.id, open.id
            )));
        }
        self.platform.operations().spawn(SharedImportRun::new(actor.by(), wanted)).await
    }
}
