//! The serve loop: accept, speak HTTP/1.1, stop gracefully.
//!
//! Called by the command line and by builders. It bounds what a client can hold: connections, header time,
//! header size. It never routes and never answers itself; the guard does.

use super::{App, guard, patience::Patience};
use axum::Router;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::{rt::TokioIo, server::graceful::GracefulShutdown};
use std::{
    convert::Infallible,
    future::Future,
    io,
    net::SocketAddr,
    pin::pin,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::spawn_blocking,
    time::{MissedTickBehavior, interval, sleep, timeout},
};

/// Time between flushes of the request log.
const UPKEEP: Duration = Duration::from_millis(500);

/// Bounds of the loop.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// Connections open at once; more wait in the listener's backlog.
    pub max_connections: usize,
    /// Time for a request's head to arrive whole; also how long an idle connection is kept.
    pub header_timeout: Duration,
    /// Largest request head, bytes.
    pub max_head_bytes: usize,
    /// Time for running requests to end once shutdown begins.
    pub drain: Duration,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            max_connections: 4096,
            header_timeout: Duration::from_secs(30),
            max_head_bytes: 32 * 1024,
            drain: Duration::from_secs(10),
        }
    }
}

/// Serves `router` (from [`super::router`], with own routes merged) on `listener` until `shutdown` resolves,
/// then lets running requests end for at most `options.drain`.
///
/// # Errors
/// Never for a single connection's fault; the result is for what the listener itself may refuse.
pub async fn serve(
    app: App,
    router: Router,
    listener: TcpListener,
    options: ServeOptions,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let slots = Arc::new(Semaphore::new(options.max_connections));
    let graceful = GracefulShutdown::new();
    let builder = builder(&options);
    let mut shutdown = pin!(shutdown);
    let upkeep = tokio::spawn(keep_up(app.clone()));
    loop {
        tokio::select! {
            accepted = accept(&listener, &slots) => {
                let Some((stream, peer, slot)) = accepted else { continue };
                let connection = Connection { app: app.clone(), router: router.clone(), peer, slot };
                connection.spawn(&builder, &graceful, stream, options.header_timeout);
            }
            () = &mut shutdown => break,
        }
    }
    app.drain();
    drop(listener);
    if timeout(options.drain, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests still running after {:?} were cut off", options.drain);
    }
    upkeep.abort();
    flush(&app).await;
    Ok(())
}

/// In a task of its own: a slow sink must not keep anybody from connecting.
async fn keep_up(app: App) {
    let mut timer = interval(UPKEEP);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        timer.tick().await;
        flush(&app).await;
    }
}

/// Request log to its sink, which may block, so not on this thread.
async fn flush(app: &App) {
    let app = app.clone();
    if let Err(error) = spawn_blocking(move || app.access_log().flush()).await {
        tracing::error!(%error, "the request log could not be written");
    }
}

fn builder(options: &ServeOptions) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .header_read_timeout(options.header_timeout)
        .max_buf_size(options.max_head_bytes.max(8192))
        .pipeline_flush(true);
    builder
}

/// The next connection, once there is a slot for it.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => {
            // Small answers must not wait for the peer's delayed acknowledgement.
            let _ = stream.set_nodelay(true);
            Some((stream, peer, slot))
        }
        Err(error) => {
            // Out of descriptors or the peer left already: neither may end the loop, nor spin it.
            tracing::warn!(%error, "accept failed");
            sleep(Duration::from_millis(50)).await;
            None
        }
    }
}

struct Connection {
    app: App,
    router: Router,
    peer: SocketAddr,
    slot: OwnedSemaphorePermit,
}

impl Connection {
    fn spawn(self, builder: &http1::Builder, graceful: &GracefulShutdown, stream: TcpStream, head: Duration) {
        let Self { app, router, peer, slot } = self;
        let shared = Arc::new((app, router));
        let counted = Arc::clone(&shared);
        let service = service_fn(move |request| {
            let shared = Arc::clone(&shared);
            async move { Ok::<_, Infallible>(guard::answer(&shared.0, &shared.1, peer.ip(), request).await) }
        });
        let patience = Patience::new(head);
        let http = builder.clone().timer(patience.timers()).serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(http);
        counted.0.metrics().connections.fetch_add(1, Relaxed);
        tokio::spawn(async move {
            // Resets and timeouts are the client's affair.
            if let Err(error) = patience.over(connection).await {
                tracing::debug!(%error, %peer, "connection ended early");
            }
            counted.0.metrics().connections.fetch_sub(1, Relaxed);
            drop(slot);
        });
    }
}
