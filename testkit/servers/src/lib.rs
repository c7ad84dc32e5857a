//! Real database servers for the tests. They are found or installed by package name, started for one run or one test,
//! and stopped with it.
//!
//! `xtask` starts the servers that all suites share. A test that stops a server, or puts a pooler before one, starts
//! its own. A server that cannot start is an error; nothing is skipped. Downloads go to a cache folder outside the
//! sources, so the next run needs no network.

mod browser;
mod cluster;
mod install;
mod mongod;
mod mongorestore;
mod npm;
mod pooler;

pub use browser::{CHROMIUM, Driver, axe, chromedriver};
pub use cluster::Cluster;
pub use install::{MONGODB_VARIABLE, VARIABLE, VERSIONS, mongod, pgbouncer, postgres};
pub use mongod::{Mongod, ReplicaSet};
pub use mongorestore::{Restorer, restorer};
pub use pooler::Pooler;

use anyhow::{Context, Result, ensure};
use std::{
    path::PathBuf,
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

/// User of a server that must not run as root. Debian's package of PostgreSQL creates this user.
const USER: &str = "postgres";
/// Password of the superusers.
const PASSWORD: &str = "only-for-tests";

/// Returns the folder for downloaded servers. It is not in root's home, because the user who runs a server for root
/// must be able to enter it.
fn cache() -> Result<PathBuf> {
    let folder = |variable| std::env::var_os(variable).map(PathBuf::from);
    let base = match is_root() {
        true => PathBuf::from("/var/cache"),
        false => folder("XDG_CACHE_HOME")
            .or_else(|| folder("HOME").map(|home| home.join(".cache")))
            .unwrap_or_else(std::env::temp_dir),
    };
    let dir = base.join("tenantry-test");
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    Ok(dir)
}

/// Creates a folder for the data of one server. The user who runs a server for root must be able to enter it, and its
/// path is short, as the path of a socket must be.
fn folder(name: &str) -> Result<PathBuf> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let temporary = if is_root() { PathBuf::from("/tmp") } else { std::env::temp_dir() };
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let dir = temporary.join(format!("tenantry-{name}-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&dir)?;
    Ok(dir)
}

fn give_to_user(dir: &std::path::Path) -> Result<()> {
    if is_root() { ran(Command::new("chown").arg("-R").arg(USER).arg(dir)) } else { Ok(()) }
}

/// Returns a command for a program that must not run as root. The program ends when the thread that starts it ends.
fn as_user(program: &std::path::Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "QUIT"]);
    if is_root() {
        command.args(["--reuid", USER, "--regid", USER, "--init-groups"]);
    }
    command.arg(program);
    command
}

fn ran(command: &mut Command) -> Result<()> {
    let output =
        command.stderr(Stdio::piped()).output().with_context(|| format!("cannot run {command:?}"))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "{command:?} failed: {said}");
    Ok(())
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
