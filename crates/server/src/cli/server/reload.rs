//! `tenantry reload`: asks every running server of the data directory to load its apps again, and prints the answers.
//!
//! Each `tenantry serve` listens on its own socket in the data directory, which only the owner of that directory can
//! reach. A server that dies leaves its socket behind; the next reload removes it.

use crate::cli::setup::Place;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::{
    io,
    path::{Path, PathBuf},
    process::ExitCode,
};
use tenantry::{Platform, Reloaded};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{UnixListener, UnixStream},
    task::JoinHandle,
};

/// Directory of the sockets, below the data directory.
const FOLDER: &str = "running";

/// Answer of a server to a request to reload.
#[derive(Debug, Serialize, Deserialize)]
enum Answer {
    /// The server uses these apps now.
    Reloaded(Reloaded),
    /// The server continues with the previous apps, for this reason.
    Refused(String),
}

/// The socket of this process. Its file is removed on drop.
pub(in crate::cli) struct Socket {
    path: PathBuf,
    task: JoinHandle<()>,
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.task.abort();
        // If this fails, the next reload removes the file.
        drop(std::fs::remove_file(&self.path));
    }
}

/// Listens for reloads of `platform` while the server runs.
///
/// # Errors
/// Returns an error if the folder cannot be created, or the path is too long for a socket.
pub(in crate::cli) fn listen(platform: &Platform) -> io::Result<Socket> {
    let folder = platform.config().platform.data_dir.join(FOLDER);
    make_private(&folder)?;
    let path = folder.join(format!("{}.sock", std::process::id()));
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    let platform = platform.clone();
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Err(error) = answer(&platform, stream).await {
                tracing::warn!(%error, "a reload was not answered");
            }
        }
    });
    Ok(Socket { path, task })
}

fn make_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Answers a connection with one JSON document. The connection itself is the request and needs no text.
async fn answer(platform: &Platform, mut stream: UnixStream) -> io::Result<()> {
    let answer = match reload(platform).await {
        Ok(reloaded) => Answer::Reloaded(reloaded),
        Err(error) => Answer::Refused(error.public_title()),
    };
    stream.write_all(&serde_json::to_vec(&answer)?).await?;
    stream.shutdown().await
}

/// Reloads the apps. A failure is logged, and the previous apps stay in use.
pub(in crate::cli) async fn reload(platform: &Platform) -> tenantry::Result<Reloaded> {
    let done = tenantry::caught(platform.reload()).await;
    if let Err(error) = &done {
        tracing::error!(%error, "the apps were not reloaded; those loaded before stay in use");
    }
    done
}

/// Reloads at every SIGHUP, until the task is aborted.
pub(in crate::cli) fn on_hangup(platform: &Platform) -> io::Result<JoinHandle<()>> {
    let mut signals = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())?;
    let platform = platform.clone();
    Ok(tokio::spawn(async move {
        while signals.recv().await.is_some() {
            drop(reload(&platform).await);
        }
    }))
}

/// Asks all servers, one after the other. The exit status is 1 if one refused.
pub(in crate::cli) async fn run(place: &Place) -> Result<ExitCode> {
    let folder = place.config()?.platform.data_dir.join(FOLDER);
    let (mut asked, mut refused) = (0, 0);
    for path in sockets(&folder)? {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        match ask(&path).await {
            Ok(None) => continue,
            Ok(Some(Answer::Reloaded(reloaded))) => say!("server {name}: {}", described(&reloaded)),
            Ok(Some(Answer::Refused(why))) => {
                say!("server {name}: not reloaded, it continues with the previous apps: {why}");
                refused += 1;
            }
            Err(error) => {
                say!("server {name}: no answer: {error}");
                refused += 1;
            }
        }
        asked += 1;
    }
    if asked == 0 {
        say!("no server of this data directory is running");
    }
    Ok(if refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn described(reloaded: &Reloaded) -> String {
    let versions = reloaded.stores.iter().map(|(store, version)| format!("{store} {version}"));
    let versions = versions.collect::<Vec<_>>().join(", ");
    match reloaded.changed {
        true => format!("reloaded, schema versions now: {versions}"),
        false => format!("reloaded, schema versions as before: {versions}"),
    }
}

fn sockets(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.with_context(|| folder.display().to_string())?,
    };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "sock"));
    paths.sort();
    Ok(paths)
}

/// Returns the answer of the server behind a socket. If that server has died, removes the socket and returns `None`.
async fn ask(path: &Path) -> Result<Option<Answer>> {
    let mut stream = match UnixStream::connect(path).await {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path)?;
            return Ok(None);
        }
        stream => stream?,
    };
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(Some(serde_json::from_slice(&answer).context("the connection ended before the answer")?))
}
