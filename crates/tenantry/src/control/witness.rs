//! Witnessed time: how far the system clock can be trusted (invariant `staged-deletion`).
//!
//! A running server reads its clocks about once a minute and records the reading in the catalog. Witnessed time
//! advances only by time that a monotonic clock measured in a running process. A jump of the system clock does not move
//! it, and neither does time during which no server ran. It catches up with the system clock once the servers have run
//! for [`CONFIRM_US`] without a jump, or when an operator accepts the clock. Purges, retention and pruning use
//! witnessed time. Servers on several machines write the same row, and confirm nothing while their clocks differ.
//! Sign-in, trials, schedules and everything else that can be reverted use the system clock.

use super::{Control, Write, params};
use crate::{
    Error, Result,
    audit::By,
    control::clock::{self, Clock, Reading, SECOND_US},
};
use tenantry_engine::Tx;

/// Running time without a jump, in microseconds, after which the system clock is trusted.
const CONFIRM_US: i64 = 24 * 3_600 * SECOND_US;
/// Time between two readings, in microseconds.
pub(crate) const LOOK_US: i64 = 60 * SECOND_US;
/// Difference between both clocks from one reading to the next that counts as a jump, in microseconds. Adjusting a
/// clock by slewing stays far below.
const JUMP_US: i64 = SECOND_US;
/// Time within which each server updates the row once, in microseconds. The order of the servers does not matter.
const TURN_US: i64 = 2 * LOOK_US;
/// Time without any reading after which the system clock may have been set unnoticed, in microseconds.
const UNSEEN_US: i64 = 3_600 * SECOND_US;
/// Smallest difference between system clock and witnessed time that is reported, in microseconds.
const WORTH_TELLING_US: i64 = 300 * SECOND_US;

/// The clock row of the catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Row {
    looked_at: i64,
    witnessed_at: i64,
    steady_us: i64,
}

impl Row {
    async fn read(tx: &mut Tx) -> Result<Self> {
        let rows = tx.query("SELECT looked_at, witnessed_at, steady_us FROM clock", &[]).await?;
        let row = rows.first().ok_or_else(|| Error::Internal("the catalog has no clock".into()))?;
        Ok(Self { looked_at: row.integer(0)?, witnessed_at: row.integer(1)?, steady_us: row.integer(2)? })
    }

    async fn write(self, write: &mut Write) -> Result<()> {
        let sql = "UPDATE clock SET looked_at = ?, witnessed_at = ?, steady_us = ?";
        write.execute(sql, params![self.looked_at, self.witnessed_at, self.steady_us]).await?;
        Ok(())
    }

    /// Returns the row after a reading by a process whose previous reading was `before`.
    fn after(self, before: Reading, lived_us: i64, wall_us: i64) -> Self {
        let lived = lived_us - before.lived_us;
        let jumped = (wall_us - before.wall_us - lived).abs() > JUMP_US + lived / 500;
        let gap = wall_us - self.looked_at;
        let disagrees = gap < -TURN_US || gap > UNSEEN_US.max(lived + TURN_US);
        let steady_us = match jumped || disagrees {
            true => 0,
            // Two servers that run at the same time count the time only once.
            false => (self.steady_us + lived.min(gap).max(0)).min(CONFIRM_US),
        };
        let witnessed_at = match steady_us >= CONFIRM_US {
            true => wall_us,
            false => self.witnessed_at.max(before.witnessed_us + lived),
        };
        Self { looked_at: wall_us, witnessed_at, steady_us }
    }
}

/// The system time and the witnessed time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct ClockState {
    /// Time of the system clock, in microseconds since 1970, UTC.
    pub now_us: i64,
    /// Witnessed time, in microseconds since 1970, UTC.
    pub witnessed_us: i64,
    /// Remaining running time without a jump, in microseconds, after which the system clock will be trusted.
    pub confirmed_in_us: i64,
}

impl ClockState {
    /// Returns the number of seconds by which the system clock is ahead of the witnessed time; negative if it is
    /// behind.
    pub fn ahead_seconds(&self) -> i64 {
        (self.now_us - self.witnessed_us) / SECOND_US
    }

    /// Returns true if irreversible work waits because of the difference.
    pub fn holds_back(&self) -> bool {
        (self.now_us - self.witnessed_us).abs() > WORTH_TELLING_US
    }
}

/// Sets the base of this process's witnessed time from the catalog's row. Called when the control store is opened.
/// Writes nothing.
pub(crate) async fn begin(clock: &Clock, tx: &mut Tx) -> Result<()> {
    let row = Row::read(tx).await?;
    let (lived_us, wall_us) = (clock.lived_us(), clock.now_us());
    clock.looked(Reading { lived_us, wall_us, witnessed_us: row.witnessed_at });
    Ok(())
}

/// Records this process's reading of its clocks. Called by the background pass of a server.
pub(crate) async fn look(control: &Control) -> Result<()> {
    let clock = control.clock();
    let (lived_us, wall_us) = (clock.lived_us(), clock.now_us());
    let Some(before) = clock.reading() else { return Ok(()) };
    let mut write = control.begin().await?;
    let row = Row::read(&mut write).await?.after(before, lived_us, wall_us);
    row.write(&mut write).await?;
    write.commit_unaudited().await?;
    clock.looked(Reading { lived_us, wall_us, witnessed_us: row.witnessed_at });
    Ok(())
}

/// Returns true if the next reading is due.
pub(crate) fn is_time(clock: &Clock) -> bool {
    clock.reading().is_none_or(|reading| {
        let lived = clock.lived_us() - reading.lived_us;
        lived >= LOOK_US || (clock.now_us() - reading.wall_us - lived).abs() > JUMP_US
    })
}

/// Returns the system time, and how far it is trusted.
pub(crate) async fn state(control: &Control) -> Result<ClockState> {
    let row = Row::read(&mut control.snapshot().await?).await?;
    let own = control.clock().witnessed_us().unwrap_or(row.witnessed_at);
    Ok(ClockState {
        now_us: control.now_us(),
        witnessed_us: own.max(row.witnessed_at),
        confirmed_in_us: CONFIRM_US - row.steady_us,
    })
}

/// Records that the current system clock is trusted. The caller commits.
pub(crate) async fn accept(write: &mut Write, by: &By, clock: &Clock) -> Result<()> {
    let before = Row::read(write).await?;
    let (lived_us, wall_us) = (clock.lived_us(), clock.now_us());
    let row = Row { looked_at: wall_us, witnessed_at: wall_us, steady_us: CONFIRM_US };
    row.write(write).await?;
    let detail = serde_json::json!({
        "system_clock": clock::text(wall_us), "witnessed": clock::text(before.witnessed_at),
    });
    write.audit(by, None, "clock.accept", detail).await?;
    clock.looked(Reading { lived_us, wall_us, witnessed_us: wall_us });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::clock::DAY_US;

    const T: i64 = 1_800_000_000 * SECOND_US;

    /// Returns a row, and the reading of a process that has just read its clocks, both equal to `T`.
    fn agreed(steady_us: i64) -> (Row, Reading) {
        let row = Row { looked_at: T, witnessed_at: T, steady_us };
        (row, Reading { lived_us: 0, wall_us: T, witnessed_us: T })
    }

    #[test]
    fn steady_time_is_witnessed_and_a_jump_is_not() {
        for (wall, witnessed) in [(LOOK_US, LOOK_US), (LOOK_US + 800 * DAY_US, LOOK_US), (-DAY_US, LOOK_US)] {
            let (row, before) = agreed(CONFIRM_US);
            let after = row.after(before, LOOK_US, T + wall);
            assert_eq!(after.witnessed_at, T + witnessed, "{wall}");
            assert_eq!(after.steady_us == CONFIRM_US, wall == LOOK_US, "{wall}");
        }
        let (row, before) = agreed(CONFIRM_US);
        let three_seconds = row.after(before, LOOK_US, T + LOOK_US + 3 * SECOND_US);
        assert_eq!(three_seconds.witnessed_at, T + LOOK_US, "three seconds are a jump, too");
    }

    #[test]
    fn a_day_without_a_jump_confirms_the_clock() {
        let (row, before) = agreed(0);
        let week = 7 * DAY_US;
        // The machine was off for a week: a new process has a monotonic clock that starts at 0.
        let start = Reading { wall_us: T + week, ..before };
        let mut row = row.after(start, LOOK_US, T + week + LOOK_US);
        assert_eq!(row.witnessed_at, T + LOOK_US, "the week was not witnessed");
        let mut looks = 1;
        while row.witnessed_at < row.looked_at {
            let lived_us = looks * LOOK_US;
            let before = Reading { lived_us, wall_us: row.looked_at, witnessed_us: row.witnessed_at };
            row = row.after(before, lived_us + LOOK_US, row.looked_at + LOOK_US);
            looks += 1;
        }
        assert_eq!(looks, CONFIRM_US / LOOK_US + 1);
    }

    #[test]
    fn two_servers_count_the_same_time_once() {
        let (mut row, mut one) = agreed(0);
        let mut two = one;
        for minute in 1..=10 {
            for (process, shift) in [(&mut one, 0), (&mut two, LOOK_US / 2)] {
                let lived_us = minute * LOOK_US + shift;
                row = row.after(*process, lived_us, T + lived_us);
                *process = Reading { lived_us, wall_us: T + lived_us, witnessed_us: row.witnessed_at };
            }
        }
        assert_eq!(row.steady_us, 10 * LOOK_US + LOOK_US / 2);
        assert_eq!(row.witnessed_at, T + 10 * LOOK_US + LOOK_US / 2);
    }

    #[test]
    fn two_servers_with_different_clocks_confirm_nothing() {
        let (mut row, mut right) = agreed(0);
        let mut wrong = Reading { wall_us: T + DAY_US, ..right };
        for minute in 1..=(3 * 24 * 60) {
            for (process, ahead) in [(&mut right, 0), (&mut wrong, DAY_US)] {
                let (lived_us, wall_us) = (minute * LOOK_US, T + minute * LOOK_US + ahead);
                row = row.after(*process, lived_us, wall_us);
                *process = Reading { lived_us, wall_us, witnessed_us: row.witnessed_at };
            }
        }
        assert_eq!((row.steady_us, row.witnessed_at), (0, T + 3 * DAY_US));
    }
}
