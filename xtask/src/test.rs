//! `cargo xtask test`: runs the whole workspace with its doctests, then prints how much each suite tried. It uses
//! cargo-nextest if that is installed, otherwise plain `cargo test`, so a machine needs only Rust and a C compiler. It
//! never passes if no test ran.

mod memory;
mod tally;
mod tools;

use crate::servers::Servers;
use anyhow::{Context, Result, bail, ensure};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;
use tally::Tally;

/// Features that are off by default but tested anyway: backups to S3, and MongoDB.
pub(crate) const FEATURES: [&str; 2] =
    ["--features", "tenantry/s3,tenantry-testkit/s3,tenantry-server/mongodb"];

/// Options of `cargo xtask test`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Use the large dose of every suite instead of the one for CI.
    #[arg(long)]
    long: bool,
    /// Use `cargo test` even where cargo-nextest is installed.
    #[arg(long)]
    plain: bool,
    /// Run only tests whose name contains one of these texts.
    #[arg(last = true)]
    filter: Vec<String>,
}

/// Selects everything except the browser tests. The browser's driver makes `serde_json` preserve the order of members.
/// Cargo would enable that for all packages that it builds together, and their tests would not see the answers that
/// users get.
pub(crate) const ALL_BUT_BROWSER: [&str; 3] = ["--workspace", "--exclude", "tenantry-browsertests"];
const BROWSER: [&str; 2] = ["--package", "tenantry-browsertests"];

/// Runs all tests.
///
/// # Errors
/// Returns an error if a test fails or none ran.
pub(crate) fn run(root: &Path, options: &Options) -> Result<()> {
    need_c_compiler()?;
    let missing = tools::find();
    let servers = Servers::start()?;
    let counts = fresh_counts(root)?;
    let memory = memory::InMemory::new();
    let started = Instant::now();
    let mut tally = Tally::default();
    let nextest = !options.plain && has_nextest(root);
    let tests = |packages: &[&str]| match nextest {
        true => nextest_command(root, options, packages),
        false => test_command(root, options, packages, &["--lib", "--bins", "--tests", "--examples"]),
    };
    // Doctests contain the `compile_fail` proofs of the sealed types, and nextest cannot run them.
    let all = [&ALL_BUT_BROWSER[..], &FEATURES].concat();
    let docs = test_command(root, options, &all, &["--doc"]);
    let mut passed = true;
    for mut command in [tests(&all), tests(&BROWSER), docs] {
        command.env("TENANTRY_SUITE_COUNTS", &counts);
        command.envs(servers.variables());
        command.envs(memory.variable());
        // A snapshot that differs is a failure, and no file is written for it.
        if std::env::var_os("INSTA_UPDATE").is_none() {
            command.env("INSTA_UPDATE", "no");
        }
        if !missing.names.is_empty() {
            command.env("TENANTRY_WITHOUT", missing.names.join(","));
        }
        if options.long {
            command.env("TENANTRY_LONG", "1");
        }
        passed &= watch(command, &mut tally)?;
    }
    tally.suites.extend(missing.lines);
    print_counts(&counts, tally.suites.clone())?;
    for name in &tally.failures {
        println!("failed: {name}");
    }
    println!("{}", tally.summary(passed, started.elapsed()));
    ensure!(passed, "a test failed");
    ensure!(tally.passed > 0, "no test ran: that is a failure, not a success");
    Ok(())
}

/// Checks for a C compiler: the engine compiles SQLite from C, and cargo's own error has forty lines.
fn need_c_compiler() -> Result<()> {
    let named = std::env::var("CC").ok();
    let candidates = named.iter().map(String::as_str).chain(["cc", "gcc", "clang", "cl"]);
    for program in candidates {
        if Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
        {
            return Ok(());
        }
    }
    bail!(
        "no C compiler: install one (Debian and Ubuntu: apt-get install gcc; macOS: xcode-select --install)"
    )
}

fn has_nextest(root: &Path) -> bool {
    let mut command = crate::cargo(root);
    command.args(["nextest", "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|s| s.success())
}

fn nextest_command(root: &Path, options: &Options, packages: &[&str]) -> Command {
    let mut command = crate::cargo(root);
    command.args(["nextest", "run", "--no-fail-fast", "--no-tests=pass"]).args(packages);
    command
        .args(["--status-level=pass", "--final-status-level=slow", "--success-output=immediate"])
        .args(&options.filter);
    command
}

fn test_command(root: &Path, options: &Options, packages: &[&str], targets: &[&str]) -> Command {
    let mut command = crate::cargo(root);
    command.args(["test", "--no-fail-fast"]).args(packages).args(targets);
    command.args(["--", "--show-output"]).args(&options.filter);
    command
}

/// Creates an empty folder in which the suites record how much they tried (see the `tenantry-testkit` crate).
fn fresh_counts(root: &Path) -> Result<PathBuf> {
    let dir = crate::target_dir(root).join("suite-counts");
    if dir.exists() {
        std::fs::remove_dir_all(&dir).with_context(|| format!("cannot empty {}", dir.display()))?;
    }
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    // Tests run in the folder of their crate, so the path must not depend on the current folder.
    dir.canonicalize().with_context(|| format!("cannot resolve {}", dir.display()))
}

/// Passes the output through while counting. Returns true if the command succeeded.
fn watch(mut command: Command, tally: &mut Tally) -> Result<bool> {
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().context("cannot start cargo")?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let seen = std::thread::scope(|scope| {
        let errors = scope.spawn(|| tee(err, std::io::stderr()));
        let mut seen = tee(out, std::io::stdout());
        seen.add(&errors.join().unwrap_or_default());
        seen
    });
    tally.add(&seen);
    Ok(child.wait()?.success())
}

fn tee(from: Option<impl Read>, mut to: impl Write) -> Tally {
    let mut tally = Tally::default();
    let Some(from) = from else { return tally };
    for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
        let text = String::from_utf8_lossy(&line);
        if tally.read(&text) {
            // A closed terminal must not lose the counts.
            let _ = writeln!(to, "{text}");
        }
    }
    tally
}

fn print_counts(dir: &Path, mut lines: Vec<String>) -> Result<()> {
    for entry in std::fs::read_dir(dir)? {
        lines.extend(std::fs::read_to_string(entry?.path())?.lines().map(str::to_owned));
    }
    lines.sort();
    lines.dedup();
    if !lines.is_empty() {
        println!("\nwhat the suites tried:");
    }
    for line in lines {
        println!("  {line}");
    }
    println!();
    Ok(())
}
