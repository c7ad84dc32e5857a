//! `/master-admin/companies/{slug}/enter/`: begins a support visit.

use super::form::{Ask, own_password, prove};
use crate::http::{
    cookie,
    pages::{
        acting,
        answer::see,
        visit::{Fields, Sent, StaffedOn},
    },
    problem::{Problem, Result},
    scope::Client,
    typed::WithCookie,
};
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use tenantry::{
    Error,
    access::impersonation::{Impersonate, Impersonation},
    name::UserId,
    plans,
    tenants::State,
};
use tenantry_console::master::{Choice, Field, Kind, Note};

/// Seconds for which the browser keeps the cookie of a visit. It outlives the visit, so that a page can report that the
/// visit is over.
const REMEMBERED_S: i64 = 86_400;

/// `GET /master-admin/companies/{slug}/enter/`.
pub(in crate::http) async fn ask(of: StaffedOn) -> Result<Response> {
    Ok(form(&of).await?.show(&of.of))
}

async fn form(of: &StaffedOn) -> Result<Ask> {
    let (platform, words) = (of.of.visit.app.platform(), of.words());
    let tenant = platform.tenants().show(&of.slug).await?;
    let members = platform.users().of_tenant(&of.of.actor, &of.slug).await?;
    let label = |name: &str, email: &str, role: &str| format!("{name} · {email} · {role}");
    let members: Vec<_> = members
        .iter()
        .map(|m| {
            Choice::new(m.user.get().to_string(), label(&m.name, &m.email, &words.role(m.role.as_str())))
        })
        .collect();
    let minutes =
        [5, 15, 30, 60].map(|m| Choice::new(m.to_string(), words.text("minutes").with("count", m))).to_vec();
    let live = tenant.subscription.is_some_and(|state| state != plans::State::Expired);
    let closed = match tenant.state {
        State::Active if !live => Some(words.say("enter-expired")),
        State::Active if members.is_empty() => Some(words.say("enter-no-members")),
        State::Active => None,
        _ => Some(words.say("enter-not-active")),
    };
    let explains = Note::says(words.say("enter-note"));
    Ok(Ask {
        title: words.text("enter-title").with("name", tenant.called()).into(),
        back: (format!("/master-admin/companies/{}/", of.slug), tenant.called().to_owned()),
        lead: words.say("enter-lead").into(),
        notes: match closed {
            Some(why) => vec![Note::warns(why)],
            None => vec![explains],
        },
        fields: match closed {
            Some(_) => vec![],
            None => vec![
                Field::new("user", words.say("act-as"), Kind::Select(members)),
                Field::new("reason", words.say("reason"), Kind::Area).help(words.say("enter-reason-help")),
                Field::new("minutes", words.say("for-at-most"), Kind::Select(minutes)).value("30"),
                own_password(words),
            ],
        },
        button: if closed.is_some() { "" } else { words.say("enter-company-system") },
        ..Ask::default()
    })
}

/// `POST /master-admin/companies/{slug}/enter/`.
pub(in crate::http) async fn enter(
    of: StaffedOn,
    client: Client,
    headers: HeaderMap,
    sent: Sent,
) -> Result<Response> {
    let fields = of.of.visit.fields(sent).await?;
    match begin(&of, &client, &fields).await {
        Ok(begun) => {
            let app = &of.of.visit.app;
            acting::end(app, &headers).await?;
            let token = begun.token.reveal();
            let cookie = cookie::set_acting(app.options().https, &token, of.slug.as_str(), REMEMBERED_S);
            Ok(WithCookie(see("/dashboard/"), cookie).into_response())
        }
        Err(problem) => form(&of).await?.refused(&of.of, &fields, problem),
    }
}

async fn begin(of: &StaffedOn, client: &Client, fields: &Fields) -> Result<Impersonation> {
    let access = of.of.visit.app.platform().access();
    let tenant = access.directory().by_slug(&of.slug).await?.id;
    let user = fields.get("user").parse().map_err(|_| Problem::field("user", "choose a member"))?;
    let wish = Impersonate {
        tenant,
        user: Some(UserId::from_raw(user)),
        reason: fields.get("reason").to_owned(),
        minutes: fields.get("minutes").parse().unwrap_or(0),
    };
    let actor = prove(&of.of, client, fields).await?;
    match access.impersonate(&actor, &wish, &client.origin).await {
        Err(Error::Denied(_)) => Err(Problem::field("user", "this member is staff: choose another one")),
        other => Ok(other?),
    }
}
