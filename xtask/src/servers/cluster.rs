//! One temporary PostgreSQL cluster on a Unix socket. The server ends with this process, however that ends.

use super::is_root;
use anyhow::{Context, Result, bail, ensure};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The user of a server that must not run as root; Debian's package makes it.
const USER: &str = "postgres";
const PASSWORD: &str = "only-for-tests";
/// Number in the name of the socket.
const PORT: u16 = 5432;
/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// The data is thrown away after the run: nothing has to survive a failure of the machine.
const SETTINGS: [&str; 7] = [
    "listen_addresses=",
    "fsync=off",
    "max_connections=200",
    "max_prepared_transactions=0",
    "shared_buffers=64MB",
    "wal_level=logical",
    "autovacuum_naptime=10s",
];

/// A running server and its folder.
pub(super) struct Cluster {
    dir: PathBuf,
    server: Child,
}

impl Cluster {
    /// Makes a cluster in a temporary folder and starts its server.
    pub(super) fn start(version: u32, programs: &Path) -> Result<Self> {
        // The user that runs a server for root must be able to enter the folder, and a socket's path is short.
        let temporary = if is_root() { PathBuf::from("/tmp") } else { std::env::temp_dir() };
        let dir = temporary.join(format!("tenantry-pg{version}-{}", std::process::id()));
        std::fs::create_dir_all(&dir)?;
        let password = dir.join("password");
        std::fs::write(&password, PASSWORD)?;
        if is_root() {
            ran(Command::new("chown").arg("-R").arg(USER).arg(&dir))?;
        }
        let data = dir.join("data");
        let mut init = as_user(&programs.join("initdb"));
        init.arg("-D").arg(&data).args(["-U", USER, "-A", "scram-sha-256", "--no-sync", "-E", "UTF8"]);
        init.arg("--locale=C").arg(format!("--pwfile={}", password.display()));
        ran(init.current_dir(&dir).stdout(Stdio::null()))?;
        let log = std::fs::File::create(dir.join("log"))?;
        let mut server = as_user(&programs.join("postgres"));
        server.arg("-D").arg(&data).arg("-k").arg(&dir).arg("-p").arg(PORT.to_string());
        for setting in SETTINGS {
            server.args(["-c", setting]);
        }
        server.current_dir(&dir).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let server = server.spawn().context("cannot start the server")?;
        let mut cluster = Self { dir, server };
        cluster.wait(programs)?;
        Ok(cluster)
    }

    /// Returns the URL of the superuser.
    pub(super) fn url(&self) -> String {
        let socket = self.dir.display().to_string().replace('/', "%2F");
        format!("postgresql://{USER}:{PASSWORD}@{socket}:{PORT}/postgres")
    }

    /// Waits until the server answers.
    fn wait(&mut self, programs: &Path) -> Result<()> {
        let began = Instant::now();
        loop {
            let mut ready = Command::new(programs.join("pg_isready"));
            ready.arg("-q").arg("-h").arg(&self.dir).arg("-p").arg(PORT.to_string());
            if ready.status().is_ok_and(|status| status.success()) {
                return Ok(());
            }
            if let Some(status) = self.server.try_wait()? {
                bail!("it ended with {status}: {}", self.log());
            }
            ensure!(began.elapsed() < PATIENCE, "no answer in {} s: {}", PATIENCE.as_secs(), self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn log(&self) -> String {
        let mut text = String::new();
        let file = std::fs::File::open(self.dir.join("log"));
        let read = file.and_then(|mut file| file.read_to_string(&mut text));
        read.map_or_else(|error| error.to_string(), |_| text)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // The folder goes away with it: a server that is killed leaves shared memory, which its next start removes.
        let pid = self.server.id().to_string();
        let _ = Command::new("kill").args(["-QUIT", &pid]).status();
        let _ = self.server.wait();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// Returns a command for a program that must not run as root. It is ended when this process ends.
fn as_user(program: &Path) -> Command {
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
