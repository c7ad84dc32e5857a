//! Stores of the platform, and pools, that stay at their schema version because a migration was refused there.
//!
//! `own_stores` finds them while the platform opens. Requests for them get `migrations_pending`; everything else works.

use crate::{
    Result,
    control::{Control, params},
};
use std::{collections::HashMap, fmt};
use tenantry_engine::{
    RefusedRows,
    name::TenantId,
    place::{Isolation, Place},
};

/// A store of the platform, or a pool, that stays at its schema version because a migration was refused there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Place of the database.
    pub place: Place,
    /// Reason for the refusal. It leaves out the rows of a pool, because they belong to many tenants.
    pub reason: String,
    /// Number of refused rows; 0 if rows are not the reason.
    pub count: u64,
    /// The first refused rows of a pool, and their tenants. Empty for other databases, whose `reason` names the rows.
    pub rows: String,
    /// Slug of the first tenant in `rows`.
    pub tenant: Option<String>,
    /// True if nothing was refused, but the server of a pool does not answer. A server process retries until it does.
    pub is_away: bool,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place: Place { store, server, physical, .. }, reason, rows, .. } = self;
        if self.is_away {
            return write!(f, "store {store} ({server}/{physical}): {reason}");
        }
        write!(f, "store {store} ({server}/{physical}) stays at its schema version: {reason}")?;
        if !rows.is_empty() {
            write!(f, ": {rows}")?;
        }
        write!(f, "; {}", self.remedy())
    }
}

impl Refused {
    /// Describes `error`, with which the migrations of `place` ended for the reason `why`.
    pub(crate) async fn new(
        control: &Control,
        place: &Place,
        why: &str,
        error: &tenantry_engine::Error,
    ) -> Result<Self> {
        let found = RefusedRows::of(error);
        let (mut rows, mut tenant) = (String::new(), None);
        if let Some(found) = found.filter(|found| found.is_pooled()) {
            let slugs = slugs(control, found.ids.keys().flatten()).await?;
            rows = found.text(|id| slugs.get(&id).cloned().unwrap_or_else(|| format!("tenant {id}")));
            tenant = found.ids.keys().flatten().find_map(|id| slugs.get(id).cloned());
        }
        let count = found.map_or(0, |found| found.count);
        Ok(Self { place: place.clone(), reason: why.to_owned(), count, rows, tenant, is_away: false })
    }

    /// Describes a pool that was neither created nor migrated because its server does not answer.
    pub(crate) fn away(place: &Place) -> Self {
        let reason = "its server does not answer; it is created or migrated once it does".to_owned();
        Self { place: place.clone(), reason, count: 0, rows: String::new(), tenant: None, is_away: true }
    }

    fn remedy(&self) -> String {
        let store = &self.place.store;
        let (of, then) = match (self.place.isolation, &self.tenant) {
            (Isolation::Schema | Isolation::Database, _) => (format!("{store} --system"), "migrate system"),
            (Isolation::Pooled, slug) => {
                (format!("{} --store {store}", slug.as_deref().unwrap_or("TENANT")), "migrate tenants")
            }
        };
        let rows = match self.count {
            0 => String::new(),
            _ => format!("correct the rows with: tenantry sql {of} --write \"UPDATE …\", or "),
        };
        format!("{rows}change the migration; then run: tenantry {then}")
    }
}

async fn slugs(
    control: &Control,
    tenants: impl Iterator<Item = &TenantId>,
) -> Result<HashMap<TenantId, String>> {
    let mut tx = control.snapshot().await?;
    let mut slugs = HashMap::new();
    for tenant in tenants {
        let rows = tx.query("SELECT slug FROM tenants WHERE id = ?", params![tenant.get()]).await?;
        if let Some(row) = rows.first() {
            slugs.insert(*tenant, row.text(0)?.to_owned());
        }
    }
    Ok(slugs)
}
