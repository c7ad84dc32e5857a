//! The one layer around every request: id, log line, metrics, panics, security headers, refusal of cross-site writes.
//!
//! Called by the serve loop and by tests. Written by hand because a stack of general layers, each with a
//! boxed future, costs a third of the throughput of a small read. It never looks at credentials or bodies.

use super::{
    App,
    access_log::Line,
    credentials, csrf, denials,
    problem::{Code, Problem},
    request_id::RequestId,
    serve::PIECE,
    short,
};
use axum::{Router, body::Body, response::IntoResponse};
use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderMap, HeaderValue, Request, Response, header};
use http_body_util::{Either, Full};
use std::{
    any::Any,
    net::IpAddr,
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicI64, AtomicUsize, Ordering::Relaxed},
    },
    time::Instant,
};
use tenantry::{
    access::{Actor, meter::Hold},
    name::TenantId,
};
use tower::ServiceExt;

/// Body of an answer: bytes in hand on the short path, axum's boxed body on the others.
pub(crate) type Reply = Either<Full<Bytes>, Body>;

/// Who sent the request, as the socket says.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub IpAddr);

/// What handlers tell the guard about a request, for its log line and metrics.
#[derive(Debug)]
pub(crate) struct Note {
    /// Index into the route table.
    pub(crate) route: AtomicUsize,
    /// The tenant acted in, 0 for none.
    pub(crate) tenant: AtomicI64,
    /// The user acting, 0 for none.
    pub(crate) user: AtomicI64,
    /// What counts the request against its tenant.
    hold: Mutex<Option<Hold>>,
    /// Who acts, once that is known.
    actor: OnceLock<Actor>,
}

/// The same, once the answer is there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Noted {
    pub(crate) route: usize,
    pub(crate) tenant: i64,
    pub(crate) user: i64,
}

impl Note {
    fn new() -> Self {
        Self {
            route: AtomicUsize::new(usize::MAX),
            tenant: AtomicI64::new(0),
            user: AtomicI64::new(0),
            hold: Mutex::default(),
            actor: OnceLock::new(),
        }
    }

    /// Keeps the request counted against its tenant until the answer is sent.
    pub(crate) fn hold(&self, hold: Option<Hold>) {
        *self.hold.lock().unwrap_or_else(PoisonError::into_inner) = hold;
    }

    fn take_hold(&self) -> Option<Hold> {
        self.hold.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The caller is known.
    pub(crate) fn caller(&self, tenant: i64, user: i64, actor: &Actor) {
        self.tenant.store(tenant, Relaxed);
        self.user.store(user, Relaxed);
        // A second extractor of the same request knows the same actor.
        let _ = self.actor.set(actor.clone());
    }

    fn read(&self) -> Noted {
        Noted {
            route: self.route.load(Relaxed),
            tenant: self.tenant.load(Relaxed),
            user: self.user.load(Relaxed),
        }
    }
}

/// Answers one request in process, as the serve loop would: for tests of builders, without a socket.
pub async fn call(app: &App, router: &Router, request: Request<Body>) -> Response<Body> {
    answer(app, router, IpAddr::from([127, 0, 0, 1]), request).await.map(Body::new)
}

/// Answers one request through `router`, always.
pub(crate) async fn answer<B>(
    app: &App,
    router: &Router,
    peer: IpAddr,
    request: Request<B>,
) -> Response<Reply>
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<axum::BoxError>,
{
    let started = Instant::now();
    let id = RequestId::next();
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let mut noted = Noted { route: usize::MAX, tenant: 0, user: 0 };
    let outcome = AssertUnwindSafe(routed(app, router, peer, request, &mut noted)).catch_unwind().await;
    let mut response = outcome.unwrap_or_else(|panic| {
        app.metrics().panics.fetch_add(1, Relaxed);
        Problem::internal(panic_text(&*panic)).into_response().map(Either::Right)
    });
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        log_problem(app, &problem, id, noted.tenant).await;
        if problem.code() == Code::ServerOutdated {
            app.catch_up();
        }
        // axum wrote the length of the shorter body; hyper writes the new one.
        response.headers_mut().remove(header::CONTENT_LENGTH);
        *response.body_mut() = Either::Left(Full::from(problem.body(Some(id.as_str()))));
    }
    finish(app, response.headers_mut(), id);
    let (status, took) = (response.status(), started.elapsed());
    record(app, &Line { id, method: &method, uri: &uri, peer, status, took, noted });
    response
}

/// The short path where there is one, else the router.
async fn routed<B>(
    app: &App,
    router: &Router,
    peer: IpAddr,
    mut request: Request<B>,
    noted: &mut Noted,
) -> Response<Reply>
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<axum::BoxError>,
{
    if let Err(problem) = credentials::host_of_target(&mut request) {
        return problem.into_response().map(Either::Right);
    }
    if let Some(target) = short::target(&request) {
        return match short::answer(app, &target, peer, noted).await {
            Ok(response) => response.map(Either::Left),
            Err(problem) => problem.into_response().map(Either::Right),
        };
    }
    let note = Arc::new(Note::new());
    let mut response = through(router, peer, Arc::clone(&note), request).await;
    *noted = note.read();
    if let Some(problem) = response.extensions().get::<Problem>()
        && let Some(actor) = note.actor.get()
    {
        denials::record(app, actor, *noted, problem).await;
    }
    if waits_in_memory(response.body())
        && let Some(hold) = note.take_hold()
    {
        response.extensions_mut().insert(hold);
    }
    let response = if is_foreign(&response, noted) { Problem::absent().into_response() } else { response };
    response.map(Either::Right)
}

/// A body that is more than what goes out at once: its request counts until the client has read it.
pub(super) fn waits_in_memory(body: &impl http_body::Body) -> bool {
    body.size_hint().upper().is_none_or(|bytes| bytes > PIECE as u64)
}

/// The framework's own words for a path of ours that it cannot read: such a path names nothing. Routes of
/// builders say no as they like.
fn is_foreign(response: &Response<Body>, noted: &Noted) -> bool {
    let plain = |media: &HeaderValue| media.as_bytes().starts_with(b"text/plain");
    noted.route != usize::MAX
        && response.status().is_client_error()
        && response.headers().get(header::CONTENT_TYPE).is_some_and(plain)
}

/// The axum router, for everything that has no shorter way.
async fn through<B>(router: &Router, peer: IpAddr, note: Arc<Note>, mut request: Request<B>) -> Response<Body>
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<axum::BoxError>,
{
    if let Err(problem) = csrf::check(request.method(), request.headers()) {
        return problem.into_response();
    }
    request.extensions_mut().insert(Peer(peer));
    request.extensions_mut().insert(note);
    match router.clone().oneshot(request.map(Body::new)).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// Headers every answer carries. A handler that set one of them itself keeps it.
fn finish(app: &App, headers: &mut HeaderMap, id: RequestId) {
    // `shared-cache`: no cache between us and the caller may keep an answer.
    const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-store");
    const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
    headers.reserve(4);
    headers.entry(header::CACHE_CONTROL).or_insert(PRIVATE);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    headers.insert(super::request_id::HEADER, id.header());
    if app.options().https {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
}

/// Request log and metrics.
fn record(app: &App, line: &Line<'_>) {
    app.metrics().record(line.noted.route, line.status, line.took);
    if line.noted.tenant != 0 {
        app.metrics().tenants.note(line.noted.tenant);
    }
    app.access_log().add(line);
}

/// An error is logged here, where it is consumed, and nowhere on its way: what an operator must act on as an error,
/// what passes by itself as a note, and what the caller got wrong only where details are asked for.
async fn log_problem(app: &App, problem: &Problem, id: RequestId, tenant: i64) {
    let (request, code, detail) = (id.as_str(), problem.code().as_str(), problem.log_text());
    if !problem.status().is_server_error() || problem.code() == Code::Maintenance {
        return tracing::debug!(request, code, detail, "request refused");
    }
    let tenant = slug(app, tenant).await;
    match problem.is_fault() {
        true => tracing::error!(request, code, tenant, detail, "request failed"),
        false => tracing::info!(request, code, tenant, detail, "request refused for now"),
    }
}

/// The slug of a tenant for the log, or its id where the catalog cannot be read; empty for none.
async fn slug(app: &App, tenant: i64) -> String {
    if tenant == 0 {
        return String::new();
    }
    match app.platform().access().directory().tenant(TenantId::from_raw(tenant)).await {
        Ok(found) => found.slug.to_string(),
        Err(_) => tenant.to_string(),
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text =
        panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panic: {}", text.unwrap_or("of an unknown type"))
}
