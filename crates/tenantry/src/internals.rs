//! Access for this project's tests only: the catalog's transactions, and functions that work inside them. A program
//! that embeds the platform does not see this module.

pub use crate::{
    audit::verify::verify as verify_audit,
    control::{Control, Subject, Write, settings},
    plans::subscription::set_state as set_subscription,
    tenants::life::retire::close_due,
    topology::{
        fleet::Fleet,
        placement::{emptiest, of_tenant as placements},
    },
    users::change::{set_flags, set_password_hash, unlock},
};

/// Functions on memberships, inside a transaction.
pub mod members {
    pub use crate::users::members::{add, of_tenant, remove, role, set_role};
}

use crate::{
    Platform, Result,
    access::Access,
    audit::By,
    config::Config,
    moves::move_::Move,
    operations::Operations,
    topology::Topology,
    users::{NewUser, User},
};
use tenantry_engine::{Tx, name::UserId};

/// Returns the number of reads that copies of shared models answered in this process.
pub fn answered_by_copies(platform: &Platform) -> u64 {
    platform.copies().answered()
}

/// Returns the names of the catalog's tables.
pub fn catalog_tables() -> impl Iterator<Item = &'static str> {
    crate::control::tables()
}

/// Returns the control store of a platform.
pub fn control(platform: &Platform) -> &Control {
    platform.control()
}

/// Opens authentication and authorisation with nothing but a control store.
///
/// # Errors
/// Returns the errors of the configuration.
pub fn access(control: &Control, config: &Config) -> Result<Access> {
    Access::open(control.clone(), Topology::new(control.clone()), config)
}

/// Returns an empty cache with room for this many tenants.
pub fn topology(control: &Control, tenants: usize) -> Topology {
    Topology::with_capacity(control.clone(), tenants)
}

/// Creates a user.
///
/// # Errors
/// Returns [`crate::Error::Conflict`] for an address in use.
pub async fn create_user(write: &mut Write, by: &By, new: &NewUser) -> Result<UserId> {
    crate::users::create(write, by, new).await
}

/// Returns the user with this id.
///
/// # Errors
/// Returns [`crate::Error::NotFound`] if there is no such user.
pub async fn user(tx: &mut Tx, id: UserId) -> Result<User> {
    crate::users::by_id(tx, id).await
}

/// Runs a move with arbitrary legs.
///
/// # Errors
/// Returns the error of the step that failed.
pub async fn run_move(operations: &Operations, wanted: Move) -> Result<()> {
    operations.run(wanted).await.map(drop)
}

/// Discards staged restores that have expired, as the background work does.
///
/// # Errors
/// Returns the errors of the control store and of the operations.
pub async fn discard_expired(platform: &Platform) -> Result<()> {
    platform.restores().discard_expired(100).await
}

/// Deletes the keys of earlier imports, as the background work does. Returns their number.
///
/// # Errors
/// Returns the errors of the control store.
pub async fn forget_imports(control: &Control) -> Result<u64> {
    crate::records::forget_imports(control).await
}
