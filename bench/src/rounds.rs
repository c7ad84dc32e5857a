//! Alternating rounds of both sides, so that other load on the machine affects both equally.

use anyhow::{Result, ensure};

/// Medians over the rounds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Compared {
    /// Tenantry's figure.
    pub(crate) ours: f64,
    /// The baseline.
    pub(crate) baseline: f64,
    /// Median of each round's Tenantry ÷ baseline.
    pub(crate) ratio: f64,
}

/// Runs baseline and Tenantry alternately, `rounds` times after one that does not count. Both return rates: more is
/// better.
pub(crate) fn alternate(
    rounds: usize,
    mut baseline: impl FnMut() -> Result<f64>,
    mut ours: impl FnMut() -> Result<f64>,
) -> Result<Compared> {
    let mut measured = Vec::new();
    for round in 0..=rounds {
        // The order alternates, because the second side may find warmer caches.
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

/// Returns the median; for an even number the mean of the two middle values; 0 if there are none.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    quantile(values, 0.5)
}

/// Returns the value below which this fraction of the values is.
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
