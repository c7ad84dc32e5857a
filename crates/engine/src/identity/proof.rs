//! Results of a proof of isolation: the rules that hold inside a database, and the breaches that were found.
//!
//! Each database checks its own rules (`sqlite/files/proof.rs`, `postgres/places/proof/`, `mongo/places/proof.rs`). A
//! proof only reads, and names objects of the database, never values of rows.

use serde::{Deserialize, Serialize};

/// Largest number of breaches that one proof names.
const NAMED: usize = 20;

/// A rule of isolation that can be checked inside a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// The database carries the tenant, store, generation and installation of the place, and no other place if it is
    /// the tenant's own.
    Identity,
    /// The place at another generation, and for another tenant, is refused.
    Refusal,
    /// Every row belongs to a tenant that lives in the database.
    Rows,
    /// In a pool on PostgreSQL, row-level security is on and forced on every table, with the platform's policies only.
    RowSecurity,
    /// In a pool on PostgreSQL, the role sees no row without a tenant, and only a tenant's rows with it.
    Setting,
    /// On PostgreSQL, the roles of the place have no special rights and are members of no other role.
    Roles,
    /// On PostgreSQL, only the roles of the place have rights on it, and they have rights on nothing else.
    Rights,
    /// On PostgreSQL, not every role of the server may connect.
    Connect,
    /// On PostgreSQL, the roles of the place tried to read a neighbour and were refused.
    Neighbour,
}

/// A violation of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breach {
    /// The violated rule.
    pub rule: Rule,
    /// The objects that violate it, such as a table and a role.
    pub detail: String,
}

/// Result of a proof.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proof {
    /// Checked rules, each with the number of objects that were checked.
    pub checked: Vec<(Rule, u64)>,
    /// Violations of the rules, at most 20.
    pub breaches: Vec<Breach>,
}

impl Proof {
    /// Records that `count` objects were checked for the rule.
    pub(crate) fn check(&mut self, rule: Rule, count: u64) {
        match self.checked.iter_mut().find(|(checked, _)| *checked == rule) {
            Some((_, sum)) => *sum += count,
            None => self.checked.push((rule, count)),
        }
    }

    /// Records a violation of the rule.
    pub(crate) fn breach(&mut self, rule: Rule, detail: impl Into<String>) {
        if self.breaches.len() < NAMED {
            self.breaches.push(Breach { rule, detail: detail.into() });
        }
    }

    /// Records that an object was checked for the rule, and that it violates the rule if `detail` is not `None`.
    pub(crate) fn judge(&mut self, rule: Rule, detail: Option<String>) {
        self.check(rule, 1);
        if let Some(detail) = detail {
            self.breach(rule, detail);
        }
    }
}
