//! The operation that removes a tenant for good (`staged-deletion`), and the certificate that it leaves.
//!
//! Steps: begin | survey | cut off | databases, files, backups | certify | scrub. It accepts only a cancelled tenant
//! whose retention is over, or an early purge. From `cut_off` on it only goes forward: a half-removed tenant is
//! useless, and removed data cannot come back.

mod steps;
mod survey;

pub use survey::{Fate, Survey, Trace};

use crate::operations::{Operation, Operations, Step, step};
use crate::{Result, audit::By};
use tenantry_engine::{
    name::{Slug, TenantId},
    place::Place,
};

/// The audit action whose detail is the certificate.
pub(crate) const CERTIFIED: &str = "tenant.purge";

/// State of the operation.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Purge {
    by: By,
    tenant: TenantId,
    slug: Slug,
    /// True if the tenant is purged before its retention is over.
    early: bool,
    /// Id of the last backup, which has its own retention.
    final_backup: Option<String>,
    /// Number of days for which backups are retained; 0 if they are removed now.
    backups_days: u32,
    begun_at_us: i64,
    /// Data that existed at the survey.
    survey: Option<Survey>,
    /// Databases to remove.
    places: Vec<Place>,
    /// Number of removed files.
    files: u64,
    /// Number of removed backups.
    backups: u64,
    /// Databases that the step `databases` could not remove, each with the reason.
    #[serde(default)]
    unremoved: Vec<(Place, String)>,
    /// Steps that failed when the purge was abandoned, each with the reason.
    #[serde(default)]
    left: Vec<(String, String)>,
}

/// Request to purge a tenant.
pub(crate) struct PurgeWish {
    pub(crate) tenant: TenantId,
    pub(crate) slug: Slug,
    pub(crate) early: bool,
    pub(crate) final_backup: Option<String>,
    pub(crate) backups_days: u32,
}

impl Operations {
    /// Starts the operation, and returns its id in the journal.
    pub(crate) async fn purge(&self, by: &By, wish: PurgeWish) -> Result<i64> {
        let PurgeWish { tenant, slug, early, final_backup, backups_days } = wish;
        let purge = Purge {
            by: by.clone(),
            tenant,
            slug,
            early,
            final_backup,
            backups_days,
            begun_at_us: 0,
            survey: None,
            places: vec![],
            files: 0,
            backups: 0,
            unremoved: vec![],
            left: vec![],
        };
        self.spawn(purge).await
    }

    /// Lists every place that holds data of a tenant, and what a purge does to it. Changes nothing.
    pub(crate) async fn survey(&self, tenant: TenantId) -> Result<Survey> {
        survey::look(self.context(), tenant).await
    }
}

impl Operation for Purge {
    const KIND: &'static str = "purge";
    const POINT_OF_NO_RETURN: Option<&'static str> = Some("cut_off");

    fn steps() -> &'static [Step<Self>] {
        &[
            Step::Control { name: "begin", run: steps::begin, undo: Some(steps::unbegin) },
            Step::Outside { name: "survey", run: steps::survey, undo: step::leave },
            Step::Control { name: "cut_off", run: steps::cut_off, undo: Some(step::nothing) },
            Step::Outside { name: "databases", run: steps::databases, undo: step::leave },
            Step::Outside { name: "files", run: steps::files, undo: step::leave },
            Step::Outside { name: "backups", run: steps::backups, undo: step::leave },
            Step::Control { name: "certify", run: steps::certify, undo: Some(step::nothing) },
            Step::Outside { name: "scrub", run: steps::scrub, undo: step::leave },
        ]
    }

    fn tenant(&self) -> Option<TenantId> {
        Some(self.tenant)
    }

    fn by(&self) -> &By {
        &self.by
    }

    fn what(&self) -> String {
        format!("purge {}", self.slug)
    }

    fn left_behind(&mut self, step: &'static str, why: &str) {
        self.left.push((step.to_owned(), why.to_owned()));
    }

    fn outcome(&self) -> serde_json::Value {
        serde_json::json!({
            "slug": self.slug, "files": self.files, "final_backup": self.final_backup, "not_removed": self.left,
        })
    }
}
