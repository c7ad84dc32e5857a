//! A reader that closes its end of the pipe, as `head` does: commands exit quietly after finishing their work.

use super::binary::{run, start, stdout, tenantry};
use std::{
    path::Path,
    process::{Command, Stdio},
};

/// Status that a shell shows for a tool that died of a closed pipe.
const CLOSED_PIPE: i32 = 141;

/// Returns status and standard error of a command whose output is not read.
fn unread(dir: &Path, args: &[&str]) -> (Option<i32>, String) {
    let mut child = tenantry(dir).args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let over = child.wait_with_output().unwrap();
    (over.status.code(), String::from_utf8_lossy(&over.stderr).into_owned())
}

#[test]
fn a_closed_pipe_ends_the_output_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    drop(start(dir.path(), "demo"));
    let dir = dir.path();
    for args in [
        &["operations", "list", "--json"][..],
        &["operations", "list"],
        &["operations", "show", "1"],
        &["list-tenants"],
        &["list-tenants", "--json"],
        &["show-tenant", "city-hospital", "--json"],
        &["check"],
        &["audit", "list"],
        &["audit", "verify"],
        &["backups", "list"],
        &["backups", "schedules"],
        &["sql", "city-hospital", "SELECT * FROM doctors", "--json"],
        &["purge", "city-hospital", "--dry-run"],
        &["migrate"],
    ] {
        let (status, said) = unread(dir, args);
        assert_eq!((status, said.as_str()), (Some(CLOSED_PIPE), ""), "{args:?}");
    }
    let (status, said) = unread(dir, &["backup", "city-hospital"]);
    assert!(status == Some(CLOSED_PIPE) && !said.contains("panicked"), "{status:?} {said}");
    let listed = stdout(&run(dir, &["backups", "list", "--tenant", "city-hospital"]));
    assert!(listed.contains("good"), "the work was done: {listed}");
    let (status, _) = unread(dir, &["show-tenant", "nobody"]);
    assert_eq!(status, Some(1), "a failure is told as one");
}

/// In a shell, with a real pipe at both ends, and standard error in it too.
#[test]
fn head_gets_its_line_and_hears_of_no_panic() {
    let dir = tempfile::tempdir().unwrap();
    drop(start(dir.path(), "demo"));
    let binary = env!("CARGO_BIN_EXE_tenantry");
    for (command, first) in [
        ("operations list --json", "["),
        ("list-tenants", "SLUG"),
        ("backup --all 2>&1", ""),
        ("show-tenant nobody 2>&1", "error: "),
    ] {
        let line = format!("{binary} {command} | head -1");
        let over = Command::new("sh").args(["-c", &line]).current_dir(dir.path()).output().unwrap();
        let (out, err) = (stdout(&over), String::from_utf8_lossy(&over.stderr).into_owned());
        assert!(out.contains(first) && out.lines().count() == 1, "{command}: {out}");
        assert!(!out.contains("panicked") && !err.contains("panicked"), "{command}: {out}{err}");
    }
    let silent =
        format!("{binary} migrate-tenants 2>&1 >/dev/null | true; {binary} backup --all 2>&1 | true");
    let over = Command::new("sh").args(["-c", &silent]).current_dir(dir.path()).output().unwrap();
    assert!(!String::from_utf8_lossy(&over.stderr).contains("panicked"));
}
