//! Quotas of features: how much a tenant may use in a period, and what happens at the end of the quota.

use crate::{
    Error, Result,
    error::{FieldError, Rule, Wrong},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Quotas by the name of the feature.
pub type Quotas = BTreeMap<String, Quota>;

/// Largest number of quotas of a licence.
const MOST: usize = 64;
/// Largest quota.
const LARGEST: u64 = 1_000_000_000_000_000;
/// Largest percentage of grace.
const GRACE_PERCENT: u32 = 1_000;

/// Period after which a count starts again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// A calendar day, UTC.
    Day,
    /// A calendar month, UTC.
    Month,
    /// The whole life of the tenant.
    Total,
}

/// What happens at the end of a quota.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AtLimit {
    /// Nothing more is granted until the next period.
    #[default]
    Refuse,
    /// Everything is granted, with a notice.
    Warn,
    /// A percentage more is granted, with a notice.
    Grace,
}

/// How much of a feature a tenant may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quota {
    /// Amount that may be used in a period.
    pub limit: u64,
    /// The period.
    pub period: Period,
    /// What happens at the limit.
    #[serde(default)]
    pub at_limit: AtLimit,
    /// How much more is granted with [`AtLimit::Grace`], in percent of the limit.
    #[serde(default)]
    pub grace_percent: u32,
}

impl Period {
    /// Returns the name of the period.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
            Self::Total => "total",
        }
    }

    /// Parses the name of a period.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] for any other text.
    pub fn parse(text: &str) -> Result<Self> {
        let all = [Self::Day, Self::Month, Self::Total];
        let unknown = || Error::invalid("period", "day, month or total");
        all.into_iter().find(|period| period.as_str() == text).ok_or_else(unknown)
    }
}

impl AtLimit {
    /// Returns the name of the policy.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Warn => "warn",
            Self::Grace => "grace",
        }
    }

    /// Parses the name of a policy.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] for any other text.
    pub fn parse(text: &str) -> Result<Self> {
        let all = [Self::Refuse, Self::Warn, Self::Grace];
        let unknown = || Error::invalid("at_limit", "refuse, warn or grace");
        all.into_iter().find(|policy| policy.as_str() == text).ok_or_else(unknown)
    }
}

impl Quota {
    /// Returns the largest amount that is granted in a period; `None` if nothing is ever refused.
    pub fn most(&self) -> Option<u64> {
        let grace = u128::from(self.limit) * u128::from(self.grace_percent) / 100;
        match self.at_limit {
            AtLimit::Refuse => Some(self.limit),
            AtLimit::Warn => None,
            AtLimit::Grace => Some(self.limit.saturating_add(u64::try_from(grace).unwrap_or(u64::MAX))),
        }
    }

    /// Returns true if `amount` is granted when `used` is used in the period.
    pub(super) fn grants(&self, used: u64, amount: u64) -> bool {
        self.most().is_none_or(|most| used.saturating_add(amount) <= most)
    }
}

/// Adds what is wrong with quotas.
pub(super) fn check(wrong: &mut Wrong, quotas: &Quotas) {
    let mut refuse = |reason: String| wrong.add(FieldError::new("quotas", Rule::Value, reason));
    if quotas.len() > MOST {
        refuse(format!("use at most {MOST} quotas"));
    }
    for (feature, quota) in quotas {
        if !is_feature(feature) {
            refuse("name features with 1 to 48 small letters, digits and _".into());
        }
        if quota.limit > LARGEST {
            refuse(format!("{feature}: use a limit of at most {LARGEST}"));
        }
        let has_grace = quota.at_limit == AtLimit::Grace;
        if has_grace != (quota.grace_percent > 0) || quota.grace_percent > GRACE_PERCENT {
            refuse(format!(
                "{feature}: use a grace of 1 to {GRACE_PERCENT} percent, only with at_limit grace"
            ));
        }
    }
}

/// Returns true for the name of a feature.
pub(super) fn is_feature(name: &str) -> bool {
    (1..=48).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_decides_what_is_granted_at_the_limit() {
        let quota =
            |at_limit, grace_percent| Quota { limit: 10, period: Period::Day, at_limit, grace_percent };
        let cases =
            [(AtLimit::Refuse, 0, Some(10)), (AtLimit::Warn, 0, None), (AtLimit::Grace, 25, Some(12))];
        for (at_limit, grace, most) in cases {
            let quota = quota(at_limit, grace);
            assert_eq!(quota.most(), most);
            assert!(quota.grants(9, 1));
            assert_eq!(quota.grants(10, 1), at_limit != AtLimit::Refuse);
            assert_eq!(quota.grants(12, 1), at_limit == AtLimit::Warn);
            assert_eq!(quota.grants(u64::MAX, 1), at_limit == AtLimit::Warn);
        }
    }

    #[test]
    fn a_wrong_quota_is_named() {
        for (feature, at_limit, grace_percent, is_good) in [
            ("forecasts", AtLimit::Refuse, 0, true),
            ("forecasts", AtLimit::Grace, 10, true),
            ("forecasts", AtLimit::Grace, 0, false),
            ("forecasts", AtLimit::Warn, 10, false),
            ("A b", AtLimit::Refuse, 0, false),
        ] {
            let quota = Quota { limit: 1, period: Period::Day, at_limit, grace_percent };
            let mut wrong = Wrong::default();
            check(&mut wrong, &Quotas::from([(feature.to_owned(), quota)]));
            assert_eq!(wrong.finish().is_ok(), is_good, "{feature} {at_limit:?} {grace_percent}");
        }
    }
}
