//! Reads of the audit log: `platform.audit()`. Only the commit of a change writes the log.
//!
//! Called by the staff API and the command line.

use super::{Query, Report, Row};
use crate::{Platform, Result};

/// The audit log of an installation.
pub struct AuditLog<'a>(&'a Platform);

impl Platform {
    /// Returns the audit log, to list and verify it.
    pub fn audit(&self) -> AuditLog<'_> {
        AuditLog(self)
    }
}

impl AuditLog<'_> {
    /// Returns rows, newest first.
    ///
    /// # Errors
    /// Returns the errors of the control store.
    pub async fn list(&self, query: &Query) -> Result<Vec<Row>> {
        super::list(&mut self.0.control().snapshot().await?, query).await
    }

    /// Verifies the hash chain against the published heads (`audited-commit`). The report contains the faults of the
    /// chain.
    ///
    /// # Errors
    /// Returns the errors of the control store, and of the backup store if servers of several hosts publish heads
    /// there.
    pub async fn verify(&self) -> Result<Report> {
        let control = self.0.control();
        super::verify(control, &self.0.heads_of_all_hosts().await?).await
    }
}
