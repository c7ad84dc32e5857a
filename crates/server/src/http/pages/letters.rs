//! Pages to which links in letters lead: a new password, a confirmed address, an invitation. Also the form of the
//! registration.
//!
//! A link carries its code after `#`, so no server logs it; a script puts the code into the form. Without scripts, the
//! user copies the code from the letter.

use super::{
    answer::{page, see},
    frame, language, reasons,
    visit::{Fields, Guest, Sent},
    words::Words,
};
use crate::{
    http::{
        App, account,
        body::Json,
        cookie, invitations,
        problem::{Code, Problem, Result},
        scope::{Client, Visitor},
        typed::{Either, WithCookie},
    },
    wire::{
        Email, Password, Slug,
        account::{AcceptInvitation, Forgotten, InvitationToken, TokenAndPassword},
    },
};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use tenantry::{access::passwords, plans};
use tenantry_console::{
    Frame, Theme,
    letters::{Code as CodePage, Forgot, Invitation, Plan, Register, Shown},
};

/// `GET /password/forgot/`.
pub(in crate::http) async fn forgot(guest: Guest) -> Response {
    let frame = frame::of_guest(&guest.visit, guest.visit.say("forgotten-password"));
    page(StatusCode::OK, &Forgot { frame: &frame, sent: false, email: "", wrong: "" })
}

/// `POST /password/forgot/`: answers every address alike, so that the answer does not reveal which accounts exist.
pub(in crate::http) async fn send_reset(
    app: App,
    guest: Guest,
    client: Client,
    sent: Sent,
) -> Result<Response> {
    let fields = sent.read().await?;
    let email = fields.get("email").trim();
    let tenant = fields.filled("tenant").map(|slug| Slug(slug.to_owned()));
    let form = Forgotten { email: Email(email.to_owned()), tenant };
    let frame = frame::of_guest(&guest.visit, guest.visit.say("forgotten-password"));
    match account::forgot(app, client, Json(form)).await {
        Ok(_) => Ok(page(StatusCode::OK, &Forgot { frame: &frame, sent: true, email: "", wrong: "" })),
        Err(problem) if matches!(problem.code(), Code::Invalid | Code::Unauthenticated) => {
            let wrong = reasons::of(&guest.visit.words, &problem, "email");
            Ok(page(problem.status(), &Forgot { frame: &frame, sent: false, email, wrong: &wrong }))
        }
        Err(problem) => Err(problem),
    }
}

/// The kind of letter that a code comes from.
#[derive(Clone, Copy)]
enum Letter {
    Reset,
    Verify,
}

fn code(guest: &Guest, letter: Letter, token: &str, wrong: &str, status: StatusCode) -> Response {
    let (title, action, lead) = match letter {
        Letter::Reset => ("choose-a-password", "/account/reset/", "reset-lead"),
        Letter::Verify => ("confirm-address", "/account/verify/", "confirm-lead"),
    };
    let frame = frame::of_guest(&guest.visit, guest.visit.say(title));
    let lead = guest.visit.say(lead);
    let is_new = matches!(letter, Letter::Reset);
    page(status, &CodePage { frame: &frame, action, lead, is_new, token, wrong })
}

/// `GET /account/reset/`.
pub(in crate::http) async fn reset(guest: Guest) -> Response {
    code(&guest, Letter::Reset, "", "", StatusCode::OK)
}

/// `GET /account/verify/`.
pub(in crate::http) async fn verify(guest: Guest) -> Response {
    code(&guest, Letter::Verify, "", "", StatusCode::OK)
}

fn token_and_password(fields: &Fields) -> TokenAndPassword {
    let password = Password(passwords::Password::new(fields.get("password")));
    TokenAndPassword { token: fields.get("token").trim().to_owned(), password }
}

/// `POST /account/reset/`.
pub(in crate::http) async fn set_password(
    app: App,
    guest: Guest,
    client: Client,
    sent: Sent,
) -> Result<Response> {
    let fields = sent.read().await?;
    match account::reset(app, client, Json(token_and_password(&fields))).await {
        Ok(_) => Ok(see("/login/?again=1&_done=password")),
        Err(problem) => refused(&guest, Letter::Reset, &fields, problem),
    }
}

/// `POST /account/verify/`.
pub(in crate::http) async fn confirm(app: App, guest: Guest, client: Client, sent: Sent) -> Result<Response> {
    let fields = sent.read().await?;
    match account::confirm(app, client, Json(token_and_password(&fields))).await {
        Ok(_) => Ok(see("/login/?_done=confirmed")),
        Err(problem) => refused(&guest, Letter::Verify, &fields, problem),
    }
}

fn refused(guest: &Guest, letter: Letter, fields: &Fields, problem: Problem) -> Result<Response> {
    let wrong = match problem.code() {
        Code::NotFound => guest.visit.say("code-unknown").to_owned(),
        Code::Unauthenticated => guest.visit.say("password-wrong").to_owned(),
        Code::Invalid | Code::Conflict | Code::RateLimited => {
            reasons::of(&guest.visit.words, &problem, "password")
        }
        _ => return Err(problem),
    };
    Ok(code(guest, letter, fields.get("token"), &wrong, problem.status()))
}

/// `GET /account/invitation/`.
pub(in crate::http) async fn invitation(guest: Guest) -> Response {
    let frame = frame::of_guest(&guest.visit, guest.visit.say("invitation"));
    page(StatusCode::OK, &Invitation { frame: &frame, token: "", shown: None, wrong: "" })
}

/// `POST /account/invitation/`: shows, accepts or refuses the invitation of a code.
pub(in crate::http) async fn answer_invitation(
    app: App,
    guest: Guest,
    client: Client,
    sent: Sent,
) -> Result<Response> {
    let fields = sent.read().await?;
    let token = fields.get("token").trim().to_owned();
    let frame = frame::of_guest(&guest.visit, guest.visit.say("invitation"));
    let signed_in = guest.actor.is_some();
    let words = guest.visit.words.clone();
    let unknown = words.say("code-unknown");
    let answered = match fields.get("act") {
        "accept" => accept(&app, guest.actor, client, &fields, token.clone()).await,
        "refuse" => invitations::refuse(app.clone(), client, Json(InvitationToken { token: token.clone() }))
            .await
            .map(|_| Some(see("/login/?again=1&_done=refused"))),
        _ => Ok(None),
    };
    let (wrong, status) = match answered {
        Ok(Some(response)) => return Ok(response),
        Ok(None) => (String::new(), StatusCode::OK),
        Err(problem) if problem.code() == Code::NotFound => (unknown.to_owned(), problem.status()),
        Err(problem)
            if matches!(
                problem.code(),
                Code::Invalid | Code::Conflict | Code::Denied | Code::LimitExceeded
            ) =>
        {
            (reasons::of(&words, &problem, "password"), problem.status())
        }
        Err(problem) => return Err(problem),
    };
    let (shown, wrong, status) = match app.platform().invitations().by_link(&token).await {
        Ok(invited) => {
            let shown = Shown {
                company: invited.name,
                role: invited.role.to_string(),
                email: invited.email,
                has_account: invited.has_account,
                signed_in,
            };
            (Some(shown), wrong, status)
        }
        Err(error) => match Problem::from(error) {
            problem if problem.code() == Code::NotFound => (None, unknown.to_owned(), problem.status()),
            problem => return Err(problem),
        },
    };
    Ok(page(status, &Invitation { frame: &frame, token: &token, shown, wrong: &wrong }))
}

async fn accept(
    app: &App,
    actor: Option<tenantry::access::Actor>,
    client: Client,
    fields: &Fields,
    token: String,
) -> Result<Option<Response>> {
    let password = fields.filled("password").map(|text| Password(passwords::Password::new(text)));
    let name = fields.filled("name").map(str::to_owned);
    let form = AcceptInvitation { token, name, password };
    Ok(Some(match invitations::accept(app.clone(), Visitor(actor), client, Json(form)).await? {
        Either::Left(WithCookie(_, cookie)) => WithCookie(see("/"), cookie).into_response(),
        Either::Right(_) => see("/companies/"),
    }))
}

/// `GET /subscription/register/`.
pub(in crate::http) async fn register(app: App, guest: Guest) -> Result<Response> {
    registration(
        &app,
        (guest.visit.theme, &guest.visit.words),
        guest.actor.is_some(),
        &[],
        &[],
        StatusCode::OK,
    )
    .await
}

/// Returns the form of the registration with the refused fields, or the page of a problem that no field can mend.
pub(in crate::http) async fn refused_registration(
    app: &App,
    headers: &HeaderMap,
    signed_in: bool,
    typed: &[(String, String)],
    problem: Problem,
) -> Response {
    if !matches!(
        problem.code(),
        Code::Invalid | Code::Conflict | Code::NotUnique | Code::MasterDataEmpty | Code::RateLimited
    ) {
        return problem.into_response();
    }
    let words = Words { language: language::of_browser(headers), ..Words::default() };
    let mut wrong: Vec<_> = problem
        .wrong_fields()
        .iter()
        .map(|wrong| (wrong.field.clone(), reasons::of(&words, &problem, &wrong.field)))
        .collect();
    if wrong.is_empty() {
        wrong.push((String::new(), reasons::detail(&words, &problem)));
    }
    let theme = Theme::parse(cookie::read_theme(headers).unwrap_or_default());
    match registration(app, (theme, &words), signed_in, typed, &wrong, problem.status()).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

/// Redirects a new owner to the company's dashboard.
pub(in crate::http) fn registered() -> Response {
    see("/dashboard/")
}

async fn registration(
    app: &App,
    (theme, words): (Theme, &Words),
    signed_in: bool,
    typed: &[(String, String)],
    wrong: &[(String, String)],
    status: StatusCode,
) -> Result<Response> {
    let plans = app.platform().plans().list().await?;
    let wanted = typed.iter().find(|(name, _)| name == "plan").map(|(_, value)| value.as_str());
    let offered = plans.into_iter().filter(|plan| !plan.archived && plan.spec.self_service);
    let mut plans: Vec<_> = offered.map(|plan| shown(words, &plan, wanted)).collect();
    if !plans.iter().any(|plan| plan.chosen)
        && let Some(first) = plans.first_mut()
    {
        first.chosen = true;
    }
    let frame = Frame {
        title: words.say("register-a-company").into(),
        language: words.language,
        here: "/subscription/register/".to_owned(),
        platform: app.platform().config().platform.name.clone(),
        theme,
        ..Frame::default()
    };
    Ok(page(status, &Register { frame: &frame, plans: &plans, signed_in, typed, wrong }))
}

fn shown(words: &Words, plan: &plans::Plan, wanted: Option<&str>) -> Plan {
    let limits = &plan.spec.limits;
    let parts = [
        (plan.spec.trial_days > 0).then(|| words.text("plan-trial-days").with("days", plan.spec.trial_days)),
        limits.users.map(|most| words.text("members-count").with("count", most)),
        limits.rows.map(|most| words.text("records-count").with("count", most)),
        limits.bytes.map(|most| words.text("plan-bytes").with("bytes", words.bytes(most))),
    ];
    let contents: Vec<_> = parts.into_iter().flatten().map(String::from).collect();
    Plan {
        chosen: wanted == Some(plan.spec.code.as_str()),
        code: plan.spec.code.clone(),
        name: plan.spec.name.clone(),
        price: plan.spec.price.clone(),
        contents: vec![contents.join(", ")].into_iter().filter(|text| !text.is_empty()).collect(),
    }
}
