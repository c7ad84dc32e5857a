//! Queries and answers about the tenants that would notice a change of a shared record.

use crate::wire::{AsText, Id, Limit};
use tenantry::{
    name::{self, FieldName, ModelName},
    records,
};

requests! {
    /// Query of the tenants that would notice a change of a shared record.
    struct ImpactQuery {
        /// Cursor `next` of the previous page.
        after: Option<Id>,
        /// Largest number of tenants in the answer, at most 200.
        #[serde(default)]
        limit: Limit,
        /// Largest number of databases that are opened for the answer, at most 200, which is the default. A pool counts
        /// once.
        databases: Option<u16>,
    }
}

answers! {
    /// A page of the tenants that would notice a change of a shared record. Computing a page takes at most a few
    /// seconds and opens at most 200 databases, so a page may have fewer tenants than requested.
    struct Impact from impact: records::Impact {
        tenants: Vec<Noticing> = impact.noticing.into_iter().map(Noticing::from).collect(),
        /// Number of tenants that answered for this page.
        asked: u64 = impact.asked,
        /// Tenants that could not be asked, so it is not known whether they would notice.
        unasked: Vec<Unasked> = impact.unasked.into_iter().map(Unasked::from).collect(),
        /// Cursor of the next page; null if there is none.
        next: Option<String> = impact.next.map(|id| id.to_string()),
        /// Number of tenants after this page that have not been asked.
        left: u64 = impact.left,
    }

    /// A tenant that would notice the change.
    struct Noticing from noticing: records::Noticing {
        /// Id of the tenant.
        tenant: i64 = noticing.tenant.get(),
        slug: AsText<name::Slug> = AsText(noticing.slug),
        name: String = noticing.name,
        /// Rows of the tenant that refer to the record. They prevent the record from being deleted.
        references: Vec<References> = noticing.references.into_iter().map(References::from).collect(),
        /// Fields for which the tenant has its own values, so that it does not see a change of them.
        own: Vec<AsText<FieldName>> = noticing.own.into_iter().map(AsText).collect(),
    }

    /// Rows of one model that refer to the record.
    struct References from of: (ModelName, FieldName, u64) {
        model: AsText<ModelName> = AsText(of.0),
        field: AsText<FieldName> = AsText(of.1),
        count: u64 = of.2,
    }

    /// A tenant that could not be asked.
    struct Unasked from unasked: records::Unasked {
        /// Id of the tenant.
        tenant: i64 = unasked.tenant.get(),
        slug: String = unasked.slug,
        reason: String = unasked.why,
    }
}
