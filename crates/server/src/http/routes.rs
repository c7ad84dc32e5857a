//! The table of all fixed routes. The router, the metrics, the OpenAPI document and the access tests are all generated
//! from it, so a route cannot be missing from one of them (`unscoped-route`).
//!
//! The table contains no logic: a row names a handler.

use super::{
    App, account, admin, auth, docs,
    guard::Note,
    health, invitations,
    openapi::describe::{Operation, describe},
    pages, plans,
    problem::{Code, Problem},
    records, register, tenant,
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
use std::sync::{Arc, atomic::Ordering::Relaxed};

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

/// A handler without its type. The compiler makes the code around handlers once for this type, and not once for each of
/// them.
type Untyped = fn(Request, App) -> BoxFuture<'static, Response>;

/// A route of the table.
pub struct Route {
    /// HTTP method.
    pub method: Method,
    /// Path in axum's notation.
    pub path: &'static str,
    /// Callers that may use it.
    pub access: Access,
    /// Group in the docs.
    pub tag: &'static str,
    /// One line for the docs and the OpenAPI operation's summary.
    pub summary: &'static str,
    filter: MethodFilter,
    handler: Untyped,
    /// It is a page for people, or a form of one. The OpenAPI document leaves it out, and it is not served under
    /// `/t/{slug}`: the links of a page name no tenant.
    pub is_page: bool,
    /// Adds what the handler takes and answers; nothing for routes of records, which their models describe.
    pub(super) describe: fn(&mut Operation<'_>),
    name: &'static str,
}

impl Route {
    /// Returns the id of the operation in the OpenAPI document, for example `records_read_one`.
    pub fn operation(&self) -> String {
        self.name.replace("::", "_").replace(' ', "")
    }
}

macro_rules! routes {
    ($($method:ident $path:literal $access:ident $tag:literal $summary:literal $(of $model:ident)? => $handler:path;)*) => {
        /// All fixed routes.
        pub static ROUTES: &[Route] = &[$(Route {
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
        }),*];
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

routes! {
    post "/api/auth/login" Public "Account" "Sign in" => auth::login;
    post "/api/auth/logout" User "Account" "Sign out" => auth::logout;
    get "/api/auth/sessions" User "Account" "My sessions" => auth::sessions;
    delete "/api/auth/sessions/{id}" User "Account" "End one of my sessions" => auth::revoke;
    post "/api/auth/switch" User "Account" "Work in another tenant of mine" => auth::switch;
    post "/api/auth/password" User "Account" "Change my password" => auth::password;
    post "/api/auth/verify" User "Account" "Send the link that confirms my address" => account::verify;
    post "/api/auth/verify/confirm" Public "Account" "Confirm an address by its link" => account::confirm;
    post "/api/auth/password/forgot" Public "Account" "Send a link to choose a new password" => account::forgot;
    post "/api/auth/password/reset" Public "Account" "Choose a new password by a link" => account::reset;
    get "/api/me" User "Account" "Who I am" => auth::me;
    patch "/api/me" User "Account" "Change my name" => account::change;
    delete "/api/me/memberships/{tenant}" User "Account" "Leave a tenant" => account::leave;
    post "/api/invitations/show" Public "Account" "The invitation of a link" => invitations::show;
    post "/api/invitations/accept" Public "Account" "Accept an invitation" => invitations::accept;
    post "/api/invitations/refuse" Public "Account" "Refuse an invitation" => invitations::refuse;
    post "/api/register" Public "Account" "Register a tenant" => register::create;
    post "/subscription/register/" Public "Account" "Register a tenant" => register::also_create;
    get "/api/plans" Public "Account" "Plans on offer" => plans::list;

    get "/api/tenant" Member "Tenant" "State, plan, days remaining, limits" => tenant::show;
    patch "/api/tenant" Manager "Tenant" "Change the tenant's name" => tenant::change;
    get "/api/tenant/export" Manager "Tenant" "All data of the tenant, as one archive" => tenant::export;
    post "/api/tenant/cancel" Manager "Tenant" "Cancel the account" => tenant::cancel;
    delete "/api/tenant/cancel" Manager "Tenant" "Revoke the cancellation" => tenant::revoke_cancellation;
    get "/api/tenant/users" Member "Tenant" "Members" => tenant::members;
    patch "/api/tenant/users/{id}" Manager "Tenant" "Change a member's role" => tenant::change_member;
    delete "/api/tenant/users/{id}" Manager "Tenant" "Remove a member" => tenant::remove_member;
    get "/api/tenant/invitations" Manager "Tenant" "Open invitations" => tenant::invitations;
    post "/api/tenant/invitations" Manager "Tenant" "Invite a person" => tenant::invite;
    delete "/api/tenant/invitations/{id}" Manager "Tenant" "Revoke an invitation" => tenant::revoke_invitation;
    get "/api/tenant/keys" Manager "Tenant" "API keys" => tenant::keys;
    post "/api/tenant/keys" Manager "Tenant" "Create an API key" => tenant::create_key;
    delete "/api/tenant/keys/{id}" Manager "Tenant" "Revoke an API key" => tenant::revoke_key;

    get "/api/tenant/usage" Member "Tenant" "Rows and bytes held" => tenant::usage;
    get "/api/tenant/activity" Manager "Tenant" "Changes of records, with their authors" => tenant::activity;
    get "/api/tenant/backups" Manager "Tenant" "Backups of the tenant" => tenant::backups;
    get "/api/tenant/restore" Manager "Tenant" "The staged backup, compared with the data in use" => tenant::staged_backup;
    post "/api/tenant/restore" Manager "Tenant" "Stage a backup of the tenant" => tenant::stage_backup;
    delete "/api/tenant/restore" Manager "Tenant" "Discard the staged backup" => tenant::discard_staged;
    get "/api/tenant/restore/records" Manager "Tenant" "Records that differ from the staged backup" => tenant::differences;
    post "/api/tenant/restore/records" Manager "Tenant" "Take records back from the staged backup" => tenant::take_back;
    post "/api/tenant/backups" Manager "Tenant" "Back the tenant up" => tenant::back_up;
    get "/api/tenant/operations" Manager "Tenant" "Operations on the tenant" => tenant::operations;
    post "/api/tenant/sql" Manager "Tenant" "Read-only SQL in the tenant's own database" => tenant::sql;

    get "/api/admin/tenants" Staff "Staff" "All tenants" => admin::tenants;
    get "/api/admin/tenants/{slug}" Staff "Staff" "One tenant" => admin::tenant;
    post "/api/admin/tenants" Staff "Staff" "Create a tenant" => admin::create_tenant;
    post "/api/admin/tenants/{slug}/databases" Staff "Staff" "Create missing databases of a tenant" => admin::create_databases;
    post "/api/admin/tenants/{slug}/attach" Staff "Staff" "Use a database that the tenant brings" => admin::attach;
    post "/api/admin/tenants/{slug}/suspend" Staff "Staff" "Suspend a tenant" => admin::suspend;
    post "/api/admin/tenants/{slug}/resume" Staff "Staff" "Resume a tenant" => admin::resume;
    post "/api/admin/tenants/{slug}/move" Staff "Staff" "Move a tenant to another server, or back" => admin::move_to;
    post "/api/admin/tenants/{slug}/promote" Staff "Staff" "Give a pooled tenant databases of its own" => admin::promote;
    post "/api/admin/tenants/{slug}/demote" Staff "Staff" "Put a tenant into the pool" => admin::demote;
    post "/api/admin/tenants/{slug}/release" Staff "Staff" "Remove retained databases of a tenant's moves" => admin::release;
    post "/api/admin/tenants/{slug}/maintenance" Staff "Staff" "Close a tenant for maintenance, or open it again" => admin::maintenance;
    get "/api/admin/tenants/{slug}/settings" Staff "Staff" "Settings of a tenant" => admin::settings;
    patch "/api/admin/tenants/{slug}/settings" Staff "Staff" "Change settings of a tenant" => admin::change_settings;
    post "/api/admin/tenants/{slug}/rename" Staff "Staff" "Give a tenant another slug" => admin::rename;
    post "/api/admin/tenants/{slug}/cancel" Staff "Staff" "Cancel a tenant" => admin::cancel;
    get "/api/admin/tenants/{slug}/survey" Staff "Staff" "Every place that holds data of a tenant" => admin::survey;
    post "/api/admin/tenants/{slug}/purge" Staff "Staff" "Remove a closed tenant for good" => admin::purge;
    get "/api/admin/tenants/{slug}/certificate" Staff "Staff" "Certificate of a purged tenant, by slug or id" => admin::certificate;
    post "/api/admin/tenants/{slug}/clone" Staff "Staff" "Copy a tenant as a new one" => admin::clone_tenant;
    post "/api/admin/import" Staff "Staff" "Create a tenant from an export" => admin::import;
    delete "/api/admin/tenants/{slug}/cancel" Staff "Staff" "Revoke a tenant's cancellation" => admin::revoke_cancellation;
    post "/api/admin/tenants/{slug}/plan" Staff "Staff" "Change plan or subscription" => admin::change_plan;
    get "/api/admin/users" Staff "Staff" "All users" => admin::users;
    post "/api/admin/users" Superuser "Staff" "Create a user" => admin::create_user;
    patch "/api/admin/users/{id}" Superuser "Staff" "Change a user's standing" => admin::change_user;
    delete "/api/admin/users/{id}/sessions" Staff "Staff" "Sign a user out everywhere" => admin::revoke_sessions;
    put "/api/admin/users/{id}/password" Superuser "Staff" "Set the password of a user who forgot it" => admin::set_password;
    post "/api/admin/users/{id}/unlock" Staff "Staff" "Open an account that was closed after wrong passwords" => admin::unlock_user;
    get "/api/admin/mail" Staff "Staff" "Letters that were not sent, or all in one state" => admin::mail;
    get "/api/admin/audit" Staff "Staff" "Audit log" => admin::audit;
    get "/api/admin/audit/verify" Staff "Staff" "Check the audit log's chain" => admin::verify_audit;
    get "/api/admin/tenants/{slug}/backups" Staff "Backups" "Backups of a tenant" => admin::tenant_backups;
    post "/api/admin/tenants/{slug}/backups" Staff "Backups" "Back up a tenant" => admin::back_up;
    get "/api/admin/tenants/{slug}/restore" Staff "Backups" "The staged restore of a tenant, compared" => admin::restore;
    post "/api/admin/tenants/{slug}/restore" Staff "Backups" "Stage a restore of a tenant" => admin::start_restore;
    delete "/api/admin/tenants/{slug}/restore" Staff "Backups" "Discard the staged restore of a tenant" => admin::discard_restore;
    post "/api/admin/tenants/{slug}/restore/swap" Staff "Backups" "Swap in what is restored" => admin::swap_restore;
    post "/api/admin/tenants/{slug}/restore/undo" Staff "Backups" "Undo the last swap" => admin::undo_restore;
    get "/api/admin/backups" Staff "Backups" "All backups" => admin::backups;
    post "/api/admin/backups" Staff "Backups" "Back up many, all when none is named" => admin::back_up_many;
    get "/api/admin/backups/status" Staff "Backups" "Age, overdue schedules, failures" => admin::backup_status;
    get "/api/admin/backups/runs" Staff "Backups" "Runs over many" => admin::backup_runs;
    get "/api/admin/backups/drill" Staff "Backups" "How drills stand: restores to scratch that show whether backups come back" => admin::drill_status;
    post "/api/admin/backups/drill" Superuser "Backups" "Restore the newest good backup of a tenant to scratch" => admin::drill;
    post "/api/admin/backups/prune" Staff "Backups" "Remove what retention gives up" => admin::prune_backups;
    post "/api/admin/backups/rescan" Staff "Backups" "Take up what the catalog does not know" => admin::rescan_backups;
    get "/api/admin/backups/{id}" Staff "Backups" "One backup with its manifest" => admin::backup;
    post "/api/admin/backups/{id}/verify" Staff "Backups" "Fetch a backup and compare everything" => admin::verify_backup;
    post "/api/admin/backups/{id}/restore-as" Staff "Backups" "Restore as a new tenant" => admin::restore_as;
    get "/api/admin/operations" Staff "Staff" "Operations" => admin::operations;
    get "/api/admin/orphans" Staff "Staff" "Files without a placement, placements without a file" => admin::orphans;
    get "/api/admin/nodes" Superuser "Staff" "Servers of the installation, on all hosts" => admin::nodes;
    get "/api/admin/operations/{id}" Staff "Staff" "One operation with its steps" => admin::operation;
    get "/api/admin/operations/{id}/events" Staff "Staff" "Its progress as it happens" => admin::operation_events;
    post "/api/admin/operations/{id}/cancel" Staff "Staff" "Cancel an operation" => admin::cancel_operation;
    post "/api/admin/operations/{id}/retry" Staff "Staff" "Try a failed operation again at once" => admin::retry_operation;
    post "/api/admin/operations/{id}/abandon" Superuser "Staff" "End an operation that is stuck, and leave behind what cannot be undone" => admin::abandon_operation;
    post "/api/admin/impersonate" Staff "Staff" "Act as a member" => admin::impersonate;
    delete "/api/admin/impersonate" User "Staff" "Stop acting as a member" => admin::stop_impersonating;

    get "/api/records/{model}" Member "Records" "List, filter, search" of model => records::list;
    post "/api/records/{model}" Member "Records" "Create" of model => records::create;
    patch "/api/records/{model}" Member "Records" "Change all that match, or none" of model => records::change_matching;
    delete "/api/records/{model}" Member "Records" "Delete all that match, or none" of model => records::remove_matching;
    post "/api/records/{model}/batch" Member "Records" "Create many, all or none" of model => records::batch;
    post "/api/records/{model}/import" Member "Records" "Import CSV" of model => records::import;
    get "/api/records/{model}/aggregate" Member "Records" "Group, count and compute" of model => records::aggregate;
    get "/api/records/{model}/export" Member "Records" "Export CSV" of model => records::export;
    get "/api/records/{model}/{id}" Member "Records" "Read" of model => records::one;
    patch "/api/records/{model}/{id}" Member "Records" "Change" of model => records::change;
    delete "/api/records/{model}/{id}" Member "Records" "Delete" of model => records::remove;
    put "/api/records/{model}/{id}/override" Member "Records" "Set the tenant's own values of a shared record" of model => records::set_override;
    delete "/api/records/{model}/{id}/override" Member "Records" "Return to the shared values" of model => records::clear_override;
    get "/api/records/{model}/{id}/files/{field}" Member "Records" "Download a file" of model => records::download;
    put "/api/records/{model}/{id}/files/{field}" Member "Records" "Upload a file" of model => records::upload;
    delete "/api/records/{model}/{id}/files/{field}" Member "Records" "Remove a file" of model => records::remove_file;

    get "/" User "Pages" "Start page" of page => pages::home;
    get "/assets/{version}/{name}" Public "Pages" "A file that pages load" of page => pages::asset;
    get "/login/" Public "Pages" "Sign in" of page => pages::login;
    post "/login/" Public "Pages" "Sign in" of page => pages::sign_in;
    post "/logout/" User "Pages" "Sign out" of page => pages::sign_out;
    get "/companies/" User "Pages" "My tenants" of page => pages::companies;
    post "/companies/" User "Pages" "Work in another tenant of mine" of page => pages::choose_company;
    get "/account/" User "Pages" "My account" of page => pages::account;
    post "/account/" User "Pages" "Change my name" of page => pages::rename_me;
    post "/account/password/" User "Pages" "Change my password" of page => pages::set_password;
    post "/account/sessions/" User "Pages" "End one of my sessions" of page => pages::end_session;
    post "/account/theme/" User "Pages" "Choose the appearance of pages" of page => pages::set_theme;
    get "/password/forgot/" Public "Pages" "Ask for a link to choose a new password" of page => pages::forgot;
    post "/password/forgot/" Public "Pages" "Send a link to choose a new password" of page => pages::send_reset;
    get "/account/reset/" Public "Pages" "The form of a new password" of page => pages::reset;
    post "/account/reset/" Public "Pages" "Choose a new password by a link" of page => pages::set_forgotten_password;
    get "/account/verify/" Public "Pages" "The form that confirms an address" of page => pages::verify;
    post "/account/verify/" Public "Pages" "Confirm an address by its link" of page => pages::confirm;
    get "/account/invitation/" Public "Pages" "An invitation" of page => pages::invitation;
    post "/account/invitation/" Public "Pages" "Show, accept or refuse an invitation" of page => pages::answer_invitation;
    get "/subscription/register/" Public "Pages" "The form of a registration" of page => pages::register;
    get "/dashboard/" Member "Pages" "Records, activity, use of the plan" of page => pages::dashboard;
    get "/settings/members/" Member "Pages" "Members" of page => pages::members;
    post "/settings/members/" Manager "Pages" "Invite a person" of page => pages::invite;
    post "/settings/members/role/" Manager "Pages" "Change a member's role" of page => pages::set_role;
    post "/settings/members/remove/" Manager "Pages" "Remove a member" of page => pages::remove_member;
    post "/settings/invitations/revoke/" Manager "Pages" "Revoke an invitation" of page => pages::revoke_invitation;
    get "/settings/keys/" Manager "Pages" "API keys" of page => pages::keys;
    post "/settings/keys/" Manager "Pages" "Create an API key" of page => pages::make_key;
    post "/settings/keys/revoke/" Manager "Pages" "Revoke an API key" of page => pages::revoke_key;
    get "/settings/activity/" Manager "Pages" "Changes of records, with their authors" of page => pages::activity;
    get "/{model}/" Member "Records" "List, filter, search" of page => pages::records;
    get "/{model}/add/" Member "Records" "The form of a new record" of page => pages::add_record;
    post "/{model}/add/" Member "Records" "Create" of page => pages::create_record;
    get "/{model}/{id}/" Member "Records" "Read" of page => pages::record;
    get "/{model}/{id}/edit/" Member "Records" "The form of a record" of page => pages::edit_record;
    post "/{model}/{id}/edit/" Member "Records" "Change" of page => pages::change_record;
    get "/{model}/{id}/delete/" Member "Records" "What a deletion means" of page => pages::ask_delete_record;
    post "/{model}/{id}/delete/" Member "Records" "Delete" of page => pages::delete_record;

    get "/healthz" Public "Server" "Is the process alive" => health::live;
    get "/readyz" Public "Server" "May traffic be sent here" => health::ready;
    get "/metrics" Staff "Server" "Prometheus metrics" => health::metrics;
    get "/api/openapi.json" Public "Server" "This API as OpenAPI 3.1" => docs::openapi;
    get "/api/docs" Public "Server" "This API as a page" => docs::page;
    get "/api/docs/app.js" Public "Server" "The page's script" => docs::script;
}

/// Returns all routes of the platform, to serve as they are or to merge with own routes.
///
/// Serve the result with [`super::serve()`]: it adds what a bare router lacks (request ids, log, metrics, security
/// headers, answers to panics).
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

/// What a path leads to: a handler, and its index in the table.
#[derive(Clone, Copy)]
struct Target {
    index: usize,
    handler: Untyped,
}

impl Handler<(), App> for Target {
    type Future = BoxFuture<'static, Response>;

    /// Tells the guard which route the request matched, and answers it.
    fn call(self, request: Request, app: App) -> Self::Future {
        if let Some(note) = request.extensions().get::<Arc<Note>>() {
            note.route.store(self.index, Relaxed);
        }
        (self.handler)(request, app)
    }
}

/// Leads browsers to the address of a page; everything else is absent.
async fn absent(method: Method, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    pages::to_page(&method, &uri, &headers).ok_or_else(Problem::absent)
}

async fn not_that_way(request: Request) -> Response {
    use axum::response::IntoResponse;
    Problem::new(Code::MethodNotAllowed, format!("This path is not served with {}.", request.method()))
        .into_response()
}
