//! A temporary PgBouncer in transaction mode, on a Unix socket before a PostgreSQL server.

use super::{PASSWORD, as_user, folder, give_to_user};
use anyhow::{Context, Result, bail, ensure};
use std::{
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// Port number in the name of the socket.
const PORT: u16 = 6432;
/// Longest time that a pooler may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A pooler. Dropping it stops it.
#[derive(Debug)]
pub struct Pooler {
    dir: PathBuf,
    process: Child,
}

impl Pooler {
    /// Starts a pooler before the server at this socket, for one role. The pooler gives each transaction any of the
    /// `connections` connections of its database, which all clients share.
    ///
    /// # Errors
    /// Returns an error if the pooler does not start.
    pub fn start(program: &Path, server: (&str, u16), role: &str, connections: u16) -> Result<Self> {
        Self::start_with(program, server, &[(role, PASSWORD)], connections, "")
    }

    /// Starts a pooler like [`Pooler::start`], but for all roles of the server. The pooler asks the server for their
    /// passwords, as this superuser with this password, in the database that a client wants.
    ///
    /// # Errors
    /// Returns the errors of [`Pooler::start`].
    pub fn start_for_all(
        program: &Path,
        server: (&str, u16),
        role: &str,
        (superuser, password): (&str, &str),
        connections: u16,
    ) -> Result<Self> {
        let ask = format!(
            "auth_user = {superuser}\n\
             auth_query = SELECT rolname, rolpassword FROM pg_authid WHERE rolname = $1\n"
        );
        let users = [(role, PASSWORD), (superuser, password)];
        Self::start_with(program, server, &users, connections, &ask)
    }

    fn start_with(
        program: &Path,
        (socket, port): (&str, u16),
        users: &[(&str, &str)],
        connections: u16,
        more: &str,
    ) -> Result<Self> {
        let dir = folder("pgbouncer")?;
        let settings = format!(
            "[databases]\n* = host={socket} port={port}\n\
             [pgbouncer]\nlisten_addr =\nunix_socket_dir = {dir}\nlisten_port = {PORT}\nlogfile = {dir}/log\n\
             pool_mode = transaction\nauth_type = scram-sha-256\nauth_file = {dir}/users\n\
             default_pool_size = {connections}\nmax_client_conn = 500\nmax_db_connections = 0\n\
             ignore_startup_parameters = extra_float_digits\nserver_lifetime = 600\n{more}",
            dir = dir.display()
        );
        std::fs::write(dir.join("pgbouncer.ini"), settings)?;
        let users: String =
            users.iter().map(|(role, password)| format!("\"{role}\" \"{password}\"\n")).collect();
        std::fs::write(dir.join("users"), users)?;
        give_to_user(&dir)?;
        let log = std::fs::File::create(dir.join("said"))?;
        let mut command = as_user(program);
        command.arg(dir.join("pgbouncer.ini")).current_dir(&dir);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let process = command.spawn().with_context(|| format!("cannot start {}", program.display()))?;
        let mut pooler = Self { dir, process };
        pooler.wait()?;
        Ok(pooler)
    }

    /// Returns the socket and port of the pooler, in the form that a URL needs.
    pub fn address(&self) -> String {
        format!("{}:{PORT}", self.dir.display().to_string().replace('/', "%2F"))
    }

    fn wait(&mut self) -> Result<()> {
        let (began, socket) = (Instant::now(), self.dir.join(format!(".s.PGSQL.{PORT}")));
        while UnixStream::connect(&socket).is_err() {
            if let Some(status) = self.process.try_wait()? {
                let log = ["log", "said"].map(|name| std::fs::read_to_string(self.dir.join(name)));
                bail!("PgBouncer ended with {status}: {log:?}");
            }
            ensure!(began.elapsed() < PATIENCE, "PgBouncer does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let pid = self.process.id().to_string();
        let _ = Command::new("kill").args(["-QUIT", &pid]).stderr(Stdio::null()).status();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}
