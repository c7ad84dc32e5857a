//! Tools that suites need in addition to the toolchain: found, or installed if that is possible without asking. `test`
//! calls it. Restrictions of the machine are reported in the counts, never ignored silently.

use std::process::{Command, Stdio};

/// Abilities that the machine lacks, as the suites receive them (`TENANTRY_WITHOUT`), with the text to print.
#[derive(Debug, Default)]
pub(crate) struct Missing {
    pub(crate) names: Vec<&'static str>,
    pub(crate) lines: Vec<String>,
}

/// Looks for the tools that the suites of storage faults need, and installs missing ones if possible.
pub(crate) fn find() -> Missing {
    let mut missing = Missing::default();
    if !works("strace", &["--version"]) {
        install("strace");
    }
    if !works("strace", &["-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync", "true"]) {
        missing.add(
            "strace",
            "T9 calls that fail: NOT TRIED, strace is missing or may not trace on this machine",
        );
    }
    let mount = "mount -t tmpfs -o size=1m none /mnt";
    if !works("unshare", &["--user", "--map-root-user", "--mount", "sh", "-c", mount]) {
        missing.add("mount", "T9 full disk: NOT TRIED, this machine forbids file systems of one's own");
    }
    missing
}

impl Missing {
    fn add(&mut self, name: &'static str, line: &str) {
        self.names.push(name);
        self.lines.push(line.to_owned());
    }
}

/// Installs a package as root on Debian and its derivatives. On other machines, their owner decides.
fn install(package: &str) {
    if !works("sh", &["-c", "test \"$(id -u)\" = 0 && command -v apt-get"]) {
        return;
    }
    println!("installing {package}, which the suites of storage faults use");
    let get = format!(
        "apt-get install -y --no-install-recommends {package} || \
         (apt-get update && apt-get install -y --no-install-recommends {package})"
    );
    works("sh", &["-c", &get]);
}

fn works(program: &str, args: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
