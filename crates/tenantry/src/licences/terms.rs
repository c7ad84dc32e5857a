//! The terms of a licence, as staff give them, and their checks.

use super::quota::{self, Quotas};
use crate::{
    Error, Result,
    error::{FieldError, Rule, Wrong},
    plans::{self, Limits},
    users::check_text,
};
use std::collections::BTreeSet;

/// Largest number of grace days.
const GRACE_DAYS: u32 = 3_650;
/// Largest number of characters of a type.
const TYPE_CHARS: usize = 48;

/// What a licence grants, and when.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LicenceTerms {
    /// Type, as the contract names it.
    pub license_type: String,
    /// Start, in microseconds since 1970, UTC; `None` for now.
    pub starts_at_us: Option<i64>,
    /// End, in microseconds since 1970, UTC; `None` for no end.
    pub expires_at_us: Option<i64>,
    /// Number of days after the end in which the licence is still valid.
    pub grace_days: u32,
    /// Features that the licence grants.
    pub features: BTreeSet<String>,
    /// Limits that replace those of the plan.
    pub limits: Limits,
    /// Quotas of features.
    pub quotas: Quotas,
}

impl LicenceTerms {
    /// Checks all terms at `now_us`.
    ///
    /// # Errors
    /// Returns [`Error::InvalidFields`] with every wrong term.
    pub(super) fn check(&self, now_us: i64) -> Result<()> {
        let mut wrong = Wrong::default();
        wrong.take(check_text("license_type", &self.license_type))?;
        if self.license_type.chars().count() > TYPE_CHARS {
            let reason = format!("use at most {TYPE_CHARS} characters");
            wrong.add(FieldError::new("license_type", Rule::Value, reason));
        }
        if self.grace_days > GRACE_DAYS {
            wrong.add(FieldError::new("grace_days", Rule::Value, format!("use 0 to {GRACE_DAYS}")));
        }
        wrong.take(check_end(self.expires_at_us, self.starts_at_us.unwrap_or(now_us).max(now_us)))?;
        plans::check_features(&mut wrong, &self.features);
        plans::check_limits(&mut wrong, &self.limits);
        quota::check(&mut wrong, &self.quotas);
        wrong.finish()
    }
}

/// Refuses an end that is not after `after_us`.
pub(super) fn check_end(expires_at_us: Option<i64>, after_us: i64) -> Result<()> {
    match expires_at_us.is_some_and(|end| end <= after_us) {
        true => {
            Err(Error::invalid("expires_at", "name a time after the start and after now, or none for no end"))
        }
        false => Ok(()),
    }
}
