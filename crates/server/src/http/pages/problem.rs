//! Problems as pages, for browsers. Called by the guard, which knows the id of the request.

use super::{
    answer::{percent, secure},
    language, reasons,
    words::Words,
};
use crate::http::{
    App, cookie, page,
    problem::{Code, Problem},
};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, header};
use tenantry_console::{Frame, Language, Theme, html, problem};

/// The properties of a request that decide in which form a problem is answered. The guard keeps them.
pub(in crate::http) struct Asked {
    is_html: bool,
    is_htmx: bool,
    is_acting: bool,
    language: Language,
    theme: Theme,
}

impl Asked {
    /// Reads the properties from the headers.
    pub(in crate::http) fn of<B>(app: &App, request: &Request<B>) -> Self {
        let headers = request.headers();
        let (is_html, is_htmx) = (page::is_wanted(headers), headers.contains_key("hx-request"));
        // Most requests come from programs, which have no theme.
        let is_page = is_html || is_htmx;
        let theme = if is_page { cookie::read_theme(headers) } else { None };
        let is_acting = is_page && cookie::read_acting(headers, app.options().https).is_some();
        let language = if is_page { language::of_browser(headers) } else { Language::default() };
        Self { is_html, is_htmx, is_acting, language, theme: Theme::parse(theme.unwrap_or_default()) }
    }

    /// Sets the language of the page that the request was for, if that is known.
    pub(in crate::http) fn set_language(&mut self, language: Option<Language>) {
        self.language = language.unwrap_or(self.language);
    }
}

/// Returns the page of a problem and adapts status and headers. Returns `None` if the client reads JSON.
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
        // Only a support visit that is over leads to another page.
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
    let words = Words { language: asked.language, ..Words::default() };
    let (remedy, actions) = match problem.code() {
        _ if problem.leads_to().is_some_and(|to| to.starts_with("/master-admin/")) => {
            (words.say("advice-visit-over").to_owned(), OPERATORS)
        }
        _ if problem.leads_to().is_some() => (words.say("advice-again").to_owned(), HOME),
        Code::Denied if asked.is_acting => (words.say("advice-acting").to_owned(), VISIT),
        _ => advice(&words, problem, is_get),
    };
    let frame = Frame {
        title: reasons::known(&words, problem.code().title()),
        platform: app.platform().config().platform.name.clone(),
        language: asked.language,
        theme: asked.theme,
        ..Frame::default()
    };
    let fields: Vec<_> = problem
        .wrong_fields()
        .iter()
        .map(|wrong| (wrong.field.clone(), reasons::known(&words, &wrong.message)))
        .collect();
    let page = problem::Problem {
        frame: &frame,
        status: problem.status().as_u16(),
        detail: &reasons::detail(&words, problem),
        remedy: &remedy,
        fields: &fields,
        actions: &actions.iter().map(|(href, id)| (*href, words.say(id))).collect::<Vec<_>>(),
        request: id,
    };
    Some(html(&page).into_bytes())
}

/// Turns the response into a redirect to another page.
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

/// Links to pages where the user can continue: address, and id of the text.
type Actions = &'static [(&'static str, &'static str)];

const HOME: Actions = &[("/", "go-start")];
const VISIT: Actions = &[("/dashboard/", "back-to-the-company"), ("/exit/", "end-visit")];
const OPERATORS: Actions = &[("/master-admin/", "to-operators")];
const COMPANIES: Actions = &[("/companies/", "choose-a-company"), ("/", "start-page")];

/// Returns advice for a person. The API's own remedies are worded for programs.
fn advice(words: &Words, problem: &Problem, is_get: bool) -> (String, Actions) {
    let text: (&str, Actions) = match problem.code() {
        Code::Unauthenticated => ("advice-sign-in", &[("/login/", "sign-in")]),
        Code::FormOutdated | Code::LimitExceeded => return (reasons::remedy(words, problem), COMPANIES),
        Code::CrossSite => ("advice-cross-site", HOME),
        Code::NotFound if is_get => ("advice-not-found", COMPANIES),
        Code::Denied => ("advice-denied", HOME),
        Code::TenantSuspended => ("advice-suspended", COMPANIES),
        Code::SubscriptionRequired => ("advice-subscription", COMPANIES),
        Code::Maintenance => ("advice-minute", HOME),
        Code::RateLimited => ("advice-wait", HOME),
        Code::Unavailable | Code::ServerUnreachable | Code::ServerOutdated => ("advice-moment", HOME),
        Code::OutcomeUnknown => ("advice-unknown", HOME),
        Code::NoDatabase | Code::MigrationsPending | Code::DatabaseDamaged | Code::ServerUnknown => {
            ("advice-tell", COMPANIES)
        }
        Code::DiskFull | Code::DiskFailed | Code::NoAccess => ("advice-tell", HOME),
        Code::Internal => ("advice-internal", HOME),
        _ => ("advice-correct", HOME),
    };
    (words.say(text.0).to_owned(), text.1)
}
