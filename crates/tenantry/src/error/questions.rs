//! Questions by which callers decide what to do about an error.

use super::Error;
use tenantry_engine::Kind;

impl Error {
    /// Returns true if an operator must act: the error does not go away by itself, and no client caused it.
    pub fn is_fault(&self) -> bool {
        match self {
            Self::Internal(_)
            | Self::CopyDiffers { .. }
            | Self::DatabaseLost { .. }
            | Self::DatabaseDamaged { .. }
            | Self::Superseded { .. }
            | Self::DiskFull(_)
            | Self::NoAccess(_)
            | Self::BackupTarget(_) => true,
            Self::Engine(error) => matches!(
                error.kind(),
                Kind::Missing
                    | Kind::WrongIdentity
                    | Kind::Corrupt
                    | Kind::DiskFull
                    | Kind::NoAccess
                    | Kind::Io
                    | Kind::Internal
            ),
            _ => false,
        }
    }

    /// Returns true if it is unknown whether the change was stored, because the answer to its commit was lost.
    pub fn is_in_doubt(&self) -> bool {
        match self {
            Self::OutcomeUnknown { .. } => true,
            Self::Engine(error) => *error.kind() == Kind::InDoubt,
            _ => false,
        }
    }

    /// Returns true if the tenant cannot reach one of its stores: it has no database there yet, or the database's server does
    /// not answer. Its other stores may work.
    pub fn is_store_away(&self) -> bool {
        matches!(self, Self::NotAttached { .. }) || self.is_unreachable()
    }

    /// Returns true if a database server does not answer: nothing was done, and nothing is lost.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Engine(error) if *error.kind() == Kind::Unreachable)
    }
}
