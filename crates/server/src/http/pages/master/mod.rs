//! The pages of operators under `/master-admin/`: the fleet, one tenant, operations, and the forms that act on them.
//!
//! They show no rows of tenants. A form whose effect cannot be undone, or that lets its sender act as another user,
//! asks for the sender's own password.

mod acts;
mod audit;
mod backups;
mod certificate;
mod enter;
mod fleet;
pub(super) mod form;
mod home;
mod needs;
mod operations;
mod people;
mod proofs;
mod servers;
mod tenant;
mod tenants;
pub(super) mod words;

pub(in crate::http) use acts::{
    ask_attach, ask_back_up, ask_cancel, ask_clone, ask_create, ask_databases, ask_demote, ask_discard,
    ask_maintenance, ask_migrate, ask_move, ask_move_back, ask_plan, ask_promote, ask_purge, ask_release,
    ask_rename, ask_restore, ask_resume, ask_revoke, ask_settings, ask_suspend, ask_swap, ask_undo,
    ask_verify, attach, back_up, cancel, clone_tenant, create, databases, demote, discard, maintenance,
    migrate, move_back, move_to, plan, promote, purge, release, rename, restore, resume, revoke, settings,
    suspend, swap, undo, verify,
};
pub(in crate::http) use audit::show as audit;
pub(in crate::http) use backups::{
    ask_drill, ask_import, ask_prune, ask_rescan, ask_restore_as, ask_run as ask_back_up_all, drill, import,
    prune, rescan, restore_as, run as back_up_all, show as backups,
};
pub(in crate::http) use certificate::show as certificate;
pub(in crate::http) use enter::{ask as ask_enter, enter};
pub(in crate::http) use fleet::{analytics, ask_migrations, map, migrations, monitoring, start_migrations};
pub(in crate::http) use home::show as home;
pub(in crate::http) use operations::{
    abandon, ask_abandon, cancel as cancel_operation, events, list as operations, retry, show as operation,
};
pub(in crate::http) use proofs::{ask as ask_proof, list as proofs, run as start_proof, show as proof};
pub(in crate::http) use servers::show as servers;
pub(in crate::http) use tenant::show as tenant;
pub(in crate::http) use tenants::list as tenants;
