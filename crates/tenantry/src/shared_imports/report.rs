//! What an import found and did: counts, and the first of everything that needs a person. It has ids of documents and names of
//! fields, never values.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Number of entries that each list names. The others are only counted.
pub(super) const TOLD: usize = 100;
/// Number of organisations that the outcome names.
const ORGANISATIONS: usize = 1000;

/// What an import found in the source, and what it wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Number of documents of each collection of shared rows.
    pub shared: BTreeMap<String, u64>,
    /// BLAKE3 of the shared rows, of the source and of what was written, once they were compared.
    pub shared_digests: Option<(String, String)>,
    /// Number of shared documents that cannot become rows.
    pub shared_faulty: u64,
    /// The organisations of the source, by id.
    pub organisations: Vec<Organisation>,
    /// Collections that the mapping does not name.
    pub unmapped: Vec<Unmapped>,
    /// Fields that neither the model nor the mapping has.
    pub unknown_fields: Vec<UnknownField>,
    /// Documents that cannot become rows, at most 100.
    pub faults: Vec<Fault>,
    /// Number of documents that cannot become rows.
    pub faulty: u64,
    /// Number of those that would become rows of the shared store or of a known tenant, or that name no organisation.
    pub blocking: u64,
    /// Documents that a database refused although the survey found nothing wrong, at most 100.
    pub refused: Vec<Fault>,
    /// Differences between the source and the rows at the end, at most 100.
    pub differences: Vec<Difference>,
    /// Number of differences.
    pub different: u64,
    /// Number of rows that equal their documents.
    pub verified: u64,
    /// Number of rows that were changed here after they had been imported. They are not compared.
    pub changed_here: u64,
}

/// An organisation of the source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organisation {
    /// Id in the source.
    pub id: String,
    /// Slug of its tenant; `None` if no tenant can have it.
    pub slug: Option<String>,
    /// Id of its tenant; `None` for an unknown organisation.
    pub tenant: Option<i64>,
    /// Number of documents of each collection.
    pub documents: BTreeMap<String, u64>,
    /// Number of documents that cannot become rows.
    pub faulty: u64,
    /// Reason why the import of this organisation stopped.
    pub stopped: Option<String>,
    /// Number of rows that equal their documents.
    pub verified: u64,
    /// BLAKE3 of the organisation's rows in the source and here, once they were compared.
    pub digests: Option<(String, String)>,
}

/// A collection that the mapping does not name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unmapped {
    /// Database of the source.
    pub database: String,
    /// Name of the collection.
    pub collection: String,
    /// True if the run is refused until the mapping names it.
    pub refuses: bool,
}

/// A field that neither the model nor the mapping has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnknownField {
    /// Name of the collection.
    pub collection: String,
    /// Name of the field.
    pub field: String,
    /// Number of documents that have it.
    pub documents: u64,
}

/// A document that cannot become a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Name of the collection.
    pub collection: String,
    /// Id of the organisation.
    pub organisation: Option<String>,
    /// Id of the document.
    pub document: String,
    /// Field with the refused value.
    pub field: String,
    /// Reason of the refusal.
    pub reason: String,
}

/// A difference between the source and the rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Name of the collection.
    pub collection: String,
    /// Id of the organisation.
    pub organisation: Option<String>,
    /// Id of the document.
    pub document: String,
    /// What differs.
    pub what: String,
}

impl Report {
    /// Notes a document that cannot become a row.
    pub(super) fn fault(&mut self, fault: Fault) {
        self.faulty += 1;
        if self.faults.len() < TOLD {
            self.faults.push(fault);
        }
    }

    /// Notes a document that a database refused. The comparison counts it among the differences.
    pub(super) fn refuse(&mut self, fault: Fault) {
        if self.refused.len() < TOLD {
            self.refused.push(fault);
        }
    }

    /// Notes a difference.
    pub(super) fn difference(&mut self, difference: Difference) {
        self.different += 1;
        if self.differences.len() < TOLD {
            self.differences.push(difference);
        }
    }

    /// Returns the organisations that are tenants.
    pub(super) fn known(&self) -> impl Iterator<Item = &Organisation> {
        self.organisations.iter().filter(|organisation| organisation.tenant.is_some())
    }

    /// Returns true if every document of a known organisation is a row that equals it.
    pub fn is_complete(&self) -> bool {
        let stopped = self.organisations.iter().any(|organisation| organisation.stopped.is_some());
        !stopped && self.different == 0
    }

    /// Returns true if a run would not be refused.
    pub fn permits(&self) -> bool {
        let refused = self.unmapped.iter().any(|unmapped| unmapped.refuses);
        !refused && self.unknown_fields.is_empty() && self.blocking == 0
    }

    /// Returns the report as it is stored, with at most 1,000 organisations.
    pub(super) fn shown(&self) -> serde_json::Value {
        let mut shown = self.clone();
        let all = shown.organisations.len();
        shown.organisations.truncate(ORGANISATIONS);
        let unknown = self.organisations.iter().filter(|one| one.tenant.is_none()).count();
        let mut json = serde_json::to_value(shown).unwrap_or_default();
        json["organisations_total"] = all.into();
        json["unknown_organisations"] = unknown.into();
        json
    }
}
