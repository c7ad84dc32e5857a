//! Licences: what a tenant may use beyond its plan, and until when, as a record of the catalog and as a signed key.
//!
//! A tenant has at most one licence. While it is valid, the tenant has the features of its plan and those of the
//! licence, and a limit that the licence sets replaces that of the plan. A suspended, revoked or expired licence leaves
//! the plan as it is. Topology merges both for every request ([`granted`]); staff and the command line issue licences. A licence may set
//! quotas of features; [`usage`] counts.

mod key;
mod list;
mod quota;
mod terms;
pub mod usage;
mod verbs;

pub use key::{Claims, PublicKey, RevokedKeys, SigningKey};
pub use list::{LicenceFilter, ListedLicence};
pub use quota::{AtLimit, Period, Quota, Quotas};
pub use terms::LicenceTerms;
pub use verbs::Licences;

use crate::{
    Error, Result,
    control::{
        Write,
        clock::{Clock, DAY_US},
        params,
    },
    plans::{Entitlements, Limits},
};
use std::collections::BTreeSet;
use tenantry_engine::{SqlRow, Tx, name::TenantId};

/// Status of a licence that staff set. A licence expires by its dates alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LicenceStatus {
    /// The licence is valid between its dates.
    Active,
    /// The licence grants nothing until it is resumed. Its key stays valid where it is verified offline.
    Suspended,
    /// The licence grants nothing, and its key is in the list of revoked keys. A new licence may be issued.
    Revoked,
}

impl LicenceStatus {
    /// Returns the name of the status in the database and for users.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Revoked => "revoked",
        }
    }

    /// Parses the stored text.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] for any other text.
    pub fn parse(text: &str) -> Result<Self> {
        let all = [Self::Active, Self::Suspended, Self::Revoked];
        let unknown = || Error::invalid("status", "active, suspended or revoked");
        all.into_iter().find(|status| status.as_str() == text).ok_or_else(unknown)
    }
}

/// A licence of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Licence {
    /// Type, as the contract names it.
    pub license_type: String,
    /// Status that staff set.
    pub status: LicenceStatus,
    /// Start, in microseconds since 1970, UTC.
    pub starts_at_us: i64,
    /// End, in microseconds since 1970, UTC; `None` for no end.
    pub expires_at_us: Option<i64>,
    /// Number of days after the end in which the licence is still valid.
    pub grace_days: u32,
    /// Features that the licence grants.
    pub features: BTreeSet<String>,
    /// Limits that replace those of the plan.
    pub limits: Limits,
    /// Quotas of features. The key does not state them: only the platform counts.
    pub quotas: Quotas,
    /// Id of the key that was issued last.
    pub key_id: String,
    /// The key that was issued last.
    pub key: String,
    /// Time at which the key was issued, in microseconds since 1970, UTC.
    pub issued_at_us: i64,
}

impl Licence {
    /// Returns the end with the grace days, in microseconds since 1970, UTC; `None` for no end.
    pub fn ends_at_us(&self) -> Option<i64> {
        end_with_grace(self.expires_at_us, self.grace_days)
    }

    /// Returns true if the licence grants its features and limits now.
    pub fn is_valid(&self, clock: &Clock) -> bool {
        self.status == LicenceStatus::Active && !self.has_expired(clock) && !self.is_early(clock)
    }

    /// Returns true after the end and the grace days. Only time that servers have witnessed counts, so a clock that is
    /// set forward ends no licence, and one that is set back revives none.
    pub fn has_expired(&self, clock: &Clock) -> bool {
        self.ends_at_us().is_some_and(|end| end <= clock.right_ends_us())
    }

    /// Returns true before the start.
    fn is_early(&self, clock: &Clock) -> bool {
        self.starts_at_us > clock.retain_from_us()
    }

    /// Returns the state for users: the status, or `expired` or `scheduled` by the dates of an active licence.
    pub fn state(&self, clock: &Clock) -> &'static str {
        match self.status {
            LicenceStatus::Active if self.has_expired(clock) => "expired",
            LicenceStatus::Active if self.is_early(clock) => "scheduled",
            status => status.as_str(),
        }
    }
}

fn end_with_grace(expires_at_us: Option<i64>, grace_days: u32) -> Option<i64> {
    expires_at_us.map(|end| end.saturating_add(i64::from(grace_days) * DAY_US))
}

/// A licence, and the features and limits of the tenant while it is valid.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub(crate) struct Granted {
    pub(crate) licence: Licence,
    pub(crate) entitlements: Entitlements,
}

/// Returns the licence of a tenant whose plan grants `plan`, or `None` without a licence.
pub(crate) async fn granted(
    tx: &mut Tx,
    tenant: TenantId,
    plan: &Entitlements,
) -> Result<Option<Box<Granted>>> {
    let Some(licence) = of_tenant(tx, tenant).await? else { return Ok(None) };
    let entitlements = Entitlements {
        features: plan.features.union(&licence.features).cloned().collect(),
        limits: replaced(&plan.limits, &licence.limits),
    };
    Ok(Some(Box::new(Granted { licence, entitlements })))
}

/// Returns the limits of a plan, each replaced by that of the licence if the licence sets it.
fn replaced(plan: &Limits, licence: &Limits) -> Limits {
    Limits {
        users: licence.users.or(plan.users),
        rows: licence.rows.or(plan.rows),
        bytes: licence.bytes.or(plan.bytes),
        file_bytes: licence.file_bytes.or(plan.file_bytes),
        requests_per_second: licence.requests_per_second.or(plan.requests_per_second),
        concurrency: licence.concurrency.or(plan.concurrency),
    }
}

const COLUMNS: &str = "l.license_type, l.status, l.starts_at, l.expires_at, l.grace_days, l.features, l.limits, \
    l.key_id, l.licence_key, l.issued_at, l.quotas";

/// Reads the columns of a licence, of which the first is `first`.
fn read(r: &SqlRow, first: usize) -> Result<Licence> {
    let damaged = |e: serde_json::Error| Error::Internal(format!("licence: {e}"));
    Ok(Licence {
        license_type: r.text(first)?.to_owned(),
        status: LicenceStatus::parse(r.text(first + 1)?)?,
        starts_at_us: r.integer(first + 2)?,
        expires_at_us: r.opt_integer(first + 3)?,
        grace_days: u32::try_from(r.integer(first + 4)?).unwrap_or(0),
        features: serde_json::from_str(r.text(first + 5)?).map_err(damaged)?,
        limits: serde_json::from_str(r.text(first + 6)?).map_err(damaged)?,
        key_id: r.text(first + 7)?.to_owned(),
        key: r.text(first + 8)?.to_owned(),
        issued_at_us: r.integer(first + 9)?,
        quotas: serde_json::from_str(r.text(first + 10)?).map_err(damaged)?,
    })
}

pub(crate) async fn of_tenant(tx: &mut Tx, tenant: TenantId) -> Result<Option<Licence>> {
    let sql = format!("SELECT {COLUMNS} FROM licences l WHERE l.tenant = ?");
    tx.query(&sql, params![tenant.get()]).await?.first().map(|row| read(row, 0)).transpose()
}

/// Revokes the key of the tenant's licence and removes the licence, when the tenant is purged.
pub(crate) async fn remove(write: &mut Write, tenant: TenantId) -> Result<()> {
    if let Some(licence) = of_tenant(write, tenant).await? {
        revoke_key(write, &licence).await?;
        write.execute("DELETE FROM licences WHERE tenant = ?", params![tenant.get()]).await?;
    }
    Ok(())
}

/// Puts the key of a licence into the list of revoked keys, unless it is there.
async fn revoke_key(write: &mut Write, licence: &Licence) -> Result<()> {
    let sql = "INSERT INTO revoked_keys (key_id, revoked_at, expires_at) VALUES (?, ?, ?) \
        ON CONFLICT (key_id) DO NOTHING";
    let at = write.at_us();
    write.execute(sql, params![licence.key_id.as_str(), at, licence.ends_at_us()]).await?;
    Ok(())
}
