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
    let only = (position.copied, i64::MAX);
    Ok((MirrorChanges { collection: documents::AUDIT, documents, only }, last))
}

/// Returns the next page of what is being filled, and what is filled after it; `None` at the end.
pub(super) async fn fill(tx: &mut Tx, filling: Filling) -> Result<(Vec<MirrorChanges>, Option<Filling>)> {
    match filling {
        Filling::Tenants { after } => {
            let sql = "SELECT max(id) FROM (SELECT id FROM tenants WHERE id > ? ORDER BY id LIMIT ?) AS page";
            let upto = end(tx, sql, after).await?;
            let mut changes = documents::of_tenants(tx, after + 1..=upto).await?;
            changes.push(documents::of_plans(tx).await?);
            let next = match upto {
                i64::MAX => Filling::Users { after: 0 },
                after => Filling::Tenants { after },
            };
            Ok((changes, Some(next)))
        }
        Filling::Users { after } => {
            let sql = "SELECT max(id) FROM (SELECT id FROM users WHERE id > ? ORDER BY id LIMIT ?) AS page";
            let upto = end(tx, sql, after).await?;
            let users = documents::of_users(tx, after + 1..=upto).await?;
            Ok((vec![users], (upto < i64::MAX).then_some(Filling::Users { after: upto })))
        }
    }
}

/// Returns the last id of the next page; `i64::MAX` if there is none, so that the last page has no end.
async fn end(tx: &mut Tx, sql: &str, after: i64) -> Result<i64> {
    let rows = tx.query(sql, params![after, PAGE]).await?;
    Ok(rows.first().map(|row| row.opt_integer(0)).transpose()?.flatten().unwrap_or(i64::MAX))
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
    let mut changes = vec![];
    for id in tenants {
        changes.extend(documents::of_tenants(tx, id..=id).await?);
    }
    for id in users {
        changes.push(documents::of_users(tx, id..=id).await?);
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
