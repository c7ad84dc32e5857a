//! A reader that closes its end of the pipe, as `head` does: commands exit quietly after finishing their work.

use super::binary::{run, start, start_logged, stdout, tenantry};
use serde_json::json;
use std::{
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
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

/// Removes the databases of all tenants.
fn lose_tenants(dir: &Path) {
    for entry in std::fs::read_dir(dir.join("tenantry-data/databases")).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name().to_string_lossy().starts_with("tenant_") {
            std::fs::remove_file(entry.path()).unwrap();
        }
    }
}

/// The log is on a full disk, so no line of it can be written.
#[test]
fn a_server_whose_log_cannot_be_written_answers_and_sends_letters() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(start(dir.path(), "demo").terminate(), Some(0));
    let server = start_logged(dir.path(), "serve", Path::new("/dev/full"));
    for user in ["owner@city-hospital.example", "owner@green-clinic.example", "admin@tenantry.example"] {
        let form = json!({"email": user});
        assert_eq!(server.ask("POST", "/api/auth/password/forgot", "", Some(&form)).0, 202, "{user}");
    }
    let letters = dir.path().join("tenantry-data/mail");
    let sent = || std::fs::read_dir(&letters).map_or(0, Iterator::count);
    let until = Instant::now() + Duration::from_secs(20);
    while sent() < 3 {
        assert!(Instant::now() < until, "{} of 3 letters were written", sent());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(server.ask_raw("GET", "/readyz", ""), (200, "ready\n".to_owned()));
    let owner = server.log_in("owner@city-hospital.example");
    lose_tenants(dir.path());
    let (status, problem) = server.ask("GET", "/api/records/patients", &owner, None);
    assert_eq!((status, &problem["code"]), (503, &json!("no_database")), "a fault that is logged: {problem}");
    let staff = server.log_in("admin@tenantry.example");
    let metrics = server.ask_raw("GET", "/metrics", &staff).1;
    for line in ["tenantry_http_panics_total 0", "tenantry_background_failed{work=\"letters\"} 0"] {
        assert!(metrics.lines().any(|found| found == line), "{line} in {metrics}");
    }
}

#[test]
fn a_closed_pipe_ends_the_output_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    drop(start(dir.path(), "demo"));
    let dir = dir.path();
    for args in [
        &["operation", "list", "--json"][..],
        &["operation", "list"],
        &["operation", "show", "1"],
        &["tenant", "list"],
        &["tenant", "list", "--json"],
        &["tenant", "show", "city-hospital", "--json"],
        &["check"],
        &["audit", "list"],
        &["audit", "verify"],
        &["backup", "list"],
        &["backup", "schedules"],
        &["sql", "city-hospital", "SELECT * FROM doctors", "--json"],
        &["tenant", "purge", "city-hospital", "--dry-run"],
        &["migrate", "system"],
    ] {
        let (status, said) = unread(dir, args);
        assert_eq!((status, said.as_str()), (Some(CLOSED_PIPE), ""), "{args:?}");
    }
    let (status, said) = unread(dir, &["backup", "create", "city-hospital"]);
    assert!(status == Some(CLOSED_PIPE) && !said.contains("panicked"), "{status:?} {said}");
    let listed = stdout(&run(dir, &["backup", "list", "--tenant", "city-hospital"]));
    assert!(listed.contains("good"), "the work was done: {listed}");
    let (status, _) = unread(dir, &["tenant", "show", "nobody"]);
    assert_eq!(status, Some(1), "a failure is told as one");
}

/// Runs in a shell, with real pipes, into which standard error goes, too.
#[test]
fn head_gets_its_line_and_hears_of_no_panic() {
    let dir = tempfile::tempdir().unwrap();
    drop(start(dir.path(), "demo"));
    let binary = env!("CARGO_BIN_EXE_tenantry");
    for (command, first) in [
        ("operation list --json", "{"),
        ("tenant list", "SLUG"),
        ("backup create --all 2>&1", ""),
        ("tenant show nobody 2>&1", "error: "),
    ] {
        let line = format!("{binary} {command} | head -1");
        let over = Command::new("sh").args(["-c", &line]).current_dir(dir.path()).output().unwrap();
        let (out, err) = (stdout(&over), String::from_utf8_lossy(&over.stderr).into_owned());
        assert!(out.contains(first) && out.lines().count() == 1, "{command}: {out}");
        assert!(!out.contains("panicked") && !err.contains("panicked"), "{command}: {out}{err}");
    }
    // Every line that an operation logs goes to a pipe without a reader.
    assert!(run(dir.path(), &["backup", "create", "--all"]).status.success());
    lose_tenants(dir.path());
    let line = format!("timeout 60 {binary} restore --all 2>&1 | head -1; exit ${{PIPESTATUS[0]}}");
    let mut shell = Command::new("bash");
    shell.args(["-c", &line]).current_dir(dir.path()).env("TENANTRY_LOG", "info");
    assert_eq!(shell.output().unwrap().status.code(), Some(CLOSED_PIPE), "it neither hangs nor fails");
    let checked = run(dir.path(), &["check"]);
    assert!(checked.status.success(), "every tenant is back: {}", stdout(&checked));
    let silent =
        format!("{binary} migrate tenants 2>&1 >/dev/null | true; {binary} backup create --all 2>&1 | true");
    let over = Command::new("sh").args(["-c", &silent]).current_dir(dir.path()).output().unwrap();
    assert!(!String::from_utf8_lossy(&over.stderr).contains("panicked"));
}
