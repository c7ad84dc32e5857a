//! Counts uses in one transaction of the control store, and removes old counts.

use super::periods::{Periods, index};
use crate::{
    Error, Result,
    control::{Control, Write, clock::DAY_US, params},
    licences::Quota,
};
use std::collections::{BTreeMap, HashMap};
use tenantry_engine::{Tx, name::TenantId};

/// Number of days for which counts by day and month are retained.
const COUNTS_DAYS: i64 = 400;
/// Number of days for which an idempotency key is remembered.
const KEYS_DAYS: i64 = 7;

/// A use that a caller wants to be counted.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) tenant: TenantId,
    pub(super) feature: String,
    pub(super) amount: u64,
    /// Idempotency key: the same use is counted once, however often it is sent.
    pub(super) key: Option<String>,
    pub(super) quota: Option<Quota>,
}

/// Uses by day, month and in total.
pub(super) type Counts = [u64; 3];

/// What became of an ask.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counted {
    /// Uses with this one.
    pub(super) counts: Counts,
    /// True if an earlier request with the same key was counted, and this one was not.
    pub(super) is_repeated: bool,
}

/// Counts of one feature of one tenant during a batch.
struct Running {
    counts: Counts,
    added: u64,
}

/// A batch of asks in one transaction.
struct Batch {
    write: Write,
    periods: Periods,
    running: HashMap<(TenantId, String), Option<Running>>,
}

/// Decides and counts all asks in one commit. An ask is answered only after the commit.
pub(super) async fn count(control: &Control, asks: &[Ask]) -> Result<Vec<Result<Counted>>> {
    let write = control.begin().await?;
    // The time is read under the lock of the store, and no jump of the system clock moves it.
    let periods = Periods::at(control.clock().right_ends_us());
    let mut batch = Batch { write, periods, running: HashMap::new() };
    let mut answers = Vec::with_capacity(asks.len());
    for ask in asks {
        answers.push(batch.one(ask).await?);
    }
    batch.finish().await?;
    Ok(answers)
}

impl Batch {
    /// Decides one ask. The outer error ends the batch; the inner one is the answer to this ask.
    async fn one(&mut self, ask: &Ask) -> Result<Result<Counted>> {
        let at = (ask.tenant, ask.feature.clone());
        if !self.running.contains_key(&at) {
            let found = self.load(ask).await?;
            self.running.insert(at.clone(), found);
        }
        let Some(Some(running)) = self.running.get_mut(&at) else {
            return Ok(Err(Error::NotFound("tenant")));
        };
        if let Some(key) = &ask.key {
            let sql = "SELECT feature, amount FROM usage_keys WHERE tenant = ? AND request_key = ?";
            let rows = self.write.query(sql, params![ask.tenant.get(), key.as_str()]).await?;
            if let Some(row) = rows.first() {
                let is_same = row.text(0)? == ask.feature && row.integer(1)? == stored(ask.amount);
                return Ok(match is_same {
                    true => Ok(Counted { counts: running.counts, is_repeated: true }),
                    false => Err(Error::Conflict("the key was sent with another use: send a new key".into())),
                });
            }
        }
        if let Some(quota) = ask.quota
            && !quota.grants(running.counts[index(quota.period)], ask.amount)
        {
            return Ok(Err(self.periods.reached(&ask.feature, &quota)));
        }
        for count in &mut running.counts {
            *count = count.saturating_add(ask.amount);
        }
        running.added = running.added.saturating_add(ask.amount);
        let counted = Counted { counts: running.counts, is_repeated: false };
        if let Some(key) = &ask.key {
            let sql =
                "INSERT INTO usage_keys (tenant, request_key, feature, amount, at) VALUES (?, ?, ?, ?, ?)";
            let at_us = self.write.retain_from_us();
            let values =
                params![ask.tenant.get(), key.as_str(), ask.feature.as_str(), stored(ask.amount), at_us];
            self.write.execute(sql, values).await?;
        }
        Ok(Ok(counted))
    }

    /// Returns the stored counts, or `None` if the tenant is purged.
    async fn load(&mut self, ask: &Ask) -> Result<Option<Running>> {
        let sql = "SELECT 1 FROM tenants WHERE id = ? AND state NOT IN ('purging', 'gone')";
        if self.write.query(sql, params![ask.tenant.get()]).await?.is_empty() {
            return Ok(None);
        }
        let counts = of_feature(&mut self.write, ask.tenant, &ask.feature, &self.periods).await?;
        Ok(Some(Running { counts, added: 0 }))
    }

    async fn finish(mut self) -> Result<()> {
        let sql = "INSERT INTO usage_counts (tenant, feature, period, used) VALUES (?, ?, ?, ?) \
            ON CONFLICT (tenant, feature, period) DO UPDATE SET used = usage_counts.used + excluded.used";
        let mut is_changed = false;
        for ((tenant, feature), running) in &self.running {
            let Some(running) = running.as_ref().filter(|running| running.added > 0) else { continue };
            is_changed = true;
            for period in &self.periods.names {
                let values = params![tenant.get(), feature.as_str(), period.as_str(), stored(running.added)];
                self.write.execute(sql, values).await?;
            }
        }
        match is_changed {
            true => self.write.commit_unaudited().await,
            false => self.write.roll_back().await,
        }
    }
}

fn stored(amount: u64) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}

async fn of_feature(tx: &mut Tx, tenant: TenantId, feature: &str, periods: &Periods) -> Result<Counts> {
    let sql =
        "SELECT period, used FROM usage_counts WHERE tenant = ? AND feature = ? AND period IN (?, ?, ?)";
    let [day, month, total] = &periods.names;
    let values = params![tenant.get(), feature, day.as_str(), month.as_str(), total.as_str()];
    let mut counts = Counts::default();
    for row in tx.query(sql, values).await? {
        if let Some(at) = periods.names.iter().position(|name| row.text(0).is_ok_and(|text| text == name)) {
            counts[at] = u64::try_from(row.integer(1)?).unwrap_or(0);
        }
    }
    Ok(counts)
}

/// Returns the counts of all features that a tenant has used.
pub(super) async fn of_tenant(
    tx: &mut Tx,
    tenant: TenantId,
    periods: &Periods,
) -> Result<BTreeMap<String, Counts>> {
    let sql = "SELECT feature, period, used FROM usage_counts WHERE tenant = ? AND period IN (?, ?, ?)";
    let [day, month, total] = &periods.names;
    let values = params![tenant.get(), day.as_str(), month.as_str(), total.as_str()];
    let mut all = BTreeMap::<String, Counts>::new();
    for row in tx.query(sql, values).await? {
        let counts = all.entry(row.text(0)?.to_owned()).or_default();
        let period = row.text(1)?;
        if let Some(at) = periods.names.iter().position(|name| name == period) {
            counts[at] = u64::try_from(row.integer(2)?).unwrap_or(0);
        }
    }
    Ok(all)
}

/// Removes up to `most` old counts, and up to `most` old idempotency keys.
pub(crate) async fn forget(control: &Control, most: u32) -> Result<()> {
    let due_us = control.due_us();
    let day = Periods::at(due_us - COUNTS_DAYS * DAY_US).names[0].clone();
    let keys_us = due_us - KEYS_DAYS * DAY_US;
    let old = "SELECT (SELECT count(*) FROM (SELECT 1 FROM usage_counts WHERE period < ? LIMIT 1) AS c) \
        + (SELECT count(*) FROM (SELECT 1 FROM usage_keys WHERE at < ? LIMIT 1) AS k)";
    let rows = control.snapshot().await?.query(old, params![day.as_str(), keys_us]).await?;
    if rows.first().map_or(Ok(0), |row| row.integer(0))? == 0 {
        return Ok(());
    }
    let mut write = control.begin().await?;
    let counts = "DELETE FROM usage_counts WHERE (tenant, feature, period) IN \
        (SELECT tenant, feature, period FROM usage_counts WHERE period < ? LIMIT ?)";
    write.execute(counts, params![day.as_str(), i64::from(most)]).await?;
    let keys = "DELETE FROM usage_keys WHERE (tenant, request_key) IN \
        (SELECT tenant, request_key FROM usage_keys WHERE at < ? LIMIT ?)";
    write.execute(keys, params![keys_us, i64::from(most)]).await?;
    write.commit_unaudited().await
}
