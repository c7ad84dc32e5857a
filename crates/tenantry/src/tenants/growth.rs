//! The fleet week by week: the numbers of created, cancelled and open tenants. Also the present use of each plan.
//!
//! The staff API and pages call it. The weekly numbers come from the audit log, from which no row is ever removed, and
//! are read along its index of actions. Sizes are those of the newest good backups.

use super::Tenants;
use crate::{
    Error, Result,
    access::Actor,
    control::{clock::DAY_US, params},
};
use std::collections::HashSet;
use tenantry_engine::{SqlRow, Tx};

/// Length of a week in microseconds.
const WEEK_US: i64 = 7 * DAY_US;
/// The first Monday of 1970, in microseconds since 1970, UTC.
const MONDAY_US: i64 = 4 * DAY_US;
/// Maximum number of weeks that are counted.
pub const MOST_WEEKS: u32 = 104;

/// The fleet week by week, and the use of each plan.
#[derive(Debug, Clone, Default)]
pub struct Growth {
    /// Weeks, earliest first. The last one is the present week, which has not ended.
    pub weeks: Vec<Week>,
    /// Present use of each plan.
    pub plans: Vec<PlanUse>,
}

/// A week, which begins on Monday in UTC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Week {
    /// Beginning of the week, in microseconds since 1970, UTC.
    pub start_us: i64,
    /// Number of tenants that were created in the week.
    pub created: u64,
    /// Number of cancellations in the week, including those that were revoked later.
    pub cancelled: u64,
    /// Number of tenants that were open at the end of the week: created, and not closed after a cancellation.
    pub open: u64,
}

/// Present use of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanUse {
    /// Code of the plan.
    pub plan: String,
    /// Number of tenants with the plan.
    pub tenants: u64,
    /// Number of members of these tenants.
    pub users: u64,
    /// Total size, in bytes, of the newest good backup of each of these tenants.
    pub bytes: u64,
}

impl Tenants<'_> {
    /// Returns the last weeks of the fleet, and the present use of each plan.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] if the number of weeks is 0 or above [`MOST_WEEKS`], and the errors of the control
    /// store.
    pub async fn growth(&self, actor: &Actor, weeks: u32) -> Result<Growth> {
        actor.require_staff()?;
        if !(1..=MOST_WEEKS).contains(&weeks) {
            return Err(Error::invalid("weeks", format!("a number from 1 to {MOST_WEEKS}")));
        }
        let now_us = self.platform.now_us();
        let mut tx = self.platform.control().snapshot().await?;
        let plans = plans(&mut tx).await?;
        Ok(Growth { weeks: counted(&mut tx, now_us, weeks).await?, plans })
    }
}

/// Returns the number of the week of an instant.
fn week_of(at_us: i64) -> i64 {
    (at_us - MONDAY_US).div_euclid(WEEK_US)
}

async fn counted(tx: &mut Tx, now_us: i64, weeks: u32) -> Result<Vec<Week>> {
    let last = week_of(now_us);
    let first = last - i64::from(weeks) + 1;
    let week = |number: i64| Week { start_us: MONDAY_US + number * WEEK_US, ..Week::default() };
    let mut all: Vec<_> = (first..=last).map(week).collect();
    // A wrong clock may have left rows with a future time. They count for the present week.
    let index = |at_us: i64| usize::try_from((week_of(at_us).min(last) - first).max(0)).unwrap_or(0);
    let (mut before, mut closed) = (0_i64, HashSet::new());
    let mut change = vec![0_i64; all.len()];
    let sql = "SELECT id, at, tenant, action FROM audit \
        WHERE action IN ('tenant.create', 'tenant.cancel', 'tenant.close', 'tenant.keep') AND id > ? ORDER BY id LIMIT ?";
    let mut after = 0;
    loop {
        let rows = tx.query(sql, params![after, PAGE]).await?;
        for row in &rows {
            after = row.integer(0)?;
            let (at_us, tenant, action) = (row.integer(1)?, row.opt_integer(2)?, row.text(3)?);
            let is_earlier = week_of(at_us) < first;
            let at = index(at_us);
            let step = match action {
                "tenant.create" => 1,
                "tenant.close" if closed.insert(tenant) => -1,
                "tenant.keep" if closed.remove(&tenant) => 1,
                _ => 0,
            };
            match action {
                _ if is_earlier => {}
                "tenant.create" => all[at].created += 1,
                "tenant.cancel" => all[at].cancelled += 1,
                _ => {}
            }
            if is_earlier { before += step } else { change[at] += step }
        }
        if rows.len() < usize::try_from(PAGE).unwrap_or(usize::MAX) {
            break;
        }
    }
    for (week, change) in all.iter_mut().zip(change) {
        before += change;
        week.open = u64::try_from(before).unwrap_or(0);
    }
    Ok(all)
}

/// Number of rows of the log that are read at a time.
const PAGE: i64 = 5_000;

async fn plans(tx: &mut Tx) -> Result<Vec<PlanUse>> {
    let sql = "SELECT p.code, count(*), \
        CAST(sum((SELECT count(*) FROM memberships m WHERE m.tenant = t.id)) AS bigint), \
        CAST(sum(coalesce((SELECT b.bytes FROM backups b WHERE b.tenant = t.id AND b.state = 'good' ORDER BY b.at DESC LIMIT 1), 0)) AS bigint) \
        FROM subscriptions s JOIN plans p ON p.id = s.plan JOIN tenants t ON t.id = s.tenant \
        WHERE t.state <> 'gone' GROUP BY p.code ORDER BY p.code";
    let number = |row: &SqlRow, at| Ok::<_, Error>(u64::try_from(row.integer(at)?).unwrap_or(0));
    let read = |row: &SqlRow| {
        Ok(PlanUse {
            plan: row.text(0)?.to_owned(),
            tenants: number(row, 1)?,
            users: number(row, 2)?,
            bytes: number(row, 3)?,
        })
    };
    tx.query(sql, &[]).await?.iter().map(read).collect()
}
