//! A temporary PostgreSQL cluster on a Unix socket. The server ends with this process, however the process ends.

use super::{PASSWORD, USER, as_user, folder, give_to_user, ran};
use anyhow::{Context, Result, bail, ensure};
use std::{
    io::Read,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// Port number in the name of the socket.
pub(crate) const PORT: u16 = 5432;
/// Longest time that a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// Settings of the server. The data is discarded after the run, so nothing has to survive a failure of the machine.
const SETTINGS: [&str; 8] = [
    "listen_addresses=",
    "fsync=off",
    "max_connections=200",
    "max_prepared_transactions=0",
    "shared_buffers=64MB",
    "wal_level=logical",
    "autovacuum_naptime=10s",
    "wal_retrieve_retry_interval=100ms",
];

/// A temporary cluster and its server. Dropping it stops the server and removes the data.
#[derive(Debug)]
pub struct Cluster {
    dir: PathBuf,
    programs: PathBuf,
    server: Child,
}

impl Cluster {
    /// Creates a cluster of this major version in a temporary folder, and starts its server with these programs.
    ///
    /// # Errors
    /// Returns an error if the server does not start; the message contains its log.
    pub fn start(version: u32, programs: &Path) -> Result<Self> {
        let dir = folder(&format!("pg{version}"))?;
        let password = dir.join("password");
        std::fs::write(&password, PASSWORD)?;
        give_to_user(&dir)?;
        let mut init = as_user(&programs.join("initdb"));
        init.arg("-D").arg(dir.join("data")).args([
            "-U",
            USER,
            "-A",
            "scram-sha-256",
            "--no-sync",
            "-E",
            "UTF8",
        ]);
        init.arg("--locale=C").arg(format!("--pwfile={}", password.display()));
        ran(init.current_dir(&dir).stdout(Stdio::null()))?;
        Self::run(dir, programs)
    }

    /// Creates a streaming replica of this server, and starts it. The replica is used like the server, and must be
    /// dropped before the server.
    ///
    /// # Errors
    /// Returns an error if the replica cannot be created or does not start; the message contains its log.
    pub fn replica(&self) -> Result<Self> {
        let dir = folder("replica")?;
        give_to_user(&dir)?;
        let mut copy = as_user(&self.programs.join("pg_basebackup"));
        copy.env("PGPASSWORD", PASSWORD).arg("-h").arg(&self.dir).arg("-p").arg(PORT.to_string());
        copy.args(["-U", USER, "-c", "fast", "-R", "-X", "stream", "--no-sync", "-D"]);
        ran(copy.arg(dir.join("data")).current_dir(&dir).stdout(Stdio::null()))?;
        Self::run(dir, &self.programs)
    }

    /// Starts the server of an existing cluster.
    fn run(dir: PathBuf, programs: &Path) -> Result<Self> {
        let server = run(&dir, programs)?;
        let mut cluster = Self { dir, programs: programs.to_owned(), server };
        cluster.wait()?;
        Ok(cluster)
    }

    /// Returns the URL of the superuser.
    pub fn url(&self) -> String {
        let socket = self.dir.display().to_string().replace('/', "%2F");
        format!("postgresql://{USER}:{PASSWORD}@{socket}:{PORT}/postgres")
    }

    /// Returns the folder of the socket.
    pub fn socket(&self) -> &Path {
        &self.dir
    }

    /// Kills the server with all its processes, as a failure of the machine would.
    ///
    /// # Errors
    /// Returns an error if the server cannot be killed.
    pub fn kill(&mut self) -> Result<()> {
        self.signal("KILL")?;
        self.server.wait()?;
        Ok(())
    }

    /// Starts the server again after [`Cluster::kill`].
    ///
    /// # Errors
    /// Returns an error if the server does not start.
    pub fn start_again(&mut self) -> Result<()> {
        self.server = run(&self.dir, &self.programs)?;
        self.wait()
    }

    /// Suspends the server and its processes: they hold their connections and answer nothing.
    ///
    /// # Errors
    /// Returns an error if they cannot be suspended.
    pub fn freeze(&self) -> Result<()> {
        self.signal("STOP")
    }

    /// Resumes a frozen server.
    ///
    /// # Errors
    /// Returns an error if the server is gone.
    pub fn thaw(&self) -> Result<()> {
        self.signal("CONT")
    }

    /// Sends a signal to the server and all its processes.
    fn signal(&self, signal: &str) -> Result<()> {
        let server = self.server.id().to_string();
        let children = Command::new("pgrep").args(["-P", &server]).output().context("cannot run pgrep")?;
        let children = String::from_utf8_lossy(&children.stdout).into_owned();
        // Signal the server first, so that it starts no new process.
        for pid in std::iter::once(server.as_str()).chain(children.split_whitespace()) {
            // A connection may have ended meanwhile.
            let sent =
                Command::new("kill").args([&format!("-{signal}"), pid]).stderr(Stdio::null()).status()?;
            ensure!(sent.success() || pid != server, "cannot send {signal} to the server");
        }
        Ok(())
    }

    /// Waits until the server answers.
    fn wait(&mut self) -> Result<()> {
        let began = Instant::now();
        loop {
            let mut ready = Command::new(self.programs.join("pg_isready"));
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

/// Starts the server of a cluster.
fn run(dir: &Path, programs: &Path) -> Result<Child> {
    let log = std::fs::File::create(dir.join("log"))?;
    let mut server = as_user(&programs.join("postgres"));
    server.arg("-D").arg(dir.join("data")).arg("-k").arg(dir).arg("-p").arg(PORT.to_string());
    for setting in SETTINGS {
        server.args(["-c", setting]);
    }
    server.current_dir(dir).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    server.spawn().context("cannot start the server")
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // The folder is removed with the cluster. A server that is killed leaves shared memory, which its next start
        // removes.
        let pid = self.server.id().to_string();
        let _ = self.thaw();
        let _ = Command::new("kill").args(["-QUIT", &pid]).stderr(Stdio::null()).status();
        let _ = self.server.wait();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}
