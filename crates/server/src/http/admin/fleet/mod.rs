//! Staff handlers for the fleet as a whole: overview, monitoring, sizes, processes, database servers, migrations, proofs of
//! isolation, attached databases, imports of shared databases, and aggregates over the rows of all tenants.

pub(super) mod across;
pub(super) mod attachments;
pub(super) mod migrations;
pub(super) mod monitoring;
pub(super) mod nodes;
pub(super) mod overview;
pub(super) mod proofs;
pub(super) mod servers;
pub(super) mod shared_imports;
pub(super) mod sizes;
