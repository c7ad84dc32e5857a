//! The addresses of users whom lists and logs of the operators' pages name by their labels.

use crate::http::{pages::visit::Oneself, problem::Result};
use std::collections::{BTreeMap, BTreeSet};
use tenantry::{name::UserId, users};

/// Addresses of users by their labels.
pub(super) struct People(BTreeMap<String, String>);

impl People {
    /// Reads the addresses of the users among these labels. The number of queries is that of the users.
    pub(super) async fn of(of: &Oneself, labels: &[&str]) -> Result<Self> {
        let id = |label: &str| label.strip_prefix("user:")?.parse::<i64>().ok();
        let ids: BTreeSet<i64> = labels.iter().copied().filter_map(id).collect();
        let mut known = BTreeMap::new();
        for id in ids {
            let filter =
                users::Filter { after: Some(UserId::from_raw(id - 1)), limit: 1, ..users::Filter::default() };
            let found = of.visit.app.platform().users().list(&of.actor, &filter).await?;
            if let Some(user) = found.into_iter().find(|user| user.id.get() == id) {
                known.insert(format!("user:{id}"), user.email);
            }
        }
        Ok(Self(known))
    }

    /// Returns the address of a user, and any other label unchanged.
    pub(super) fn name(&self, label: &str) -> String {
        self.0.get(label).map_or(label, String::as_str).to_owned()
    }
}
