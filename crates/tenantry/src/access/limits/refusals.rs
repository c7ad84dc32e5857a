//! Failed sign-ins and denied actions in the audit log: some by name, the others as a count, so that a flood cannot
//! fill the log.
//!
//! `proof` calls it for each failure, as do `Access::record_denial` and the platform's background pass. The rate
//! limiters decide which failures are named. No row contains the input or its origin, because rows of the log are never
//! deleted.

use crate::{
    Result,
    audit::By,
    control::{Control, Write},
};
use serde_json::{Map, Value, json};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use tenantry_engine::name::UserId;

/// Shortest time between two rows with counts, in microseconds.
const EVERY_US: i64 = 60 * crate::control::clock::SECOND_US;

/// Reason for a failed sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::access) enum Why {
    /// The password does not match.
    Password,
    /// The account is not active, or it is locked for the network after wrong passwords.
    Closed,
    /// There is no such account.
    NoAccount,
    /// A rate limit was reached; no password was checked.
    TooOften,
}

impl Why {
    const ALL: [Self; 4] = [Self::Password, Self::Closed, Self::NoAccount, Self::TooOften];

    fn name(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Closed => "closed",
            Self::NoAccount => "no_account",
            Self::TooOften => "too_often",
        }
    }
}

/// Numbers of failures that no row names.
#[derive(Debug, Default)]
pub(in crate::access) struct Refusals {
    unnamed: [AtomicU64; Why::ALL.len()],
    /// Number of denied actions that no row names.
    denied: AtomicU64,
    /// Time at which the last row with counts was written, by the monotonic clock.
    written_us: AtomicI64,
}

impl Refusals {
    /// Counts a failure that no row names.
    pub(in crate::access) fn count(&self, why: Why) {
        self.unnamed[why as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a denied action that no row names.
    pub(in crate::access) fn count_denial(&self) {
        self.denied.fetch_add(1, Ordering::Relaxed);
    }

    /// Writes the row of one failure, as part of a change.
    pub(in crate::access) async fn record(write: &mut Write, user: Option<UserId>, why: Why) -> Result<()> {
        let detail = json!({ "user": user, "why": why.name() });
        write.audit(&by(), None, "session.refuse", detail).await
    }

    /// Writes the counts if any is above zero and the last row is at least a minute old.
    pub(in crate::access) async fn write_sometimes(&self, control: &Control) -> Result<()> {
        let now_us = control.clock().lived_us();
        match now_us - self.written_us.load(Ordering::Relaxed) >= EVERY_US {
            true => self.write(control).await,
            false => Ok(()),
        }
    }

    /// Writes the counts if any is above zero.
    pub(in crate::access) async fn write(&self, control: &Control) -> Result<()> {
        let numbers = || self.unnamed.iter().chain([&self.denied]);
        if numbers().all(|number| number.load(Ordering::Relaxed) == 0) {
            return Ok(());
        }
        let mut write = control.begin().await?;
        let mut detail = Map::new();
        for why in Why::ALL {
            match self.unnamed[why as usize].swap(0, Ordering::Relaxed) {
                0 => {}
                number => drop(detail.insert(why.name().to_owned(), Value::from(number))),
            }
        }
        if !detail.is_empty() {
            write.audit(&by(), None, "session.refuse_more", Value::Object(detail)).await?;
        }
        match self.denied.swap(0, Ordering::Relaxed) {
            0 => {}
            number => {
                write.audit(&By::system(), None, "access.denied_more", json!({ "number": number })).await?;
            }
        }
        write.commit().await?;
        self.written_us.store(control.clock().lived_us(), Ordering::Relaxed);
        Ok(())
    }
}

fn by() -> By {
    By::actor("sign-in")
}
