//! Creates and migrates the platform's own databases: the control store, the other system stores, and pools.
//!
//! Called while the platform opens and reloads. A database that was created before and is missing is lost: this module
//! never creates it again. `missing` distinguishes a lost database from a new one, `rolled_back` makes an older control
//! store safe to use, and `refused` describes the stores that stay at their version.

pub(crate) mod missing;
pub(crate) mod refused;
pub(crate) mod rolled_back;

use crate::{
    Error, Result,
    apps::Apps,
    config::{Config, Scope, StoreConfig},
    control::{Control, Subject},
    platform::{
        databases::{migrate_hosted_pool, migrate_platform_store, platform_place, pool_place},
        health::lost::{damaged_pool, why},
        own_stores::{
            missing::{record, refuse_lost_control, refuse_lost_store},
            refused::Refused,
        },
    },
};
use tenantry_engine::{
    Kind,
    engine::Engine,
    place::{Isolation, Place},
};

/// Opens the control store, and creates it for a new installation.
///
/// # Errors
/// Returns [`Error::Conflict`] if it is lost or damaged.
pub(crate) async fn open_control(engine: &Engine, config: &Config) -> Result<Control> {
    let store = config.store("control").ok_or(Error::NotFound("store"))?;
    let place = platform_place(store)?;
    refuse_lost_control(engine, config, store, &place)
        .await
        .map_err(|error| unsearched(engine, store, &place, error))?;
    let opened = async {
        engine.create_system(&place).await?;
        engine.system(&place).await
    };
    let database = opened.await.map_err(|error| unprepared(engine, store, &place, error, None))?;
    let begun = async {
        let control =
            Control::open(engine, database, Some(crate::platform::own_stores::missing::heads_file(config)))
                .await?;
        engine.set_platform(&crate::control::settings::platform_id(&control).await?)?;
        Ok::<_, Error>(control)
    };
    begun.await.map_err(|error| match error {
        Error::Engine(error) => unprepared(engine, store, &place, error, None),
        error => error,
    })
}

/// Creates the other databases of the platform, and migrates them to the current schema. Returns the existing databases
/// in which a migration was refused: each stays at its own version, and only requests for its store fail.
pub(crate) async fn prepare_stores(
    engine: &Engine,
    config: &Config,
    apps: &Apps,
    control: &Control,
) -> Result<Vec<Refused>> {
    let mut refused = Vec::new();
    for store in config.stores.iter().filter(|s| is_platforms(s)) {
        let place = platform_place(store)?;
        match prepare_store(engine, apps, control, store, &place).await {
            // Requests for the tenants of this pool are refused meanwhile. Everything else works.
            Err(error) if store.scope == Scope::Tenant && error.is_unreachable() => {
                tracing::warn!(%error, store = %store.name, "the server of a pool does not answer");
                refused.push(Refused::away(&place));
            }
            found => refused.extend(found?),
        }
    }
    for store in config.stores.iter().filter(|s| s.pooled_in.is_some()) {
        refuse_clash(store, apps)?;
        if let Some(pool) = pool_place(config, store)? {
            match migrate_hosted_pool(engine, apps, &pool).await {
                Err(Error::Engine(error)) => match error.kind() {
                    Kind::Statement(why) => refused.push(Refused::new(control, &pool, why, &error).await?),
                    _ => return Err(error.into()),
                },
                migrated => migrated?,
            }
        }
    }
    Ok(refused)
}

/// Creates and migrates one store. If the store stays at its version, returns the reason.
async fn prepare_store(
    engine: &Engine,
    apps: &Apps,
    control: &Control,
    store: &StoreConfig,
    place: &Place,
) -> Result<Option<Refused>> {
    refuse_lost_store(engine, control, store, place).await.map_err(|error| match store.scope {
        Scope::System => unsearched(engine, store, place, error),
        Scope::Tenant => error,
    })?;
    let existed = engine.exists(place).await?;
    let mut refused = None;
    match migrate_platform_store(engine, apps, place).await {
        Err(error) if existed => match error.kind() {
            Kind::Statement(why) => refused = Some(Refused::new(control, place, why, &error).await?),
            _ => return Err(unprepared(engine, store, place, error, None)),
        },
        prepared => {
            let is_changed = prepared.map_err(|error| unprepared(engine, store, place, error, None))?;
            if existed && is_changed {
                forget_copies(control).await?;
            }
        }
    }
    if store.scope == Scope::System {
        record(control, store).await?;
    }
    Ok(refused)
}

/// Makes every process drop its copies of rows, which a migration may have changed.
async fn forget_copies(control: &Control) -> Result<()> {
    let mut write = control.begin().await?;
    write.invalidate(&Subject::Everything).await?;
    write.commit_unaudited().await
}

/// Returns the first existing database of the platform, other than those of `behind`, that would refuse a migration of
/// `apps`. Changes nothing. A reload calls this first: once it has migrated some stores, they need the new apps.
pub(crate) async fn first_refusal(
    engine: &Engine,
    config: &Config,
    apps: &Apps,
    control: &Control,
    behind: &[Refused],
) -> Result<Option<Refused>> {
    for store in &config.stores {
        let place = match is_platforms(store) {
            true => Some(platform_place(store)?),
            false => pool_place(config, store)?,
        };
        let Some(place) = place.filter(|place| behind.iter().all(|refused| refused.place != *place)) else {
            continue;
        };
        if let Err(error) = engine.rehearse(&place, apps.migrations()).await {
            match error.kind() {
                Kind::Statement(why) => return Refused::new(control, &place, why, &error).await.map(Some),
                // The store or pool does not exist yet, or it is damaged, which the migration itself explains.
                Kind::Missing | Kind::WrongIdentity | Kind::Corrupt => {}
                // The pool is migrated once its server is back. If the migration is refused then, only the pool's
                // tenants are affected.
                Kind::Unreachable if store.scope == Scope::Tenant => {}
                _ => return Err(error.into()),
            }
        }
    }
    Ok(None)
}

/// Returns the error of a search for earlier databases of a store. It runs no migration, so a refused statement means that a
/// server cannot be used, such as a MongoDB deployment that is no replica set.
fn unsearched(engine: &Engine, store: &StoreConfig, place: &Place, error: Error) -> Error {
    match error {
        Error::Engine(error) => match error.kind() {
            Kind::Statement(why) => Error::Conflict(why.clone()),
            _ => unprepared(engine, store, place, error, None),
        },
        error => error,
    }
}

/// Explains why a process cannot start with one of the platform's own databases, and names the remedy. `trace` names
/// the evidence that a missing database existed.
pub(crate) fn unprepared(
    engine: &Engine,
    store: &StoreConfig,
    place: &Place,
    error: tenantry_engine::Error,
    trace: Option<&str>,
) -> Error {
    let Place { server, physical, isolation, .. } = place;
    match (error.kind(), isolation) {
        (Kind::Statement(why), _) => Error::Conflict(format!(
            "the new database {physical} on {server} cannot get the schema of these apps: {why}; change the migration, \
             then start again"
        )),
        (Kind::Missing | Kind::Corrupt | Kind::WrongIdentity, Isolation::Pooled) => {
            damaged_pool(place, None, &error)
        }
        (Kind::Missing | Kind::Corrupt | Kind::WrongIdentity, Isolation::Schema | Isolation::Database) => {
            let trace = trace.map(|trace| format!(", but {trace}")).unwrap_or_default();
            Error::Conflict(format!(
                "the platform's own store {} ({}) {}{trace}: look whether its disk is there; else stop the servers, then \
                 run tenantry restore system",
                store.name,
                engine.shown(place),
                why(&error)
            ))
        }
        (Kind::Unreachable | Kind::NoAccess, Isolation::Database)
            if store.scope == Scope::System && error.file().is_none() =>
        {
            Error::Unavailable(format!(
                "the platform's own store {} cannot be opened, because server {server} does not let it in: {}; start the \
                 server or correct its entry in the configuration, then start again",
                store.name,
                error.detail()
            ))
        }
        _ => error.into(),
    }
}

/// Returns true for stores with a single database: system stores other than control, and pools.
fn is_platforms(store: &StoreConfig) -> bool {
    store.name.as_str() != "control" && (store.scope == Scope::System || store.isolation.is_pooled())
}

/// Refuses a model whose name clashes with a table of the catalog, for a pool in the control store's database.
fn refuse_clash(store: &StoreConfig, apps: &Apps) -> Result<()> {
    let in_control = store.pooled_in.as_ref().is_some_and(|host| host.as_str() == "control");
    let models = apps.models().iter().filter(|model| in_control && model.store == store.name);
    match models.map(|model| model.name.as_str()).find(|name| crate::control::has_table(name)) {
        None => Ok(()),
        Some(name) => Err(Error::invalid(
            format!("stores.{}.pooled_in", store.name),
            format!("the catalog has a table `{name}` of its own: name another system store than `control`"),
        )),
    }
}
