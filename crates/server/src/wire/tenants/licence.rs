//! Bodies and answers about licences.

use crate::wire::{
    AsText, Id, Instant, Limit,
    plan::{Limits, PlanLimits},
};
use std::collections::{BTreeMap, BTreeSet};
use tenantry::{clock::Clock, licences, name};

answers! {
    /// A licence of a tenant.
    struct Licence from of: (licences::Licence, &Clock) {
        /// `active`, `suspended`, `revoked`, `expired`, or `scheduled` before its start.
        state: String = of.0.state(of.1).to_owned(),
        /// Type, as the contract names it.
        license_type: String = of.0.license_type,
        starts_at: Instant = Instant(of.0.starts_at_us),
        /// End; null if there is none.
        expires_at: Option<Instant> = of.0.expires_at_us.map(Instant),
        /// Number of days after the end in which the licence is still valid.
        grace_days: u32 = of.0.grace_days,
        /// Features that the licence adds to those of the plan.
        features: BTreeSet<String> = of.0.features,
        /// Limits that replace those of the plan. A limit of null leaves that of the plan.
        limits: Limits = of.0.limits.into(),
        /// Quotas by the name of the feature.
        quotas: BTreeMap<String, Quota> = quotas(of.0.quotas),
        /// Id of the key that was issued last.
        key_id: String = of.0.key_id,
        issued_at: Instant = Instant(of.0.issued_at_us),
    }

    /// How much of a feature may be used in a period.
    struct Quota from quota: licences::Quota {
        limit: u64 = quota.limit,
        /// `day`, `month` or `total`, in UTC.
        period: String = quota.period.as_str().to_owned(),
        /// What happens at the limit: `refuse`, `warn` or `grace`.
        at_limit: String = quota.at_limit.as_str().to_owned(),
        /// How much more is granted with `grace`, in percent of the limit.
        grace_percent: u32 = quota.grace_percent,
    }

    /// What a tenant has used of a feature, and what is left.
    struct FeatureUsage from of: licences::usage::FeatureUsage {
        feature: String = of.feature,
        /// True if the tenant has the feature now.
        is_granted: bool = of.is_granted,
        /// Quota of the licence; null if there is none.
        quota: Option<Quota> = of.quota.map(Quota::from),
        /// Uses of today, UTC.
        day: u64 = of.day,
        /// Uses of this month, UTC.
        month: u64 = of.month,
        /// Uses since the tenant exists.
        total: u64 = of.total,
        /// Amount that is still granted, with the grace; null if nothing is refused.
        remaining: Option<u64> = of.remaining,
        /// True if more than the limit is used, which the policies `warn` and `grace` allow.
        is_over: bool = of.is_over,
        /// End of the period of the quota; null if it has no end.
        resets_at: Option<Instant> = of.resets_at_us.map(Instant),
    }

    /// A use that was counted.
    struct UsedFeature from of: licences::usage::Consumed {
        /// True if an earlier request with the same key was counted, and this one was not.
        is_repeated: bool = of.is_repeated,
        /// Notice for the user if more than the limit is used; null otherwise.
        notice: Option<String> = of.notice(),
        #[serde(flatten)]
        usage: FeatureUsage = of.usage.into(),
    }

    /// A licence with its key, which products verify offline.
    struct LicenceKey from of: (licences::Licence, &Clock) {
        key: String = of.0.key.clone(),
        #[serde(flatten)]
        licence: Licence = of.into(),
    }

    /// A licence in the list of staff.
    struct ListedLicence from of: (licences::ListedLicence, &Clock) {
        /// Id of the tenant.
        tenant: i64 = of.0.tenant.get(),
        slug: AsText<name::Slug> = AsText(of.0.slug),
        /// Name of the tenant.
        name: String = of.0.name,
        #[serde(flatten)]
        licence: Licence = (of.0.licence, of.1).into(),
    }

    /// The licence of the caller's tenant.
    struct OwnLicence from of: Option<(licences::Licence, &Clock)> {
        /// The licence; null if the tenant has none.
        licence: Option<Licence> = of.map(Licence::from),
    }

    /// The keys that products must refuse although their signature is valid.
    struct RevokedKeys from of: Option<(String, licences::PublicKey)> {
        /// Public key with which licence keys and the list are signed, in PEM; null if the installation issues no licences.
        public_key: Option<String> = of.as_ref().map(|(_, key)| key.to_pem()),
        /// Signed list; null if the installation issues no licences.
        revoked: Option<String> = of.map(|(list, _)| list),
    }
}

requests! {
    /// A licence to issue. It replaces the one that the tenant has.
    struct NewLicence {
        /// Type, as the contract names it.
        license_type: String,
        /// Start. Default: now.
        starts_at: Option<Instant>,
        /// End. Default: none.
        expires_at: Option<Instant>,
        /// Number of days after the end in which the licence is still valid.
        #[serde(default)]
        grace_days: u32,
        /// Features that the licence adds to those of the plan.
        #[serde(default)]
        features: BTreeSet<String>,
        /// Limits that replace those of the plan.
        #[serde(default)]
        limits: PlanLimits,
        /// Quotas by the name of the feature.
        #[serde(default)]
        quotas: BTreeMap<String, NewQuota>,
    }

    /// How much of a feature may be used in a period.
    struct NewQuota {
        limit: u64,
        #[schemars(extend("enum" = ["day", "month", "total"]))]
        period: String,
        /// What happens at the limit: refuse, allow with a notice, or allow `grace_percent` more. Default: refuse.
        #[schemars(extend("enum" = ["refuse", "warn", "grace"]))]
        at_limit: Option<String>,
        /// How much more is granted with `grace`, in percent of the limit.
        #[serde(default)]
        grace_percent: u32,
    }

    /// A use of a feature.
    struct UseFeature {
        feature: String,
        /// Amount to count. Default: 1.
        amount: Option<u64>,
        /// Idempotency key: the use is counted once within seven days, however often it is sent.
        key: Option<String>,
    }

    /// Another end of a licence.
    struct RenewLicence {
        /// The new end; null for none.
        expires_at: Option<Instant>,
    }

    /// Another status of a licence.
    struct LicenceStatus {
        #[schemars(extend("enum" = ["active", "suspended", "revoked"]))]
        status: String,
    }

    /// Query of the list of licences.
    struct LicencesQuery {
        /// Only licences with this status.
        #[schemars(extend("enum" = ["active", "suspended", "revoked"]))]
        status: Option<String>,
        /// Only licences of this type.
        license_type: Option<String>,
        /// Only licences after that of the tenant with this id.
        after: Option<Id>,
        #[serde(default)]
        limit: Limit,
    }
}

fn quotas(all: licences::Quotas) -> BTreeMap<String, Quota> {
    all.into_iter().map(|(feature, quota)| (feature, quota.into())).collect()
}

impl NewLicence {
    /// Returns the terms.
    ///
    /// # Errors
    /// Returns [`tenantry::Error::Invalid`] for an unknown period or policy.
    pub(crate) fn terms(self) -> tenantry::Result<licences::LicenceTerms> {
        let quota = |(feature, new): (String, NewQuota)| {
            let at_limit = new.at_limit.as_deref().map(licences::AtLimit::parse).transpose()?;
            let period = licences::Period::parse(&new.period)?;
            let (limit, grace_percent) = (new.limit, new.grace_percent);
            let at_limit = at_limit.unwrap_or_default();
            Ok((feature, licences::Quota { limit, period, at_limit, grace_percent }))
        };
        Ok(licences::LicenceTerms {
            license_type: self.license_type,
            starts_at_us: self.starts_at.map(|at| at.0),
            expires_at_us: self.expires_at.map(|at| at.0),
            grace_days: self.grace_days,
            features: self.features,
            limits: self.limits.into(),
            quotas: self.quotas.into_iter().map(quota).collect::<tenantry::Result<_>>()?,
        })
    }
}
