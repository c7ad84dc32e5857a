//! Repeatable random choices: the same seed gives the same run, and a failure names its seed.

use std::{env, hash::BuildHasher, thread};

/// Environment variable that replaces every seed of a test run.
const VARIABLE: &str = "TENANTRY_SEED";

/// A seed in use. If the test panics while this value lives, it prints how to repeat the run.
#[derive(Debug)]
pub(crate) struct Seed(u64);

impl Seed {
    /// Returns the seed from the environment, otherwise this one.
    pub(crate) fn or(seed: u64) -> Self {
        let Ok(text) = env::var(VARIABLE) else { return Self(seed) };
        Self(text.parse().unwrap_or_else(|error| panic!("{VARIABLE}={text}: {error}")))
    }

    /// Returns the seed from the environment, otherwise one that differs in each run.
    pub(crate) fn fresh() -> Self {
        // The standard library's hasher starts from random keys. 48 bits suffice, and are shorter to type.
        Self::or(std::hash::RandomState::new().hash_one(0) >> 16)
    }

    pub(crate) fn value(&self) -> u64 {
        self.0
    }
}

impl Drop for Seed {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("to repeat this run: {VARIABLE}={}", self.0);
        }
    }
}

/// A random generator for tests (SplitMix64): small, fast, and good enough to choose test cases. If the test panics
/// while the generator lives, it prints how to repeat the run.
#[derive(Debug)]
pub struct Random {
    state: u64,
    _seed: Seed,
}

impl Random {
    /// Creates a generator from the environment variable `TENANTRY_SEED`, otherwise from `seed`. `stream` separates
    /// tasks.
    pub fn new(seed: u64, stream: u64) -> Self {
        Self::from(Seed::or(seed), stream)
    }

    /// Creates a generator from the environment variable `TENANTRY_SEED`, otherwise from a seed that differs in each
    /// run.
    pub fn fresh() -> Self {
        Self::from(Seed::fresh(), 0)
    }

    fn from(seed: Seed, stream: u64) -> Self {
        let state = seed.value() ^ stream.wrapping_mul(0xa076_1d64_78bd_642f);
        let mut random = Self { state, _seed: seed };
        random.bits();
        random
    }

    /// Returns 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a number below `bound`.
    ///
    /// # Panics
    /// Panics if `bound` is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.bits() % bound as u64) as usize
    }

    /// Returns true once in `n` calls on average.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// Returns one of the elements.
    pub fn pick<'t, T>(&mut self, list: &'t [T]) -> &'t T {
        &list[self.below(list.len())]
    }

    /// Returns the text with one or two mistakes: in case, length, encoding or alphabet.
    pub fn spoil(&mut self, text: &str) -> String {
        const ODD: [&str; 14] =
            ["", " ", ".", "..", "/", "%2e", "%00", "-", "_", "0", "A", "\u{e9}", "\u{456}", "\t"];
        let mut chars: Vec<String> = text.chars().map(String::from).collect();
        for _ in 0..=self.below(2) {
            let at = self.below(chars.len() + 1);
            match self.below(5) {
                0 if at < chars.len() => drop(chars.remove(at)),
                1 if at < chars.len() => {
                    let other = chars[at].to_uppercase();
                    chars[at] = if other == chars[at] { chars[at].to_lowercase() } else { other };
                }
                2 if at < chars.len() => chars[at] = (*self.pick(&ODD)).to_owned(),
                3 => chars.truncate(at.max(1)),
                _ => chars.insert(at, (*self.pick(&ODD)).to_owned()),
            }
        }
        chars.concat()
    }
}

#[cfg(test)]
mod tests {
    use super::{Random, VARIABLE};
    use std::process::Command;

    #[test]
    fn a_seed_gives_the_same_run_and_streams_differ() {
        let run = |seed, stream| {
            let mut random = Random::new(seed, stream);
            (0..8).map(|_| random.spoil("city-hospital")).collect::<Vec<_>>()
        };
        assert_eq!(run(1, 1), run(1, 1));
        assert_ne!(run(1, 1), run(1, 2));
    }

    /// Fails on purpose if the test runs in the child process of the next test.
    #[test]
    fn child() {
        match std::env::var("TENANTRY_TESTKIT_CHILD").as_deref() {
            Ok("generator") => {
                let mut random = Random::fresh();
                assert!(random.below(1) > 0);
            }
            Ok("property") => crate::property(10, 0..9_u8, |number| assert!(number > 8)),
            _ => {}
        }
    }

    #[test]
    fn a_failure_names_its_seed_and_that_seed_repeats_it() {
        for what in ["generator", "property"] {
            let failure = |seed: Option<&str>| {
                let mut child = Command::new(std::env::current_exe().unwrap());
                child.args(["--exact", "random::tests::child", "--nocapture"]);
                child.env("TENANTRY_TESTKIT_CHILD", what).env_remove(VARIABLE);
                if let Some(seed) = seed {
                    child.env(VARIABLE, seed);
                }
                let output = child.output().unwrap();
                assert!(!output.status.success(), "{what} did not fail");
                String::from_utf8(output.stderr).unwrap()
            };
            let said = failure(None);
            let (_, rest) = said.split_once("TENANTRY_SEED=").unwrap_or_else(|| panic!("{what}: {said}"));
            let seed = rest.split_whitespace().next().unwrap();
            assert!(failure(Some(seed)).contains(&format!("TENANTRY_SEED={seed}\n")), "{what} {seed}");
        }
    }
}
