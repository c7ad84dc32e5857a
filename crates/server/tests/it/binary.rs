//! The shipped binary from a user's view: demo, commands next to a running server, direct inspection of the files with
//! another SQLite client.

use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{Mutex, mpsc},
};

/// A running `tenantry demo` or `serve`; killed with -9 on drop.
pub(crate) struct TestBinary {
    child: Child,
    address: String,
    /// Lines that it prints after the one with its address.
    lines: Mutex<mpsc::Receiver<String>>,
}

impl Drop for TestBinary {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

pub(crate) fn tenantry(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tenantry"));
    command
        .current_dir(dir)
        .env("TENANTRY_LOG", "error")
        .env_remove("TENANTRY_CONFIG")
        .env_remove("TENANTRY_DATA");
    command
}

pub(crate) fn run(dir: &Path, args: &[&str]) -> Output {
    tenantry(dir).args(args).output().unwrap()
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Returns the JSON that a command prints with `--json`.
pub(crate) fn json_of(dir: &Path, args: &[&str]) -> Value {
    let output = run(dir, &[args, &["--json"]].concat());
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(&stdout(&output)).unwrap()
}

/// Returns the items of a list that a command prints with `--json`.
pub(crate) fn items_of(dir: &Path, args: &[&str]) -> Vec<Value> {
    json_of(dir, args)["items"].as_array().unwrap_or_else(|| panic!("{args:?}: no page")).clone()
}

pub(crate) fn start(dir: &Path, command: &str) -> TestBinary {
    let mut tenantry = tenantry(dir);
    tenantry.args([command, "--listen", "127.0.0.1:0"]);
    launch(tenantry)
}

/// Starts a server with a hard limit of open files.
pub(crate) fn start_limited(dir: &Path, command: &str, descriptors: u32) -> TestBinary {
    let mut shell = tenantry(dir);
    let binary = shell.get_program().to_owned();
    let mut limited = Command::new("bash");
    limited.current_dir(dir).arg("-c").arg(format!("ulimit -n {descriptors}; exec \"$0\" \"$@\""));
    limited.arg(binary).args([command, "--listen", "127.0.0.1:0"]);
    for (name, value) in shell.env("TENANTRY_LOG", "error").get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    launch(limited)
}

/// Starts a server with its log in a file.
pub(crate) fn start_logged(dir: &Path, command: &str, log: &Path) -> TestBinary {
    start_logged_by(dir, command, log, "")
}

/// Starts the binary through another program, which `by` names with its arguments.
pub(crate) fn start_logged_by(dir: &Path, command: &str, log: &Path, by: &str) -> TestBinary {
    let plain = tenantry(dir);
    let mut shell = Command::new("sh");
    shell.current_dir(dir).arg("-c").arg(format!("exec {by} \"$0\" \"$@\" 2>\"$LOG\""));
    shell.arg(plain.get_program()).args([command, "--listen", "127.0.0.1:0"]);
    shell
        .env("LOG", log)
        .env("TENANTRY_LOG", "info")
        .env_remove("TENANTRY_CONFIG")
        .env_remove("TENANTRY_DATA");
    launch(shell)
}

/// Runs a serving command until it prints its address.
pub(crate) fn launch(mut command: Command) -> TestBinary {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.find(|line| line.as_ref().is_ok_and(|line| line.contains("http://"))).unwrap().unwrap();
    let address = line.split("http://").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    // Keep reading its output, so that the pipe does not fill up.
    let (printed, lines_of) = mpsc::channel();
    std::thread::spawn(move || {
        lines.for_each(|line| drop(printed.send(line.unwrap_or_default())));
    });
    TestBinary { child, address, lines: Mutex::new(lines_of) }
}

impl TestBinary {
    /// Terminates it as a service manager does; returns its status.
    pub(crate) fn terminate(mut self) -> Option<i32> {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }

    /// Returns what it printed after its address, up to a line that begins with `last`.
    pub(crate) fn said(&self, last: &str) -> String {
        let lines = self.lines.lock().unwrap();
        lines.iter().take_while(|line| !line.starts_with(last)).map(|line| line + "\n").collect()
    }

    /// Returns its process id.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Sends it the named signal.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([format!("-{name}"), id]).status().unwrap().success());
    }

    /// Returns the process's peak memory so far, KiB.
    pub(crate) fn peak_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Returns the process's peak and current memory, bytes.
    pub(crate) fn memory(&self) -> (u64, u64) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let kilobytes = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
            line.split_whitespace().next().unwrap().parse::<u64>().unwrap()
        };
        (kilobytes("VmHWM:") << 10, kilobytes("VmRSS:") << 10)
    }

    /// Returns status and body of one request.
    pub(crate) fn ask(&self, method: &str, path: &str, token: &str, body: Option<&Value>) -> (u16, Value) {
        let (status, body) = self.send(method, path, token, &body.map(Value::to_string).unwrap_or_default());
        (status, serde_json::from_str(&body).unwrap_or(Value::Null))
    }

    /// Returns status and unparsed body of one request, even if the body breaks off.
    pub(crate) fn ask_raw(&self, method: &str, path: &str, token: &str) -> (u16, String) {
        self.send(method, path, token, "")
    }

    /// Like [`TestBinary::ask`]; an error if the server is gone before it has answered.
    pub(crate) fn attempt(
        &self,
        method: &str,
        path: &str,
        token: &str,
        body: Option<&Value>,
    ) -> std::io::Result<(u16, Value)> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let (status, body) = self.try_send(method, path, token, &body)?;
        Ok((status, serde_json::from_str(&body).unwrap_or(Value::Null)))
    }

    fn send(&self, method: &str, path: &str, token: &str, body: &str) -> (u16, String) {
        self.try_send(method, path, token, body).unwrap()
    }

    fn try_send(&self, method: &str, path: &str, token: &str, body: &str) -> std::io::Result<(u16, String)> {
        // An empty bearer would be an invalid credential, not a missing one.
        let bearer = (!token.is_empty()).then(|| format!("authorization: Bearer {token}"));
        let (status, _, body) = self.exchange(method, path, bearer.as_slice(), body)?;
        Ok((status, body))
    }

    /// Sends one request with these header lines. Returns status, head and body.
    pub(crate) fn exchange(
        &self,
        method: &str,
        path: &str,
        headers: &[String],
        body: &str,
    ) -> std::io::Result<(u16, String, String)> {
        let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
        let mut stream = TcpStream::connect(&self.address)?;
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n{headers}\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        )?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let answer = String::from_utf8_lossy(&answer);
        let gone = || std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
        let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(gone)?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(gone)?;
        Ok((status, head.to_owned(), body.to_owned()))
    }

    pub(crate) fn log_in(&self, email: &str) -> String {
        let body = json!({ "email": email, "password": tenantry::demo::PASSWORD });
        let (status, answer) = self.ask("POST", "/api/auth/login", "", Some(&body));
        answer["token"].as_str().unwrap_or_else(|| panic!("{status} {answer}")).to_owned()
    }
}

/// Returns a tenant's database file, from `tenant list --json` and the data directory.
pub(crate) fn file_of(dir: &Path, slug: &str) -> PathBuf {
    let listed = items_of(dir, &["tenant", "list"]);
    let tenant = listed.iter().find(|t| t["slug"] == slug).unwrap();
    let physical = tenant["placements"][0]["place"]["physical"].as_str().unwrap();
    find(&dir.join("tenantry-data"), &format!("{physical}.db")).unwrap()
}

pub(crate) fn find(dir: &Path, name: &str) -> Option<PathBuf> {
    std::fs::read_dir(dir).ok()?.filter_map(Result::ok).find_map(|entry| match entry.path() {
        path if path.is_dir() => find(&path, name),
        path => (entry.file_name() == name).then_some(path),
    })
}

fn doctors_in(file: &Path) -> Vec<String> {
    let conn = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let mut statement = conn.prepare("SELECT last_name FROM doctors ORDER BY id").unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// Three doctors in one company, two in the other; each sees its own, in the files too; after a kill -9 a second
/// run continues with the same data.
#[test]
fn demo_companies_see_their_own_over_http_and_in_the_files() {
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let demo = start(dir.path(), "demo");
        for (email, count) in [("owner@city-hospital.example", 3), ("owner@green-clinic.example", 2)] {
            let token = demo.log_in(email);
            let (status, page) = demo.ask("GET", "/api/records/doctors?count=true", &token, None);
            assert_eq!((status, page["count"].as_i64()), (200, Some(count)), "{email}");
        }
    }
    let (a, b) =
        (doctors_in(&file_of(dir.path(), "city-hospital")), doctors_in(&file_of(dir.path(), "green-clinic")));
    assert_eq!((a.len(), b.len()), (3, 2));
    assert!(a.iter().all(|name| !b.contains(name)), "{a:?} {b:?}");
}

/// Commands work next to a running server, and their changes apply to its next request (`late-revocation`).
#[test]
fn a_command_beside_the_server_holds_at_its_next_request() {
    let dir = tempfile::tempdir().unwrap();
    let demo = start(dir.path(), "demo");
    let token = demo.log_in("owner@green-clinic.example");
    let doctors = |expected| {
        let (status, body) = demo.ask("GET", "/api/records/doctors", &token, None);
        assert_eq!(status, expected, "{body}");
    };
    doctors(200);
    assert!(run(dir.path(), &["tenant", "suspend", "green-clinic", "--reason", "unpaid"]).status.success());
    doctors(403);
    assert!(run(dir.path(), &["tenant", "resume", "green-clinic"]).status.success());
    doctors(200);
    let created = run(dir.path(), &["tenant", "create", "third-one", "--email", "x@third.example"]);
    assert!(created.status.success(), "{}", String::from_utf8_lossy(&created.stderr));
    let list = stdout(&run(dir.path(), &["list_tenants"]));
    for wanted in ["third-one", "x@third.example", "trial", "tenant_third-one_1"] {
        assert!(list.contains(wanted), "{wanted} in {list}");
    }
    assert!(run(dir.path(), &["migrate", "tenants"]).status.success());
    assert!(run(dir.path(), &["check"]).status.success());
    assert!(run(dir.path(), &["initialize_plans"]).status.success());
    assert!(run(dir.path(), &["audit", "verify"]).status.success());
    let operations = stdout(&run(dir.path(), &["operation", "list", "--tenant", "third-one"]));
    assert!(operations.contains("create tenant third-one") && operations.contains("done"), "{operations}");
    let id = operations.lines().nth(1).unwrap().split_whitespace().next().unwrap();
    let shown = stdout(&run(dir.path(), &["operation", "show", id]));
    assert!(shown.contains("[x] databases") && shown.contains("by cli:"), "{shown}");
    assert!(run(dir.path(), &["operation", "watch", id]).status.success());
    let over = run(dir.path(), &["operation", "cancel", id]);
    assert!(!over.status.success() && String::from_utf8_lossy(&over.stderr).contains("is done already"));
}

/// A lost database is an error with its remedy, never another tenant's data, and the command that it names creates
/// a new one.
#[test]
fn a_lost_database_is_said_and_made_again() {
    let dir = tempfile::tempdir().unwrap();
    drop(start(dir.path(), "demo"));
    let file = file_of(dir.path(), "green-clinic");
    for beside in ["", "-wal", "-shm"] {
        std::fs::remove_file(format!("{}{beside}", file.display())).ok();
    }
    let lost = run(dir.path(), &["sql", "green-clinic", "SELECT 1"]);
    let said = String::from_utf8_lossy(&lost.stderr).into_owned();
    assert!(
        !lost.status.success() && said.contains("tenantry tenant create-database green-clinic"),
        "{said}"
    );
    assert!(
        said.contains("tenantry restore swap green-clinic latest"),
        "what has a backup is not made anew: {said}"
    );
    assert!(!file.exists(), "opening created the file");
    let made = run(dir.path(), &["create_tenant_db", "green-clinic"]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    assert!(stdout(&made).contains("and empty: tenant_green-clinic_2"), "{}", stdout(&made));
    assert_eq!(doctors_in(&file_of(dir.path(), "green-clinic")).len(), 0);
    assert_eq!(doctors_in(&file_of(dir.path(), "city-hospital")).len(), 3);
}

/// `confined-sql` at the command line: one tenant's database, read-only, and nothing else.
#[test]
fn sql_stays_inside_and_says_why() {
    let dir = tempfile::tempdir().unwrap();
    drop(start(dir.path(), "demo"));
    let rows = run(dir.path(), &["sql", "city-hospital", "SELECT count(*) AS n FROM doctors", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&stdout(&rows)).unwrap(), json!([{ "n": 3 }]));
    for bad in [
        "ATTACH 'x.db' AS x",
        "DELETE FROM doctors",
        "PRAGMA page_size",
        "SELECT * FROM _tenantry_place",
        "nonsense",
    ] {
        let refused = run(dir.path(), &["sql", "city-hospital", bad]);
        assert!(!refused.status.success() && refused.stdout.is_empty(), "{bad}");
        assert!(!refused.stderr.is_empty(), "{bad}");
    }
    let unknown = run(dir.path(), &["sql", "no-such-company", "SELECT 1"]);
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("no such tenant"));
}

/// A restore at the command line: backed up, verified, staged, swapped, undone; then the platform's own stores, which
/// no other process may use meanwhile.
#[test]
fn backups_and_restores_at_the_command_line() {
    let dir = tempfile::tempdir().unwrap();
    let demo = start(dir.path(), "demo");
    let ok = |args: &[&str]| {
        let output = run(dir.path(), args);
        let said = format!("{}{}", stdout(&output), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{args:?}: {said}");
        said
    };
    ok(&["backup", "create", "--all", "--system"]);
    assert_eq!(items_of(dir.path(), &["backup", "list"]).len(), 3, "two companies and the platform");
    assert!(ok(&["backup", "verify", "--all"]).contains("3 verified, 0 damaged"));
    let token = demo.log_in("owner@city-hospital.example");
    let doctor = || demo.ask("GET", "/api/records/doctors/1", &token, None).1["last_name"].clone();
    let (before, changed) = (doctor(), json!({ "last_name": "Changed" }));
    assert_eq!(demo.ask("PATCH", "/api/records/doctors/1", &token, Some(&changed)).0, 200);
    assert!(ok(&["restore", "create", "city-hospital"]).contains("tenantry restore swap city-hospital"));
    assert_eq!(doctor(), "Changed", "beside");
    ok(&["restore", "swap", "city-hospital"]);
    assert_eq!(doctor(), before, "the running server goes on with what was restored");
    ok(&["restore", "undo", "city-hospital"]);
    assert_eq!(doctor(), "Changed");
    ok(&["backup", "status"]);
    let refused = run(dir.path(), &["restore", "system"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("stop it first"));
    drop(demo);
    assert!(ok(&["restore", "system"]).contains("restored control"));
    assert!(ok(&["tenant", "list"]).contains("city-hospital"));
}
