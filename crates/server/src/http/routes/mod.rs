//! The table of all fixed routes. The router, the metrics, the OpenAPI document and the access tests are generated from
//! it, so a route cannot be missing from one of them (`unscoped-route`).
//!
//! The table contains no logic: a row names a handler.

use super::{
    App,
    guard::Note,
    openapi::describe::Operation,
    pages::to_page,
    problem::{Code, Problem},
};
use axum::{
    Router,
    extract::Request,
    handler::Handler,
    response::Response,
    routing::{MethodFilter, on},
};
use futures_util::future::BoxFuture;
use http::{HeaderMap, Method, Uri};
use std::sync::{Arc, LazyLock, atomic::Ordering::Relaxed};

/// The callers that may use a route. The handler's extractor enforces the level, and the platform's verbs check it again.
/// A test sends each kind of credential and each role to every route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// All callers, with or without a credential.
    Public,
    /// Callers with any valid credential.
    User,
    /// Callers with a credential for a tenant that they may enter. The route is also served under `/t/{slug}`.
    Member,
    /// Managers of the tenant: holders of the first configured role, and superusers; no impersonator and no key. The
    /// route is also served under `/t/{slug}`.
    Manager,
    /// Staff of the platform; for other callers the route is absent.
    Staff,
    /// Superusers; refused to other staff, absent for other callers.
    Superuser,
}

impl Access {
    /// Returns true for routes inside a tenant.
    pub fn is_in_tenant(self) -> bool {
        matches!(self, Self::Member | Self::Manager)
    }

    /// Returns true for routes that only staff may see. For other callers such a route is absent.
    pub fn is_of_staff(self) -> bool {
        matches!(self, Self::Staff | Self::Superuser)
    }
}

/// A handler with its type erased. The compiler generates the code around handlers once for this type, instead of once
/// for each handler.
type Untyped = fn(Request, App) -> BoxFuture<'static, Response>;

/// A route of the table.
pub struct Route {
    /// HTTP method.
    pub method: Method,
    /// Path in axum's notation.
    pub path: &'static str,
    /// Callers that may use the route.
    pub access: Access,
    /// Group in the docs.
    pub tag: &'static str,
    /// One line for the docs and the OpenAPI operation's summary.
    pub summary: &'static str,
    filter: MethodFilter,
    handler: Untyped,
    /// True for pages and their forms. The OpenAPI document leaves them out. They are not served under `/t/{slug}`,
    /// because the links of a page name no tenant.
    pub is_page: bool,
    /// Adds the handler's input and answers. Adds nothing for routes of records, which the models describe.
    pub(super) describe: fn(&mut Operation<'_>),
    name: &'static str,
}

impl Route {
    /// Returns the HTTP method as text.
    pub(super) fn method_name(&'static self) -> &'static str {
        self.method.as_str()
    }

    /// Returns the id of the operation in the OpenAPI document, for example `records_read_one`.
    pub fn operation(&self) -> String {
        self.name.replace("::", "_").replace(' ', "")
    }
}

macro_rules! routes {
    ($($method:ident $path:literal $access:ident $tag:literal $summary:literal $(of $model:ident)? => $handler:path;)*) => {
        /// Returns the routes of this table.
        pub(super) fn routes() -> Vec<Route> {
            vec![$(Route {
            method: routes!(@method $method),
            path: $path,
            access: Access::$access,
            tag: $tag,
            summary: $summary,
            filter: routes!(@filter $method),
            handler: |request, app| Handler::call($handler, request, app),
            is_page: routes!(@page $($model)?),
            describe: routes!(@describe $handler $(, $model)?),
            name: stringify!($handler),
            }),*]
        }
    };
    (@page page) => { true };
    (@page $($model:ident)?) => { false };
    (@describe $handler:path, $kind:ident) => { |_| () };
    (@describe $handler:path) => { |operation| describe($handler, operation) };
    (@filter get) => { MethodFilter::GET };
    (@filter post) => { MethodFilter::POST };
    (@filter put) => { MethodFilter::PUT };
    (@filter patch) => { MethodFilter::PATCH };
    (@filter delete) => { MethodFilter::DELETE };
    (@method get) => { Method::GET };
    (@method post) => { Method::POST };
    (@method put) => { Method::PUT };
    (@method patch) => { Method::PATCH };
    (@method delete) => { Method::DELETE };
}

mod api;
mod operators;
mod pages;
mod staff;

/// All fixed routes.
pub static ROUTES: LazyLock<Vec<Route>> = LazyLock::new(|| {
    let pages = pages::routes().into_iter().chain(operators::routes()).chain(staff::routes());
    api::routes().into_iter().chain(pages).collect()
});

/// Returns all routes of the platform, to serve as they are or to merge with an embedder's own routes.
///
/// Serve the result with [`super::serve()`]. It adds what a bare router lacks: request ids, log, metrics, security
/// headers and answers to panics.
pub fn router(app: App) -> Router {
    let mut router = Router::new();
    for (index, route) in ROUTES.iter().enumerate() {
        let target = Target { index, handler: route.handler };
        router = router.route(route.path, on(route.filter, target));
        if route.access.is_in_tenant() && !route.is_page {
            router = router.route(&format!("/t/{{slug}}{}", route.path), on(route.filter, target));
        }
    }
    router.fallback(absent).method_not_allowed_fallback(not_that_way).with_state(app)
}

/// The target of a path: a handler, and its index in the table.
#[derive(Clone, Copy)]
struct Target {
    index: usize,
    handler: Untyped,
}

impl Handler<(), App> for Target {
    type Future = BoxFuture<'static, Response>;

    /// Records the matched route for the guard, and answers the request.
    fn call(self, request: Request, app: App) -> Self::Future {
        if let Some(note) = request.extensions().get::<Arc<Note>>() {
            note.route.store(self.index, Relaxed);
        }
        (self.handler)(request, app)
    }
}

/// Redirects a browser to the address of a page if only the final slash is missing. Returns 404 otherwise.
async fn absent(method: Method, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    to_page(&method, &uri, &headers).ok_or_else(Problem::absent)
}

async fn not_that_way(request: Request) -> Response {
    use axum::response::IntoResponse;
    Problem::new(Code::MethodNotAllowed, format!("This path is not served with {}.", request.method()))
        .into_response()
}
