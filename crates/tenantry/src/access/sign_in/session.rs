//! A session, as requests use it and as its owner sees it. This module parses its row; [`super::sessions`] creates,
//! finds and ends sessions.

use crate::{
    Result,
    access::{seen::LastSeen, token::TokenHash},
    control::{
        clock::{self, DAY_US},
        params,
    },
};
use serde::Serialize;
use tenantry_engine::{
    SqlRow, Tx,
    name::{TenantId, UserId},
};

/// A session as of the last change.
#[derive(Debug)]
pub struct Session {
    /// Id with which to list and revoke the session.
    pub id: i64,
    /// Id of the signed-in user.
    pub user: UserId,
    /// Id of the chosen tenant, if any.
    pub tenant: Option<TenantId>,
    /// Number of the user's credentials when the session was created.
    pub credentials: i64,
    /// Time of creation, in microseconds since 1970, UTC.
    pub created_us: i64,
    /// Expiry, in microseconds since 1970, UTC.
    pub expires_us: i64,
    /// Staff member behind the session, during impersonation.
    pub impersonator: Option<Impersonator>,
    pub(in crate::access) hash: TokenHash,
    pub(in crate::access) seen: LastSeen,
}

impl Session {
    /// Returns true if the session is valid at `now_us`. A session dated more than a day after the system clock was
    /// created under a wrong clock and would outlive every other session, so it is invalid.
    pub(in crate::access) fn is_live(&self, now_us: i64) -> bool {
        now_us < self.expires_us && !clock::is_out_of_reach(self.created_us, now_us, DAY_US)
    }
}

/// Staff member who acts as the session's user, and the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Impersonator {
    /// User id of the staff member.
    pub user: UserId,
    /// Label of the staff member in the logs: `user:ID`.
    pub label: String,
    /// Reason for the impersonation.
    pub reason: String,
    /// Number of the staff member's credentials when the session was created.
    pub credentials: i64,
}

/// Origin of a session, as far as it is known.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// Address of the client.
    pub address: Option<std::net::IpAddr>,
    /// User agent of the client, as sent.
    pub agent: Option<String>,
}

/// A session as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionInfo {
    /// Id with which to revoke the session.
    pub id: i64,
    /// Id of the chosen tenant, if any.
    pub tenant: Option<i64>,
    /// Time of creation, in microseconds since 1970, UTC.
    pub created_us: i64,
    /// Expiry, in microseconds since 1970, UTC.
    pub expires_us: i64,
    /// Time of the last use in microseconds since 1970, UTC, with coarse resolution.
    pub seen_us: i64,
    /// Address from which the session was created.
    pub address: Option<String>,
    /// User agent with which the session was created.
    pub agent: Option<String>,
    /// True if platform staff act as this user in the session.
    pub impersonated: bool,
}

/// Data of a new session.
pub(in crate::access) struct Draft<'a> {
    pub(in crate::access) user: UserId,
    /// Number of the proven credentials: the impersonator's if there is one, otherwise the user's.
    pub(in crate::access) credentials: i64,
    pub(in crate::access) tenant: Option<TenantId>,
    pub(in crate::access) expires_us: i64,
    pub(in crate::access) impersonator: Option<(UserId, &'a str)>,
    pub(in crate::access) origin: &'a Origin,
}

const COLUMNS: &str = "id, user_id, tenant, credentials, expires_at, seen_at, impersonator, reason, \
    impersonator_credentials, created_at";

/// Returns the session with this token hash, expired or not.
pub(in crate::access) async fn read(tx: &mut Tx, hash: TokenHash) -> Result<Option<Session>> {
    let sql = format!("SELECT {COLUMNS} FROM sessions WHERE token_hash = ?");
    let rows = tx.query(&sql, params![hash.to_hex()]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let impersonator = match row.opt_integer(6)? {
        Some(id) => Some(Impersonator {
            user: UserId::from_raw(id),
            label: format!("user:{id}"),
            reason: row.opt_text(7)?.unwrap_or_default().to_owned(),
            credentials: row.opt_integer(8)?.unwrap_or_default(),
        }),
        None => None,
    };
    Ok(Some(Session {
        id: row.integer(0)?,
        user: UserId::from_raw(row.integer(1)?),
        tenant: row.opt_integer(2)?.map(TenantId::from_raw),
        credentials: row.integer(3)?,
        created_us: row.integer(9)?,
        expires_us: row.integer(4)?,
        impersonator,
        hash,
        seen: LastSeen::at(row.integer(5)?),
    }))
}

/// Parses a row of [`Sessions::list`](crate::access::sessions::Sessions::list).
pub(in crate::access) fn info(row: &SqlRow) -> Result<SessionInfo> {
    Ok(SessionInfo {
        id: row.integer(0)?,
        tenant: row.opt_integer(1)?,
        created_us: row.integer(2)?,
        expires_us: row.integer(3)?,
        seen_us: row.integer(4)?,
        address: row.opt_text(5)?.map(str::to_owned),
        agent: row.opt_text(6)?.map(str::to_owned),
        impersonated: row.integer(7)? != 0,
    })
}
