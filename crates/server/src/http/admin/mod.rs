//! Handlers for platform staff: tenants, users, audit log, operations, impersonation.
//!
//! Called by the route table. For all other callers these routes are absent (`absent-not-forbidden`). No handler here
//! shows a tenant's rows: staff see those only by impersonation, which is audited.

mod audit;
mod backups;
mod fleet;
mod impact;
mod impersonate;
mod licences;
mod mail;
mod operations;
mod plans;
mod restore;
mod tenant_life;
mod tenants;
mod users;

pub(super) use audit::{export as export_audit, label as actor_label, list as audit, verify as verify_audit};
pub(super) use backups::{
    drill, drill_status, list as backups, of_tenant as tenant_backups, prune as prune_backups,
    rescan as rescan_backups, restore_as, runs as backup_runs, show as backup, start as back_up,
    start_many as back_up_many, status as backup_status, verify as verify_backup,
};
pub(super) use copies::{clone_tenant, import};
pub(super) use create::{attach, databases as create_databases, tenant as create_tenant};
pub(crate) use fleet::across::ask as across_tenants;
pub(super) use fleet::across::show as across;
pub(super) use fleet::attachments::{
    attach as attach_database, check as check_attachment, detach, list as attachments,
    rotate as rotate_secrets, schema as store_schema,
};
pub(super) use fleet::migrations::{
    check as check_migrations, show as migrations, start as start_migrations,
};
pub(crate) use fleet::monitoring::last_hour;
pub(super) use fleet::monitoring::{show as monitoring, slug};
pub(super) use fleet::nodes::list as nodes;
pub(super) use fleet::overview::{
    USUAL_WEEKS, analytics, checklist, fleet, migrate as migrate_tenant, show as overview,
};
pub(super) use fleet::proofs::{list as proofs, show as proof, start as start_proof};
pub(super) use fleet::servers::list as servers;
pub(super) use fleet::shared_imports::start as start_shared_import;
pub(super) use fleet::sizes::{USUAL_DAYS, of_all as sizes, of_tenant as sizes_of_tenant};
pub(super) use impact::show as impact;
pub(super) use impersonate::{start as impersonate, stop as stop_impersonating};
pub(super) use licences::{
    issue as issue_licence, list as licences, own as own_licence, renew as renew_licence,
    revoked as revoked_keys, set_status as set_licence_status, show as licence, usage as feature_usage,
};
pub(super) use life::{
    cancel, change_settings, maintenance, rename, revoke as revoke_cancellation, settings,
};
pub(super) use mail::{filter as letters_filter, list as mail, send as send_letter};
pub(super) use moving::{
    check as check_move, check_demotion, check_promotion, demote, promote, release, to as move_to,
};
pub(super) use operations::{
    abandon as abandon_operation, cancel as cancel_operation, events as operation_events, list as operations,
    orphans, retry as retry_operation, show as operation,
};
pub(super) use plans::{
    change as edit_plan, counted as counted_plans, create as create_plan, filter as subscriptions_filter,
    list as plans, place as place_plan, reset as reset_plan, subscriptions,
};
pub(super) use purge::{certificate, purge, survey};
pub(super) use restore::{
    discard as discard_restore, show as restore, start as start_restore, swap as swap_restore,
    undo as undo_restore,
};
use tenant_life::{copies, create, life, moving, purge};
pub(super) use tenants::{
    change_plan, filter as tenants_filter, list as tenants, resume, show as tenant, suspend,
};
pub(super) use users::{
    change as change_user, create as create_user, filter as users_filter, list as users,
    of_tenant as tenant_members, revoke as revoke_sessions, send_reset, set_password, show as user,
    unlock as unlock_user,
};
