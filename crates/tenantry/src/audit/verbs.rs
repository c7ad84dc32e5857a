//! Reading the audit log: `platform.audit()`. It is written by the commit of each change and by nothing else.
//!
//! Called by the staff API and the command line.

use super::{Query, Report, Row};
use crate::{Platform, Result};

/// The audit log of an installation.
pub struct AuditLog<'a>(&'a Platform);

impl Platform {
    /// The audit log: list, verify.
    pub fn audit(&self) -> AuditLog<'_> {
        AuditLog(self)
    }
}

impl AuditLog<'_> {
    /// Returns rows, newest first.
    ///
    /// # Errors
    /// Those of the control store.
    pub async fn list(&self, query: &Query) -> Result<Vec<Row>> {
        super::list(&mut self.0.control().snapshot().await?, query).await
    }

    /// Checks the hash chain against the published heads (`audited-commit`).
    ///
    /// # Errors
    /// Those of the control store, and of the backup store where servers of several hosts publish heads. A fault of the
    /// chain is in the report.
    pub async fn verify(&self) -> Result<Report> {
        let control = self.0.control();
        super::verify(control, &self.0.heads_of_all_hosts().await?).await
    }
}
