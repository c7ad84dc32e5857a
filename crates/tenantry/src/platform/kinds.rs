//! The list of all kinds of operations. Recovery dispatches on it, the console takes the names of steps from it, and
//! the test suites iterate over it (T6). A new kind needs one line here.

use crate::{
    arrivals::{
        from_archive::FromArchive, from_backup::FromBackup, from_tenant::FromTenant, operation::Arrival,
    },
    backups::operations::{
        backup::Backup,
        backup_run::BackupRun,
        backup_verify::BackupVerify,
        restore::Restore,
        restore_discard::RestoreDiscard,
        restore_swap::RestoreSwap,
        upkeep::{BackupPrune, BackupRescan},
    },
    migrations::run::MigrationRun,
    moves::{fall_back::FallBack, move_::Move, place_run::PlaceRun, release::Release},
    operations::OperationKind,
    proofs::run::ProofRun,
    purges::operation::Purge,
    shared_imports::run::SharedImportRun,
    tenants::provision::Provision,
};

/// All kinds of operations.
pub static KINDS: &[OperationKind] = &[
    OperationKind::of::<Provision>(),
    OperationKind::of::<Release>(),
    OperationKind::of::<Move>(),
    OperationKind::of::<FallBack>(),
    OperationKind::of::<Arrival<FromTenant>>(),
    OperationKind::of::<Arrival<FromArchive>>(),
    OperationKind::of::<Purge>(),
    OperationKind::of::<Backup>(),
    OperationKind::of::<BackupRun>(),
    OperationKind::of::<BackupVerify>(),
    OperationKind::of::<BackupPrune>(),
    OperationKind::of::<BackupRescan>(),
    OperationKind::of::<Restore>(),
    OperationKind::of::<Arrival<FromBackup>>(),
    OperationKind::of::<RestoreSwap>(),
    OperationKind::of::<RestoreDiscard>(),
    OperationKind::of::<MigrationRun>(),
    OperationKind::of::<ProofRun>(),
    OperationKind::of::<SharedImportRun>(),
    OperationKind::of::<PlaceRun>(),
];

/// Returns the kind with this name.
pub fn kind(name: &str) -> Option<&'static OperationKind> {
    KINDS.iter().find(|kind| kind.name == name)
}
