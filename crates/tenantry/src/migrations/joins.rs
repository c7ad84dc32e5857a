//! Finds databases in which tenants' own SQL cannot join shared data although PostgreSQL could, with the remedy.

use super::placed::{last_tenant, places};
use crate::{Platform, Result};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use tenantry_engine::{name::ServerName, place::Isolation};

/// Number of tenants read from the catalog in one page.
const PAGE: i64 = 1_000;
/// Largest number of databases that a text names.
const NAMED: usize = 10;

impl Platform {
    /// Returns, for each server on which `postgres_fdw` is missing, the databases and the statements that an
    /// administrator must run there. This is not a fault: everything else works without it. Leaves out databases that
    /// cannot be reached; [`Platform::check`] reports those.
    ///
    /// # Errors
    /// Returns the errors of the catalog.
    pub async fn unjoinable(&self) -> Result<Vec<String>> {
        let shared = self.loaded().shared.clone();
        let (last, mut first) = (last_tenant(self.control()).await?, 1);
        let mut found: BTreeMap<(ServerName, String), BTreeSet<String>> = BTreeMap::new();
        let mut homes = HashSet::new();
        while first <= last {
            let end = last.min(first.saturating_add(PAGE - 1));
            let all = places(self.control(), first, end).await?;
            for place in all.into_iter().flat_map(|(_, places)| places) {
                // All schemas of a server are in one database.
                let is_schema = place.isolation == Isolation::Schema;
                if is_schema && !homes.insert(place.server.clone()) {
                    continue;
                }
                match self.0.engine.join_remedy(&place, &shared).await {
                    Ok(Some((database, remedy))) => {
                        found.entry((place.server, remedy)).or_default().insert(database);
                    }
                    Ok(None) => {}
                    Err(error) => tracing::debug!(%error, %place, "not asked for postgres_fdw"),
                }
            }
            first = end + 1;
        }
        Ok(found
            .into_iter()
            .map(|((server, remedy), databases)| said(&server, &remedy, &databases))
            .collect())
    }
}

fn said(server: &ServerName, remedy: &str, databases: &BTreeSet<String>) -> String {
    let more = databases.len().saturating_sub(NAMED);
    let mut named = databases.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    if more > 0 {
        named.push_str(&format!(" and {more} more"));
    }
    format!(
        "tenants' own SQL on server {server} cannot join shared data for want of postgres_fdw; if it should, run as a \
         superuser in {named}: {remedy}"
    )
}
