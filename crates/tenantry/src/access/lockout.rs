//! Guesses at a password close the account to the network they come from, longer each time, on every server at once
//! (`account-enumeration`). Other networks are not touched, so guessing keeps no holder out of their own account.
//!
//! Called by `proof` and by sign-in. Stored in the catalog, beside the limits at the doors, which each process keeps
//! for itself. Failures are written down behind the answer: an answer that waited for the disk would say that the
//! account exists. It refuses nothing itself and never says that an account is closed.

use super::{
    ratelimit::network,
    refusals::{Refusals, Why},
};
use crate::{
    Result,
    audit::By,
    clock::{self, DAY_US, SECOND_US},
    control::{Control, Write, params},
};
use serde_json::json;
use std::{net::IpAddr, sync::Arc};
use tenantry_engine::{Tx, name::UserId};
use tokio::sync::Semaphore;

/// How long the first time; each failure after that doubles it.
const FIRST_US: i64 = 60 * SECOND_US;
/// A network that was quiet for so long begins anew.
const FORGOTTEN_US: i64 = DAY_US;
/// Failures being written down at most; the next one waits for its turn.
const AT_ONCE: u32 = 64;
/// Networks remembered for one user with failures, at most; the oldest make room.
const GUESSING: i64 = 256;
/// Networks remembered for one user with sign-ins, at most; the oldest make room.
const KNOWN: i64 = 50;

/// When accounts are closed.
#[derive(Clone)]
pub(super) struct Lockout {
    control: Control,
    after: i64,
    longest_us: i64,
    writing: Arc<Semaphore>,
}

/// How an account stands with one network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Standing {
    /// Closed to it now.
    pub(super) closed: bool,
    /// The user signed in from it before.
    pub(super) known: bool,
    /// How often the account was unlocked.
    pub(super) unlocks: i64,
}

/// A sign-in that failed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Failure {
    /// The account that it was for, if there is one.
    pub(super) user: Option<UserId>,
    /// Where it came from.
    pub(super) address: Option<IpAddr>,
    /// What was wrong. Only a wrong password counts against the network.
    pub(super) why: Why,
    /// Whether the audit log names it.
    pub(super) named: bool,
}

impl Lockout {
    /// Closed after so many failures, for so many minutes at most; 0 failures: never.
    pub(super) fn new(control: Control, after: u32, minutes: u32) -> Self {
        Self {
            control,
            after: i64::from(after),
            longest_us: i64::from(minutes) * 60 * SECOND_US,
            writing: Arc::new(Semaphore::new(AT_ONCE as usize)),
        }
    }

    /// How the account stands with the network of that address. Without an account the same question is asked.
    pub(super) async fn standing(
        &self,
        tx: &mut Tx,
        user: Option<UserId>,
        address: Option<IpAddr>,
    ) -> Result<Standing> {
        let sql = "SELECT (SELECT locked_until FROM login_failures WHERE user = ?1 AND network = ?2), \
            EXISTS (SELECT 1 FROM known_networks WHERE user = ?1 AND network = ?2), \
            coalesce((SELECT unlocks FROM users WHERE id = ?1), 0)";
        let rows = tx.query(sql, params![user.map_or(0, UserId::get), key(address)]).await?;
        let Some(row) = rows.first() else { return Ok(Standing::default()) };
        let now_us = self.control.now_us();
        // A date out of reach was written under a wrong clock.
        let holds = |until| until > now_us && !clock::is_out_of_reach(until, now_us, self.longest_us);
        Ok(Standing {
            closed: row.opt_integer(0)?.is_some_and(holds),
            known: row.boolean(1)?,
            unlocks: row.integer(2)?,
        })
    }

    /// Writes a failure down, behind the answer.
    pub(super) async fn failed(&self, failure: Failure) {
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

    /// Waits for what is being written down.
    pub(super) async fn flush(&self) {
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
        // Counting is no action, and no cache holds these rows.
        write.commit_unaudited().await
    }

    async fn count(&self, write: &mut Write, user: UserId, network: &str) -> Result<()> {
        let at = write.at_us();
        let old = write.due_us() - FORGOTTEN_US;
        write.execute("DELETE FROM login_failures WHERE at < ?", params![old]).await?;
        // Guesses at an account that is closed already do not prolong it: else one could keep it closed.
        let sql = "INSERT INTO login_failures (user, network, failed, at) VALUES (?1, ?2, 1, ?3) \
            ON CONFLICT (user, network) DO UPDATE SET at = excluded.at, \
            failed = iif(abs(at - ?3) > ?4, 1, failed + 1) \
            WHERE coalesce(locked_until, 0) NOT BETWEEN ?3 + 1 AND ?3 + ?5 RETURNING failed";
        let values = params![user.get(), network, at, FORGOTTEN_US, self.longest_us];
        let rows = write.query(sql, values).await?;
        let Some(failed) = rows.first().map(|row| row.integer(0)).transpose()? else { return Ok(()) };
        make_room(write, "login_failures", user, GUESSING).await?;
        let until_us = (failed >= self.after).then(|| at + self.wait_us(failed - self.after));
        let sql = "UPDATE login_failures SET locked_until = ? WHERE user = ? AND network = ?";
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

/// Remembers the network from which a user proved to be the holder of the account, and forgets its failures; part of
/// the change that the proof led to.
pub(super) async fn remember(write: &mut Write, user: UserId, address: Option<IpAddr>) -> Result<()> {
    let (key, at) = (key(address), write.at_us());
    let sql = "DELETE FROM login_failures WHERE user = ? AND network = ?";
    write.execute(sql, params![user.get(), key.as_str()]).await?;
    if address.is_none() {
        return Ok(());
    }
    let sql = "INSERT INTO known_networks (user, network, at) VALUES (?, ?, ?) \
        ON CONFLICT (user, network) DO UPDATE SET at = excluded.at";
    write.execute(sql, params![user.get(), key, at]).await?;
    make_room(write, "known_networks", user, KNOWN).await
}

/// The network of an address, as stored.
fn key(address: Option<IpAddr>) -> String {
    address.map(|address| network(address).to_string()).unwrap_or_default()
}

async fn make_room(write: &mut Write, table: &str, user: UserId, most: i64) -> Result<()> {
    let sql = format!(
        "DELETE FROM {table} WHERE user = ?1 AND network IN \
         (SELECT network FROM {table} WHERE user = ?1 ORDER BY at DESC LIMIT -1 OFFSET ?2)"
    );
    write.execute(&sql, params![user.get(), most]).await?;
    Ok(())
}
