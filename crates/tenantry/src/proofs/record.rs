//! The stored reports of proofs: the newest ones, each with its digest, which the audit log has too.

use super::report::Report;
use crate::{
    Error, Result,
    audit::By,
    control::{Write, params},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tenantry_engine::{SqlRow, Tx, name::TenantId};

/// Number of reports that are kept. The audit log keeps the digests of all.
pub(super) const KEPT: i64 = 100;
/// Number of findings that a row of the audit log names.
const NAMED: usize = 20;

/// A stored report, in lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Number of the report.
    pub id: i64,
    /// End of the proof, in microseconds since 1970, UTC.
    pub at_us: i64,
    /// Short name of the proven tenant; `None` if all were proven.
    pub tenant: Option<String>,
    /// Label of the actor that started the proof.
    pub by: String,
    /// Number of violations.
    pub findings: u64,
    /// Number of places that could not be checked.
    pub unchecked: u64,
    /// BLAKE3 of the report, in hex.
    pub digest: String,
    /// Id of the row of the audit log with the digest.
    pub audit: i64,
}

/// A stored report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// What lists show of it.
    pub listed: Listed,
    /// The report.
    pub report: Report,
    /// True if the stored report has the digest that the audit log has.
    pub verified: bool,
}

const COLUMNS: &str = "id, at, (SELECT slug FROM tenants WHERE tenants.id = proofs.tenant), actor, findings, unchecked, \
    digest, audit";

/// Stores a report, records its digest in the audit log, and removes the oldest reports.
pub(super) async fn keep(
    write: &mut Write,
    by: &By,
    tenant: Option<TenantId>,
    report: &Report,
) -> Result<Listed> {
    let text = serde_json::to_string(report).map_err(|error| Error::Internal(error.to_string()))?;
    let digest = blake3::hash(text.as_bytes()).to_hex().to_string();
    let rows = write.query("SELECT coalesce(max(id), 0) + 1 FROM proofs", &[]).await?;
    let id = rows.first().map_or(Ok(1), |row| row.integer(0))?;
    let named: Vec<_> = report
        .findings
        .iter()
        .take(NAMED)
        .map(|one| json!({ "rule": one.rule, "tenant": one.tenant, "store": one.store, "place": one.place }))
        .collect();
    let detail = json!({
        "proof": id, "digest": digest, "findings": report.violated, "missed": report.missed, "named": named,
    });
    write.audit(by, tenant, "proof.record", detail).await?;
    let rows = write.query("SELECT max(id) FROM audit", &[]).await?;
    let audit = rows.first().map_or(Ok(0), |row| row.integer(0))?;
    let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let sql = "INSERT INTO proofs (id, at, tenant, actor, findings, unchecked, digest, audit, report) \
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let values = params![
        id,
        report.ended_at_us,
        tenant.map(TenantId::get),
        by.actor.as_str(),
        count(report.violated),
        count(report.missed),
        digest.as_str(),
        audit,
        text
    ];
    write.execute(sql, values).await?;
    write.execute("DELETE FROM proofs WHERE id <= ?", params![id - KEPT]).await?;
    Ok(Listed {
        id,
        at_us: report.ended_at_us,
        tenant: report.tenant.as_ref().map(ToString::to_string),
        by: by.actor.clone(),
        findings: report.violated,
        unchecked: report.missed,
        digest,
        audit,
    })
}

/// Returns the stored reports, newest first: those that contain this tenant, or all.
pub(super) async fn list(tx: &mut Tx, tenant: Option<TenantId>) -> Result<Vec<Listed>> {
    let (sql, values) = match tenant {
        Some(tenant) => {
            let sql = format!(
                "SELECT {COLUMNS} FROM proofs WHERE tenant = ? OR tenant IS NULL ORDER BY id DESC LIMIT ?"
            );
            (sql, params![tenant.get(), KEPT].to_vec())
        }
        None => (format!("SELECT {COLUMNS} FROM proofs ORDER BY id DESC LIMIT ?"), params![KEPT].to_vec()),
    };
    tx.query(&sql, &values).await?.iter().map(listed).collect()
}

/// Returns a stored report.
///
/// # Errors
/// Returns [`Error::NotFound`] if there is none with this number, or it was removed.
pub(super) async fn find(tx: &mut Tx, id: i64) -> Result<Kept> {
    let sql = format!("SELECT {COLUMNS}, report FROM proofs WHERE id = ?");
    let rows = tx.query(&sql, params![id]).await?;
    let row = rows.first().ok_or(Error::NotFound("proof"))?;
    let (listed, text) = (listed(row)?, row.text(8)?);
    let damaged = |error: serde_json::Error| Error::Internal(format!("proof {id}: {error}"));
    let report = serde_json::from_str(text).map_err(damaged)?;
    let verified = blake3::hash(text.as_bytes()).to_hex().as_str() == listed.digest
        && digest_in_log(tx, &listed).await?.as_deref() == Some(&*listed.digest);
    Ok(Kept { listed, report, verified })
}

/// Returns the digest that the audit log has for a report.
async fn digest_in_log(tx: &mut Tx, listed: &Listed) -> Result<Option<String>> {
    let sql = "SELECT detail FROM audit WHERE id = ? AND action = 'proof.record'";
    let rows = tx.query(sql, params![listed.audit]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let detail: serde_json::Value = serde_json::from_str(row.text(0)?).unwrap_or_default();
    let is_ours = detail["proof"].as_i64() == Some(listed.id);
    Ok(detail["digest"].as_str().filter(|_| is_ours).map(str::to_owned))
}

/// Returns the newest reports with violations that no later proof of the same tenants has replaced.
pub(crate) async fn failed(tx: &mut Tx, most: i64) -> Result<Vec<(Listed, Report)>> {
    let sql = format!(
        "SELECT {COLUMNS}, report FROM proofs WHERE findings > 0 AND NOT EXISTS (SELECT 1 FROM proofs AS later \
           WHERE later.id > proofs.id AND (later.tenant IS NULL OR later.tenant = proofs.tenant)) \
         ORDER BY id DESC LIMIT ?"
    );
    let rows = tx.query(&sql, params![most]).await?;
    rows.iter()
        .map(|row| Ok((listed(row)?, serde_json::from_str(row.text(8)?).unwrap_or_default())))
        .collect()
}

fn listed(row: &SqlRow) -> Result<Listed> {
    let count = |number: i64| u64::try_from(number).unwrap_or(0);
    Ok(Listed {
        id: row.integer(0)?,
        at_us: row.integer(1)?,
        tenant: row.opt_text(2)?.map(Into::into),
        by: row.text(3)?.to_owned(),
        findings: count(row.integer(4)?),
        unchecked: count(row.integer(5)?),
        digest: row.text(6)?.to_owned(),
        audit: row.integer(7)?,
    })
}
