//! What a tenant and staff call: `platform.tenant(&tenant).consume(…)` and `.feature_usage()`, and
//! `platform.licences().usage(…)`.

use super::{
    count::{Ask, Counts, of_tenant},
    periods::{Periods, index},
};
use crate::{
    Error, Platform, Result,
    access::Actor,
    licences::{Licences, Quota, quota::is_feature},
    tenants::{self, OwnTenant},
    topology::TenantRecord,
};
use std::collections::BTreeSet;
use tenantry_engine::name::Slug;

/// Largest amount of one use.
pub const MOST_AT_ONCE: u64 = 1_000_000_000_000;
/// Largest number of characters of an idempotency key.
const KEY_CHARS: usize = 128;

/// What a tenant has used of a feature, and what is left.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FeatureUsage {
    /// Name of the feature.
    pub feature: String,
    /// True if the tenant has the feature now.
    pub is_granted: bool,
    /// Quota of the licence, if it has one for the feature.
    pub quota: Option<Quota>,
    /// Uses of today, UTC.
    pub day: u64,
    /// Uses of this month, UTC.
    pub month: u64,
    /// Uses since the tenant exists.
    pub total: u64,
    /// Amount that is still granted in the period of the quota, with the grace; `None` if nothing is refused.
    pub remaining: Option<u64>,
    /// True if the limit of the quota is used up, so that only a warning or grace policy grants more.
    pub is_over: bool,
    /// End of the period of the quota, in microseconds since 1970, UTC.
    pub resets_at_us: Option<i64>,
}

/// A use that was counted.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Consumed {
    /// What the tenant has used and what is left, with this use.
    pub usage: FeatureUsage,
    /// True if an earlier request with the same key was counted, and this one was not.
    pub is_repeated: bool,
}

impl FeatureUsage {
    fn new(
        record: &TenantRecord,
        platform: &Platform,
        feature: &str,
        counts: Counts,
        periods: &Periods,
    ) -> Self {
        let quota = quota(record, platform, feature);
        let used = quota.map_or(0, |quota| counts[index(quota.period)]);
        let is_granted = record.entitlements(platform.clock()).has(feature);
        let remaining = quota.and_then(|quota| quota.most()).map(|most| most.saturating_sub(used));
        Self {
            feature: feature.to_owned(),
            is_granted,
            quota,
            day: counts[0],
            month: counts[1],
            total: counts[2],
            remaining: if is_granted { remaining } else { Some(0) },
            is_over: quota.is_some_and(|quota| used > quota.limit),
            resets_at_us: quota.and_then(|quota| periods.end_us(quota.period)),
        }
    }
}

impl Consumed {
    /// Returns the notice for users if more than the limit is used.
    pub fn notice(&self) -> Option<String> {
        let (usage, quota) = (&self.usage, self.usage.quota.filter(|_| self.usage.is_over)?);
        let left = match usage.remaining {
            Some(left) => format!("{left} more are granted"),
            None => "more is still granted".into(),
        };
        let (feature, limit, period) = (&usage.feature, quota.limit, quota.period.as_str());
        Some(format!("the quota of {feature} is used up: {limit} ({period}); {left}, ask for a larger quota"))
    }
}

/// Returns the quota of a feature: that of the licence while it is valid.
fn quota(record: &TenantRecord, platform: &Platform, feature: &str) -> Option<Quota> {
    let licence = record.licence().filter(|licence| licence.is_valid(platform.clock()))?;
    licence.quotas.get(feature).copied()
}

impl OwnTenant<'_> {
    /// Counts a use of a feature, if the tenant has the feature and its quota grants the amount. Returns once the use
    /// is stored. With an idempotency key, the same use is counted once within seven days, however often it is sent.
    ///
    /// # Errors
    /// Returns [`Error::FeatureRequired`] without the feature; [`Error::QuotaReached`] at the end of the quota;
    /// [`Error::Conflict`] for a key that was sent with another use; [`Error::Invalid`] for an invalid value;
    /// [`Error::Unavailable`] if the control store does not answer: without a key, the use may have been counted.
    pub async fn consume(&self, feature: &str, amount: u64, key: Option<&str>) -> Result<Consumed> {
        let record = self.tenant.record();
        consume(self.platform, record, feature, amount, key).await
    }

    /// Returns the usage of every feature that the tenant has, has a quota for or has used.
    ///
    /// # Errors
    /// Returns the errors of the control store.
    pub async fn feature_usage(&self) -> Result<Vec<FeatureUsage>> {
        all(self.platform, self.tenant.record()).await
    }
}

impl Licences<'_> {
    /// Returns the usage of every feature of a tenant.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if the actor is not staff, or there is no such tenant.
    pub async fn usage(&self, actor: &Actor, slug: &Slug) -> Result<Vec<FeatureUsage>> {
        actor.require_staff()?;
        all(self.platform(), &*self.record(slug).await?).await
    }

    /// Counts a use of a feature by a tenant; see [`OwnTenant::consume`].
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if the actor is not staff, and the errors of [`OwnTenant::consume`].
    pub async fn consume(
        &self,
        actor: &Actor,
        slug: &Slug,
        feature: &str,
        amount: u64,
        key: Option<&str>,
    ) -> Result<Consumed> {
        actor.require_staff()?;
        consume(self.platform(), &*self.record(slug).await?, feature, amount, key).await
    }

    async fn record(&self, slug: &Slug) -> Result<std::sync::Arc<TenantRecord>> {
        let platform = self.platform();
        // Staff enter no tenant, so nothing else brings the cached record up to date.
        platform.control().refresh().await?;
        let id = tenants::by_slug(&mut platform.control().snapshot().await?, slug).await?.id;
        platform.access().directory().tenant(id).await
    }
}

async fn consume(
    platform: &Platform,
    record: &TenantRecord,
    feature: &str,
    amount: u64,
    key: Option<&str>,
) -> Result<Consumed> {
    if !is_feature(feature) {
        return Err(Error::invalid("feature", "use 1 to 48 small letters, digits and _"));
    }
    if !(1..=MOST_AT_ONCE).contains(&amount) {
        return Err(Error::invalid("amount", format!("use 1 to {MOST_AT_ONCE}")));
    }
    if key.is_some_and(|key| key.is_empty() || key.chars().count() > KEY_CHARS || key.contains('\0')) {
        return Err(Error::invalid("key", format!("use 1 to {KEY_CHARS} characters")));
    }
    if !record.entitlements(platform.clock()).has(feature) {
        return Err(Error::FeatureRequired { feature: feature.to_owned() });
    }
    let ask = Ask {
        tenant: record.id,
        feature: feature.to_owned(),
        amount,
        key: key.map(str::to_owned),
        quota: quota(record, platform, feature),
    };
    let counted = platform.0.usage.count(platform.control(), ask).await?;
    let periods = Periods::at(platform.clock().right_ends_us());
    let usage = FeatureUsage::new(record, platform, feature, counted.counts, &periods);
    Ok(Consumed { usage, is_repeated: counted.is_repeated })
}

async fn all(platform: &Platform, record: &TenantRecord) -> Result<Vec<FeatureUsage>> {
    let periods = Periods::at(platform.clock().right_ends_us());
    let counts = of_tenant(&mut platform.control().snapshot().await?, record.id, &periods).await?;
    let mut names: BTreeSet<&str> = counts.keys().map(String::as_str).collect();
    names.extend(record.entitlements(platform.clock()).features.iter().map(String::as_str));
    names.extend(record.licence().iter().flat_map(|licence| licence.quotas.keys()).map(String::as_str));
    let of = |name: &str| {
        FeatureUsage::new(record, platform, name, counts.get(name).copied().unwrap_or_default(), &periods)
    };
    Ok(names.into_iter().map(of).collect())
}
