//! What suites need of the machine besides the toolchain: found, or installed where that can be done without asking.
//! Called by `test`. What a machine forbids is said in the counts, never passed over in silence.

use std::process::{Command, Stdio};

/// What the machine cannot do, as the suites are told (`TENANTRY_WITHOUT`), with what to print of it.
#[derive(Debug, Default)]
pub(crate) struct Missing {
    pub(crate) names: Vec<&'static str>,
    pub(crate) lines: Vec<String>,
}

/// Looks for what the suites of storage faults use, and installs it where that is possible.
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

/// Debian and its kin, as root: elsewhere the machine's owner decides.
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
