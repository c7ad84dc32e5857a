//! The fleet in figures: tenants by state, plan and subscription, users, and databases by server.
//!
//! The staff pages and the staff API call it. It counts rows of the catalog, and opens no database.

use super::State;
use crate::{Error, Result, control::params, plans, users::count};
use tenantry_engine::{SqlRow, Tx};

/// Counts over the whole installation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    /// Number of tenants in each state, without purged tenants.
    pub states: Vec<(State, u64)>,
    /// Number of tenants on each plan, by the plan's code.
    pub plans: Vec<(String, u64)>,
    /// Number of tenants in each current state of their subscription.
    pub subscriptions: Vec<(plans::State, u64)>,
    /// Number of placements in use on each server: own databases and places in pools.
    pub servers: Vec<(String, u64)>,
    /// Number of accounts that may sign in.
    pub users: u64,
}

impl Figures {
    /// Returns the number of tenants that are not purged.
    pub fn tenants(&self) -> u64 {
        self.states.iter().map(|(_, count)| count).sum()
    }

    /// Returns the number of tenants in this state.
    pub fn in_state(&self, state: State) -> u64 {
        self.states.iter().find(|(known, _)| *known == state).map_or(0, |(_, count)| *count)
    }
}

/// Counts the current rows of the catalog.
pub(super) async fn read(tx: &mut Tx, now_us: i64) -> Result<Figures> {
    let counted = |row: &SqlRow, at| Ok::<_, Error>(u64::try_from(row.integer(at)?).unwrap_or(0));
    let sql = "SELECT state, count(*) FROM tenants WHERE state <> 'gone' GROUP BY state ORDER BY state";
    let states = tx.query(sql, &[]).await?;
    let states = states.iter().map(|row| Ok((State::parse(row.text(0)?)?, counted(row, 1)?)));
    let states = states.collect::<Result<Vec<_>>>()?;
    let sql = "SELECT p.code, count(*) FROM subscriptions s JOIN plans p ON p.id = s.plan \
        JOIN tenants t ON t.id = s.tenant WHERE t.state <> 'gone' GROUP BY p.code ORDER BY p.code";
    let plans = named(tx, sql).await?;
    let sql = "SELECT server, count(*) FROM placements WHERE state IN ('planned', 'ready') \
        GROUP BY server ORDER BY server";
    let servers = named(tx, sql).await?;
    let users = count(tx, "SELECT count(*) FROM users WHERE is_active = 1", &[]).await?;
    let subscriptions = subscriptions(tx, now_us).await?;
    Ok(Figures { states, plans, subscriptions, servers, users: u64::try_from(users).unwrap_or(0) })
}

async fn named(tx: &mut Tx, sql: &str) -> Result<Vec<(String, u64)>> {
    let rows = tx.query(sql, &[]).await?;
    rows.iter()
        .map(|row| Ok((row.text(0)?.to_owned(), u64::try_from(row.integer(1)?).unwrap_or(0))))
        .collect()
}

/// Counts subscriptions by their current state, which follows from the stored state and the end.
async fn subscriptions(tx: &mut Tx, now_us: i64) -> Result<Vec<(plans::State, u64)>> {
    use plans::State::{Active, Cancelled, Expired, PastDue, Trial};
    let sql = "SELECT s.state, CASE WHEN s.ends_at IS NULL THEN 'open' WHEN s.ends_at <= ? THEN 'over' ELSE 'later' END, count(*) \
        FROM subscriptions s JOIN tenants t ON t.id = s.tenant WHERE t.state <> 'gone' GROUP BY 1, 2";
    let mut found = [Trial, Active, PastDue, Cancelled, Expired].map(|state| (state, 0));
    for row in tx.query(sql, params![now_us]).await? {
        let stored = plans::State::parse(row.text(0)?)?;
        let ends_at_us = match row.text(1)? {
            "open" => None,
            "over" => Some(now_us),
            _ => Some(i64::MAX),
        };
        let state = stored.at(ends_at_us, now_us);
        if let Some((_, sum)) = found.iter_mut().find(|(known, _)| *known == state) {
            *sum += u64::try_from(row.integer(2)?).unwrap_or(0);
        }
    }
    Ok(found.into_iter().filter(|(_, sum)| *sum > 0).collect())
}
