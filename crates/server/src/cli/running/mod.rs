//! Commands for the servers of a data directory that are running: `tenantry reload` and `tenantry monitoring`.
//!
//! Each `tenantry serve` listens on its own socket in the data directory, which only the owner of that directory can
//! reach. A question is one JSON document, and so is the answer. A server that dies leaves its socket behind; the next
//! question removes it.

pub(in crate::cli) mod monitoring;
pub(in crate::cli) mod reload;

use crate::{
    cli::setup::Place,
    http::{App, observed},
};
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::{
    io,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{UnixListener, UnixStream},
    task::JoinHandle,
    time::timeout,
};

/// Directory of the sockets, below the data directory.
const FOLDER: &str = "running";
/// Largest question, in bytes.
const MOST: u64 = 1024;
/// Longest wait for the text of a question.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a command asks a server.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum Question {
    /// Load the apps again.
    Reload,
    /// Tell the last hour.
    Monitoring,
}

/// The socket of this process. Its file is removed on drop.
pub(in crate::cli) struct Socket {
    path: PathBuf,
    task: JoinHandle<()>,
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.task.abort();
        // If this fails, the next question removes the file.
        drop(std::fs::remove_file(&self.path));
    }
}

/// Answers questions while the server runs.
///
/// # Errors
/// Returns an error if the folder cannot be created, or the path is too long for a socket.
pub(in crate::cli) fn listen(app: &App) -> io::Result<Socket> {
    let folder = app.platform().config().platform.data_dir.join(FOLDER);
    make_private(&folder)?;
    let path = folder.join(format!("{}.sock", std::process::id()));
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    let app = app.clone();
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Err(error) = answer(&app, stream).await {
                tracing::warn!(%error, "a question of a command was not answered");
            }
        }
    });
    Ok(Socket { path, task })
}

fn make_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

async fn answer(app: &App, mut stream: UnixStream) -> io::Result<()> {
    let mut question = Vec::new();
    timeout(PATIENCE, (&mut stream).take(MOST).read_to_end(&mut question)).await??;
    let answer = match serde_json::from_slice(&question)? {
        Question::Reload => serde_json::to_vec(&reload::answer(app.platform()).await)?,
        Question::Monitoring => serde_json::to_vec(&observed::last_hour(app).await)?,
    };
    stream.write_all(&answer).await?;
    stream.shutdown().await
}

/// The answer of a running server.
struct Told<T> {
    /// Process id of the server.
    server: String,
    /// The answer, or why there is none.
    answer: Result<T>,
}

/// Asks all servers of the data directory, one after the other.
async fn ask_all<T: for<'de> Deserialize<'de>>(place: &Place, question: Question) -> Result<Vec<Told<T>>> {
    let mut all = Vec::new();
    for path in sockets(&place.config()?.platform.data_dir.join(FOLDER))? {
        let server = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if let Some(answer) = ask(&path, question).await.transpose() {
            all.push(Told { server, answer });
        }
    }
    Ok(all)
}

/// Says that there is no server to ask.
fn none_runs() -> ExitCode {
    say!("no server of this data directory is running");
    ExitCode::SUCCESS
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
async fn ask<T: for<'de> Deserialize<'de>>(path: &Path, question: Question) -> Result<Option<T>> {
    let mut stream = match UnixStream::connect(path).await {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path)?;
            return Ok(None);
        }
        stream => stream?,
    };
    stream.write_all(&serde_json::to_vec(&question)?).await?;
    stream.shutdown().await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(Some(serde_json::from_slice(&answer).context("the connection ended before the answer")?))
}
