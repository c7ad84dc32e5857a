//! What a proof reads from the catalog: shared places, pools, servers, neighbours, and the tenants page by page.

use crate::{
    Result,
    control::{Control, params},
    topology::placement,
};
use std::collections::HashSet;
use tenantry_engine::{
    SqlRow,
    name::{PhysicalName, ServerName, Slug, StoreName, TenantId, UserId},
    place::{Isolation, Place},
};

/// Number of tenants in one page.
pub(super) const PAGE: u32 = 256;
/// Number of placements of a server among which neighbours are looked for.
const SEARCHED: i64 = 200;
/// Number of neighbours of a server. Two would do, but each may be the place that is proven.
const NEIGHBOURS: usize = 4;

/// Returns the next tenants with databases, in order of id.
pub(super) async fn tenants(control: &Control, after: i64) -> Result<Vec<(TenantId, Slug)>> {
    let sql = "SELECT id, slug FROM tenants WHERE id > ? AND state IN ('active', 'suspended', 'cancelled') \
        ORDER BY id LIMIT ?";
    let rows = control.snapshot().await?.query(sql, params![after, i64::from(PAGE)]).await?;
    rows.iter().map(|row| Ok((TenantId::from_raw(row.integer(0)?), Slug::parse(row.text(1)?)?))).collect()
}

/// Returns the number of tenants with databases.
pub(super) async fn count(control: &Control) -> Result<u64> {
    let sql = "SELECT count(*) FROM tenants WHERE state IN ('active', 'suspended', 'cancelled')";
    let count = crate::users::count(&mut control.snapshot().await?, sql, &[]).await?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// Number of places other than pools, and those of them that another placement names too. For one tenant, only its own
/// places are looked at.
pub(super) async fn shared(control: &Control, only: Option<TenantId>) -> Result<(u64, Vec<Shared>)> {
    let mut tx = control.snapshot().await?;
    let (low, high) = only.map_or((0, i64::MAX), |only| (only.get(), only.get()));
    let own = "state <> 'gone' AND isolation <> 'pooled' AND tenant BETWEEN ?1 AND ?2";
    let sql = format!("SELECT count(*) FROM placements WHERE {own}");
    let count = crate::users::count(&mut tx, &sql, params![low, high]).await?;
    let count = u64::try_from(count).unwrap_or(0);
    // The index of physical names finds the others.
    let sql = format!(
        "SELECT (SELECT slug FROM tenants WHERE id = p.tenant), p.store, p.server, p.physical FROM placements AS p \
         WHERE {own} AND EXISTS (SELECT 1 FROM placements AS q WHERE q.server = p.server AND q.physical = p.physical \
           AND q.state <> 'gone' AND (q.tenant <> p.tenant OR q.store <> p.store OR q.generation <> p.generation)) \
         ORDER BY p.tenant LIMIT 200"
    );
    let rows = tx.query(&sql, params![low, high]).await?;
    let shared = rows.iter().map(|row| {
        Ok(Shared {
            tenant: Slug::parse(row.text(0)?)?,
            store: row.text(1)?.to_owned(),
            place: format!("{}/{}", row.text(2)?, row.text(3)?),
        })
    });
    Ok((count, shared.collect::<Result<_>>()?))
}

/// A place that two placements name.
pub(super) struct Shared {
    pub(super) tenant: Slug,
    pub(super) store: String,
    pub(super) place: String,
}

/// Returns the pools in use: those of all tenants, or those of one.
pub(super) async fn pools(control: &Control, only: Option<TenantId>) -> Result<Vec<Place>> {
    let (low, high) = only.map_or((0, i64::MAX), |only| (only.get(), only.get()));
    let sql = "SELECT DISTINCT server, store, physical FROM placements \
        WHERE isolation = 'pooled' AND state = 'ready' AND tenant BETWEEN ? AND ? ORDER BY server, store, physical";
    let rows = control.snapshot().await?.query(sql, params![low, high]).await?;
    let pool = |row: &SqlRow| {
        Ok(Place {
            server: ServerName::parse(row.text(0)?)?,
            store: StoreName::parse(row.text(1)?)?,
            isolation: Isolation::Pooled,
            physical: PhysicalName::parse(row.text(2)?)?,
            tenant: None,
            generation: 0,
        })
    };
    rows.iter().map(pool).collect()
}

/// Returns the ids of the tenants that the catalog places in a pool, whatever the state of the placement.
pub(super) async fn placed_in(control: &Control, pool: &Place) -> Result<HashSet<i64>> {
    let sql = "SELECT tenant FROM placements WHERE server = ? AND physical = ? AND store = ? \
        AND isolation = 'pooled' AND state <> 'gone'";
    let key = params![pool.server.as_str(), pool.physical.as_str(), pool.store.as_str()];
    let rows = control.snapshot().await?.query(sql, key).await?;
    rows.iter().map(|row| Ok(row.integer(0)?)).collect()
}

/// Returns some places on a server that different tenants have, each in another database, schema or pool.
pub(super) async fn neighbours(control: &Control, server: &ServerName) -> Result<Vec<Place>> {
    let sql = format!(
        "SELECT {} FROM placements WHERE server = ? AND state = 'ready' ORDER BY physical LIMIT ?",
        placement::COLUMNS
    );
    let rows = control.snapshot().await?.query(&sql, params![server.as_str(), SEARCHED]).await?;
    let (mut found, mut names): (Vec<Place>, HashSet<PhysicalName>) = (vec![], HashSet::new());
    for row in &rows {
        let (tenant, placement) = placement::read(row)?;
        let is_new = !found.iter().any(|place| place.tenant == Some(tenant));
        if is_new && found.len() < NEIGHBOURS && names.insert(placement.place.physical.clone()) {
            found.push(placement.place);
        }
    }
    Ok(found)
}

/// Returns another tenant, the next one by id or else the first, and a member of `tenant` without a membership there.
/// `None` if there is no other tenant or no such member.
pub(super) async fn stranger(
    control: &Control,
    tenant: TenantId,
) -> Result<Option<(UserId, (TenantId, Slug))>> {
    let mut tx = control.snapshot().await?;
    let mut other = None;
    for bound in ["id > ?", "id < ?"] {
        let sql = format!(
            "SELECT id, slug FROM tenants WHERE {bound} AND state IN ('active', 'suspended', 'cancelled') \
             ORDER BY id LIMIT 1"
        );
        let rows = tx.query(&sql, params![tenant.get()]).await?;
        if let Some(row) = rows.first() {
            other = Some((TenantId::from_raw(row.integer(0)?), Slug::parse(row.text(1)?)?));
            break;
        }
    }
    let Some((other, slug)) = other else { return Ok(None) };
    let sql = "SELECT m.user_id FROM memberships AS m JOIN users AS u ON u.id = m.user_id \
        WHERE m.tenant = ? AND u.is_active = 1 AND NOT EXISTS \
          (SELECT 1 FROM memberships AS o WHERE o.user_id = m.user_id AND o.tenant = ?) \
        ORDER BY m.user_id LIMIT 1";
    let rows = tx.query(sql, params![tenant.get(), other.get()]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some((UserId::from_raw(row.integer(0)?), (other, slug))))
}

/// Returns true if the catalog still names this place of the tenant.
pub(super) async fn is_current(control: &Control, place: &Place) -> Result<bool> {
    let Some(tenant) = place.tenant else { return Ok(true) };
    let now = placement::of_tenant(&mut control.snapshot().await?, tenant).await?;
    Ok(now.iter().any(|placement| placement.place == *place))
}
