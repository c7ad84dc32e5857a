//! The table of all fixed routes. The router, the metrics, the OpenAPI document and the access tests are
//! all made from it, so that a route cannot exist in one of them only (threat 2).
//!
//! It never holds logic: a row names a handler.

use super::{
    App, docs,
    guard::Note,
    health,
    problem::{Code, Problem},
};
use axum::{Router, extract::Request, response::Response, routing::MethodRouter};
use http::Method;
use std::sync::{Arc, atomic::Ordering::Relaxed};
use tower::util::MapRequestLayer;

/// Who may call a route. The platform checks it; the tests hold every route to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody.
    Public,
    /// Any valid credential.
    User,
    /// A credential for a tenant, which the platform lets in. Also served under `/t/{slug}`.
    Tenant,
    /// Staff of the platform; to others it is absent.
    Platform,
}

/// One route.
pub struct Route {
    /// Method.
    pub method: Method,
    /// Path in axum's notation.
    pub path: &'static str,
    /// Who may call it.
    pub access: Access,
    /// Group in the docs.
    pub tag: &'static str,
    /// One line for the docs; also the operation's summary.
    pub summary: &'static str,
    handler: fn() -> MethodRouter<App>,
    name: &'static str,
}

impl Route {
    /// Id of the operation in the OpenAPI document: `records_read_one`.
    pub fn operation(&self) -> String {
        self.name.replace("::", "_").replace(' ', "")
    }
}

macro_rules! routes {
    ($($method:ident $path:literal $access:ident $tag:literal $summary:literal => $handler:path;)*) => {
        /// Every fixed route.
        pub static ROUTES: &[Route] = &[$(Route {
            method: routes!(@method $method),
            path: $path,
            access: Access::$access,
            tag: $tag,
            summary: $summary,
            handler: || axum::routing::$method($handler),
            name: stringify!($handler),
        }),*];
    };
    (@method get) => { Method::GET };
    (@method post) => { Method::POST };
    (@method put) => { Method::PUT };
    (@method patch) => { Method::PATCH };
    (@method delete) => { Method::DELETE };
}

routes! {
    get "/healthz" Public "Operation" "Is the process alive" => health::live;
    get "/readyz" Public "Operation" "May traffic be sent here" => health::ready;
    get "/metrics" Public "Operation" "Prometheus metrics" => health::metrics;
    get "/api/openapi.json" Public "Operation" "This API as OpenAPI 3.1" => docs::openapi;
    get "/api/docs" Public "Operation" "This API as a page" => docs::page;
    get "/api/docs/app.js" Public "Operation" "The page's script" => docs::script;
}

/// All routes of the platform, to serve as they are or to merge own routes into.
///
/// Serve the result with [`super::serve()`]: it adds what a bare router lacks (request ids, log, metrics,
/// security headers, panics answered).
pub fn router(app: App) -> Router {
    let mut router = Router::new();
    for (index, route) in ROUTES.iter().enumerate() {
        let handler = || (route.handler)().layer(MapRequestLayer::new(move |request| noted(index, request)));
        router = router.route(route.path, handler());
        if route.access == Access::Tenant {
            router = router.route(&format!("/t/{{slug}}{}", route.path), handler());
        }
    }
    router.fallback(absent).method_not_allowed_fallback(not_that_way).with_state(app)
}

/// Tells the guard which route it was.
fn noted(index: usize, request: Request) -> Request {
    if let Some(note) = request.extensions().get::<Arc<Note>>() {
        note.route.store(index, Relaxed);
    }
    request
}

async fn absent() -> Problem {
    Problem::absent()
}

async fn not_that_way(request: Request) -> Response {
    use axum::response::IntoResponse;
    Problem::new(Code::MethodNotAllowed, format!("{} is not served with {}.", "This path", request.method()))
        .into_response()
}
