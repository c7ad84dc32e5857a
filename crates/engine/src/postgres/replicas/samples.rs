//! Positions in the log of the primary, each with the moment before the query for it.

use super::Moment;
use std::{collections::VecDeque, time::Duration};

/// Minimum age that samples reach, so that the lag of an unused replica is known as well.
const KEPT: Duration = Duration::from_secs(60);
/// Maximum number of samples, whatever the lag.
const MOST: usize = 4096;

/// The history that a position belongs to: the identifier of the cluster, and its timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct History {
    pub(super) cluster: i64,
    pub(super) timeline: i32,
}

/// The positions of the primary, oldest first.
#[derive(Debug, Default)]
pub(super) struct Samples {
    history: Option<History>,
    positions: VecDeque<(Moment, i64)>,
}

impl Samples {
    /// Adds a position. Removes the positions of another history, and old ones that `lag` does not need any more.
    pub(super) fn add(&mut self, history: History, at: Moment, position: i64, lag: Duration) {
        let goes_back = self.positions.back().is_some_and(|(_, last)| *last > position);
        if self.history != Some(history) || goes_back {
            self.positions.clear();
            self.history = Some(history);
        }
        let oldest = at.before(lag.max(KEPT));
        while self.positions.get(1).is_some_and(|(second, _)| *second <= oldest)
            || self.positions.len() >= MOST
        {
            self.positions.pop_front();
        }
        self.positions.push_back((at, position));
    }

    /// Returns the history of the primary; `None` before the first sample.
    pub(super) fn history(&self) -> Option<History> {
        self.history
    }

    /// Returns the latest moment whose commits are all at or before `position`.
    pub(super) fn held_at(&self, position: i64) -> Option<Moment> {
        self.positions.iter().rev().find(|(_, sample)| *sample <= position).map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: History = History { cluster: 7, timeline: 1 };

    #[test]
    fn a_position_tells_the_latest_moment_that_it_covers() {
        let (mut samples, start) = (Samples::default(), Moment::now());
        let lag = Duration::from_secs(90);
        let moments: Vec<_> = (0..5).map(|n| start.before(Duration::from_secs(150 - n * 30))).collect();
        assert_eq!(samples.held_at(1000), None);
        for (at, position) in moments.iter().zip([10, 20, 20, 30, 40]) {
            samples.add(HERE, *at, position, lag);
        }
        assert_eq!(samples.held_at(40), Some(moments[4]));
        assert_eq!(samples.held_at(39), Some(moments[3]));
        assert_eq!(samples.held_at(20), Some(moments[2]), "the later of two moments at the same position");
        assert_eq!(samples.held_at(19), None, "forgotten: older than the lag");
        // After the primary continues another history, earlier samples are meaningless.
        samples.add(History { timeline: 2, ..HERE }, start, 15, lag);
        assert_eq!((samples.held_at(14), samples.held_at(40)), (None, Some(start)));
    }
}
