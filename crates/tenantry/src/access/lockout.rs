//! Accounts that are guessed at are closed for a while, longer each time, on every server at once
//! (threat 41).
//!
//! Called by log-in. Stored with the user, beside the limits at the doors, which each process keeps for
//! itself. Failures are written down behind the answer: an answer that waited for the disk would say
//! that the account exists. It refuses nobody itself and never says that an account is closed.

use crate::{
    Result,
    audit::By,
    clock::SECOND_US,
    control::{Control, params},
};
use std::sync::Arc;
use tenantry_engine::name::UserId;
use tokio::sync::Semaphore;

/// How long the first time; each failure after that doubles it.
const FIRST_US: i64 = 60 * SECOND_US;
/// An account that was left alone for so long begins anew.
const FORGOTTEN_US: i64 = 24 * 3600 * SECOND_US;
/// Failures being written down at most; who comes after that waits for his to be.
const AT_ONCE: u32 = 64;

/// When accounts are closed.
#[derive(Clone)]
pub(super) struct Lockout {
    control: Control,
    after: i64,
    longest_us: i64,
    writing: Arc<Semaphore>,
}

impl Lockout {
    /// Closed after so many failures, for so many minutes at most; 0 failures: never.
    pub(super) fn new(control: Control, after: u32, minutes: u32) -> Self {
        let longest_us = i64::from(minutes) * 60 * SECOND_US;
        Self {
            control,
            after: i64::from(after),
            longest_us,
            writing: Arc::new(Semaphore::new(AT_ONCE as usize)),
        }
    }

    /// A password for this account was wrong.
    pub(super) async fn failed(&self, user: UserId) {
        if self.after == 0 {
            return;
        }
        let this = self.clone();
        let Ok(permit) = self.writing.clone().acquire_owned().await else { return };
        tokio::spawn(async move {
            if let Err(error) = this.write(user).await {
                tracing::error!(%error, %user, "a failed log-in was not counted");
            }
            drop(permit);
        });
    }

    /// Waits for what is being written down.
    pub(super) async fn flush(&self) {
        drop(self.writing.acquire_many(AT_ONCE).await);
    }

    async fn write(&self, user: UserId) -> Result<()> {
        let mut write = self.control.begin().await?;
        let now_us = write.at_us();
        // Guesses at an account that is closed already do not prolong it: else one could keep it closed.
        let sql = "UPDATE users SET failed_logins = iif(locked_until < ?2, 1, failed_logins + 1) \
            WHERE id = ?1 AND (locked_until IS NULL OR locked_until <= ?3) RETURNING failed_logins";
        let rows = write.query(sql, params![user.get(), now_us - FORGOTTEN_US, now_us]).await?;
        let Some(failed) = rows.first().map(|row| row.integer(0)).transpose()? else { return Ok(()) };
        if failed < self.after {
            // No action of anybody, and no cache holds this column.
            return write.commit_unaudited().await;
        }
        let until_us = now_us + self.wait_us(failed - self.after);
        write
            .execute("UPDATE users SET locked_until = ? WHERE id = ?", params![until_us, user.get()])
            .await?;
        let detail = serde_json::json!({ "user": user, "failed_logins": failed, "until_us": until_us });
        write.audit(&By::system(), None, "user.lock", detail).await?;
        write.commit().await
    }

    fn wait_us(&self, beyond: i64) -> i64 {
        let doublings = u32::try_from(beyond).unwrap_or(u32::MAX).min(20);
        (FIRST_US << doublings).min(self.longest_us)
    }
}
