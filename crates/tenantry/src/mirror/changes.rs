//! What a copy of the catalog lacks, read from one snapshot.

use super::{
    MOST, documents,
    position::{Filling, Position},
};
use crate::{Result, control::params};
use std::collections::BTreeSet;
use tenantry_engine::{Tx, engine::mirror::MirrorChanges};

/// Number of rows in one page.
const PAGE: i64 = 500;

/// Returns the next rows of the audit log after those that are copied, and id and hash of the last one.
pub(super) async fn log(tx: &mut Tx, position: &Position) -> Result<(MirrorChanges, (i64, String))> {
    let sql = "SELECT a.id, a.at, a.actor, a.impersonator, a.tenant, t.slug, a.action, a.detail, a.hash FROM audit AS a \
        LEFT JOIN tenants AS t ON t.id = a.tenant WHERE a.id > ? ORDER BY a.id LIMIT ?";
    let rows = tx.query(sql, params![position.copied, PAGE]).await?;
    let last = match rows.last() {
        Some(row) => (row.integer(0)?, row.text(8)?.to_owned()),
        None => (position.copied, position.hash.clone()),
    };
    let documents = rows.iter().map(documents::entry).collect::<Result<_>>()?;
    // Entries beyond those of the catalog are of a catalog that was replaced by a backup.
    let only = Some((position.copied, i64::MAX));
    Ok((MirrorChanges { collection: documents::AUDIT, documents, deleted: vec![], only }, last))
}

/// Returns the next page of what is being filled, and what is filled after it; `None` at the end.
pub(super) async fn fill(tx: &mut Tx, filling: Filling) -> Result<(Vec<MirrorChanges>, Option<Filling>)> {
    match filling {
        Filling::Tenants { after } => {
            let sql = "SELECT id FROM tenants WHERE id > ? ORDER BY id LIMIT ?";
            let (ids, upto) = page(tx, sql, after).await?;
            let mut changes = documents::of_tenants(tx, &ids).await?;
            changes.push(documents::of_plans(tx).await?);
            for one in changes.iter_mut().filter(|one| one.collection != documents::SYSTEM) {
                one.only = Some((after, upto));
            }
            let next = match upto {
                i64::MAX => Filling::Users { after: 0 },
                after => Filling::Tenants { after },
            };
            Ok((changes, Some(next)))
        }
        Filling::Users { after } => {
            let sql = "SELECT id FROM users WHERE id > ? ORDER BY id LIMIT ?";
            let (ids, upto) = page(tx, sql, after).await?;
            let mut users = documents::of_users(tx, &ids).await?;
            users.only = Some((after, upto));
            Ok((vec![users], (upto < i64::MAX).then_some(Filling::Users { after: upto })))
        }
    }
}

/// Returns the next ids, and the last of them; `i64::MAX` if there are no more.
async fn page(tx: &mut Tx, sql: &str, after: i64) -> Result<(Vec<i64>, i64)> {
    let ids = ids(tx, sql, &[after, PAGE]).await?;
    let upto = match ids.last() {
        Some(last) if ids.len() == PAGE as usize => *last,
        _ => i64::MAX,
    };
    Ok((ids, upto))
}

/// Returns what changed after a position; `None` if so much changed that filling the copy again costs less.
pub(super) async fn since(
    tx: &mut Tx,
    position: &Position,
    now: &Position,
) -> Result<Option<Vec<MirrorChanges>>> {
    let sql = "SELECT kind, key FROM invalidations WHERE seq > ? ORDER BY seq";
    let (mut tenants, mut users) = (BTreeSet::new(), BTreeSet::new());
    for row in tx.query(sql, params![position.invalidation]).await? {
        match (row.text(0)?, row.text(1)?.parse::<i64>()) {
            ("tenant", Ok(id)) => drop(tenants.insert(id)),
            ("user", Ok(id)) => drop(users.insert(id)),
            ("session" | "api_key" | "leaving", _) => {}
            _ => return Ok(None),
        }
    }
    let sql = "SELECT DISTINCT tenant FROM audit WHERE id > ? AND tenant IS NOT NULL";
    tenants.extend(ids(tx, sql, &[position.seen]).await?);
    // The users of a renamed tenant name it.
    let sql = "SELECT m.user_id FROM memberships AS m JOIN audit AS a ON a.tenant = m.tenant \
        WHERE a.id > ? AND a.action = 'tenant.rename'";
    users.extend(ids(tx, sql, &[position.seen]).await?);
    users.extend(ids(tx, "SELECT id FROM users WHERE id > ?", &[position.users]).await?);
    if tenants.len() > MOST || users.len() > MOST {
        return Ok(None);
    }
    let (tenants, users): (Vec<_>, Vec<_>) = (tenants.into_iter().collect(), users.into_iter().collect());
    let mut changes = vec![];
    if !tenants.is_empty() {
        changes.extend(documents::of_tenants(tx, &tenants).await?);
    }
    if !users.is_empty() {
        changes.push(documents::of_users(tx, &users).await?);
    }
    if now.seen > position.seen {
        changes.push(documents::of_plans(tx).await?);
    }
    Ok(Some(changes))
}

async fn ids(tx: &mut Tx, sql: &str, values: &[i64]) -> Result<Vec<i64>> {
    let values: Vec<_> = values.iter().map(|value| (*value).into()).collect();
    let rows = tx.query(sql, &values).await?;
    rows.iter().map(|row| Ok(row.integer(0)?)).collect()
}
