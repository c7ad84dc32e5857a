//! Checks of claims about generated inputs, with proptest.

use crate::random::Seed;
use proptest::{
    strategy::Strategy,
    test_runner::{Config, RngSeed, TestRunner},
};

/// Checks a claim on `cases` generated inputs, or on the number of inputs in the environment variable `PROPTEST_CASES`.
///
/// The inputs differ in each run; `TENANTRY_SEED` repeats a run.
///
/// # Panics
/// Panics if the claim panics for an input. The message contains the smallest such input, and the seed follows it.
pub fn property<S: Strategy>(cases: u64, inputs: S, claim: impl Fn(S::Value)) {
    let seed = Seed::fresh();
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok());
    let cases = asked.unwrap_or_else(|| u32::try_from(cases).expect("fewer than four milliards of cases"));
    let config = Config {
        cases,
        rng_seed: RngSeed::Fixed(seed.value()),
        failure_persistence: None,
        ..Config::default()
    };
    let checked = TestRunner::new(config).run(&inputs, |input| {
        claim(input);
        Ok(())
    });
    if let Err(failure) = checked {
        panic!("{failure}");
    }
}

#[cfg(test)]
mod tests {
    use super::property;
    use std::cell::Cell;

    #[test]
    #[should_panic(expected = "minimal failing input: 5")]
    fn a_false_claim_fails_with_its_smallest_input() {
        property(1_000, 0..1_000_u32, |number| assert!(number < 5));
    }

    #[test]
    fn every_case_is_tried() {
        let tried = Cell::new(0);
        property(50, 0..9_u8, |_| tried.set(tried.get() + 1));
        assert_eq!(tried.get(), 50);
    }
}
