//! Problems as pages, for browsers. Called by the guard, which knows the request's id.

use super::answer::{percent, secure};
use crate::http::{
    App, cookie, page,
    problem::{Code, Problem},
};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, header};
use tenantry_console::{Frame, Theme, html, problem};

/// What the guard keeps of a request, to answer a problem in the form that the client reads.
pub(in crate::http) struct Asked {
    is_html: bool,
    is_htmx: bool,
    is_acting: bool,
    theme: Theme,
}

impl Asked {
    /// Reads the headers.
    pub(in crate::http) fn of<B>(app: &App, request: &Request<B>) -> Self {
        let headers = request.headers();
        let (is_html, is_htmx) = (page::is_wanted(headers), headers.contains_key("hx-request"));
        // Programs have no theme, and most requests are theirs.
        let is_page = is_html || is_htmx;
        let theme = if is_page { cookie::read_theme(headers) } else { None };
        let is_acting = is_page && cookie::read_acting(headers, app.options().https).is_some();
        Self { is_html, is_htmx, is_acting, theme: Theme::parse(theme.unwrap_or_default()) }
    }
}

/// Returns the page of a problem and adapts status and headers. `None`: the client reads JSON.
pub(in crate::http) fn render(
    app: &App,
    asked: &Asked,
    (method, uri): (&Method, &Uri),
    problem: &Problem,
    id: &str,
    (status, headers): (&mut StatusCode, &mut HeaderMap),
) -> Option<Vec<u8>> {
    if !asked.is_html && !asked.is_htmx {
        return None;
    }
    let is_get = *method == Method::GET;
    if let Some(path) = problem.leads_to() {
        // What leads elsewhere is a support visit that is over.
        if let Some(cookie) = cookie::clear_acting(app.options().https) {
            headers.append(header::SET_COOKIE, cookie);
        }
        if is_get || uri.path() == "/exit/" {
            lead(asked, path, (status, headers));
            return Some(Vec::new());
        }
    }
    if problem.code() == Code::Unauthenticated && is_get && !uri.path().starts_with("/api/") {
        let here = uri.path_and_query().map_or("/", |path| path.as_str());
        lead(asked, &format!("/login/?next={}", percent(here)), (status, headers));
        return Some(Vec::new());
    }
    secure(headers);
    headers.remove(header::WWW_AUTHENTICATE);
    let (remedy, actions) = match problem.code() {
        _ if problem.leads_to().is_some_and(|to| to.starts_with("/master-admin/")) => {
            (OVER.to_owned(), OPERATORS)
        }
        _ if problem.leads_to().is_some() => (AGAIN.to_owned(), HOME),
        Code::Denied if asked.is_acting => (ACTING.to_owned(), VISIT),
        _ => advice(problem, is_get),
    };
    let frame = Frame {
        title: problem.code().title().to_owned(),
        platform: app.platform().config().platform.name.clone(),
        theme: asked.theme,
        ..Frame::default()
    };
    let fields: Vec<_> =
        problem.wrong_fields().iter().map(|wrong| (wrong.field.clone(), wrong.message.clone())).collect();
    let page = problem::Problem {
        frame: &frame,
        status: problem.status().as_u16(),
        detail: problem.detail(),
        remedy: &remedy,
        fields: &fields,
        actions,
        request: id,
    };
    Some(html(&page).into_bytes())
}

/// Leads to another page.
fn lead(asked: &Asked, to: &str, (status, headers): (&mut StatusCode, &mut HeaderMap)) {
    let Ok(to) = HeaderValue::from_str(to) else { return };
    headers.remove(header::CONTENT_TYPE);
    headers.remove(header::WWW_AUTHENTICATE);
    match asked.is_htmx {
        // The script cannot follow a redirect out of the part of the page that it loads.
        true => drop(headers.insert("hx-redirect", to)),
        false => {
            *status = StatusCode::SEE_OTHER;
            headers.insert(header::LOCATION, to);
        }
    }
}

type Actions = &'static [(&'static str, &'static str)];

const HOME: Actions = &[("/", "Go to the start page")];
const VISIT: Actions = &[("/dashboard/", "Back to the company"), ("/exit/", "End the support visit")];
const OPERATORS: Actions = &[("/master-admin/", "To the pages of operators")];
const AGAIN: &str = "Open the page again, and send its form there.";
const OVER: &str = "Enter the company again, then send the form again.";
const ACTING: &str = "You act for a member. Passwords, keys, members and what only an owner may decide stay theirs: ask them, \
     or end the visit and do it as staff.";
const COMPANIES: Actions = &[("/companies/", "Choose a company"), ("/", "Start page")];

/// Returns what a person can do about a problem. The remedies of the API speak of requests.
fn advice(problem: &Problem, is_get: bool) -> (String, Actions) {
    let text: (&str, Actions) = match problem.code() {
        Code::Unauthenticated => {
            ("Sign in, go back to the form, and send it again.", &[("/login/", "Sign in")])
        }
        Code::FormOutdated | Code::LimitExceeded => return (problem.remedy_text().to_owned(), COMPANIES),
        Code::CrossSite => ("Open the page here and send its form from there.", HOME),
        Code::NotFound if is_get => ("Check the address, or choose another company.", COMPANIES),
        Code::Denied => ("Ask an owner of the company to give you a role that may do this.", HOME),
        Code::TenantSuspended => ("Ask the operator of this platform.", COMPANIES),
        Code::SubscriptionRequired => {
            ("An owner of the company asks the operator of this platform for a plan.", COMPANIES)
        }
        Code::Maintenance => ("Try again in a minute.", HOME),
        Code::RateLimited => ("Wait a moment, then try again.", HOME),
        Code::Unavailable | Code::ServerUnreachable | Code::ServerOutdated => {
            ("Try again in a moment.", HOME)
        }
        Code::OutcomeUnknown => ("Look whether your change is there, and repeat it only if it is not.", HOME),
        Code::NoDatabase | Code::MigrationsPending | Code::DatabaseDamaged | Code::ServerUnknown => {
            ("Tell the operator of this platform the number below.", COMPANIES)
        }
        Code::DiskFull | Code::DiskFailed | Code::NoAccess => {
            ("Tell the operator of this platform the number below.", HOME)
        }
        Code::Internal => ("Try again. If it happens again, tell the operator the number below.", HOME),
        _ => ("Go back, correct it, and send it again.", HOME),
    };
    (text.0.to_owned(), text.1)
}
