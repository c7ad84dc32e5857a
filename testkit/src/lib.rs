//! Parts that the test suites share: random choices that a seed repeats, the number of cases to try, and the report of
//! how many were tried. It is a dev-dependency of the other crates; shipped code does not use it.
//!
//! ```no_run
//! let rounds = tenantry_testkit::dose(200, 10_000);
//! for _ in 0..rounds { /* attack something */ }
//! tenantry_testkit::tried("T1 cross-tenant", rounds, "requests");
//! ```

#[cfg(feature = "mongodb")]
pub mod mongodb;
pub mod postgres;
mod property;
mod random;
#[cfg(feature = "postgres")]
pub mod replicated;
#[cfg(feature = "s3")]
pub mod s3;
mod settings;

pub use property::property;
pub use random::Random;
pub use settings::Settings;

use std::io::Write;

/// Returns the number of cases to try: `ci` normally, `long` under `cargo xtask test --long`.
pub fn dose(ci: u64, long: u64) -> u64 {
    if std::env::var_os("TENANTRY_LONG").is_some() { long } else { ci }
}

/// Prints `suite: count unit`, and also writes the line to a file from which `cargo xtask test` collects it, because
/// test runners hide the output of passing tests.
///
/// # Panics
/// Panics if the line cannot be written: a suite whose count is lost would look as if it had not run.
pub fn tried(suite: &str, count: u64, unit: &str) {
    assert!(count > 0, "suite {suite} tried nothing");
    let line = format!("{suite}: {count} {unit}\n");
    print!("{line}");
    let Some(dir) = std::env::var_os("TENANTRY_SUITE_COUNTS") else { return };
    let name: String = suite.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let path = std::path::Path::new(&dir).join(format!("{}.txt", name.to_lowercase()));
    let file = std::fs::OpenOptions::new().create(true).append(true).open(&path);
    // Write with one call, because several test processes append to the same file.
    let written = file.and_then(|mut file| file.write_all(line.as_bytes()));
    assert!(written.is_ok(), "cannot write {}: {written:?}", path.display());
}

#[cfg(test)]
mod tests {
    #[test]
    #[should_panic(expected = "tried nothing")]
    fn a_suite_that_tried_nothing_fails() {
        super::tried("T0 empty", 0, "cases");
    }
}
