//! Sizes of tenants' databases, day by day.
//!
//! A background pass notes them once a day; staff and the tenant itself read them. A size that has not changed is noted
//! again only after [`AGAIN`] days, so that idle tenants take little room in the catalog.

use super::{OwnTenant, Tenants, by_slug};
use crate::{
    Error, Result,
    access::Actor,
    control::{Control, clock::DAY_US, params},
};
use std::collections::BTreeMap;
use tenantry_engine::{
    SqlRow, Tx,
    name::{Slug, StoreName, TenantId},
};

/// Days after which an unchanged size is noted again.
const AGAIN: i64 = 30;
/// Days for which sizes are kept.
pub const KEPT_DAYS: u32 = 730;
/// Number of tenants that are listed as the fastest growing ones.
const FASTEST: i64 = 20;

/// The size on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SizePoint {
    /// Beginning of the day, in microseconds since 1970, UTC.
    pub day_us: i64,
    /// Size in bytes: of databases and schemas on disk; of tenants in a pool, their values.
    pub bytes: u64,
}

/// The sizes of a store, earliest first. The size of a day without a point is that of the point before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SizesOfStore {
    /// Name of the store.
    pub store: String,
    /// The points of the period, and the last one before it, dated at its beginning.
    pub points: Vec<SizePoint>,
}

/// A tenant whose database grew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grown {
    /// Slug of the tenant.
    pub slug: String,
    /// Name of the store.
    pub store: String,
    /// Bytes by which it grew in the period.
    pub grown: u64,
    /// Latest size in bytes.
    pub bytes: u64,
}

/// The sizes of all tenants' databases together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SizesOfAll {
    /// The stores of tenants.
    pub stores: Vec<SizesOfStore>,
    /// The databases that grew most, the fastest first.
    pub fastest: Vec<Grown>,
}

impl Tenants<'_> {
    /// Returns the sizes of all tenants' databases together in the last days, and the databases that grew most.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] unless the actor is staff, and [`Error::Invalid`] if the number of days is 0 or above
    /// [`KEPT_DAYS`].
    pub async fn sizes_of_all(&self, actor: &Actor, days: u32) -> Result<SizesOfAll> {
        actor.require_staff()?;
        let first = first_day(self.platform.control(), days)?;
        let mut tx = self.platform.control().snapshot().await?;
        let stores = points(&mut tx, 0, first).await?;
        Ok(SizesOfAll { stores, fastest: fastest(&mut tx, first).await? })
    }

    /// Returns the sizes of a tenant's databases in the last days.
    ///
    /// # Errors
    /// Returns the errors of [`Tenants::sizes_of_all`], and [`Error::NotFound`] if there is no such tenant.
    pub async fn sizes(&self, actor: &Actor, slug: &Slug, days: u32) -> Result<Vec<SizesOfStore>> {
        actor.require_staff()?;
        let first = first_day(self.platform.control(), days)?;
        let mut tx = self.platform.control().snapshot().await?;
        let id = by_slug(&mut tx, slug).await?.id;
        points(&mut tx, id.get(), first).await
    }
}

impl OwnTenant<'_> {
    /// Returns the sizes of the tenant's databases in the last days.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] if the number of days is 0 or above [`KEPT_DAYS`].
    pub async fn sizes(&self, days: u32) -> Result<Vec<SizesOfStore>> {
        let first = first_day(self.platform.control(), days)?;
        let mut tx = self.platform.control().snapshot().await?;
        points(&mut tx, self.tenant.id().get(), first).await
    }
}

fn first_day(control: &Control, days: u32) -> Result<i64> {
    match (1..=KEPT_DAYS).contains(&days) {
        true => Ok(control.due_us().div_euclid(DAY_US) - i64::from(days) + 1),
        false => Err(Error::invalid("days", format!("a number from 1 to {KEPT_DAYS}"))),
    }
}

fn unsigned(row: &SqlRow, at: usize) -> Result<u64> {
    Ok(u64::try_from(row.integer(at)?).unwrap_or(0))
}

async fn points(tx: &mut Tx, tenant: i64, first: i64) -> Result<Vec<SizesOfStore>> {
    let sql = "SELECT store, day, bytes FROM sizes WHERE tenant = ? ORDER BY store, day";
    let mut stores = BTreeMap::<String, Vec<SizePoint>>::new();
    for row in &tx.query(sql, params![tenant]).await? {
        let point = SizePoint { day_us: row.integer(1)?.max(first) * DAY_US, bytes: unsigned(row, 2)? };
        let points = stores.entry(row.text(0)?.to_owned()).or_default();
        // Of the points up to the first day only the last one counts.
        if points.last().is_some_and(|last| last.day_us == point.day_us) {
            points.pop();
        }
        points.push(point);
    }
    Ok(stores.into_iter().map(|(store, points)| SizesOfStore { store, points }).collect())
}

async fn fastest(tx: &mut Tx, first: i64) -> Result<Vec<Grown>> {
    let sql = "SELECT t.slug, g.store, g.grown, \
          (SELECT s.bytes FROM sizes s WHERE s.tenant = g.tenant AND s.store = g.store ORDER BY s.day DESC LIMIT 1) \
        FROM (SELECT tenant, store, CAST(sum(grown) AS bigint) AS grown FROM sizes WHERE day >= ? AND tenant > 0 \
              GROUP BY tenant, store HAVING sum(grown) > 0 ORDER BY 3 DESC, 1, 2 LIMIT ?) AS g \
        JOIN tenants t ON t.id = g.tenant ORDER BY g.grown DESC, t.slug, g.store";
    let rows = tx.query(sql, params![first, FASTEST]).await?;
    let read = |row: &SqlRow| {
        let (slug, store) = (row.text(0)?.to_owned(), row.text(1)?.to_owned());
        Ok(Grown { slug, store, grown: unsigned(row, 2)?, bytes: unsigned(row, 3)? })
    };
    rows.iter().map(read).collect()
}

/// Returns the latest size of a database, and its day.
async fn latest(tx: &mut Tx, tenant: i64, store: &str) -> Result<Option<(i64, i64)>> {
    let sql = "SELECT bytes, day FROM sizes WHERE tenant = ? AND store = ? ORDER BY day DESC LIMIT 1";
    let rows = tx.query(sql, params![tenant, store]).await?;
    rows.first().map(|row| Ok((row.integer(0)?, row.integer(1)?))).transpose()
}

async fn put(tx: &mut Tx, (tenant, store): (i64, &str), day: i64, bytes: i64) -> Result<()> {
    let grown = bytes - latest(tx, tenant, store).await?.map_or(bytes, |(before, _)| before);
    let sql = "INSERT INTO sizes (tenant, store, day, bytes, grown) VALUES (?, ?, ?, ?, ?) \
        ON CONFLICT (tenant, store, day) DO UPDATE SET bytes = excluded.bytes, grown = sizes.grown + excluded.grown";
    tx.execute(sql, params![tenant, store, day, bytes, grown]).await?;
    Ok(())
}

/// Notes the sizes that were measured on a day, as far as they have changed.
///
/// # Errors
/// Returns the errors of the control store.
pub(crate) async fn note(control: &Control, day: i64, measured: &[(TenantId, StoreName, u64)]) -> Result<()> {
    let mut tx = control.snapshot().await?;
    let mut changed = vec![];
    for (tenant, store, bytes) in measured {
        let bytes = i64::try_from(*bytes).unwrap_or(i64::MAX);
        let latest = latest(&mut tx, tenant.get(), store.as_str()).await?;
        if latest.is_none_or(|(before, at)| before != bytes || at <= day - AGAIN) {
            changed.push(((tenant.get(), store.as_str()), bytes));
        }
    }
    drop(tx);
    if changed.is_empty() {
        return Ok(());
    }
    let mut write = control.begin().await?;
    for (of, bytes) in changed {
        put(&mut write, of, day, bytes).await?;
    }
    write.commit_unaudited().await
}

/// Notes the sum of the latest sizes in each store, and removes sizes that are too old.
///
/// # Errors
/// Returns the errors of the control store.
pub(crate) async fn sum_up(control: &Control, day: i64) -> Result<()> {
    let mut tx = control.snapshot().await?;
    let sql = "SELECT store, CAST(sum(bytes) AS bigint) FROM (SELECT p.store, coalesce((SELECT s.bytes FROM sizes s \
          WHERE s.tenant = p.tenant AND s.store = p.store ORDER BY s.day DESC LIMIT 1), 0) AS bytes \
        FROM placements p WHERE p.state = 'ready' AND p.tenant > 0) AS latest GROUP BY store";
    let sums = tx.query(sql, params![]).await?;
    drop(tx);
    let mut write = control.begin().await?;
    for row in &sums {
        put(&mut write, (0, row.text(0)?), day, row.integer(1)?).await?;
    }
    let kept = day - i64::from(KEPT_DAYS) - AGAIN;
    write.execute("DELETE FROM sizes WHERE day < ?", params![kept]).await?;
    write.commit_unaudited().await
}
