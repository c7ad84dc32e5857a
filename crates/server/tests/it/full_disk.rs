//! The binary on a full disk and on a read-only disk: commands that only read work, and a failed write is reported.

use super::{
    binary::{file_of, run, start, start_logged, start_logged_by, stdout},
    records::patient,
};
use serde_json::json;
use std::{
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// Environment variable that names the small file system to a child of these tests.
const DIRECTORY: &str = "TENANTRY_SMALL_DISK";

/// Returns the mounted directory in a child. Otherwise runs `test` in a child that has its own file system of 48 MB.
fn on_a_small_disk(test: &str) -> Option<PathBuf> {
    if let Some(dir) = std::env::var_os(DIRECTORY) {
        return Some(dir.into());
    }
    if std::env::var("TENANTRY_WITHOUT").is_ok_and(|all| all.split(',').any(|one| one == "mount")) {
        return None;
    }
    let dir = tempfile::tempdir().unwrap();
    let script = format!("mount -t tmpfs -o size=48m none \"${DIRECTORY}\" && exec \"$@\"");
    let child = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", &format!("full_disk::{test}"), "--nocapture"])
        .env(DIRECTORY, dir.path())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{}\n{errors}", stdout(&child));
    None
}

/// Creates the demo's tenants there, and closes all databases.
fn furnish(dir: &Path) {
    assert_eq!(start(dir, "demo").terminate(), Some(0));
}

pub(crate) fn fill(dir: &Path) -> PathBuf {
    let path = dir.join("ballast");
    let mut ballast = std::fs::File::create(&path).unwrap();
    for size in [1 << 20, 4096, 1] {
        while ballast.write_all(&vec![7; size]).is_ok() {}
    }
    path
}

fn remount(dir: &Path, how: &str) {
    let done = Command::new("mount").args(["-o", &format!("remount,{how}")]).arg(dir).status().unwrap();
    assert!(done.success(), "{how}");
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn an_upload_to_a_full_disk_says_so() {
    let Some(dir) = on_a_small_disk("an_upload_to_a_full_disk_says_so") else { return };
    let server = start(&dir, "demo");
    let token = server.log_in("owner@city-hospital.example");
    let report =
        json!({"title": "Q1", "kind": "medical", "from_date": "2026-01-01", "to_date": "2026-03-31"});
    let (status, report) = server.ask("POST", "/api/records/reports", &token, Some(&report));
    assert_eq!(status, 201, "{report}");
    fill(&dir);
    let path = format!("/api/records/reports/{}/files/document", report["id"].to_string().trim_matches('"'));
    let (status, answer) = server.ask("PUT", &path, &token, Some(&json!("x".repeat(200_000))));
    assert_eq!((status, &answer["code"]), (503, &json!("disk_full")), "{answer}");
}

/// Commands that only read, and a text of their output for the demo's tenants.
const READS: &[(&str, &str)] = &[
    ("tenant list", "city-hospital"),
    ("tenant list --json", "green-clinic"),
    ("tenant show city-hospital", "City Hospital"),
    ("backup list", "city-hospital"),
    ("backup status", "good              1"),
    ("backup schedules", ""),
    ("operation list", "city-hospital"),
    ("operation show 1", "operation 1"),
    ("tenant settings city-hospital", "{"),
    ("plan list", "starter"),
    ("user list", "owner@city-hospital.example"),
    ("migrate status", "tenant"),
    ("clock show", "system clock"),
    ("audit list", "tenant.create"),
    ("audit verify", "0 faults"),
    ("check", "tenants checked: 2"),
];

fn reads_all(dir: &Path) {
    for (command, wanted) in READS {
        let args: Vec<_> = command.split(' ').collect();
        let output = run(dir, &args);
        let (said, errors) = (stdout(&output), stderr(&output));
        assert!(said.contains(wanted), "{command}: {said}\n{errors}");
        assert!(errors.contains("nothing can be written"), "{command}: {errors}");
        assert!(!errors.contains("error:"), "{command}: {errors}");
        if *command == "check" {
            assert!(!said.contains("cannot be checked"), "{said}");
        }
    }
}

#[test]
fn commands_that_read_work_on_a_full_disk_and_on_a_read_only_one() {
    let Some(dir) = on_a_small_disk("commands_that_read_work_on_a_full_disk_and_on_a_read_only_one") else {
        return;
    };
    furnish(&dir);
    let backup = run(&dir, &["backup", "create", "city-hospital"]);
    assert!(backup.status.success(), "{}", stderr(&backup));
    let ballast = fill(&dir);
    reads_all(&dir);
    let refused = run(&dir, &["tenant", "suspend", "city-hospital", "--reason", "unpaid"]);
    assert!(!refused.status.success());
    assert!(stderr(&refused).contains("the disk is full"), "{}", stderr(&refused));
    remount(&dir, "ro");
    reads_all(&dir);
    remount(&dir, "rw");
    std::fs::remove_file(ballast).unwrap();
    let again = run(&dir, &["tenant", "suspend", "city-hospital", "--reason", "unpaid"]);
    assert!(again.status.success(), "{}", stderr(&again));
}

/// Refused writes are one line of the log, with the tenant and the file, and one line with their number. Reads
/// continue.
#[test]
fn a_server_on_a_full_disk_says_so_once_and_reads_on() {
    let Some(dir) = on_a_small_disk("a_server_on_a_full_disk_says_so_once_and_reads_on") else {
        return;
    };
    furnish(&dir);
    // The log is on another disk.
    let elsewhere = tempfile::tempdir().unwrap();
    let log = elsewhere.path().join("log");
    let server = start_logged(&dir, "serve", &log);
    let token = server.log_in("owner@green-clinic.example");
    let staff = server.log_in("admin@tenantry.example");
    let list = "/api/records/patients?limit=5";
    assert_eq!(server.ask("GET", list, &token, None).0, 200);
    let ballast = fill(&dir);
    let (mut refused, mut tried) = (0, 0);
    while refused < 5 {
        let mut row = patient("Ash");
        row["notes"] = json!("a".repeat(10_000));
        let (status, problem) = server.ask("POST", "/api/records/patients", &token, Some(&row));
        if status != 201 {
            assert_eq!((status, &problem["code"]), (503, &json!("disk_full")), "{problem}");
            refused += 1;
        }
        tried += 1;
        assert!(tried < 1000, "the disk is not full");
        assert_eq!(server.ask("GET", list, &token, None).0, 200);
    }
    assert_eq!(server.ask("GET", "/readyz", "", None).0, 503);
    let (_, metrics) = server.ask_raw("GET", "/metrics", &staff);
    assert!(metrics.contains("tenantry_server_disk_full{server=\"main\"} 1"), "{metrics}");
    // A command next to the server works, too.
    let listed = run(&dir, &["tenant", "list"]);
    assert!(stdout(&listed).contains("green-clinic"), "{}", stderr(&listed));
    std::fs::remove_file(ballast).unwrap();
    let (status, problem) = server.ask("POST", "/api/records/patients", &token, Some(&patient("Elm")));
    assert_eq!(status, 201, "{problem}");
    server.terminate();
    let said = std::fs::read_to_string(&log).unwrap();
    let failed: Vec<_> = said.lines().filter(|line| line.contains("disk_full")).collect();
    let lines = |text: &str| failed.iter().filter(|line| line.contains(text)).count();
    assert!(lines("request failed") < refused, "{said}");
    assert!(lines("the same fault occurred again") >= 1, "{said}");
    for line in failed.iter().filter(|line| line.contains("POST") || line.contains("request failed")) {
        assert!(line.contains("ERROR") && line.contains("green-clinic") && line.contains(".db"), "{line}");
    }
}

/// Command that runs a program without root's capabilities, as a service that owns its files runs.
const ORDINARY: &str = "setpriv --bounding-set=-all --inh-caps=-all";

#[test]
fn a_file_that_may_not_be_read_is_told_once() {
    let Some(dir) = on_a_small_disk("a_file_that_may_not_be_read_is_told_once") else {
        return;
    };
    furnish(&dir);
    let (log, file) = (dir.join("log"), file_of(&dir, "green-clinic"));
    let server = start_logged_by(&dir, "serve", &log, ORDINARY);
    let token = server.log_in("owner@green-clinic.example");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o000)).unwrap();
    for _ in 0..3 {
        let (status, problem) = server.ask("GET", "/api/records/patients", &token, None);
        assert_eq!((status, &problem["code"]), (503, &json!("no_access")), "{problem}");
        assert!(!problem.to_string().contains(".db"), "a path is private: {problem}");
    }
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(server.ask("GET", "/api/records/patients", &token, None).0, 200);
    server.terminate();
    let said = std::fs::read_to_string(&log).unwrap();
    let name = file.file_name().unwrap().to_string_lossy();
    let told: Vec<_> = said.lines().filter(|line| line.contains("ERROR") && line.contains(&*name)).collect();
    let [first, again] = told[..] else { panic!("{said}") };
    assert!(first.contains("request failed") && first.contains("green-clinic"), "{said}");
    assert!(again.contains("times=2") && again.contains("green-clinic"), "{said}");
}
