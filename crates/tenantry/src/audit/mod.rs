//! The audit log: every action with its actor and subject, hash-chained, in the transaction of the action
//! (`audited-commit`).
//!
//! `control::Write::audit` appends rows; staff and `tenantry audit verify` read them. No code updates or deletes a row.

mod chain;
mod heads;
mod list;
mod shared_heads;
mod verbs;
pub(crate) mod verify;

pub use chain::{Head, hash_row};
pub use heads::Heads;
pub use list::Query;
pub(crate) use list::list;
pub use verbs::AuditLog;
pub use verify::Report;
pub(crate) use verify::verify;

use crate::{Result, control::params};
use serde::Serialize;
use tenantry_engine::{SqlRow, Tx, name::TenantId};

/// Acting identity, as the log has it: `user:12`, `key:5`, `cli:root`, `system`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct By {
    /// The identity that acts.
    pub actor: String,
    /// The identity behind it during impersonation (`impersonation-abuse`).
    pub impersonator: Option<String>,
}

impl By {
    /// Returns an identity that acts as itself.
    pub fn actor(actor: impl Into<String>) -> Self {
        Self { actor: actor.into(), impersonator: None }
    }

    /// Returns the identity of the platform itself, for reconcilers and start-up.
    pub fn system() -> Self {
        Self::actor("system")
    }
}

/// A row to append.
pub(crate) struct Draft<'a> {
    pub(crate) at_us: i64,
    pub(crate) by: &'a By,
    pub(crate) tenant: Option<TenantId>,
    pub(crate) action: &'a str,
    pub(crate) detail: serde_json::Value,
}

/// A row of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Number of the row, without gaps from 1.
    pub id: i64,
    /// Time in microseconds since 1970, UTC.
    pub at_us: i64,
    /// Label of the acting identity.
    pub actor: String,
    /// Label of the identity behind the actor during impersonation.
    pub impersonator: Option<String>,
    /// Id of the tenant that the action concerns, if exactly one.
    pub tenant: Option<i64>,
    /// Action, as `noun.verb`.
    pub action: String,
    /// Detail as JSON text, exactly as it was hashed.
    pub detail: String,
    /// Hash of the previous row; empty for the first row.
    pub prev_hash: String,
    /// Hash over all other fields.
    pub hash: String,
}

const COLUMNS: &str = "id, at, actor, impersonator, tenant, action, detail, prev_hash, hash";

impl Row {
    fn read(r: &SqlRow) -> Result<Self> {
        Ok(Self {
            id: r.integer(0)?,
            at_us: r.integer(1)?,
            actor: r.text(2)?.to_owned(),
            impersonator: r.opt_text(3)?.map(Into::into),
            tenant: r.opt_integer(4)?,
            action: r.text(5)?.to_owned(),
            detail: r.text(6)?.to_owned(),
            prev_hash: r.text(7)?.to_owned(),
            hash: r.text(8)?.to_owned(),
        })
    }
}

/// Appends a row after `last`, or after the newest row if this transaction has not appended yet.
pub(crate) async fn append(tx: &mut Tx, draft: Draft<'_>, last: Option<Head>) -> Result<Head> {
    let last = match last {
        Some(head) => head,
        None => head(tx).await?.unwrap_or_default(),
    };
    let mut row = Row {
        id: last.id + 1,
        at_us: draft.at_us,
        actor: draft.by.actor.clone(),
        impersonator: draft.by.impersonator.clone(),
        tenant: draft.tenant.map(TenantId::get),
        action: draft.action.to_owned(),
        detail: draft.detail.to_string(),
        prev_hash: last.hash,
        hash: String::new(),
    };
    row.hash = hash_row(&row);
    let head = Head { id: row.id, hash: row.hash.clone() };
    insert(tx, row).await?;
    Ok(head)
}

async fn insert(tx: &mut Tx, row: Row) -> Result<()> {
    let sql = format!("INSERT INTO audit ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
    let values = params![
        row.id,
        row.at_us,
        row.actor,
        row.impersonator,
        row.tenant,
        row.action,
        row.detail,
        row.prev_hash,
        row.hash
    ];
    tx.execute(&sql, values).await?;
    Ok(())
}

/// Returns the id and the hash of the newest row, or `None` if the log is empty.
///
/// # Errors
/// Returns the errors of the control store.
pub(crate) async fn head(tx: &mut Tx) -> Result<Option<Head>> {
    let rows = tx.query("SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1", &[]).await?;
    rows.first().map(|r| Ok(Head { id: r.integer(0)?, hash: r.text(1)?.to_owned() })).transpose()
}

/// Returns a page of rows, oldest first, for the check of the whole chain.
async fn page_after(tx: &mut Tx, after: i64, limit: i64) -> Result<Vec<Row>> {
    let sql = format!("SELECT {COLUMNS} FROM audit WHERE id > ? ORDER BY id LIMIT ?");
    tx.query(&sql, params![after, limit]).await?.iter().map(Row::read).collect()
}
