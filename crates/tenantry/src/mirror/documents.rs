//! The documents of a copy of the catalog. They have no secrets: no password, no token, no key.

use crate::{Error, Result};
use std::collections::{BTreeMap, HashSet};
use tenantry_engine::{
    SqlRow, Tx,
    engine::mirror::{MirrorChanges, MirrorFields, MirrorValue as V},
};

/// Collection of tenants.
pub(super) const ORGANISATIONS: &str = "organizations";
/// Collection of subscriptions.
pub(super) const SUBSCRIPTIONS: &str = "subscriptions";
/// Collection of users.
pub(super) const USERS: &str = "users";
/// Collection of the audit log.
pub(super) const AUDIT: &str = "audit_logs";
/// Collection of the plans.
pub(super) const SYSTEM: &str = "system_config";

/// Returns the documents of these tenants and of their subscriptions. Tenants that are gone are deleted.
pub(super) async fn of_tenants(tx: &mut Tx, ids: &[i64]) -> Result<Vec<MirrorChanges>> {
    let sql = format!(
        "SELECT id, slug, name, email, state, maintenance, created_at, state_at, settings FROM tenants \
         WHERE state <> 'gone' AND id IN ({})",
        list(ids)
    );
    let tenants = tx.query(&sql, &[]).await?;
    let tenants: Vec<_> = tenants.iter().map(tenant).collect::<Result<_>>()?;
    let sql = format!(
        "SELECT s.tenant, t.slug, p.code, s.state, s.started_at, s.ends_at, s.updated_at FROM subscriptions AS s \
         JOIN tenants AS t ON t.id = s.tenant JOIN plans AS p ON p.id = s.plan \
         WHERE t.state <> 'gone' AND s.tenant IN ({})",
        list(ids)
    );
    let rows = tx.query(&sql, &[]).await?;
    let subscriptions = rows.iter().map(subscription).collect::<Result<_>>()?;
    Ok(vec![changes(ORGANISATIONS, ids, tenants), changes(SUBSCRIPTIONS, ids, subscriptions)])
}

/// Returns the documents of these users.
pub(super) async fn of_users(tx: &mut Tx, ids: &[i64]) -> Result<MirrorChanges> {
    let ids_listed = list(ids);
    let sql = format!(
        "SELECT m.user_id, m.tenant, t.slug, m.role FROM memberships AS m JOIN tenants AS t ON t.id = m.tenant \
         WHERE m.user_id IN ({ids_listed}) ORDER BY m.tenant"
    );
    let mut members: BTreeMap<i64, Vec<V>> = BTreeMap::new();
    for row in tx.query(&sql, &[]).await? {
        let membership = vec![
            ("tenant", V::Integer(row.integer(1)?)),
            ("organization_id", text(&row, 2)?),
            ("role", text(&row, 3)?),
        ];
        members.entry(row.integer(0)?).or_default().push(V::Document(membership));
    }
    let sql = format!(
        "SELECT user_id, issuer, subject FROM identities WHERE user_id IN ({ids_listed}) ORDER BY issuer, subject"
    );
    let mut identities: BTreeMap<i64, Vec<V>> = BTreeMap::new();
    for row in tx.query(&sql, &[]).await? {
        let identity = vec![("issuer", text(&row, 1)?), ("subject", text(&row, 2)?)];
        identities.entry(row.integer(0)?).or_default().push(V::Document(identity));
    }
    let sql = format!(
        "SELECT id, email, name, is_superuser, is_staff, is_active, created_at FROM users \
         WHERE id IN ({ids_listed})"
    );
    let mut users = vec![];
    for row in tx.query(&sql, &[]).await? {
        let id = row.integer(0)?;
        let fields = vec![
            ("email", text(&row, 1)?),
            ("name", text(&row, 2)?),
            ("is_superuser", V::Boolean(row.boolean(3)?)),
            ("is_staff", V::Boolean(row.boolean(4)?)),
            ("is_active", V::Boolean(row.boolean(5)?)),
            ("created_at", instant(&row, 6)?),
            ("organizations", V::List(members.remove(&id).unwrap_or_default())),
            ("identities", V::List(identities.remove(&id).unwrap_or_default())),
        ];
        users.push((id, fields));
    }
    Ok(changes(USERS, ids, users))
}

/// Returns the documents of all plans.
pub(super) async fn of_plans(tx: &mut Tx) -> Result<MirrorChanges> {
    let sql = "SELECT id, code, name, trial_days, price, limits, features, archived, servers FROM plans";
    let rows = tx.query(sql, &[]).await?;
    let plan = |row: &SqlRow| {
        let fields = vec![
            ("kind", V::Text("plan".into())),
            ("code", text(row, 1)?),
            ("name", text(row, 2)?),
            ("trial_days", V::Integer(row.integer(3)?)),
            ("price", text(row, 4)?),
            ("limits", json(row, 5)?),
            ("features", json(row, 6)?),
            ("archived", V::Boolean(row.boolean(7)?)),
            ("servers", json(row, 8)?),
        ];
        Ok((row.integer(0)?, fields))
    };
    let documents = rows.iter().map(plan).collect::<Result<_>>()?;
    Ok(MirrorChanges { collection: SYSTEM, documents, deleted: vec![], only: Some((i64::MIN, i64::MAX)) })
}

/// Returns the document of a row of the audit log.
pub(super) fn entry(row: &SqlRow) -> Result<(i64, MirrorFields)> {
    let fields = vec![
        ("at", instant(row, 1)?),
        ("actor", text(row, 2)?),
        ("impersonator", text(row, 3)?),
        ("tenant", row.opt_integer(4)?.map_or(V::Null, V::Integer)),
        ("organization_id", text(row, 5)?),
        ("action", text(row, 6)?),
        ("detail", json(row, 7)?),
        ("hash", text(row, 8)?),
    ];
    Ok((row.integer(0)?, fields))
}

fn tenant(row: &SqlRow) -> Result<(i64, MirrorFields)> {
    let fields = vec![
        ("organization_id", text(row, 1)?),
        ("name", text(row, 2)?),
        ("email", text(row, 3)?),
        ("status", text(row, 4)?),
        ("maintenance", text(row, 5)?),
        ("created_at", instant(row, 6)?),
        ("status_at", instant(row, 7)?),
        ("settings", json(row, 8)?),
    ];
    Ok((row.integer(0)?, fields))
}

fn subscription(row: &SqlRow) -> Result<(i64, MirrorFields)> {
    let fields = vec![
        ("organization_id", text(row, 1)?),
        ("plan", text(row, 2)?),
        ("status", text(row, 3)?),
        ("started_at", instant(row, 4)?),
        ("ends_at", instant(row, 5)?),
        ("updated_at", instant(row, 6)?),
    ];
    Ok((row.integer(0)?, fields))
}

/// Returns the changes of a collection: these documents, and the deletion of those that are not among them.
fn changes(collection: &'static str, ids: &[i64], documents: Vec<(i64, MirrorFields)>) -> MirrorChanges {
    let found: HashSet<i64> = documents.iter().map(|(id, _)| *id).collect();
    let deleted = ids.iter().copied().filter(|id| !found.contains(id)).collect();
    MirrorChanges { collection, documents, deleted, only: None }
}

/// Returns the ids as a list of SQL.
fn list(ids: &[i64]) -> String {
    // `IN ()` is no SQL; no row has this id.
    match ids.is_empty() {
        true => "-1".into(),
        false => ids.iter().map(i64::to_string).collect::<Vec<_>>().join(", "),
    }
}

fn text(row: &SqlRow, index: usize) -> Result<V> {
    Ok(row.opt_text(index)?.map_or(V::Null, |text| V::Text(text.to_owned())))
}

fn instant(row: &SqlRow, index: usize) -> Result<V> {
    Ok(row.opt_integer(index)?.map_or(V::Null, V::Instant))
}

fn json(row: &SqlRow, index: usize) -> Result<V> {
    let parsed = serde_json::from_str(row.text(index)?);
    Ok(V::Json(parsed.map_err(|error| Error::Internal(error.to_string()))?))
}
