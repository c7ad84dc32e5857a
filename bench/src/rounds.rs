//! Rounds of both sides in turn, so that whatever else the machine does falls on both alike.

use anyhow::{Result, ensure};

/// Medians over the rounds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Compared {
    /// Ours.
    pub(crate) ours: f64,
    /// The baseline.
    pub(crate) baseline: f64,
    /// Median of each round's ours ÷ baseline.
    pub(crate) ratio: f64,
}

/// Runs baseline and ours in turn, `rounds` times after one that does not count. Both give rates:
/// more is better.
pub(crate) fn alternate(
    rounds: usize,
    mut baseline: impl FnMut() -> Result<f64>,
    mut ours: impl FnMut() -> Result<f64>,
) -> Result<Compared> {
    let mut measured = Vec::new();
    for round in 0..=rounds {
        // Who goes first changes with every round: the second may find warmer caches.
        let (theirs, own) = if round % 2 == 0 {
            let theirs = baseline()?;
            (theirs, ours()?)
        } else {
            let own = ours()?;
            (baseline()?, own)
        };
        if round > 0 {
            measured.push((theirs, own));
        }
    }
    ensure!(measured.iter().all(|(a, b)| *a > 0.0 && *b > 0.0), "a round did nothing");
    Ok(Compared {
        ours: median(measured.iter().map(|(_, own)| *own)),
        baseline: median(measured.iter().map(|(theirs, _)| *theirs)),
        ratio: median(measured.iter().map(|(theirs, own)| own / theirs)),
    })
}

/// The middle value; the mean of the two middle ones when their number is even. 0 of nothing.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    quantile(values, 0.5)
}

/// The value below which this part of the values lies.
pub(crate) fn quantile(values: impl Iterator<Item = f64>, part: f64) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let Some(last) = values.len().checked_sub(1) else { return 0.0 };
    let at = last as f64 * part;
    let (low, high) = (values[at.floor() as usize], values[at.ceil() as usize]);
    low + (high - low) * at.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0].into_iter()), 2.5);
        assert_eq!(quantile([1.0, 2.0, 3.0].into_iter(), 1.0), 3.0);
    }

    #[test]
    fn the_first_round_does_not_count() -> Result<()> {
        let mut calls = 0;
        let compared = alternate(
            3,
            || Ok(2.0),
            || {
                calls += 1;
                Ok(if calls == 1 { 99.0 } else { 1.0 })
            },
        )?;
        assert_eq!((calls, compared.ratio), (4, 0.5));
        Ok(())
    }
}
