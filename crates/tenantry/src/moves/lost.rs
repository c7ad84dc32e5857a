//! Puts a tenant's retained database back into use after the current one was lost with its disk. The verb behind `move
//! --back --lost` and the staff API.
//!
//! It determines what is lost; `operations::fall_back` does the rest. It never runs automatically: everything written
//! since the move is given up, and only an operator can decide that.

use super::Moves;
use crate::{
    Error, Result,
    access::Actor,
    backups,
    moves::fall_back::{self, FallBack, Turn},
    platform::databases::Databases,
    topology::{Placement, Policy},
};
use tenantry_engine::{
    Engine, Kind,
    name::{Slug, StoreName},
    place::{Isolation, Place},
};

/// Adds the tenant and the remedy to an error that means that its database is lost or has another schema. Returns any
/// other error, such as a full disk, unchanged.
pub(crate) async fn named(
    databases: &Databases,
    slug: &Slug,
    place: &Place,
    error: tenantry_engine::Error,
) -> Error {
    let engine = databases.engine();
    if *error.kind() == Kind::Fenced {
        // An operation at a certain generation gets this error also from a pool that lacks the tenant.
        return match engine.unusable(place).await {
            Ok(Some(lost)) => said(databases.host_of(place), slug, place, &lost),
            _ => error.into(),
        };
    }
    if !Engine::is_loss(place, &error) {
        // A database that its tenant brought is copied whatever its schema is, so it does not get here.
        return other_schema(slug, &place.store, false, error);
    }
    // The other end of a copy may be what cannot be read or written.
    match engine.lost(place).await {
        Ok(Some(lost)) => said(databases.host_of(place), slug, place, &lost),
        _ => error.into(),
    }
}

/// Adds the tenant and the remedy to an error that means that a database, or a copy of it, does not have the schema of
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

/// Returns an error that says which database of which tenant is lost, in what way, and what to do. `host` is the system
/// store in whose database a pooled place is.
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
        (Isolation::Pooled, Kind::Corrupt | Kind::Io) => backups::damaged_pool(place, host, lost),
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
                "the database of {slug} in store {store} ({server}/{physical}.db) {}: {remedy}",
                fall_back::why(lost)
            ))
        }
    }
}

impl Moves<'_> {
    /// Puts the retained databases of a tenant's last move or restore back into use, for stores whose current database
    /// cannot be opened any more. Returns the operation's id. Everything written since is lost; the outcome and the
    /// audit log say since when.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the databases in use can be opened and are intact, when nothing is retained, or when
    /// another operation is open.
    pub async fn fall_back(&self, actor: &Actor, slug: &Slug, store: Option<&StoreName>) -> Result<i64> {
        actor.require_staff()?;
        let by = &actor.by();
        let stores = self.stores_of(slug, store).await?;
        let kept = self.platform.0.operations.kept(stores.tenant).await?;
        let (mut turns, mut whole) = (Vec::new(), Vec::new());
        for ready in &stores.ready {
            match self.platform.0.engine.lost(&ready.place).await? {
                None => whole.push(ready.place.store.to_string()),
                Some(error) => turns.push(turn(ready, &kept, fall_back::why(&error))?),
            }
        }
        if turns.is_empty() {
            let why = match whole.is_empty() {
                true => format!("the platform has no database of {slug}"),
                false => format!(
                    "nothing of {slug} is lost: {} can be opened and is whole; move it back without giving anything up",
                    whole.join(", ")
                ),
            };
            return Err(stores.nothing(&why));
        }
        let operation = FallBack::new(by.clone(), stores.tenant, stores.slug, turns);
        self.platform.0.operations.spawn(operation).await
    }
}

/// Returns the exchange with the database of the same store that was in use last, never with a copy that was never
/// used. The last generation may be another one: a database that was lost earlier and for which the present one was put
/// back into use.
fn turn(ready: &Placement, kept: &[Placement], why: &'static str) -> Result<Turn> {
    let lost = &ready.place;
    let before = kept.iter().filter(|k| k.place.store == lost.store && k.place.generation < lost.generation);
    let found = before.filter_map(|k| Some((k, k.kept_at_us?))).max_by_key(|(_, since_us)| *since_us);
    let Some((kept, since_us)) = found else {
        return Err(Error::Conflict(format!(
            "{} on {} {why}, and nothing is kept of it: restore a backup",
            lost.store, lost.server
        )));
    };
    Ok(Turn { lost: lost.clone(), why: why.into(), kept: kept.place.clone(), since_us, fence: None })
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
                kept_at_us: None,
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
