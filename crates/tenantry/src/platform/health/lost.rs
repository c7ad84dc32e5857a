//! Explains that a database is lost, damaged or at another schema version: which database, in what way, and the remedy.
//!
//! Operations, exports, migrations and restores call it when they cannot use a database that the catalog names. It
//! opens the database to find the cause, and changes nothing.

use crate::platform::databases::Databases;
use crate::{
    Error,
    topology::{Placement, Policy},
};
use tenantry_engine::{
    Kind,
    name::{Slug, StoreName},
    place::{Isolation, Place},
};

/// Adds the tenant and the remedy to an error which means that a database is lost or has another schema. Returns any
/// other error, such as a full disk, unchanged.
pub(crate) async fn named(
    databases: &Databases,
    slug: &Slug,
    place: &Place,
    error: tenantry_engine::Error,
) -> Error {
    let engine = databases.engine();
    if *error.kind() == Kind::Fenced {
        // An operation that expects a certain generation also gets this error from a pool that lacks the tenant.
        return match engine.unusable(place).await {
            Ok(Some(lost)) => said(databases.host_of(place), slug, place, &lost),
            _ => error.into(),
        };
    }
    if !engine.is_loss(place, &error) {
        // A database that its tenant brought is copied whatever its schema is, so it does not get here.
        return other_schema(slug, &place.store, false, error);
    }
    // The cause may be at the other end of a copy, which cannot be read or written.
    match engine.lost(place).await {
        Ok(Some(lost)) => said(databases.host_of(place), slug, place, &lost),
        _ => error.into(),
    }
}

/// Adds the tenant and the remedy to an error which means that a database, or a copy of it, does not have the schema of
/// the loaded apps.
fn other_schema(slug: &Slug, store: &StoreName, is_external: bool, error: tenantry_engine::Error) -> Error {
    let (slug, store, detail) = (slug.to_string(), store.to_string(), error.to_string());
    match error.kind() {
        Kind::SchemaAhead => Error::ServerOutdated { slug, store, detail },
        Kind::SchemaBehind => Error::MigrationsPending { slug, store, reason: None, is_external, detail },
        _ => error.into(),
    }
}

/// Explains why a copy of a tenant's database could not be migrated to the schema of the loaded apps.
pub(crate) fn not_migrated(slug: &Slug, placement: &Placement, error: tenantry_engine::Error) -> Error {
    let (store, is_external) = (&placement.place.store, placement.policy == Policy::External);
    match error.kind() {
        Kind::Statement(why) => Error::MigrationsPending {
            slug: slug.to_string(),
            store: store.to_string(),
            reason: Some(why.clone()),
            is_external,
            detail: error.to_string(),
        },
        _ => other_schema(slug, store, is_external, error),
    }
}

/// Returns an error that names the lost database and its tenant, how it is lost, and the remedy. `host` is the system
/// store whose database holds a pooled place.
pub(crate) fn said(
    host: Option<&StoreName>,
    slug: &Slug,
    place: &Place,
    lost: &tenantry_engine::Error,
) -> Error {
    let Place { server, store, physical, isolation, .. } = place;
    match (isolation, lost.kind()) {
        (_, Kind::Missing) => {
            Error::DatabaseLost { slug: slug.to_string(), store: store.to_string(), detail: lost.to_string() }
        }
        (Isolation::Pooled, Kind::Corrupt | Kind::Io) => damaged_pool(place, host, lost),
        (_, kind) => {
            let remedy = match kind {
                Kind::NoAccess => {
                    "give the file to the user that runs this program, readable and writable, on a writable disk".to_owned()
                }
                _ => format!(
                    "put the right file back, or restore a backup: tenantry restore swap {slug} latest"
                ),
            };
            Error::Conflict(format!(
                "the database of {slug} in store {store} ({server}/{physical}) {}: {remedy}",
                why(lost)
            ))
        }
    }
}

/// Returns an error which says that the shared database of a pooled place must be created again before it can take
/// rows. `host` is the system store whose database holds the pool.
pub(crate) fn damaged_pool(place: &Place, host: Option<&StoreName>, error: &tenantry_engine::Error) -> Error {
    let Place { server, store, physical, .. } = place;
    let restore = match host {
        Some(host) => format!("tenantry restore system (it is the database of store {host})"),
        None => format!("tenantry restore pool {store}"),
    };
    Error::Conflict(format!(
        "the shared database {physical} on {server} {}: stop the servers, then run {restore} and tenantry restore all",
        why(error)
    ))
}

/// Returns in words how a database is lost, without private detail.
pub(crate) fn why(error: &tenantry_engine::Error) -> &'static str {
    match error.kind() {
        Kind::Missing => "is not there",
        Kind::WrongIdentity => "holds something else",
        Kind::Fenced => "is of another generation",
        Kind::Corrupt => "is damaged",
        _ => "cannot be read",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::PlacementState;

    #[test]
    fn the_remedy_for_a_brought_database_includes_brought_ones() {
        let tenant = Some(tenantry_engine::name::TenantId::from_raw(1));
        let name = |text: &str| text.parse().unwrap();
        let place = Place {
            server: tenantry_engine::name::ServerName::parse("main").unwrap(),
            store: StoreName::parse("papers").unwrap(),
            isolation: Isolation::Database,
            physical: name("brought"),
            tenant,
            generation: 1,
        };
        for (policy, end) in
            [(Policy::External, "--tenant acme --external"), (Policy::Managed, "--tenant acme")]
        {
            let placement = Placement {
                place: place.clone(),
                policy,
                base: "brought".into(),
                state: PlacementState::Ready,
                schema_version: None,
                migration_error: None,
                until_us: None,
                retained_at_us: None,
            };
            for kind in [Kind::Statement("twice".into()), Kind::SchemaBehind] {
                let error = not_migrated(
                    &Slug::parse("acme").unwrap(),
                    &placement,
                    tenantry_engine::Error::new(kind, "private"),
                );
                assert!(error.remedy().unwrap().ends_with(end), "{error:?}");
            }
        }
    }
}
