//! `/settings/members/`: the members of the company with their roles, and its open invitations.

use super::{manages, roles};
use crate::{
    http::{
        App,
        pages::{
            answer::{page, see},
            frame, reasons,
            visit::{Fields, Inside, Managing, Sent, query},
        },
        problem::{Code, Problem, Result},
        tenant,
    },
    wire::{Email, Name, member::Invite},
};
use axum::response::Response;
use http::StatusCode;
use tenantry::name::UserId;
use tenantry_console::{
    Notice,
    company::{Invitation, Member, Members},
};

/// `GET /settings/members/`.
pub(in crate::http) async fn list(app: App, inside: Inside) -> Result<Response> {
    let done = match query(&inside.visit.query).get("_done") {
        "invited" => Some("done-invited"),
        "role" => Some("done-role"),
        "removed" => Some("done-removed"),
        "revoked" => Some("done-invitation-revoked"),
        _ => None,
    };
    let notice = done.map(|id| Notice::done(inside.visit.say(id)));
    show(&app, &inside, notice, "", "", StatusCode::OK).await
}

async fn show(
    app: &App,
    inside: &Inside,
    notice: Option<Notice>,
    email: &str,
    wrong: &str,
    status: StatusCode,
) -> Result<Response> {
    let words = &inside.visit.words;
    let me = inside.tenant.actor().user_id();
    let members = app.platform().members(&inside.tenant).list().await?;
    let members: Vec<_> = members
        .into_iter()
        .map(|member| Member {
            id: member.user.get(),
            is_me: Some(member.user) == me,
            name: member.name,
            email: member.email,
            role_label: words.role(member.role.as_str()),
            role: member.role.to_string(),
            since: words.instant(member.created_at_us),
        })
        .collect();
    let may_manage = manages(inside);
    let invitations = match may_manage {
        true => app.platform().invitations().list(&inside.tenant).await?,
        false => vec![],
    };
    let invitations: Vec<_> = invitations
        .into_iter()
        .map(|open| Invitation {
            id: open.id,
            email: open.email,
            role: words.role(open.role.as_str()),
            until: words.instant(open.expires_at_us),
            letter: words.say(match open.letter.as_str() {
                "sent" => "letter-sent",
                "failed" => "letter-failed",
                _ => "letter-waits",
            }),
        })
        .collect();
    let mut frame = frame::of_company(inside, words.say("members"));
    frame.notice = notice;
    let roles = roles(app, words);
    let view = Members {
        frame: &frame,
        members: &members,
        invitations: &invitations,
        roles: &roles,
        may_manage,
        email,
        wrong,
    };
    Ok(page(status, &view))
}

/// Shows the page with the platform's refusal.
async fn refused(app: &App, inside: &Inside, email: &str, problem: Problem) -> Result<Response> {
    let status = problem.status();
    match problem.code() {
        Code::Invalid if !email.is_empty() => {
            show(app, inside, None, email, &reasons::of(&inside.visit.words, &problem, "email"), status).await
        }
        Code::Invalid | Code::Conflict | Code::LimitExceeded | Code::NotUnique => {
            let text = reasons::first(&inside.visit.words, &problem);
            show(app, inside, Some(Notice::wrong(text)), email, "", status).await
        }
        _ => Err(problem),
    }
}

/// `POST /settings/members/`: invites a person.
pub(in crate::http) async fn invite(app: App, Managing(inside): Managing, sent: Sent) -> Result<Response> {
    let fields = inside.visit.fields(sent).await?;
    let email = fields.get("email").trim();
    let form = Invite { email: Email(email.to_owned()), role: Name(fields.get("role").to_owned()) };
    match tenant::invited(&app, &inside.tenant, &form).await {
        Ok(_) => Ok(see("/settings/members/?_done=invited")),
        Err(problem) => refused(&app, &inside, email, problem).await,
    }
}

/// `POST /settings/members/role/`.
pub(in crate::http) async fn set_role(app: App, Managing(inside): Managing, sent: Sent) -> Result<Response> {
    let fields = inside.visit.fields(sent).await?;
    let (user, role) = (user(&fields)?, app.platform().role(fields.get("role"))?);
    match app.platform().members(&inside.tenant).set_role(user, &role).await.map_err(Problem::from) {
        Ok(_) => Ok(see("/settings/members/?_done=role")),
        Err(problem) => refused(&app, &inside, "", problem).await,
    }
}

/// `POST /settings/members/remove/`.
pub(in crate::http) async fn remove(app: App, Managing(inside): Managing, sent: Sent) -> Result<Response> {
    let fields = inside.visit.fields(sent).await?;
    let user = user(&fields)?;
    match app.platform().members(&inside.tenant).remove(user).await.map_err(Problem::from) {
        Ok(_) => Ok(see("/settings/members/?_done=removed")),
        Err(problem) => refused(&app, &inside, "", problem).await,
    }
}

/// `POST /settings/invitations/revoke/`.
pub(in crate::http) async fn revoke(app: App, Managing(inside): Managing, sent: Sent) -> Result<Response> {
    let fields = inside.visit.fields(sent).await?;
    let id = fields.get("id").parse().map_err(|_| Problem::absent())?;
    app.platform().invitations().revoke(&inside.tenant, id).await?;
    Ok(see("/settings/members/?_done=revoked"))
}

/// Returns the id of the member that a form names.
fn user(fields: &Fields) -> Result<UserId> {
    fields.get("id").parse().map(UserId::from_raw).map_err(|_| Problem::absent())
}
