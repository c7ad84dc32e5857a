//! A primary and its streaming standby for one test, on Unix sockets, with the programs of a server of the test run. They
//! run as an unprivileged user and end with the test, however that ends.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};
use tokio_postgres::{Client, NoTls};

/// The user of servers that must not run as root; also the name of the superuser.
const USER: &str = "postgres";
/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);
const SETTINGS: [&str; 5] = [
    "listen_addresses=",
    "fsync=off",
    "max_connections=60",
    "shared_buffers=32MB",
    "wal_retrieve_retry_interval=100ms",
];

/// A primary and its standby.
pub struct Pair {
    dir: PathBuf,
    programs: PathBuf,
    primary: Mutex<Child>,
    standby: Mutex<Child>,
}

impl Pair {
    /// Starts both, of the version of this server.
    pub async fn start(of: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let programs = programs(of).await;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = PathBuf::from(format!("/tmp/tenantry-pair-{}-{number}", std::process::id()));
        for part in ["primary", "standby"] {
            std::fs::create_dir_all(dir.join(part)).unwrap();
        }
        if is_root() {
            ran(Command::new("chown").arg("-R").arg(USER).arg(&dir));
        }
        let primary = dir.join("primary");
        let mut init = as_user(&programs.join("initdb"));
        init.arg("-D").arg(primary.join("data")).args(["-U", USER, "-A", "trust", "--no-sync"]);
        ran(init.args(["-E", "UTF8", "--locale=C"]).current_dir(&dir));
        let first = launch(&programs, &primary);
        wait(&programs, &primary);
        let standby = dir.join("standby");
        let mut copy = as_user(&programs.join("pg_basebackup"));
        copy.arg("-h").arg(&primary).args([
            "-U",
            USER,
            "-c",
            "fast",
            "-R",
            "-X",
            "stream",
            "--no-sync",
            "-D",
        ]);
        ran(copy.arg(standby.join("data")).current_dir(&dir));
        let second = launch(&programs, &standby);
        wait(&programs, &standby);
        Self { dir, programs, primary: Mutex::new(first), standby: Mutex::new(second) }
    }

    /// Returns the URL of the superuser at the primary.
    pub fn primary(&self) -> String {
        format!("postgresql://{USER}:x@{}:5432/postgres", escaped(&self.dir.join("primary")))
    }

    /// Returns the URL at the standby for a URL at the primary.
    pub fn at_standby(&self, url: &str) -> String {
        url.replace(&escaped(&self.dir.join("primary")), &escaped(&self.dir.join("standby")))
    }

    /// Runs statements at the standby as the superuser.
    pub async fn on_standby(&self, database: &str, sql: &str) {
        connect(&self.at_standby(&self.primary()), database).await.batch_execute(sql).await.unwrap();
    }

    /// Stops the standby's replay where it is, once it has replayed everything.
    pub async fn pause(&self) {
        self.caught_up().await;
        self.on_standby("postgres", "SELECT pg_wal_replay_pause()").await;
        let standby = connect(&self.at_standby(&self.primary()), "postgres").await;
        until("replay is paused", async || {
            let row = standby.query_one("SELECT pg_get_wal_replay_pause_state() = 'paused'", &[]).await;
            row.unwrap().get(0)
        })
        .await;
    }

    pub async fn resume(&self) {
        self.on_standby("postgres", "SELECT pg_wal_replay_resume()").await;
    }

    /// Waits until the standby has replayed everything that the primary has written by now.
    pub async fn caught_up(&self) {
        let primary = connect(&self.primary(), "postgres").await;
        let standby = connect(&self.at_standby(&self.primary()), "postgres").await;
        let sql = "SELECT (pg_current_wal_flush_lsn() - '0/0')::bigint";
        let position: i64 = primary.query_one(sql, &[]).await.unwrap().get(0);
        until("the standby has caught up", async || {
            let sql = "SELECT (pg_last_wal_replay_lsn() - '0/0')::bigint";
            standby.query_one(sql, &[]).await.unwrap().get::<_, i64>(0) >= position
        })
        .await;
    }

    /// Makes the standby a primary of its own.
    pub async fn promote(&self) {
        self.on_standby("postgres", "SELECT pg_promote()").await;
    }

    /// Ends the standby at once.
    pub fn kill_standby(&self) {
        end(&self.standby);
    }

    pub fn start_standby(&self) {
        let standby = self.dir.join("standby");
        *self.standby.lock().unwrap() = launch(&self.programs, &standby);
        wait(&self.programs, &standby);
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        end(&self.standby);
        end(&self.primary);
        std::fs::remove_dir_all(&self.dir).ok();
    }
}

/// Waits until something is true.
pub async fn until(what: &str, mut is: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !is().await {
        assert!(began.elapsed() < Duration::from_secs(30), "not within 30 s: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub async fn connect(url: &str, database: &str) -> Client {
    let mut config: tokio_postgres::Config = url.parse().unwrap();
    let (client, stream) = config.dbname(database).connect(NoTls).await.unwrap();
    tokio::spawn(stream);
    client
}

/// Asks a server of the test run where its programs are.
async fn programs(url: &str) -> PathBuf {
    let row = connect(url, "postgres").await;
    let row = row.query_one("SELECT setting FROM pg_config WHERE name = 'BINDIR'", &[]).await.unwrap();
    let dir = PathBuf::from(row.get::<_, String>(0));
    assert!(
        dir.join("pg_basebackup").is_file(),
        "no pg_basebackup in {}: the servers of the tests must be on this machine",
        dir.display()
    );
    dir
}

fn launch(programs: &Path, dir: &Path) -> Child {
    let log = std::fs::File::options().create(true).append(true).open(dir.join("log")).unwrap();
    let mut server = as_user(&programs.join("postgres"));
    server.arg("-D").arg(dir.join("data")).arg("-k").arg(dir);
    for setting in SETTINGS {
        server.args(["-c", setting]);
    }
    server.current_dir(dir).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
    server.spawn().unwrap()
}

fn wait(programs: &Path, dir: &Path) {
    let began = Instant::now();
    loop {
        let ready = Command::new(programs.join("pg_isready")).arg("-q").arg("-h").arg(dir).status();
        if ready.is_ok_and(|status| status.success()) {
            return;
        }
        let log = || std::fs::read_to_string(dir.join("log")).unwrap_or_default();
        assert!(began.elapsed() < PATIENCE, "{} does not answer: {}", dir.display(), log());
        std::thread::sleep(Duration::from_millis(30));
    }
}

fn end(server: &Mutex<Child>) {
    let mut server = server.lock().unwrap_or_else(PoisonError::into_inner);
    Command::new("kill").args(["-QUIT", &server.id().to_string()]).stderr(Stdio::null()).status().ok();
    server.wait().ok();
}

/// Returns a command for a program that must not run as root. It is ended with this process.
fn as_user(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "QUIT"]);
    if is_root() {
        command.args(["--reuid", USER, "--regid", USER, "--init-groups"]);
    }
    command.arg(program);
    command
}

fn ran(command: &mut Command) {
    let Output { status, stderr, .. } = command.stdin(Stdio::null()).output().unwrap();
    assert!(status.success(), "{command:?}: {}", String::from_utf8_lossy(&stderr));
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn escaped(dir: &Path) -> String {
    dir.display().to_string().replace('/', "%2F")
}
