//! One run of a test program, up to its first failure.

use anyhow::{Context, Result};
use std::fmt;
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// Time after which a test counts as hung.
const PATIENCE: Duration = Duration::from_secs(300);

/// Outcome of a test run.
pub(crate) enum Outcome {
    /// All tests passed. Contains their number.
    Passed(u64),
    /// This test failed; others may have failed too.
    Failed(String),
    /// The run did not end.
    Hung,
}

impl Outcome {
    pub(crate) fn is_caught(&self) -> bool {
        !matches!(self, Self::Passed(_))
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed(count) => write!(f, "MISSED by {count} tests"),
            Self::Failed(test) => write!(f, "caught by {test}"),
            Self::Hung => write!(f, "caught: a test hung"),
        }
    }
}

/// Runs the program. Its output is then in `base`.
pub(crate) fn run(mut command: Command, base: &Path) -> Result<Outcome> {
    let (log, scratch) = (base.join("tests.log"), base.join("scratch"));
    // A killed program leaves its directories behind.
    drop(fs::remove_dir_all(&scratch));
    fs::create_dir_all(&scratch)?;
    command.env("TMPDIR", &scratch).stdout(File::create(&log)?).stderr(File::create(base.join("tests.err"))?);
    let mut child = command.process_group(0).spawn()?;
    let until = Instant::now() + PATIENCE;
    loop {
        let ended = child.try_wait()?;
        let printed = fs::read_to_string(&log)?;
        if let Some(name) = failed(&printed) {
            end(&mut child)?;
            return Ok(Outcome::Failed(name.to_owned()));
        }
        match ended {
            Some(status) if status.success() => return Ok(Outcome::Passed(passed(&printed))),
            Some(_) => return Ok(Outcome::Failed("a test that ended its process".into())),
            None if Instant::now() >= until => {
                end(&mut child)?;
                return Ok(Outcome::Hung);
            }
            None => std::thread::sleep(Duration::from_millis(100)),
        }
    }
}

/// Returns the first test that has failed so far. Output of other tests may precede its name on the line.
fn failed(printed: &str) -> Option<&str> {
    let line = printed.lines().find(|line| line.ends_with(" ... FAILED"))?;
    line.strip_suffix(" ... FAILED")?.rsplit("test ").next()
}

fn passed(printed: &str) -> u64 {
    let result = printed.lines().find_map(|line| line.strip_prefix("test result: ok. "));
    result.and_then(|rest| rest.split(' ').next()?.parse().ok()).unwrap_or(0)
}

/// Kills the program and its children, which form a process group.
fn end(child: &mut Child) -> Result<()> {
    let group = format!("-{}", child.id());
    let killed =
        Command::new("kill").args(["-KILL", "--", &group]).stderr(std::process::Stdio::null()).status();
    killed.context("cannot end the tests")?;
    child.wait()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_test_program_prints_is_understood() {
        let good = "\nrunning 2 tests\ntest a::b ... ok\ntest a::c ... ignored\n\ntest result: ok. 1 passed; 0 failed; 1 ignored\n";
        assert_eq!((failed(good), passed(good)), (None, 1));
        let bad =
            "\nrunning 2 tests\ntest a::b ... ok\ntest a::test_c ... FAILED\ntest a::d has been running";
        assert_eq!((failed(bad), passed(bad)), (Some("a::test_c"), 0));
    }
}
