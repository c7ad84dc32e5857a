//! Bodies and answers about tenants: their state and databases, plans, copies and moves, removal.

pub(crate) mod across;
pub(crate) mod copies;
pub(crate) mod growth;
pub(crate) mod impact;
pub(crate) mod licence;
pub(crate) mod map;
pub(crate) mod migrations;
pub(crate) mod overview;
pub(crate) mod plan;
pub(crate) mod proof;
pub(crate) mod purge;
pub(crate) mod shared_import;
pub(crate) mod sizes;
pub(crate) mod tenant;
