//! Rows that made a database refuse a migration. The error of the migration carries them.

use crate::{error::Error, name::TenantId};
use std::{collections::BTreeMap, fmt};

/// Maximum number of rows that a message names.
pub(crate) const NAMED_MAX: usize = 20;

/// The first rows that a migration refused. Rows of a pool belong to many tenants, so only operators may see them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RefusedRows {
    /// Ids of the rows by tenant. The tenant is `None` if the database has no tenant column.
    pub ids: BTreeMap<Option<TenantId>, Vec<String>>,
    /// Whether there are more rows than these.
    pub more: bool,
    /// Number of all refused rows, or of refused values that occur in several rows.
    pub count: u64,
}

impl RefusedRows {
    /// Returns the rows that an error of a migration carries.
    pub fn of(error: &Error) -> Option<&Self> {
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            if let Some(rows) = cause.downcast_ref() {
                return Some(rows);
            }
            source = cause.source();
        }
        None
    }

    /// Lists the rows, and their tenants with the names that `name` returns.
    pub fn text(&self, name: impl Fn(TenantId) -> String) -> String {
        let each = self.ids.iter().map(|(tenant, ids)| {
            let rows = format!("{} {}", if ids.len() == 1 { "row" } else { "rows" }, ids.join(", "));
            match tenant {
                Some(tenant) => format!("{rows} of {}", name(*tenant)),
                None => rows,
            }
        });
        let more = if self.more { ", and more" } else { "" };
        format!("{}{more}", each.collect::<Vec<_>>().join("; "))
    }

    /// Returns the ids as text for the reason of a refusal in a tenant's own database or in a shared store. Empty for a
    /// pool, because each of its tenants reads the reason.
    pub(crate) fn own(&self) -> String {
        match self.ids.get(&None) {
            Some(ids) => format!(" (id {}{})", ids.join(", "), if self.more { ", …" } else { "" }),
            None => String::new(),
        }
    }

    /// Returns true if the rows belong to tenants of a pool.
    pub fn is_pooled(&self) -> bool {
        self.ids.keys().any(Option::is_some)
    }
}

impl fmt::Display for RefusedRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(|tenant| format!("tenant {tenant}")))
    }
}

impl std::error::Error for RefusedRows {}
