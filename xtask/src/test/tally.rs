//! Reads how many tests ran from the output of cargo-nextest and of libtest. Called by `test`.

use std::time::Duration;

/// Tests counted so far.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) ignored: u64,
}

impl Tally {
    /// Counts a line if it is a summary.
    pub(crate) fn read(&mut self, line: &str) {
        let plain = without_colour(line);
        let text = plain.trim();
        if text.starts_with("test result:") {
            self.passed += number_before(text, "passed");
            self.failed += number_before(text, "failed");
            self.ignored += number_before(text, "ignored");
        } else if text.starts_with("Summary [") {
            self.passed += number_before(text, "passed");
            self.failed += number_before(text, "failed") + number_before(text, "timed");
            self.ignored += number_before(text, "skipped");
        }
    }

    /// Adds another count to this one.
    pub(crate) fn add(&mut self, other: &Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }

    /// The closing line, in libtest's own form because every CI knows how to read that.
    pub(crate) fn summary(&self, success: bool, took: Duration) -> String {
        let word = if success && self.passed > 0 { "ok" } else { "FAILED" };
        let Self { passed, failed, ignored } = self;
        format!(
            "test result: {word}. {passed} passed; {failed} failed; {ignored} ignored; 0 measured; 0 filtered out; finished in {:.2}s",
            took.as_secs_f64()
        )
    }
}

/// The number in front of `word`; 0 when the word is not there.
fn number_before(line: &str, word: &str) -> u64 {
    let words: Vec<&str> = line.split_whitespace().collect();
    let found = words.windows(2).find(|pair| pair[1].trim_end_matches([',', ';']) == word);
    found.and_then(|pair| pair[0].parse().ok()).unwrap_or(0)
}

fn without_colour(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            chars.by_ref().find(char::is_ascii_alphabetic);
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_runners_are_understood() {
        let mut tally = Tally::default();
        tally.read(
            "test result: ok. 3 passed; 1 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.00s",
        );
        tally.read("\u{1b}[32m     Summary\u{1b}[0m [   0.012s] 7 tests run: 5 passed (1 slow), 1 failed, 1 timed out, 4 skipped");
        tally.read("a test that prints 9 passed; is not a summary");
        assert_eq!(tally, Tally { passed: 8, failed: 3, ignored: 6 });
    }

    #[test]
    fn nothing_run_is_not_ok() {
        assert!(Tally::default().summary(true, Duration::ZERO).starts_with("test result: FAILED. 0 passed"));
    }
}
