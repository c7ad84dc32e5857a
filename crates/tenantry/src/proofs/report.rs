//! The report of a proof, as it is stored, digested and shown.

use serde::{Deserialize, Serialize};
use tenantry_engine::{Rule as Inside, name::Slug, place::Place};

/// Largest number of findings, and of places that were not checked, that a report names. The others are only counted.
const NAMED: usize = 200;

/// A rule of isolation that a proof checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// No two placements of the catalog share a file, database or schema.
    Placement,
    /// Every tenant that lives in a pool is placed there by the catalog.
    Resident,
    /// Requests of a tenant are routed to the place that the catalog names, and the place accepts them.
    Routing,
    /// The session of a tenant's member is refused at another tenant, however the request names it.
    Session,
    /// The database carries the tenant, store, generation and installation of the place, and no other.
    Identity,
    /// The place is refused at another generation and for another tenant.
    Refusal,
    /// Every row belongs to a tenant that lives in the database.
    Rows,
    /// Row-level security is on and forced on every table of a pool.
    RowSecurity,
    /// The role of a pool sees no row without a tenant, and only a tenant's rows with it.
    Setting,
    /// The roles of a place have no special rights and are members of no other role.
    Roles,
    /// Only the roles of a place have rights on it, and they have rights on nothing else.
    Rights,
    /// Not every role of a server may connect.
    Connect,
    /// The roles of a place tried to read a neighbour and were refused.
    Neighbour,
}

impl From<Inside> for Rule {
    fn from(rule: Inside) -> Self {
        match rule {
            Inside::Identity => Self::Identity,
            Inside::Refusal => Self::Refusal,
            Inside::Rows => Self::Rows,
            Inside::RowSecurity => Self::RowSecurity,
            Inside::Setting => Self::Setting,
            Inside::Roles => Self::Roles,
            Inside::Rights => Self::Rights,
            Inside::Connect => Self::Connect,
            Inside::Neighbour => Self::Neighbour,
        }
    }
}

impl Rule {
    /// All rules, in the order of a report.
    pub const ALL: [Self; 13] = [
        Self::Placement,
        Self::Resident,
        Self::Routing,
        Self::Session,
        Self::Identity,
        Self::Refusal,
        Self::Rows,
        Self::RowSecurity,
        Self::Setting,
        Self::Roles,
        Self::Rights,
        Self::Connect,
        Self::Neighbour,
    ];

    /// Returns the rule as a sentence.
    pub fn says(self) -> &'static str {
        match self {
            Self::Placement => "No two placements share a file, database or schema",
            Self::Resident => "Every tenant in a pool is placed there",
            Self::Routing => "Requests reach the place that the catalog names",
            Self::Session => "A member's session is refused at another tenant",
            Self::Identity => "Each database says whose it is",
            Self::Refusal => "A stale or swapped place is refused",
            Self::Rows => "Every row belongs to a tenant that lives there",
            Self::RowSecurity => "Row-level security is forced on every table of a pool",
            Self::Setting => "Without a tenant no row is visible",
            Self::Roles => "Roles of tenants have no special rights",
            Self::Rights => "No role has rights on another tenant's place",
            Self::Connect => "Databases are not open to every role",
            Self::Neighbour => "A tenant's role is refused at a neighbour",
        }
    }

    /// Returns what an operator does about a violation.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Placement => {
                "two placements name the same database: suspend both tenants, restore one of them from its backup, and \
                 find out who changed the catalog"
            }
            Self::Resident => "run: tenantry check, which names these rows and what to do about them",
            Self::Routing => "restart the servers, so that they read the catalog again, and prove again",
            Self::Session => {
                "restart the servers, so that they read accounts and members again, and prove again; if it stays, \
                 suspend both tenants and report it"
            }
            Self::Identity => {
                "another database lies at this place: suspend the tenant and run: tenantry restore, with the backup \
                 that you trust"
            }
            Self::Refusal => {
                "do not let tenants in with this version: report it, and start the version before it"
            }
            Self::Rows => {
                "find out what wrote these rows, back the pool up, and remove them with: tenantry sql, or restore the \
                 tenant"
            }
            Self::RowSecurity => {
                "run as the owner of the table: ALTER TABLE … ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY, and \
                 drop policies that the platform did not make"
            }
            Self::Setting => "see the findings about row-level security of this pool, and mend them first",
            Self::Roles => {
                "run as an administrator: ALTER ROLE … without these rights, or REVOKE the membership"
            }
            Self::Rights => "run as the owner: REVOKE ALL ON … FROM the role that is named",
            Self::Connect => "run as the owner of the database: REVOKE CONNECT ON DATABASE … FROM PUBLIC",
            Self::Neighbour => {
                "see the findings about rights; then REVOKE what lets the role in, and prove again"
            }
        }
    }
}

/// A checked rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruled {
    /// The rule.
    pub rule: Rule,
    /// Number of objects that were checked: places, tables, roles.
    pub checked: u64,
    /// Number of violations.
    pub violated: u64,
}

/// A violation of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The violated rule.
    pub rule: Rule,
    /// Short name of the affected tenant; `None` for a pool or server.
    pub tenant: Option<Slug>,
    /// Name of the affected store; empty for a server.
    pub store: String,
    /// Server and database that were checked.
    pub place: String,
    /// Objects that violate the rule.
    pub detail: String,
    /// What an operator does about it.
    pub remedy: String,
}

/// A place that could not be checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unchecked {
    /// Short name of the tenant; `None` for a pool or server.
    pub tenant: Option<Slug>,
    /// Name of the store; empty for a server.
    pub store: String,
    /// Server and database that were not checked.
    pub place: String,
    /// Reason, without private detail.
    pub reason: String,
}

/// Report of a proof.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Name of the installation.
    pub installation: String,
    /// Version of the program that checked.
    pub version: String,
    /// Label of the actor that started the proof.
    pub by: String,
    /// Start of the checks, in microseconds since 1970, UTC.
    pub started_at_us: i64,
    /// End of the checks, in microseconds since 1970, UTC.
    pub ended_at_us: i64,
    /// Short name of the proven tenant; `None` if all were proven.
    pub tenant: Option<Slug>,
    /// Number of tenants whose places were checked.
    pub tenants: u64,
    /// Number of places that were checked.
    pub places: u64,
    /// Number of pools that were checked.
    pub pools: u64,
    /// Number of databases that tenants brought. Only their identity is checked, because their roles are the tenant's.
    pub brought: u64,
    /// Rules, with the number of objects that were checked.
    pub rules: Vec<Ruled>,
    /// Number of violations.
    pub violated: u64,
    /// Violations, at most 200.
    pub findings: Vec<Finding>,
    /// Number of places that could not be checked.
    pub missed: u64,
    /// Places that could not be checked, at most 200.
    pub unchecked: Vec<Unchecked>,
}

/// The subject of a finding: a tenant's place, a pool or a server.
#[derive(Debug, Clone, Default)]
pub(super) struct About {
    pub(super) tenant: Option<Slug>,
    pub(super) store: String,
    pub(super) place: String,
}

impl About {
    /// Returns the subject for a place of the tenant, or for a pool.
    pub(super) fn place(tenant: Option<&Slug>, place: &Place) -> Self {
        Self {
            tenant: tenant.cloned(),
            store: place.store.to_string(),
            place: format!("{}/{}", place.server, place.physical),
        }
    }
}

impl Report {
    /// Returns true if every rule holds wherever it was checked.
    pub fn holds(&self) -> bool {
        self.violated == 0
    }

    /// Records that objects were checked for a rule.
    pub(super) fn check(&mut self, rule: Rule, checked: u64) {
        self.rule(rule).checked += checked;
    }

    /// Records a violation.
    pub(super) fn find(&mut self, rule: Rule, about: &About, detail: impl Into<String>) {
        self.rule(rule).violated += 1;
        self.violated += 1;
        if self.findings.len() < NAMED {
            let About { tenant, store, place } = about.clone();
            let (detail, remedy) = (detail.into(), rule.remedy().into());
            self.findings.push(Finding { rule, tenant, store, place, detail, remedy });
        }
    }

    /// Records a place that could not be checked.
    pub(super) fn miss(&mut self, about: &About, reason: impl Into<String>) {
        self.missed += 1;
        if self.unchecked.len() < NAMED {
            let About { tenant, store, place } = about.clone();
            self.unchecked.push(Unchecked { tenant, store, place, reason: reason.into() });
        }
    }

    /// Takes over what was checked and found inside a database.
    pub(super) fn take(&mut self, about: &About, proof: tenantry_engine::Proof) {
        for (rule, checked) in proof.checked {
            self.check(rule.into(), checked);
        }
        for breach in proof.breaches {
            self.find(breach.rule.into(), about, breach.detail);
        }
    }

    /// Adds what was checked and found at one place.
    pub(super) fn add(&mut self, other: Self) {
        let Self { places, brought, rules, violated, findings, missed, unchecked, .. } = other;
        self.places += places;
        self.brought += brought;
        for Ruled { rule, checked, violated } in rules {
            let sum = self.rule(rule);
            sum.checked += checked;
            sum.violated += violated;
        }
        self.violated += violated;
        self.missed += missed;
        self.findings.extend(findings.into_iter().take(NAMED.saturating_sub(self.findings.len())));
        self.unchecked.extend(unchecked.into_iter().take(NAMED.saturating_sub(self.unchecked.len())));
    }

    fn rule(&mut self, rule: Rule) -> &mut Ruled {
        let at = match self.rules.binary_search_by_key(&rule, |ruled| ruled.rule) {
            Ok(at) => at,
            Err(at) => {
                self.rules.insert(at, Ruled { rule, checked: 0, violated: 0 });
                at
            }
        };
        &mut self.rules[at]
    }
}
