//! Repeatable random choices: the same seed gives the same run.

/// SplitMix64: small, fast, and good enough to choose test cases.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Creates a generator from the environment variable `TENANTRY_SEED`, or from `seed`; `stream` separates tasks.
    pub fn new(seed: u64, stream: u64) -> Self {
        let seed = std::env::var("TENANTRY_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(seed);
        let mut dice = Self(seed ^ stream.wrapping_mul(0xa076_1d64_78bd_642f));
        dice.roll();
        dice
    }

    /// Returns 64 random bits.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a number below `bound`.
    ///
    /// # Panics
    /// If `bound` is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.roll() % bound as u64) as usize
    }

    /// Returns true once in `n` times.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// Returns one of the elements.
    pub fn pick<'t, T>(&mut self, list: &'t [T]) -> &'t T {
        &list[self.below(list.len())]
    }

    /// Returns the text with one or two mistakes: of case, of length, of encoding, of alphabet.
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
    use super::Dice;

    #[test]
    fn a_seed_gives_the_same_run_and_streams_differ() {
        let run = |seed, stream| {
            let mut dice = Dice::new(seed, stream);
            (0..8).map(|_| dice.spoil("city-hospital")).collect::<Vec<_>>()
        };
        assert_eq!(run(1, 1), run(1, 1));
        assert_ne!(run(1, 1), run(1, 2));
    }
}
