//! The serve loop: accepts connections, speaks HTTP/1.1, and stops gracefully.
//!
//! The command line and embedders call it. It limits what a client can hold: connections, time and size of a head,
//! bytes that it does not read. It neither routes nor answers; the guard does.

mod connections;
mod link;
mod options;
mod received;
mod sent;
mod wire;

pub use options::ServeOptions;
pub(in crate::http) use sent::PIECE;

use super::{App, guard};
use axum::Router;
use connections::{Connections, Place};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use link::Link;
use received::{BodyPace, Received};
use sent::Sent;
use std::{
    convert::Infallible,
    future::Future,
    io,
    net::SocketAddr,
    pin::pin,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::{spawn_blocking, yield_now},
    time::{MissedTickBehavior, interval, sleep, timeout},
};
use wire::Wire;

/// Time between two flushes of the request log. It is also the unit in which the waiting time of connections is
/// measured.
const UPKEEP: Duration = Duration::from_millis(500);
/// Number of upkeep steps between two log lines about refused connections.
const REPORT_EVERY: u64 = 20;
/// Pause after `accept` has failed.
const BACK_OFF: Duration = Duration::from_millis(50);
/// Number of bytes that the kernel holds for a peer that does not read. Linux uses twice as many for its own
/// bookkeeping. With a larger buffer, a slow reader would look like one that has stopped.
const SEND_BUFFER: usize = 256 * 1024;
/// Answer to a connection for which there is no place.
const NO_PLACE: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// Serves `router` (from [`super::router`], with the embedder's own routes merged) on `listener` until `shutdown`
/// resolves. Then gives running requests at most `options.drain` to end.
///
/// # Errors
/// Returns an error if the listener refuses its options. A fault of a single connection is never an error.
pub async fn serve(
    app: App,
    router: Router,
    listener: TcpListener,
    options: ServeOptions,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    // Accepted connections inherit this.
    socket2::SockRef::from(&listener).set_send_buffer_size(SEND_BUFFER)?;
    let connections =
        Arc::new(Connections::new(options.max_connections, options.max_connections_per_address));
    let door = Door {
        http: builder(&options),
        options,
        connections: connections.clone(),
        graceful: GracefulShutdown::new(),
    };
    let mut shutdown = pin!(shutdown);
    let upkeep = tokio::spawn(keep_up(app.clone(), connections));
    loop {
        tokio::select! {
            accepted = accept(&listener) => {
                if let Some((stream, peer)) = accepted {
                    door.let_in(&app, &router, stream, peer).await;
                }
            }
            () = &mut shutdown => break,
        }
    }
    app.drain();
    drop(listener);
    if timeout(door.options.drain, door.graceful.shutdown()).await.is_err() {
        let seconds = door.options.drain.as_secs();
        tracing::warn!("requests that still ran after {seconds} seconds were cut off");
    }
    upkeep.abort();
    app.faults().flush_all();
    flush(&app).await;
    Ok(())
}

/// Runs the upkeep in a separate task, because a slow log sink must not delay new connections.
async fn keep_up(app: App, connections: Arc<Connections>) {
    let mut timer = interval(UPKEEP);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut reported = 0;
    loop {
        timer.tick().await;
        let pass = async {
            upkeep(&app, &connections, &mut reported).await;
            Ok(())
        };
        app.platform().run_pass("server upkeep", pass).await;
    }
}

async fn upkeep(app: &App, connections: &Connections, reported: &mut u64) {
    connections.tick();
    let (refused, displaced) = (connections.refused.load(Relaxed), connections.displaced.load(Relaxed));
    app.metrics().connections_refused.store(refused, Relaxed);
    app.metrics().connections_displaced.store(displaced, Relaxed);
    if connections.now().is_multiple_of(REPORT_EVERY) && *reported < refused + displaced {
        *reported = refused + displaced;
        tracing::warn!(refused, displaced, "more connections than there is room for; sums since the start");
    }
    app.faults().flush(Instant::now());
    app.history().note(app.metrics(), app.platform());
    flush(app).await;
}

/// Flushes the request log on a blocking thread, because its sink may block.
async fn flush(app: &App) {
    let app = app.clone();
    if let Err(error) = spawn_blocking(move || app.access_log().flush()).await {
        tracing::error!(%error, "the request log could not be written");
    }
}

fn builder(options: &ServeOptions) -> http1::Builder {
    let head = options.max_head_bytes.max(8192);
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(options.header_timeout)
        .max_buf_size(head)
        .max_header_size(head)
        // Write each answer before the next request of a pipeline is read. With `pipeline_flush`, hyper would answer
        // all of them first.
        .pipeline_flush(false)
        // Put head and body of a small answer into one buffer, so that one write suffices instead of two.
        .writev(false);
    builder
}

/// Accepts the next connection. Returns `None` after a failure.
async fn accept(listener: &TcpListener) -> Option<(TcpStream, SocketAddr)> {
    match listener.accept().await {
        Ok((stream, peer)) => {
            // Do not delay small answers until the peer's delayed acknowledgement.
            let _ = stream.set_nodelay(true);
            Some((stream, peer))
        }
        Err(error) => {
            // The process is out of descriptors, or the peer has left. Neither may end the loop or make it spin.
            tracing::warn!(%error, "accept failed");
            sleep(BACK_OFF).await;
            None
        }
    }
}

/// Settings and shared state for every connection of a server.
struct Door {
    options: ServeOptions,
    http: http1::Builder,
    connections: Arc<Connections>,
    graceful: GracefulShutdown,
}

/// State that the requests of one connection share.
struct Shared {
    app: App,
    router: Router,
    link: Arc<Link>,
    connections: Arc<Connections>,
    /// Rate at which a body must arrive.
    pace: BodyPace,
}

impl Door {
    /// Serves a connection in a separate task, or refuses it.
    async fn let_in(&self, app: &App, router: &Router, stream: TcpStream, peer: SocketAddr) {
        let link = Arc::new(Link::new(self.connections.now()));
        // All clients behind a proxy share its address, so they are not counted by it.
        let address = (!app.options().is_proxy(peer.ip())).then(|| peer.ip());
        let Some(place) = self.connections.admit(address, &link) else {
            // Best effort: if the answer does not fit into the empty buffer, do not wait.
            let _ = stream.try_write(NO_PLACE);
            return;
        };
        let shared = Shared {
            app: app.clone(),
            router: router.clone(),
            link,
            connections: self.connections.clone(),
            pace: self.options.body_pace(),
        };
        self.spawn(shared, stream, peer, place);
        // Let the connections that made room close now.
        yield_now().await;
    }

    fn spawn(&self, shared: Shared, stream: TcpStream, peer: SocketAddr, place: Place) {
        let (app, shared) = (shared.app.clone(), Arc::new(shared));
        let wire = Wire::new(stream, shared.link.clone(), self.options.pace());
        let service = service_fn(move |request| {
            let shared = Arc::clone(&shared);
            async move {
                shared.link.begin().await;
                let request = Received::of(request, &shared);
                let response = guard::answer(&shared.app, &shared.router, peer.ip(), request).await;
                Ok::<_, Infallible>(Sent::of(response, shared))
            }
        });
        let http = self.http.serve_connection(TokioIo::new(wire), service);
        let connection = self.graceful.watch(http);
        let id = place.id();
        let open = Open::count(app);
        let task = tokio::spawn(async move {
            let _held = (place, open);
            // Resets and timeouts are the client's problem.
            if let Err(error) = connection.await {
                tracing::debug!(%error, %peer, "connection ended early");
            }
        });
        self.connections.serves(id, task.abort_handle());
    }
}

/// Counts an open connection until dropped.
struct Open(App);

impl Open {
    fn count(app: App) -> Self {
        app.metrics().connections.fetch_add(1, Relaxed);
        Self(app)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.metrics().connections.fetch_sub(1, Relaxed);
    }
}
