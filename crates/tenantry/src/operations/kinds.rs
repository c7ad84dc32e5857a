//! The list of all kinds of operations: recovery dispatches by it, people's pages take the names of
//! steps from it, and the suites run over it (T6). A new kind is one line here.

use super::{
    Inner, Operation, abandon, arrive::Arrival, backup::Backup, backup_run::BackupRun,
    backup_verify::BackupVerify, clone_tenant::FromTenant, fall_back::FallBack, import::FromArchive,
    move_::Move, provision::Provision, purge::Purge, recover, release::Release, restore::Restore,
    restore_as::FromBackup, restore_discard::RestoreDiscard, restore_swap::RestoreSwap, takeover::Taken,
};
use crate::Result;
use futures_util::future::BoxFuture;

/// A kind of operation.
#[derive(Debug)]
pub struct OperationKind {
    /// Name in the journal.
    pub name: &'static str,
    /// Names of its steps in order.
    steps: fn() -> Vec<StepInfo>,
    point_of_no_return: Option<&'static str>,
    resume: Resume,
    abandon: Resume,
}

type Resume = for<'a> fn(&'a Inner, Taken, String) -> BoxFuture<'a, Result<()>>;

/// A step as people and suites see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepInfo {
    /// Its name.
    pub name: &'static str,
    /// Leaves the control store: may happen more than once.
    pub outside: bool,
    /// Can be undone.
    pub undo: bool,
}

/// All of them.
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
    OperationKind::of::<Restore>(),
    OperationKind::of::<Arrival<FromBackup>>(),
    OperationKind::of::<RestoreSwap>(),
    OperationKind::of::<RestoreDiscard>(),
];

/// The kind of that name.
pub fn kind(name: &str) -> Option<&'static OperationKind> {
    KINDS.iter().find(|kind| kind.name == name)
}

impl OperationKind {
    const fn of<O: Operation>() -> Self {
        Self {
            name: O::KIND,
            steps: || O::steps().iter().map(super::Step::info).collect(),
            point_of_no_return: O::POINT_OF_NO_RETURN,
            resume: |inner, taken, owner| Box::pin(recover::resume::<O>(inner, taken, owner)),
            abandon: |inner, taken, owner| Box::pin(abandon::end::<O>(inner, taken, owner)),
        }
    }

    /// Its steps in order.
    pub fn steps(&self) -> Vec<StepInfo> {
        (self.steps)()
    }

    /// How many steps must be done for it to go forward only; none: it can go back until it ends.
    pub fn no_return(&self) -> Option<usize> {
        let name = self.point_of_no_return?;
        self.steps().iter().position(|step| step.name == name).map(|index| index + 1)
    }

    /// Whether it goes forward only, so many steps being done: past that point, or with all of them done.
    pub fn past_return(&self, done: usize) -> bool {
        done >= self.no_return().unwrap_or(self.steps().len())
    }

    pub(super) async fn resume(&self, inner: &Inner, taken: Taken, owner: String) -> Result<()> {
        (self.resume)(inner, taken, owner).await
    }

    pub(super) async fn abandon(&self, inner: &Inner, taken: Taken, owner: String) -> Result<()> {
        (self.abandon)(inner, taken, owner).await
    }
}

/// The same of a kind that is at hand.
pub(super) fn past_return<O: Operation>(done: usize) -> bool {
    OperationKind::of::<O>().past_return(done)
}
