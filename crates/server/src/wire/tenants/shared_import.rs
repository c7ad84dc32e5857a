//! Bodies about imports of shared databases.

use tenantry::shared_imports::{self, Mapping, SharedSource};

requests! {
    /// An import of a database that all organisations shared.
    struct SharedImportForm {
        /// The mapping, as the text of its TOML file.
        mapping: String,
        /// Server of the configuration, a MongoDB deployment.
        server: Option<String>,
        /// Instead of a server: folder of files of `mongoexport`, in `imports/` of the data directory.
        files: Option<String>,
        /// Database with the documents of all organisations.
        database: String,
        /// Database with the documents that all organisations share; the same by default.
        shared_database: Option<String>,
        /// True to count and check only.
        #[serde(default)]
        dry_run: bool,
        /// How to create tenants for organisations that are unknown here. Without it, they are left out.
        create_missing: Option<NewTenantsForm>,
        /// True to leave out documents that cannot become records.
        #[serde(default)]
        skip_invalid: bool,
    }

    /// How tenants for unknown organisations are created.
    struct NewTenantsForm {
        /// Code of their plan.
        plan: String,
        /// E-mail address for letters about them.
        email: String,
    }
}

impl TryFrom<SharedImportForm> for shared_imports::SharedImport {
    type Error = tenantry::Error;

    fn try_from(form: SharedImportForm) -> Result<Self, tenantry::Error> {
        let SharedImportForm { server, files, database, shared_database, .. } = form;
        let shared_database = shared_database.unwrap_or_else(|| database.clone());
        let missing = form.create_missing;
        Ok(Self {
            source: SharedSource { server, files, database, shared_database },
            mapping: Mapping::parse(&form.mapping)?,
            dry_run: form.dry_run,
            create_missing: missing
                .map(|new| shared_imports::NewTenants { plan: new.plan, email: new.email }),
            skip_invalid: form.skip_invalid,
        })
    }
}
