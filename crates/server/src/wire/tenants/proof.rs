//! Bodies and answers about proofs of isolation.

use crate::wire::{AsText, Instant, Slug};
use tenantry::proofs::{self, Finding, Kept, Listed, Rule, Ruled, Unchecked};

requests! {
    /// What a proof checks, and how fast. Everything may be left out.
    struct ProofForm {
        /// Only this tenant, its pools and its servers.
        tenant: Option<Slug>,
        /// Number of places that are checked at the same time, from 1 to 16; 2 by default.
        parallel: Option<usize>,
        /// Largest number of places that are begun in a second, from 1 to 1000; 100 by default.
        per_second: Option<u32>,
    }

    /// Query of the list of proofs.
    struct ProofsQuery {
        /// Only proofs that this tenant is part of.
        tenant: Option<Slug>,
    }
}

impl From<&ProofForm> for proofs::ProofOptions {
    fn from(form: &ProofForm) -> Self {
        let usual = Self::default();
        Self {
            parallel: form.parallel.unwrap_or(usual.parallel),
            per_second: form.per_second.unwrap_or(usual.per_second),
        }
    }
}

answers! {
    /// A stored proof of isolation.
    struct ProofListed from listed: Listed {
        id: i64 = listed.id,
        /// End of the proof.
        at: Instant = Instant(listed.at_us),
        /// Slug of the proven tenant. Null: all were proven.
        tenant: Option<String> = listed.tenant,
        /// The account, key or program that started the proof.
        by: String = listed.by,
        /// Number of violations.
        findings: u64 = listed.findings,
        /// Number of places that could not be checked.
        unchecked: u64 = listed.unchecked,
        /// BLAKE3 of the report, in hex.
        digest: String = listed.digest,
        /// Id of the row of the audit log with the digest.
        audit: i64 = listed.audit,
    }

    /// A proof of isolation: what was checked, what was found, and what was not checked.
    struct Proof from kept: Kept {
        id: i64 = kept.listed.id,
        installation: String = kept.report.installation,
        /// Version of the program that checked.
        version: String = kept.report.version,
        /// The account, key or program that started the proof.
        by: String = kept.report.by,
        started_at: Instant = Instant(kept.report.started_at_us),
        ended_at: Instant = Instant(kept.report.ended_at_us),
        /// Slug of the proven tenant. Null: all were proven.
        tenant: Option<String> = kept.report.tenant.map(|slug| slug.to_string()),
        /// Number of tenants whose places were checked.
        tenants: u64 = kept.report.tenants,
        /// Number of places that were checked.
        places: u64 = kept.report.places,
        /// Number of pools that were checked.
        pools: u64 = kept.report.pools,
        /// Number of databases that tenants brought, of which only the identity is checked.
        brought: u64 = kept.report.brought,
        rules: Vec<ProofRule> = kept.report.rules.into_iter().map(ProofRule::from).collect(),
        /// Number of violations.
        violated: u64 = kept.report.violated,
        /// Violations, at most 200.
        findings: Vec<ProofFinding> = kept.report.findings.into_iter().map(ProofFinding::from).collect(),
        /// Number of places that could not be checked.
        missed: u64 = kept.report.missed,
        /// Places that could not be checked, at most 200.
        unchecked: Vec<ProofUnchecked> = kept.report.unchecked.into_iter().map(ProofUnchecked::from).collect(),
        /// BLAKE3 of the report, in hex.
        digest: String = kept.listed.digest,
        /// Id of the row of the audit log with the digest.
        audit: i64 = kept.listed.audit,
        /// True if the stored report has the digest that the audit log has.
        verified: bool = kept.verified,
    }

    /// A rule that was checked.
    struct ProofRule from ruled: Ruled {
        rule: AsText<Rule> = AsText(ruled.rule),
        /// The rule as a sentence.
        says: &'static str = ruled.rule.says(),
        /// Number of places, tables or roles that were checked.
        checked: u64 = ruled.checked,
        violated: u64 = ruled.violated,
    }

    /// A violation of a rule.
    struct ProofFinding from finding: Finding {
        rule: AsText<Rule> = AsText(finding.rule),
        /// Slug of the affected tenant. Null: a pool or a server.
        tenant: Option<String> = finding.tenant.map(|slug| slug.to_string()),
        store: String = finding.store,
        /// Server and database.
        place: String = finding.place,
        /// Objects that violate the rule.
        detail: String = finding.detail,
        remedy: String = finding.remedy,
    }

    /// A place that could not be checked.
    struct ProofUnchecked from unchecked: Unchecked {
        /// Slug of the tenant. Null: a pool or a server.
        tenant: Option<String> = unchecked.tenant.map(|slug| slug.to_string()),
        store: String = unchecked.store,
        /// Server and database.
        place: String = unchecked.place,
        reason: String = unchecked.reason,
    }
}
