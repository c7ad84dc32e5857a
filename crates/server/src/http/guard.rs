//! The single layer around every request: request id, log line, metrics, panics, security headers and refusal of
//! cross-site writes.
//!
//! The serve loop and tests call it. It is hand-written, because a stack of general-purpose layers, each with a boxed
//! future, costs a third of the throughput of a small read. It never reads credentials or bodies.

use super::{
    App,
    access_log::Line,
    credentials, csrf, denials, fast_path, pages,
    position::Carried,
    problem::{Code, Problem},
    request_id::RequestId,
    serve::PIECE,
    slow::SLOW,
};
use axum::{Router, body::Body, response::IntoResponse};
use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderMap, HeaderValue, Request, Response, header};
use http_body_util::{Either, Full};
use std::{
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
    panic_text,
};
use tenantry_console::Language;
use tower::ServiceExt;

/// Body of an answer: bytes in memory on the fast path, axum's boxed body on the others.
pub(crate) type Reply = Either<Full<Bytes>, Body>;

/// Address of the peer, from the socket.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub IpAddr);

/// Data that handlers report about a request, for its log line and metrics.
#[derive(Debug)]
pub(crate) struct Note {
    /// Index of the route in the route table.
    pub(crate) route: AtomicUsize,
    /// Id of the tenant that the request entered; 0 for none.
    pub(crate) tenant: AtomicI64,
    /// Id of the acting user; 0 for none.
    pub(crate) user: AtomicI64,
    /// Permit that counts the request against the tenant's limits.
    hold: Mutex<Option<Hold>>,
    /// The actor, once it is known.
    actor: OnceLock<Actor>,
    /// Language of the page, once known.
    language: OnceLock<Language>,
}

/// Values of a [`Note`], read when the answer is complete.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Noted {
    pub(crate) route: usize,
    pub(crate) tenant: i64,
    pub(crate) user: i64,
    /// Index of the store of the records that the request named, if it is known already.
    pub(crate) store: Option<usize>,
    pub(crate) language: Option<Language>,
}

impl Note {
    fn new() -> Self {
        Self {
            route: AtomicUsize::new(usize::MAX),
            tenant: AtomicI64::new(0),
            user: AtomicI64::new(0),
            hold: Mutex::default(),
            actor: OnceLock::new(),
            language: OnceLock::new(),
        }
    }

    /// Takes the permit, which counts the request against its tenant until the answer is sent.
    pub(crate) fn hold(&self, hold: Option<Hold>) {
        *self.hold.lock().unwrap_or_else(PoisonError::into_inner) = hold;
    }

    fn take_hold(&self) -> Option<Hold> {
        self.hold.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Records the caller.
    pub(crate) fn caller(&self, tenant: i64, user: i64, actor: &Actor) {
        self.tenant.store(tenant, Relaxed);
        self.user.store(user, Relaxed);
        // A second extractor of the same request sets the same actor.
        let _ = self.actor.set(actor.clone());
    }

    /// Records the language of the page, for a problem that is shown instead of it.
    pub(crate) fn language(&self, language: Language) {
        // A second extractor of the same request finds the same language.
        let _ = self.language.set(language);
    }

    fn read(&self) -> Noted {
        Noted {
            language: self.language.get().copied(),
            route: self.route.load(Relaxed),
            tenant: self.tenant.load(Relaxed),
            user: self.user.load(Relaxed),
            store: None,
        }
    }
}

/// Answers one request in process, as the serve loop does, so that tests of embedders need no socket.
pub async fn call(app: &App, router: &Router, request: Request<Body>) -> Response<Body> {
    answer(app, router, IpAddr::from([127, 0, 0, 1]), request).await.map(Body::new)
}

/// Answers one request through `router`, even if the handler panics.
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
    let mut asked = pages::Asked::of(app, &request);
    let mut noted = Noted { route: usize::MAX, tenant: 0, user: 0, store: None, language: None };
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
        // axum has set the length of the original, shorter body. hyper sets the length of the new one.
        response.headers_mut().remove(header::CONTENT_LENGTH);
        let (mut status, mut headers) = (response.status(), std::mem::take(response.headers_mut()));
        let parts = (&mut status, &mut headers);
        asked.set_language(noted.language);
        let page = pages::render_problem(app, &asked, (&method, &uri), &problem, id.as_str(), parts);
        (*response.status_mut(), *response.headers_mut()) = (status, headers);
        let body = page.unwrap_or_else(|| problem.body(Some(id.as_str())));
        *response.body_mut() = Either::Left(Full::from(body));
    }
    finish(app, response.headers_mut(), id);
    let (status, took) = (response.status(), started.elapsed());
    record(app, &Line { id, method: &method, uri: &uri, peer, status, took, noted });
    response
}

/// Answers by the fast path if possible, otherwise by the router.
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
    let carried = match Carried::read(app, request.headers()) {
        Ok(carried) => carried,
        Err(problem) => return problem.into_response().map(Either::Right),
    };
    if let Some(target) = fast_path::target(&request) {
        let positions = carried.map(|carried| carried.positions).unwrap_or_default();
        return match fast_path::answer(app, &target, (peer, positions), noted).await {
            Ok(response) => response.map(Either::Left),
            Err(problem) => problem.into_response().map(Either::Right),
        };
    }
    let note = Arc::new(Note::new());
    if let Some(carried) = &carried {
        request.extensions_mut().insert(carried.positions.clone());
    }
    let mut response = through(router, peer, Arc::clone(&note), request).await;
    if let Some(carried) = &carried {
        carried.tell(app, response.headers_mut());
    }
    *noted = note.read();
    if let Some(problem) = response.extensions().get::<Problem>() {
        denials::record(app, note.actor.get(), *noted, problem).await;
    }
    if waits_in_memory(response.body())
        && let Some(hold) = note.take_hold()
    {
        response.extensions_mut().insert(hold);
    }
    let response = if is_foreign(&response, noted) { Problem::absent().into_response() } else { response };
    response.map(Either::Right)
}

/// Returns true if the body is larger than one write to the client. The request then counts until the client has read
/// the answer.
pub(super) fn waits_in_memory(body: &impl http_body::Body) -> bool {
    body.size_hint().upper().is_none_or(|bytes| bytes > PIECE as u64)
}

/// Returns true for the framework's own plain-text refusal of a path of this server that the framework cannot parse:
/// such a path names nothing. Routes of embedders may answer as they like.
fn is_foreign(response: &Response<Body>, noted: &Noted) -> bool {
    let plain = |media: &HeaderValue| media.as_bytes().starts_with(b"text/plain");
    noted.route != usize::MAX
        && response.status().is_client_error()
        && response.headers().get(header::CONTENT_TYPE).is_some_and(plain)
}

/// Passes the request through the axum router.
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

/// Sets the headers of every answer. Values that a handler has set stay.
fn finish(app: &App, headers: &mut HeaderMap, id: RequestId) {
    // `shared-cache`: no cache between the server and the caller may store an answer.
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

/// Records the request in the log and the metrics.
fn record(app: &App, line: &Line<'_>) {
    app.metrics().record(line.noted.route, line.status, line.took);
    if line.noted.tenant != 0 {
        let store = line.noted.store.or_else(|| app.store_named(line.noted.route, line.uri.path()));
        app.metrics().record_tenant(line.noted.tenant, store, line.took);
    }
    if line.took >= SLOW {
        app.slow().add(app, (line.uri, line.noted), (line.status, line.took), line.id.as_str());
    }
    app.access_log().add(line);
}

/// Logs a problem. Errors are logged only here, where their handling ends: as an error if an operator must act, as
/// information if the cause is temporary, and as debug output if the caller made a mistake. Internal errors are logged
/// each time; other faults once a minute for each tenant and file.
async fn log_problem(app: &App, problem: &Problem, id: RequestId, tenant: i64) {
    let (request, code, detail) = (id.as_str(), problem.code().as_str(), problem.log_text());
    if !problem.status().is_server_error() || problem.code() == Code::Maintenance {
        return tracing::debug!(request, code, detail, "request refused");
    }
    let tenant = slug(app, tenant).await;
    if !problem.is_fault() {
        return tracing::info!(request, code, tenant, detail, "request refused for now");
    }
    let is_new = || app.faults().is_new(&tenant, problem, Instant::now());
    match problem.code() == Code::Internal || is_new() {
        true => tracing::error!(request, code, tenant, detail, "request failed"),
        false => tracing::debug!(request, code, tenant, detail, "request failed again"),
    }
}

/// Returns the slug of a tenant for the log, or its id if the catalog cannot be read. Returns an empty text for no
/// tenant.
async fn slug(app: &App, tenant: i64) -> String {
    if tenant == 0 {
        return String::new();
    }
    match app.platform().access().directory().tenant(TenantId::from_raw(tenant)).await {
        Ok(found) => found.slug.to_string(),
        Err(_) => tenant.to_string(),
    }
}
