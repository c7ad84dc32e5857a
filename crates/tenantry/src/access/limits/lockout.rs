//! Lockout: wrong guesses at a password lock the account for the network from which they come, longer each time, and on
//! every server at once (`account-enumeration`). Other networks are not affected, so guesses cannot lock holders out of
//! their own accounts.
//!
//! `proof` and sign-in call it. The catalog stores the locks, in addition to the rate limits that each process holds in
//! memory. Failures are recorded after the answer: an answer that waited for the disk would reveal that the account
//! exists. This module itself refuses nothing, and no answer says that an account is locked.

use crate::{
    Result,
    access::{
        ratelimit::network,
        refusals::{Refusals, Why},
    },
    audit::By,
    control::{
        Control, Write,
        clock::{self, DAY_US, SECOND_US},
        params,
    },
};
use serde_json::json;
use std::{net::IpAddr, sync::Arc};
use tenantry_engine::{Tx, name::UserId};
use tokio::sync::Semaphore;

/// Duration of the first lock in microseconds. It doubles with each further failure.
const FIRST_US: i64 = 60 * SECOND_US;
/// Time in microseconds after which the failures of a silent network are forgotten.
const FORGOTTEN_US: i64 = DAY_US;
/// Largest number of concurrent writes of failures. Further ones wait for a permit.
const AT_ONCE: u32 = 64;
/// Largest number of networks with failures that are remembered for one user. The oldest are removed first.
const GUESSING: i64 = 256;
/// Largest number of networks with sign-ins that are remembered for one user. The oldest are removed first.
const KNOWN: i64 = 50;

/// Policy for locking accounts.
#[derive(Clone)]
pub(in crate::access) struct Lockout {
    control: Control,
    after: i64,
    longest_us: i64,
    writing: Arc<Semaphore>,
}

/// State of an account, as it applies to one network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::access) struct Standing {
    /// True if the account is currently locked for this network.
    pub(in crate::access) closed: bool,
    /// True if the user has signed in from this network before.
    pub(in crate::access) known: bool,
    /// Number of times the account was unlocked.
    pub(in crate::access) unlocks: i64,
}

/// A failed sign-in.
#[derive(Debug, Clone, Copy)]
pub(in crate::access) struct Failure {
    /// Id of the account that the sign-in named, if the account exists.
    pub(in crate::access) user: Option<UserId>,
    /// Address of the client.
    pub(in crate::access) address: Option<IpAddr>,
    /// Reason for the failure. Only a wrong password counts against the network.
    pub(in crate::access) why: Why,
    /// True if the audit log names this failure.
    pub(in crate::access) named: bool,
}

impl Lockout {
    /// Creates the policy: lock an account after this many failures, for at most this many minutes. 0 failures means
    /// never.
    pub(in crate::access) fn new(control: Control, after: u32, minutes: u32) -> Self {
        Self {
            control,
            after: i64::from(after),
            longest_us: i64::from(minutes) * 60 * SECOND_US,
            writing: Arc::new(Semaphore::new(AT_ONCE as usize)),
        }
    }

    /// Returns the state of the account for the network of this address. Without an account, runs the same query.
    pub(in crate::access) async fn standing(
        &self,
        tx: &mut Tx,
        user: Option<UserId>,
        address: Option<IpAddr>,
    ) -> Result<Standing> {
        let sql = "SELECT (SELECT locked_until FROM login_failures WHERE user_id = ?1 AND network = ?2), \
            EXISTS (SELECT 1 FROM known_networks WHERE user_id = ?1 AND network = ?2), \
            coalesce((SELECT unlocks FROM users WHERE id = ?1), 0)";
        let rows = tx.query(sql, params![user.map_or(0, UserId::get), key(address)]).await?;
        let Some(row) = rows.first() else { return Ok(Standing::default()) };
        let now_us = self.control.now_us();
        // A date that is out of reach was recorded under a wrong clock.
        let holds = |until| until > now_us && !clock::is_out_of_reach(until, now_us, self.longest_us);
        Ok(Standing {
            closed: row.opt_integer(0)?.is_some_and(holds),
            known: row.boolean(1)?,
            unlocks: row.integer(2)?,
        })
    }

    /// Records a failure, after the caller has got the answer.
    pub(in crate::access) async fn failed(&self, failure: Failure) {
        let counts = failure.user.filter(|_| self.after > 0 && failure.why == Why::Password);
        if counts.is_none() && !failure.named {
            return;
        }
        let this = self.clone();
        let Ok(permit) = self.writing.clone().acquire_owned().await else { return };
        tokio::spawn(async move {
            if let Err(error) = this.write(failure, counts).await {
                tracing::error!(%error, "a failed sign-in was not written down");
            }
            drop(permit);
        });
    }

    /// Waits until pending failures are recorded.
    pub(in crate::access) async fn flush(&self) {
        drop(self.writing.acquire_many(AT_ONCE).await);
    }

    async fn write(&self, failure: Failure, counts: Option<UserId>) -> Result<()> {
        let mut write = self.control.begin().await?;
        if failure.named {
            Refusals::record(&mut write, failure.user, failure.why).await?;
        }
        if let Some(user) = counts {
            self.count(&mut write, user, &key(failure.address)).await?;
        }
        // Counting is not an audited action, and no cache holds these rows.
        write.commit_unaudited().await
    }

    async fn count(&self, write: &mut Write, user: UserId, network: &str) -> Result<()> {
        let at = write.at_us();
        let old = write.due_us() - FORGOTTEN_US;
        write.execute("DELETE FROM login_failures WHERE at < ?", params![old]).await?;
        // Guesses at a locked account do not prolong the lock, otherwise an attacker could hold it locked.
        let sql = "INSERT INTO login_failures (user_id, network, failed, at) VALUES (?1, ?2, 1, ?3) \
            ON CONFLICT (user_id, network) DO UPDATE SET at = excluded.at, \
            failed = CASE WHEN abs(login_failures.at - ?3) > ?4 THEN 1 ELSE login_failures.failed + 1 END \
            WHERE coalesce(login_failures.locked_until, 0) NOT BETWEEN ?3 + 1 AND ?3 + ?5 RETURNING failed";
        let values = params![user.get(), network, at, FORGOTTEN_US, self.longest_us];
        let rows = write.query(sql, values).await?;
        let Some(failed) = rows.first().map(|row| row.integer(0)).transpose()? else { return Ok(()) };
        make_room(write, "login_failures", user, GUESSING).await?;
        let until_us = (failed >= self.after).then(|| at + self.wait_us(failed - self.after));
        let sql = "UPDATE login_failures SET locked_until = ? WHERE user_id = ? AND network = ?";
        write.execute(sql, params![until_us, user.get(), network]).await?;
        let Some(until_us) = until_us else { return Ok(()) };
        let detail = json!({ "user": user, "failed_logins": failed, "until_us": until_us });
        write.audit(&By::system(), None, "user.lock", detail).await
    }

    fn wait_us(&self, beyond: i64) -> i64 {
        let doublings = u32::try_from(beyond).unwrap_or(u32::MAX).min(20);
        (FIRST_US << doublings).min(self.longest_us)
    }
}

/// Records the network from which a user proved to hold the account, and deletes that network's failures. The write is
/// part of the change that follows the proof.
pub(in crate::access) async fn remember(
    write: &mut Write,
    user: UserId,
    address: Option<IpAddr>,
) -> Result<()> {
    let (key, at) = (key(address), write.at_us());
    let sql = "DELETE FROM login_failures WHERE user_id = ? AND network = ?";
    write.execute(sql, params![user.get(), key.as_str()]).await?;
    if address.is_none() {
        return Ok(());
    }
    let sql = "INSERT INTO known_networks (user_id, network, at) VALUES (?, ?, ?) \
        ON CONFLICT (user_id, network) DO UPDATE SET at = excluded.at";
    write.execute(sql, params![user.get(), key, at]).await?;
    make_room(write, "known_networks", user, KNOWN).await
}

/// Returns the network of an address in its stored form.
fn key(address: Option<IpAddr>) -> String {
    address.map(|address| network(address).to_string()).unwrap_or_default()
}

async fn make_room(write: &mut Write, table: &str, user: UserId, most: i64) -> Result<()> {
    let sql = format!(
        "DELETE FROM {table} WHERE user_id = ?1 AND network NOT IN \
         (SELECT network FROM {table} WHERE user_id = ?1 ORDER BY at DESC LIMIT ?2)"
    );
    write.execute(&sql, params![user.get(), most]).await?;
    Ok(())
}
