//! The documents of a copy of the catalog. They have no secrets: no password, no token, no key.

use crate::{Error, Result, control::params};
use std::{collections::BTreeMap, ops::RangeInclusive};
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

/// Returns the documents of the tenants with these ids, and of their subscriptions. Tenants that are gone have none.
pub(super) async fn of_tenants(tx: &mut Tx, ids: RangeInclusive<i64>) -> Result<Vec<MirrorChanges>> {
    let between = params![*ids.start(), *ids.end()];
    let sql = "SELECT id, slug, name, email, state, maintenance, created_at, state_at, settings FROM tenants \
        WHERE state <> 'gone' AND id BETWEEN ? AND ?";
    let tenants = tx.query(sql, between).await?;
    let tenants = tenants.iter().map(tenant).collect::<Result<_>>()?;
    let sql = "SELECT s.tenant, t.slug, p.code, s.state, s.started_at, s.ends_at, s.updated_at FROM subscriptions AS s \
        JOIN tenants AS t ON t.id = s.tenant JOIN plans AS p ON p.id = s.plan \
        WHERE t.state <> 'gone' AND s.tenant BETWEEN ? AND ?";
    let rows = tx.query(sql, between).await?;
    let subscriptions = rows.iter().map(subscription).collect::<Result<_>>()?;
    Ok(vec![within(ORGANISATIONS, &ids, tenants), within(SUBSCRIPTIONS, &ids, subscriptions)])
}

/// Returns the documents of the users with these ids.
pub(super) async fn of_users(tx: &mut Tx, ids: RangeInclusive<i64>) -> Result<MirrorChanges> {
    let between = params![*ids.start(), *ids.end()];
    let sql = "SELECT m.user_id, m.tenant, t.slug, m.role FROM memberships AS m JOIN tenants AS t ON t.id = m.tenant \
        WHERE m.user_id BETWEEN ? AND ? ORDER BY m.tenant";
    let mut members: BTreeMap<i64, Vec<V>> = BTreeMap::new();
    for row in tx.query(sql, between).await? {
        let membership = vec![
            ("tenant", V::Integer(row.integer(1)?)),
            ("organization_id", text(&row, 2)?),
            ("role", text(&row, 3)?),
        ];
        members.entry(row.integer(0)?).or_default().push(V::Document(membership));
    }
    let sql = "SELECT user_id, issuer, subject FROM identities WHERE user_id BETWEEN ? AND ? ORDER BY issuer, subject";
    let mut identities: BTreeMap<i64, Vec<V>> = BTreeMap::new();
    for row in tx.query(sql, between).await? {
        let identity = vec![("issuer", text(&row, 1)?), ("subject", text(&row, 2)?)];
        identities.entry(row.integer(0)?).or_default().push(V::Document(identity));
    }
    let sql = "SELECT id, email, name, is_superuser, is_staff, is_active, created_at FROM users \
        WHERE id BETWEEN ? AND ?";
    let mut users = vec![];
    for row in tx.query(sql, between).await? {
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
    Ok(within(USERS, &ids, users))
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
    Ok(MirrorChanges { collection: SYSTEM, documents, only: (0, i64::MAX) })
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

/// Returns the changes of a collection in a range of ids: these documents, and no others.
fn within(
    collection: &'static str,
    ids: &RangeInclusive<i64>,
    documents: Vec<(i64, MirrorFields)>,
) -> MirrorChanges {
    MirrorChanges { collection, documents, only: (ids.start() - 1, *ids.end()) }
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
