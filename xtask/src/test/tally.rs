//! Reads from the output of cargo-nextest and libtest how many tests ran. `test` calls it.

use std::collections::BTreeSet;
use std::time::Duration;

/// Tests counted so far.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) ignored: u64,
    /// Lines in which suites report how much they tried: `T1 cross-tenant: 20000 requests`.
    pub(crate) suites: Vec<String>,
    /// Names of the failed tests, without duplicates.
    pub(crate) failures: BTreeSet<String>,
    /// True while the lines are the output of a passing test.
    quiet: bool,
}

impl Tally {
    /// Counts a line if it is a summary. Returns true if the line should be shown.
    pub(crate) fn read(&mut self, line: &str) -> bool {
        let plain = without_colour(line);
        let text = plain.trim();
        if is_count(text) {
            self.suites.push(text.to_owned());
        }
        if text.split_once(" [").is_some_and(|(word, _)| word.bytes().all(|b| b.is_ascii_uppercase())) {
            self.quiet = text.starts_with("PASS");
        }
        self.failures.extend(failed_test(&plain));
        // cargo-nextest indents each test's own summary, which is not libtest's final summary.
        if plain.starts_with("test result:") {
            self.passed += number_before(text, "passed");
            self.failed += number_before(text, "failed");
            self.ignored += number_before(text, "ignored");
        } else if text.starts_with("Summary [") {
            self.quiet = false;
            self.passed += number_before(text, "passed");
            self.failed += number_before(text, "failed") + number_before(text, "timed");
            self.ignored += number_before(text, "skipped");
        }
        !self.quiet
    }

    /// Adds another count to this one.
    pub(crate) fn add(&mut self, other: &Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
        self.suites.extend(other.suites.iter().cloned());
        self.failures.extend(other.failures.iter().cloned());
    }

    /// Returns the final line, in libtest's form, because every CI can read that.
    pub(crate) fn summary(&self, success: bool, took: Duration) -> String {
        let word = if success && self.passed > 0 { "ok" } else { "FAILED" };
        let Self { passed, failed, ignored, .. } = self;
        format!(
            "test result: {word}. {passed} passed; {failed} failed; {ignored} ignored; 0 measured; 0 filtered out; finished in {:.2}s",
            took.as_secs_f64()
        )
    }
}

/// Returns the name of the test that failed according to this line of output.
///
/// cargo-nextest writes `FAIL [   0.592s] (1/9) package::binary name`, libtest `test name ... FAILED`.
fn failed_test(line: &str) -> Option<String> {
    if let Some(name) = line.strip_prefix("test ").and_then(|rest| rest.strip_suffix(" ... FAILED")) {
        return Some(name.to_owned());
    }
    let (word, rest) = line.trim().split_once(" [")?;
    let is_failure = matches!(word, "FAIL" | "TIMEOUT" | "ABORT") || word.starts_with("SIG");
    let (_, name) = rest.split_once("] ")?;
    let name = name.split_once(") ").filter(|_| name.starts_with('(')).map_or(name, |(_, name)| name);
    is_failure.then(|| name.trim().to_owned())
}

/// Returns true if a line has the form `T6: 500 kills`.
fn is_count(text: &str) -> bool {
    let digits = text.strip_prefix('T').map_or(0, |rest| rest.bytes().take_while(u8::is_ascii_digit).count());
    digits > 0 && text[1 + digits..].starts_with([':', ' '])
}

/// Returns the number before `word`, or 0 if the word does not occur.
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
        assert_eq!((tally.passed, tally.failed, tally.ignored), (8, 3, 6));
    }

    #[test]
    fn what_a_passing_test_prints_is_hidden_but_its_count_is_kept() {
        let mut tally = Tally::default();
        let lines = [
            "   Compiling x",
            "        PASS [   0.1s] a::it b",
            "    T6: 500 kills",
            "    test result: ok. 1 passed;",
        ];
        assert_eq!(lines.map(|line| tally.read(line)), [true, false, false, false]);
        assert!(tally.read("        FAIL [   0.1s] a::it c") && tally.read("    Test went wrong"));
        assert_eq!((tally.suites, tally.passed), (vec!["T6: 500 kills".to_owned()], 0));
    }

    #[test]
    fn each_test_that_failed_is_named_once() {
        let mut tally = Tally::default();
        for line in [
            "        FAIL [   0.592s] (146/897) a::it b::c",
            "    test b::c ... FAILED",
            "        FAIL [   0.592s] (146/897) a::it b::c",
            "     SIGABRT [   0.1s] a::it d",
            "test e ... FAILED",
            "        SLOW [> 60.000s] (───────) a::it f",
        ] {
            tally.read(line);
        }
        assert_eq!(tally.failures, ["a::it b::c", "a::it d", "e"].map(str::to_owned).into());
    }

    #[test]
    fn nothing_run_is_not_ok() {
        assert!(Tally::default().summary(true, Duration::ZERO).starts_with("test result: FAILED. 0 passed"));
    }
}
