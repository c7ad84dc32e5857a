//! Apps: models and migrations, from folders or from the binary, loaded and checked together.
//!
//! Called once at start, and by the commands that write migrations. The result is the whole schema of the platform, by
//! store. It opens no database. If any app has a problem, nothing is loaded.

mod builtin;
mod demo;
mod languages;
mod manifest;
mod schema;
mod source;
mod startapp;

pub use demo::{Demo, DemoMember, DemoPart, DemoPath, DemoTable, DemoTenant, demo_config};
pub use languages::Labels;
pub use schema::StoreSchema;
pub use source::Origin;
pub use startapp::startapp;

use crate::config::{Config, Problem, Problems, Provision, Scope};
use source::AppSource;
use std::{collections::BTreeMap, sync::Arc};
use tenantry_engine::{
    migration::{self, Answers, Migration, State},
    model::{self, Grant, Model},
    name::{AppName, StoreName},
};

/// All apps of a platform, with the schema that they define.
#[derive(Debug, Clone)]
pub struct Apps {
    list: Vec<App>,
    models: Vec<Arc<Model>>,
    migrations: Vec<Migration>,
    stores: Vec<StoreSchema>,
    unmigrated: Vec<AppName>,
    /// By code of the language.
    labels: BTreeMap<String, Arc<Labels>>,
    own_labels: Arc<Labels>,
    unknown_texts: Vec<(String, String)>,
}

/// An installed app.
#[derive(Debug, Clone)]
pub struct App {
    /// Name of the app, which is also the name of its folder.
    pub name: AppName,
    /// Display name of the app.
    pub label: String,
    /// Description of the app in one sentence.
    pub description: String,
    /// Version of the app, if declared. For users, and for the manifests of backups.
    pub version: Option<String>,
    /// Apps to whose models this app refers.
    pub depends: Vec<AppName>,
    /// Origin of the app's files.
    pub origin: Origin,
    source: AppSource,
    texts: Vec<languages::AppTexts>,
}

impl Apps {
    /// Loads every app that the configuration lists.
    ///
    /// # Errors
    /// Returns all problems of all apps at once.
    pub fn load(config: &Config) -> Result<Self, Problems> {
        let mut problems = Vec::new();
        let mut list = Vec::new();
        for name in &config.apps.list {
            match AppSource::find(name, &config.apps).and_then(|source| manifest::read(source, config)) {
                Ok(app) => list.push(app),
                Err(found) => problems.extend(found.0),
            }
        }
        let models = collect(load_models(&list, config), &mut problems);
        let migrations = collect(load_migrations(&list, config), &mut problems);
        Problems(problems).into_result()?;
        let migrations = replayable(&migrations)?;
        let models: Vec<Arc<Model>> = models.into_iter().map(Arc::new).collect();
        let stores =
            config.stores.iter().map(|store| StoreSchema::new(store, &models, &migrations)).collect();
        let unmigrated = unmigrated(&list, &models, &migrations)?;
        // A test checks the files of a built-in app, which no operator can change.
        let own = list.iter().filter(|app| app.origin != Origin::BuiltIn);
        let unknown_texts = own.flat_map(|app| languages::unknown(app, &models, config)).collect();
        let mut all = Self {
            list,
            models,
            migrations,
            stores,
            unmigrated,
            labels: BTreeMap::new(),
            own_labels: Arc::default(),
            unknown_texts,
        };
        let declared: Vec<_> = all.models.iter().filter(|model| !all.is_automatic(model)).cloned().collect();
        all.labels = languages::labels(&all.list, &declared);
        all.own_labels = languages::own_labels(&declared);
        Ok(all)
    }

    /// Returns the apps, in the order of the configuration.
    pub fn list(&self) -> &[App] {
        &self.list
    }

    /// Returns the app with this name.
    pub fn app(&self, name: &str) -> Option<&App> {
        self.list.iter().find(|app| app.name.as_str() == name)
    }

    /// Returns every model, including the automatic models of overrides, of custom fields and of workflows.
    pub fn models(&self) -> &[Arc<Model>] {
        &self.models
    }

    /// Returns true if the model stores the overrides of a shared model, the definitions of a model's custom fields, or the
    /// trail of its workflow.
    /// No app declares such a model, and it is used only through the other model.
    pub fn is_automatic(&self, model: &Model) -> bool {
        let mut automatic = self.models.iter().flat_map(|model| model.automatic_models());
        automatic.any(|automatic| automatic.name == model.name)
    }

    /// Returns the model with this name.
    pub fn model(&self, name: &str) -> Option<&Arc<Model>> {
        self.models.iter().find(|model| model.name.as_str() == name)
    }

    /// Returns every migration of every app, in the order in which they run. The store of a database determines which
    /// of them apply to it.
    pub fn migrations(&self) -> &[Migration] {
        &self.migrations
    }

    /// Returns the apps whose models have changes that no migration makes yet. No database has the schema of these
    /// models.
    pub fn unmigrated(&self) -> &[AppName] {
        &self.unmigrated
    }

    /// Refuses apps with changes that no migration makes, because no database can have their schema.
    ///
    /// # Errors
    /// Returns [`crate::Error::Invalid`] if models were changed and no migration makes the change.
    pub fn require_migrated(&self) -> crate::Result<()> {
        let Some(app) = self.unmigrated.first() else { return Ok(()) };
        let remedy = "run: tenantry migrate make, then tenantry migrate tenants";
        Err(crate::Error::invalid(
            "apps",
            format!("models of app `{app}` were changed without a migration; {remedy}"),
        ))
    }

    /// Returns the labels in a language. What has no text in it has the label of its app.
    pub fn labels(&self, code: &str) -> &Arc<Labels> {
        self.labels.get(code).unwrap_or(&self.own_labels)
    }

    /// Returns the ids in files of languages that name nothing, each after its file.
    pub fn unknown_texts(&self) -> &[(String, String)] {
        &self.unknown_texts
    }

    /// Returns the schema of one store.
    pub fn store(&self, name: &StoreName) -> Option<&StoreSchema> {
        self.stores.iter().find(|schema| schema.store == *name)
    }

    /// Returns the schema of each store, in the order of the configuration.
    pub fn stores(&self) -> &[StoreSchema] {
        &self.stores
    }
}

fn collect<T>(result: Result<Vec<T>, Vec<Problem>>, problems: &mut Vec<Problem>) -> Vec<T> {
    result.unwrap_or_else(|found| {
        problems.extend(found);
        Vec::new()
    })
}

fn scope_in(config: &Config) -> impl Fn(&StoreName) -> Option<Scope> {
    |name| config.store(name.as_str()).map(|store| store.scope)
}

fn load_models(list: &[App], config: &Config) -> Result<Vec<Model>, Vec<Problem>> {
    let mut files = Vec::new();
    for app in list {
        for (stem, file) in app.source.part("models") {
            files.push((app.name.clone(), stem, app.source.display(file.path), file.text));
        }
    }
    let sources: Vec<model::Source<'_>> = files
        .iter()
        .map(|(app, name, file, text)| model::Source { app: app.clone(), name, file, text })
        .collect();
    let models = model::load(&sources, &scope_in(config))?;
    let refused = |model| {
        let role = || unknown_role(model, &files, config);
        taken(model, &files).or_else(role).or_else(|| unreadable(model, &files, config))
    };
    let problems: Vec<Problem> = models.iter().filter_map(refused).collect();
    if problems.is_empty() { Ok(models) } else { Err(problems) }
}

/// Names that no model can have: its pages would be where other pages are, or may be one day.
pub const TAKEN_NAMES: &[&str] = &[
    "account",
    "admin",
    "analytics",
    "api",
    "assets",
    "companies",
    "dashboard",
    "docs",
    "exit",
    "healthz",
    "help",
    "invitations",
    "language",
    "login",
    "logout",
    "master_admin",
    "metrics",
    "password",
    "readyz",
    "search",
    "settings",
    "static",
    "subscription",
    "t",
    "verify",
];

/// Refuses a model whose page would be where another page is.
fn taken(model: &Model, files: &[(AppName, &str, String, &str)]) -> Option<Problem> {
    let name = model.name.as_str();
    let (_, _, file, _) = files.iter().find(|(_, of, ..)| *of == name && TAKEN_NAMES.contains(of))?;
    let message = format!(
        "no model can be called `{name}`: /{name}/ is a page of the console; give the file another name"
    );
    Some(Problem { file: file.clone(), line: 1, message })
}

/// Refuses a model that reads tables of another program in a store whose databases the platform makes.
fn unreadable(model: &Model, files: &[(AppName, &str, String, &str)], config: &Config) -> Option<Problem> {
    let store = config.store(model.store.as_str())?;
    let is_owned = store.provision == Provision::External && store.pooled_in.is_none();
    if model.is_migrated() || is_owned {
        return None;
    }
    let (_, _, file, text) = files.iter().find(|(_, name, ..)| *name == model.name.as_str())?;
    let line = text.lines().position(|line| line.trim() == "[reads]").map_or(1, |at| at + 1);
    let message = format!(
        "`reads` needs a store whose databases other programs own: set provision = \"external\" in stores.{}, without \
         pooled_in",
        store.name
    );
    Some(Problem { file: file.clone(), line, message })
}

/// Refuses a role that does not exist: no member could have it, so it would silently lock out all members.
fn unknown_role(model: &Model, files: &[(AppName, &str, String, &str)], config: &Config) -> Option<Problem> {
    let permissions = &model.permissions;
    let lists = [&permissions.read, &permissions.create, &permissions.update, &permissions.delete];
    let transitions = model.workflow.iter().flat_map(|workflow| &workflow.transitions);
    let makers = transitions.filter_map(|transition| transition.roles.as_ref());
    let role = lists.into_iter().chain(makers).flatten().find_map(|grant| match grant {
        Grant::Role(role) if !config.auth.roles.contains(role) => Some(role),
        _ => None,
    })?;
    let (_, _, file, text) = files.iter().find(|(_, name, ..)| *name == model.name.as_str())?;
    let line = text.lines().position(|line| line.contains(&format!("\"{role}\""))).map_or(0, |at| at + 1);
    let message = format!("there is no role `{role}` in auth.roles of the configuration");
    Some(Problem { file: file.clone(), line, message })
}

fn load_migrations(list: &[App], config: &Config) -> Result<Vec<Migration>, Vec<Problem>> {
    let (mut all, mut problems) = (Vec::new(), Vec::new());
    for app in list {
        for (stem, file) in app.source.part("migrations") {
            let display = app.source.display(file.path);
            match Migration::parse(&display, file.text) {
                Ok(migration) => {
                    problems.extend(misplaced(&migration, app, stem, &display));
                    problems.extend(unknown_store(&migration, config, &display));
                    all.push(migration);
                }
                Err(found) => problems.extend(found),
            }
        }
    }
    if problems.is_empty() { Ok(all) } else { Err(problems) }
}

/// Refuses a migration file in the wrong place. The file's contents identify the migration, so a copied or renamed file
/// must not run as another migration.
fn misplaced(migration: &Migration, app: &App, stem: &str, file: &str) -> Option<Problem> {
    let wrong = migration.app != app.name || migration.name != stem;
    let message = format!("says it is {}, but lies in {}/migrations/{stem}.toml", migration.id(), app.name);
    wrong.then(|| Problem { file: file.to_owned(), line: 1, message })
}

fn unknown_store(migration: &Migration, config: &Config, file: &str) -> Option<Problem> {
    let op = migration.ops.iter().find(|op| config.store(op.store().as_str()).is_none())?;
    let message = format!("there is no store `{}` in the configuration", op.store());
    Some(Problem { file: file.to_owned(), line: 0, message })
}

/// Orders the migrations, and checks that they can be replayed.
fn replayable(migrations: &[Migration]) -> Result<Vec<Migration>, Problems> {
    let ordered =
        migration::order(migrations).map_err(|error| Problems::one("migrations", error.to_string()))?;
    State::replay(&ordered).map_err(|error| Problems::one("migrations", error.to_string()))?;
    Ok(ordered)
}

/// Returns the apps whose models differ from the result of their migrations.
fn unmigrated(
    list: &[App],
    models: &[Arc<Model>],
    migrations: &[Migration],
) -> Result<Vec<AppName>, Problems> {
    let models: Vec<Model> = models.iter().map(|model| (**model).clone()).collect();
    let state = State::replay(migrations).map_err(|error| Problems::one("migrations", error.to_string()))?;
    let changed = |app: &&App| {
        migration::diff(&app.name, &state, &models, &Answers::default()).map_or(true, |ops| !ops.is_empty())
    };
    Ok(list.iter().filter(changed).map(|app| app.name.clone()).collect())
}
