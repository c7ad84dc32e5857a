//! Pages of one user: sign in, sign out, choose a company, manage the account.

use super::{
    acting,
    answer::{own_path, page, see},
    frame, locale, reasons,
    visit::{Guest, Oneself, Sent},
};
use crate::{
    http::{
        App, auth, cookie,
        problem::{Code, Problem, Result},
        scope::{Caller, Client},
        typed::{WithCookie, session_cookie},
    },
    wire::{
        self,
        session::{PasswordChange, Switch},
    },
};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use tenantry::{
    access::{login::Login, passwords::Password},
    locale::ProfileChange,
};
use tenantry_console::{
    Language, LocaleForm, Notice, Theme,
    account::{Account, Choice, Companies, Session},
};

/// `GET /`: redirects to the page on which the user works: the dashboard, the operators' pages or the choice of
/// companies.
pub(in crate::http) async fn home(of: Oneself) -> Response {
    let works = of.actor.bound().is_some_and(|id| of.actor.belongs_to(id));
    see(match works {
        true => "/dashboard/",
        false if of.actor.is_staff() => "/master-admin/",
        false => "/companies/",
    })
}

/// Handles `GET /login/`: shows the form, or redirects a request that has a session.
pub(in crate::http) async fn login(guest: Guest) -> Response {
    let query = super::visit::query(&guest.visit.query);
    let next = own_path(query.get("next"));
    if guest.actor.is_some() && query.sent("again").is_none() {
        return see(next);
    }
    let mut frame = frame::of_guest(&guest.visit, guest.visit.say("sign-in"));
    let done = match query.get("_done") {
        "password" => Some("done-password-reset"),
        "confirmed" => Some("done-confirmed"),
        "refused" => Some("done-invitation-refused"),
        "signed-out" => Some("done-signed-out"),
        _ => None,
    };
    frame.notice = done.map(|id| Notice::done(guest.visit.say(id)));
    let login =
        tenantry_console::account::Login { frame: &frame, email: "", company: "", next, refused: None };
    page(StatusCode::OK, &login)
}

/// `POST /login/`.
pub(in crate::http) async fn sign_in(
    app: App,
    guest: Guest,
    client: Client,
    headers: HeaderMap,
    sent: Sent,
) -> Result<Response> {
    let fields = sent.read().await?;
    let (email, company) = (fields.get("email").trim(), fields.filled("tenant"));
    let next = own_path(fields.get("next"));
    let outcome = match auth::wanted(&app, company, client.host.as_deref()) {
        Ok(tenant) => {
            let password = Password::new(fields.get("password"));
            let login = Login { email: email.to_owned(), password, tenant, origin: client.origin };
            app.platform().access().login(login).await.map_err(auth::refused)
        }
        Err(problem) => Err(problem),
    };
    let problem = match outcome {
        Ok(signed_in) => {
            let answer = WithCookie(see(next), session_cookie(&app, &signed_in)).into_response();
            return without_visit(&app, &headers, answer).await;
        }
        Err(problem) => problem,
    };
    let text = match problem.code() {
        Code::Unauthenticated => guest.visit.say("login-refused").to_owned(),
        Code::RateLimited => guest.visit.say("login-too-many").to_owned(),
        Code::Invalid | Code::BadRequest => reasons::detail(&guest.visit.words, &problem),
        _ => return Err(problem),
    };
    let frame = frame::of_guest(&guest.visit, guest.visit.say("sign-in"));
    let company = company.unwrap_or_default();
    let login =
        tenantry_console::account::Login { frame: &frame, email, company, next, refused: Some(&text) };
    let mut response = page(problem.status(), &login);
    if let Some(seconds) = problem.retry_after_s() {
        response.headers_mut().insert(http::header::RETRY_AFTER, seconds.into());
    }
    Ok(response)
}

/// `POST /logout/`: ends the session, and the support visit of this browser.
pub(in crate::http) async fn sign_out(
    app: App,
    of: Oneself,
    headers: HeaderMap,
    sent: Sent,
) -> Result<Response> {
    of.visit.fields(sent).await?;
    let WithCookie(_, cookie) = auth::logout(app.clone(), Caller(of.actor)).await?;
    let answer = WithCookie(see("/login/?_done=signed-out"), cookie).into_response();
    without_visit(&app, &headers, answer).await
}

/// Ends the support visit of this browser, if there is one, and deletes its cookie.
async fn without_visit(app: &App, headers: &HeaderMap, mut answer: Response) -> Result<Response> {
    let https = app.options().https;
    if cookie::read_acting(headers, https).is_some() {
        acting::end(app, headers).await?;
        let gone = cookie::clear_acting(https).map(|cookie| (http::header::SET_COOKIE, cookie));
        if let Some((name, value)) = gone {
            answer.headers_mut().append(name, value);
        }
    }
    Ok(answer)
}

/// `GET /companies/`: the companies that the user may choose.
pub(in crate::http) async fn companies(app: App, of: Oneself) -> Result<Response> {
    let current = of.actor.bound().map(|id| id.get());
    let choices = app.platform().access().choices_of(&of.actor).await?;
    let companies = choices.into_iter().map(|choice| Choice {
        current: Some(choice.tenant) == current,
        name: choice.name,
        slug: choice.slug,
        role: of.visit.words.role(&choice.role),
    });
    let companies: Vec<_> = companies.collect();
    let frame = frame::of_person(&of, of.visit.say("companies"));
    Ok(page(StatusCode::OK, &Companies { frame: &frame, companies: &companies }))
}

/// `POST /companies/`: binds the session to another company.
pub(in crate::http) async fn choose(app: App, of: Oneself, sent: Sent) -> Result<Response> {
    let fields = of.visit.fields(sent).await?;
    let form = Switch { tenant: wire::Slug(fields.get("tenant").to_owned()) };
    auth::switch(app, Caller(of.actor), crate::http::body::Json(form)).await?;
    Ok(see("/"))
}

/// What was refused in the forms of the account page: one text per field.
#[derive(Default)]
struct Wrong {
    name: Option<String>,
    old: Option<String>,
    new: Option<String>,
    locale: Option<LocaleForm>,
}

/// `GET /account/`.
pub(in crate::http) async fn show(app: App, of: Oneself) -> Result<Response> {
    let done = match super::visit::query(&of.visit.query).get("_done") {
        "name" => Some("done-own-name"),
        "password" => Some("done-own-password"),
        "session" => Some("done-session"),
        "look" => Some("done-theme"),
        "locale" => Some("done-locale"),
        _ => None,
    };
    let notice = done.map(|id| Notice::done(of.visit.say(id)));
    account(&app, &of, notice, &Wrong::default(), StatusCode::OK).await
}

async fn account(
    app: &App,
    of: &Oneself,
    notice: Option<Notice>,
    wrong: &Wrong,
    status: StatusCode,
) -> Result<Response> {
    let user = of.actor.user().ok_or_else(|| Problem::new(Code::Denied, "A key has no account."))?;
    let current = of.actor.current_session().map(|session| session.id);
    let words = &of.visit.words;
    let sessions = app.platform().access().sessions().list(&of.actor).await?;
    let sessions: Vec<_> = sessions
        .into_iter()
        .map(|session| Session {
            agent: words.agent(&session),
            id: session.id,
            address: session.address.unwrap_or_default(),
            created: words.instant(session.created_us),
            seen: words.instant(session.seen_us),
            current: Some(session.id) == current,
            support: session.impersonated,
        })
        .collect();
    let mut frame = frame::of_person(of, words.say("your-account"));
    frame.notice = notice;
    let page_of = Account {
        frame: &frame,
        name: &user.name,
        email: &user.email,
        confirmed: user.confirmed,
        sessions: &sessions,
        wrong_name: wrong.name.as_deref(),
        wrong_old: wrong.old.as_deref(),
        wrong_new: wrong.new.as_deref(),
        locale: &wrong.locale.clone().unwrap_or_else(|| locale::form(&user.locale)),
    };
    Ok(page(status, &page_of))
}

/// `POST /account/`: changes the user's name.
pub(in crate::http) async fn rename(app: App, of: Oneself, sent: Sent) -> Result<Response> {
    let fields = of.visit.fields(sent).await?;
    let change = ProfileChange { name: Some(fields.get("name")), ..ProfileChange::default() };
    match app.platform().accounts().change_profile(&of.actor, &change).await.map_err(Problem::from) {
        Ok(_) => Ok(see("/account/?_done=name")),
        Err(problem) if problem.code() == Code::Invalid => {
            let wrong =
                Wrong { name: Some(reasons::of(&of.visit.words, &problem, "name")), ..Wrong::default() };
            account(&app, &of, None, &wrong, problem.status()).await
        }
        Err(problem) => Err(problem),
    }
}

/// `POST /account/password/`.
pub(in crate::http) async fn set_password(
    app: App,
    of: Oneself,
    client: Client,
    sent: Sent,
) -> Result<Response> {
    let fields = of.visit.fields(sent).await?;
    let password = |name| wire::Password(Password::new(fields.get(name)));
    let form = PasswordChange { old: password("old"), new: password("new") };
    let json = crate::http::body::Json(form);
    let problem = match auth::password(app.clone(), Caller(of.actor.clone()), client, json).await {
        Ok(WithCookie(_, cookie)) => {
            return Ok(WithCookie(see("/account/?_done=password"), cookie).into_response());
        }
        Err(problem) => problem,
    };
    let wrong = match problem.code() {
        Code::Unauthenticated => {
            Wrong { old: Some(of.visit.say("not-your-password").into()), ..Wrong::default() }
        }
        Code::Invalid => {
            Wrong { new: Some(reasons::of(&of.visit.words, &problem, "password")), ..Wrong::default() }
        }
        _ => return Err(problem),
    };
    account(&app, &of, None, &wrong, StatusCode::UNPROCESSABLE_ENTITY).await
}

/// `POST /account/sessions/`: ends a session.
pub(in crate::http) async fn end_session(app: App, of: Oneself, sent: Sent) -> Result<Response> {
    let fields = of.visit.fields(sent).await?;
    let id = fields.get("session").parse().map_err(|_| Problem::absent())?;
    app.platform().access().sessions().revoke(&of.actor, id).await?;
    Ok(see("/account/?_done=session"))
}

/// `POST /account/locale/`: sets the account's language and time zone.
pub(in crate::http) async fn set_locale(app: App, of: Oneself, sent: Sent) -> Result<Response> {
    let fields = of.visit.fields(sent).await?;
    let change = locale::change(&fields);
    match app.platform().accounts().change_profile(&of.actor, &change).await.map_err(Problem::from) {
        Ok(_) => Ok(see("/account/?_done=locale")),
        Err(problem) if problem.code() == Code::Invalid => {
            let locale = Some(locale::refused(&of.visit.words, &fields, &problem));
            let wrong = Wrong { locale, ..Wrong::default() };
            account(&app, &of, None, &wrong, problem.status()).await
        }
        Err(problem) => Err(problem),
    }
}

/// `POST /language/`: sets the language of pages in this browser by a cookie.
pub(in crate::http) async fn set_language(app: App, sent: Sent) -> Result<Response> {
    let fields = sent.read().await?;
    let cookie = Language::with_code(fields.get("language"))
        .and_then(|language| cookie::set_language(app.options().https, language.code()));
    Ok(WithCookie(see(own_path(fields.get("next"))), cookie).into_response())
}

/// `POST /account/theme/`: sets the theme of pages in this browser by a cookie.
pub(in crate::http) async fn set_theme(app: App, of: Oneself, sent: Sent) -> Result<Response> {
    let fields = of.visit.fields(sent).await?;
    let theme = Theme::parse(fields.get("theme"));
    let cookie = cookie::set_theme(app.options().https, &theme.to_string());
    Ok(WithCookie(see("/account/?_done=look"), cookie).into_response())
}
