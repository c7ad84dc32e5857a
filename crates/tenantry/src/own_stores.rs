//! Creates and migrates the platform's own databases: the control store, the other system stores, and pools.
//!
//! Called while the platform opens and reloads. A database that was created before and is missing is lost: it is never
//! created again here.

use crate::{
    Error, Result,
    apps::Apps,
    backups::damaged_pool,
    config::{Config, Scope, StoreConfig},
    control::Control,
    databases::{migrate_hosted_pool, migrate_platform_store, platform_place, pool_place},
    missing::{record, refuse_lost_control, refuse_lost_store},
    operations::fall_back::why,
};
use tenantry_engine::{
    Kind,
    engine::Engine,
    place::{Isolation, Place},
};

/// Opens the control store, and creates it for a new installation.
///
/// # Errors
/// [`Error::Conflict`] if it is lost or damaged.
pub(crate) async fn open_control(engine: &Engine, config: &Config) -> Result<Control> {
    let store = config.store("control").ok_or(Error::NotFound("store"))?;
    let place = platform_place(store)?;
    refuse_lost_control(engine, config, store, &place).await?;
    let opened = async {
        engine.create_system(&place).await?;
        engine.system(&place).await
    };
    let database = opened.await.map_err(|error| unprepared(store, &place, error, None))?;
    engine.set_catalog(&database);
    let control = Control::open(database, Some(crate::missing::heads_file(config))).await?;
    engine.set_platform(&crate::control::settings::platform_id(&control).await?)?;
    Ok(control)
}

/// Creates the other databases of the platform, and migrates them to the current schema.
pub(crate) async fn prepare_stores(
    engine: &Engine,
    config: &Config,
    apps: &Apps,
    control: &Control,
) -> Result<()> {
    for store in config.stores.iter().filter(|s| is_platforms(s)) {
        let place = platform_place(store)?;
        refuse_lost_store(engine, control, store, &place).await?;
        let prepared = migrate_platform_store(engine, apps, &place).await;
        prepared.map_err(|error| unprepared(store, &place, error, None))?;
        record(control, store).await?;
    }
    for store in config.stores.iter().filter(|s| s.pooled_in.is_some()) {
        refuse_clash(store, apps)?;
        if let Some(pool) = pool_place(config, store)? {
            migrate_hosted_pool(engine, apps, &pool).await?;
        }
    }
    Ok(())
}

/// Explains why a process cannot start with one of the platform's own databases, and names the remedy.
/// `trace` says what shows that a missing one existed.
pub(crate) fn unprepared(
    store: &StoreConfig,
    place: &Place,
    error: tenantry_engine::Error,
    trace: Option<&str>,
) -> Error {
    let Place { server, physical, isolation, .. } = place;
    match (error.kind(), isolation) {
        (Kind::Statement(why), _) => Error::Conflict(format!(
            "the database {physical} on {server} cannot be brought to the schema of these apps: {why}; a server with the \
             apps of before still serves it: correct the rows there, or change the migration, then start again"
        )),
        (Kind::Missing | Kind::Corrupt | Kind::WrongIdentity, Isolation::Pooled) => {
            damaged_pool(place, &error)
        }
        (Kind::Missing | Kind::Corrupt | Kind::WrongIdentity, Isolation::Database) => {
            let trace = trace.map(|trace| format!(", but {trace}")).unwrap_or_default();
            Error::Conflict(format!(
                "the platform's own store {} ({server}/{physical}.db) {}{trace}: look whether its disk is there; else stop \
                 the servers, then run tenantry restore --system",
                store.name,
                why(&error)
            ))
        }
        _ => error.into(),
    }
}

/// Returns true for stores with a single database: system stores other than control, and pools.
fn is_platforms(store: &StoreConfig) -> bool {
    store.name.as_str() != "control" && (store.scope == Scope::System || store.isolation == Isolation::Pooled)
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
