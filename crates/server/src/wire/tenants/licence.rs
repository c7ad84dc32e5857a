//! Bodies and answers about licences.

use crate::wire::{
    AsText, Id, Instant, Limit,
    plan::{Limits, PlanLimits},
};
use std::collections::BTreeSet;
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
        /// Id of the key that was issued last.
        key_id: String = of.0.key_id,
        issued_at: Instant = Instant(of.0.issued_at_us),
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

impl From<NewLicence> for licences::LicenceTerms {
    fn from(new: NewLicence) -> Self {
        Self {
            license_type: new.license_type,
            starts_at_us: new.starts_at.map(|at| at.0),
            expires_at_us: new.expires_at.map(|at| at.0),
            grace_days: new.grace_days,
            features: new.features,
            limits: new.limits.into(),
        }
    }
}
