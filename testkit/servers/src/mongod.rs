//! Temporary MongoDB servers: one as its own replica set, or a set of several. They end with this process, however the
//! process ends.
//!
//! No driver is used here, because building one needs a C compiler. This module writes the two necessary commands by hand.

use super::folder;
use anyhow::{Context, Result, bail, ensure};
use std::{
    fs::Permissions,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// Longest time until a server becomes the primary of its set.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longest time until a server answers.
const ANSWER: Duration = Duration::from_secs(10);
const SET: &str = "rs0";
/// Time without a primary after which the others elect one.
const ELECTION_MS: i32 = 1_000;
/// Operation code of a message.
const MESSAGE: i32 = 2013;

/// A temporary server. Dropping it stops the server and removes the data.
#[derive(Debug)]
pub struct Mongod {
    dir: PathBuf,
    program: PathBuf,
    port: u16,
    server: Child,
}

impl Mongod {
    /// Starts a server with this program, and makes it a replica set.
    ///
    /// # Errors
    /// Returns an error if the server does not start; the message contains its log.
    pub fn start(program: &Path) -> Result<Self> {
        let mut mongod = Self::launch(program)?;
        mongod.initiate(&[mongod.port])?;
        mongod.until("is a primary", Self::is_primary)?;
        Ok(mongod)
    }

    /// Starts a server that belongs to no set yet.
    fn launch(program: &Path) -> Result<Self> {
        let dir = folder("mongod")?;
        std::fs::create_dir_all(dir.join("data"))?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let server = run(program, &dir, port)?;
        let mut mongod = Self { dir, program: program.to_owned(), port, server };
        mongod.until("answers", |mongod| Ok(mongod.ask(&hello()).is_ok()))?;
        Ok(mongod)
    }

    /// Makes the servers at these ports a replica set.
    fn initiate(&self, ports: &[u16]) -> Result<()> {
        let answer = self.ask(&initiate(ports))?;
        ensure!(is_ok(&answer), "it does not become a replica set: {}", self.log());
        Ok(())
    }

    /// Returns the URL of the replica set.
    pub fn url(&self) -> String {
        format!("mongodb://127.0.0.1:{}/?replicaSet={SET}", self.port)
    }

    /// Returns host and port, for programs that take no URL.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Kills the server, as a failure of the machine would.
    ///
    /// # Errors
    /// Returns an error if it cannot be killed.
    pub fn kill(&mut self) -> Result<()> {
        self.server.kill()?;
        self.server.wait()?;
        Ok(())
    }

    /// Starts the server again after [`Mongod::kill`].
    ///
    /// # Errors
    /// Returns an error if it does not start.
    pub fn start_again(&mut self) -> Result<()> {
        self.run_again()?;
        self.until("is a primary", Self::is_primary)
    }

    fn run_again(&mut self) -> Result<()> {
        self.server = run(&self.program, &self.dir, self.port)?;
        Ok(())
    }

    /// Starts the server again so that it requires users and passwords. Make a user before.
    ///
    /// # Errors
    /// Returns an error if it does not start.
    pub fn require_users(&mut self) -> Result<()> {
        self.kill()?;
        let key = key_file(&self.dir);
        std::fs::write(&key, "bWVtYmVycyBvZiB0aGUgc2V0IHRydXN0IGVhY2ggb3RoZXI=")?;
        std::fs::set_permissions(&key, Permissions::from_mode(0o600))?;
        self.start_again()
    }

    /// Suspends the server: it holds its connections and answers nothing.
    ///
    /// # Errors
    /// Returns an error if it cannot be suspended.
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

    fn signal(&self, signal: &str) -> Result<()> {
        let pid = self.server.id().to_string();
        let sent = Command::new("kill").args([&format!("-{signal}"), &pid]).status()?;
        ensure!(sent.success(), "cannot send {signal} to the server");
        Ok(())
    }

    fn is_primary(&self) -> Result<bool> {
        let answer = self.ask(&hello()).unwrap_or_default();
        Ok(contains(&answer, b"\x08isWritablePrimary\0\x01"))
    }

    /// Waits until the condition `does` holds, which `what` names for the error.
    fn until(&mut self, what: &str, does: impl Fn(&Self) -> Result<bool>) -> Result<()> {
        let began = Instant::now();
        while !does(self)? {
            if let Some(status) = self.server.try_wait()? {
                bail!("it ended with {status}: {}", self.log());
            }
            ensure!(
                began.elapsed() < PATIENCE,
                "in {} s it never {what}: {}",
                PATIENCE.as_secs(),
                self.log()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Sends a command and returns the document of the answer.
    fn ask(&self, command: &[u8]) -> Result<Vec<u8>> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(ANSWER))?;
        // The message has a header, no flags, and one section, which is the document.
        let length = i32::try_from(16 + 4 + 1 + command.len())?;
        let mut message: Vec<u8> = [length, 1, 0, MESSAGE, 0].iter().flat_map(|n| n.to_le_bytes()).collect();
        message.push(0);
        message.extend(command);
        stream.write_all(&message)?;
        let mut length = [0; 4];
        stream.read_exact(&mut length)?;
        let mut answer = vec![0; usize::try_from(i32::from_le_bytes(length))?.saturating_sub(4)];
        stream.read_exact(&mut answer)?;
        Ok(answer)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.join("log")).unwrap_or_else(|error| error.to_string())
    }
}

fn key_file(dir: &Path) -> PathBuf {
    dir.join("key")
}

fn run(program: &Path, dir: &Path, port: u16) -> Result<Child> {
    let log = std::fs::File::create(dir.join("log"))?;
    // The server ends when the thread that starts it ends.
    let mut server = Command::new("setpriv");
    server.args(["--pdeathsig", "KILL"]).arg(program).arg("--dbpath").arg(dir.join("data"));
    server.args(["--port", &port.to_string(), "--bind_ip", "127.0.0.1", "--replSet", SET, "--nounixsocket"]);
    server.args(["--wiredTigerCacheSizeGB", "0.25"]);
    // Members of a set need a key as soon as users need passwords.
    let key = key_file(dir);
    if key.exists() {
        server.arg("--keyFile").arg(key);
    }
    server.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    server.spawn().context("cannot start the server")
}

/// A temporary replica set of several servers. Dropping it stops them and removes the data.
#[derive(Debug)]
pub struct ReplicaSet {
    members: Vec<Mongod>,
}

impl ReplicaSet {
    /// Starts `count` servers with this program as one set.
    ///
    /// # Errors
    /// Returns an error if a server does not start or no primary is elected; the message contains its log.
    pub fn start(program: &Path, count: usize) -> Result<Self> {
        let members = (0..count).map(|_| Mongod::launch(program)).collect::<Result<Vec<_>>>()?;
        let ports: Vec<_> = members.iter().map(|member| member.port).collect();
        members.first().context("a set has members")?.initiate(&ports)?;
        let set = Self { members };
        set.primary()?;
        Ok(set)
    }

    /// Returns the URL of the set.
    pub fn url(&self) -> String {
        let hosts: Vec<_> = self.members.iter().map(Mongod::address).collect();
        format!("mongodb://{}/?replicaSet={SET}", hosts.join(","))
    }

    /// Waits until the set has a primary, and returns which member it is.
    fn primary(&self) -> Result<usize> {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            for (index, member) in self.members.iter().enumerate() {
                if member.is_primary()? {
                    return Ok(index);
                }
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("in {} s no member became the primary", PATIENCE.as_secs())
    }

    /// Kills the primary, as a failure of its machine would, and returns which member it was. The others elect another one.
    ///
    /// # Errors
    /// Returns an error if there is no primary.
    pub fn kill_primary(&mut self) -> Result<usize> {
        let primary = self.primary()?;
        self.members[primary].kill()?;
        Ok(primary)
    }

    /// Starts a killed member again. It joins the set without the writes that only it had.
    ///
    /// # Errors
    /// Returns an error if it does not start.
    pub fn start_again(&mut self, member: usize) -> Result<()> {
        self.members[member].run_again()?;
        self.members[member].until("follows the primary", |mongod| {
            let answer = mongod.ask(&hello()).unwrap_or_default();
            Ok(contains(&answer, b"\x08secondary\0\x01"))
        })
    }
}

impl Drop for Mongod {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// Returns a document of these elements.
fn document(elements: &[Vec<u8>]) -> Vec<u8> {
    let body = elements.concat();
    let length = i32::try_from(4 + body.len() + 1).unwrap_or(i32::MAX);
    [&length.to_le_bytes()[..], &body, &[0]].concat()
}

fn element(kind: u8, name: &str, value: &[u8]) -> Vec<u8> {
    [&[kind], name.as_bytes(), &[0], value].concat()
}

fn number(name: &str, value: i32) -> Vec<u8> {
    element(0x10, name, &value.to_le_bytes())
}

fn text(name: &str, value: &str) -> Vec<u8> {
    let length = i32::try_from(value.len() + 1).unwrap_or(i32::MAX);
    element(0x02, name, &[&length.to_le_bytes()[..], value.as_bytes(), &[0]].concat())
}

fn hello() -> Vec<u8> {
    document(&[number("hello", 1), text("$db", "admin")])
}

/// Returns the command that makes the servers at these ports a set, which elects another primary soon.
fn initiate(ports: &[u16]) -> Vec<u8> {
    let members: Vec<_> = (0..)
        .zip(ports)
        .map(|(id, port)| {
            let member = document(&[number("_id", id), text("host", &format!("127.0.0.1:{port}"))]);
            element(0x03, &id.to_string(), &member)
        })
        .collect();
    let settings = document(&[number("electionTimeoutMillis", ELECTION_MS)]);
    let set = document(&[
        text("_id", SET),
        element(0x04, "members", &document(&members)),
        element(0x03, "settings", &settings),
    ]);
    document(&[element(0x03, "replSetInitiate", &set), text("$db", "admin")])
}

fn is_ok(answer: &[u8]) -> bool {
    contains(answer, &[b"\x01ok\0".as_slice(), &1_f64.to_le_bytes()].concat())
}

fn contains(answer: &[u8], part: &[u8]) -> bool {
    answer.windows(part.len()).any(|window| window == part)
}
