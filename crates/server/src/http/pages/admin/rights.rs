//! `/admin/users/add/`, `rights/` and `password/`: what only superusers decide about accounts. Each form asks for the
//! superuser's own password.

use super::{
    is_on, keyed, platform,
    users::{PATH, about, id_of},
};
use crate::http::{
    pages::{
        answer::see,
        master::form::{Ask, own_password, prove},
        visit::{Fields, Oneself, Sent, Super},
    },
    problem::{Problem, Result},
    scope::Client,
};
use axum::response::Response;
use tenantry::{access::passwords::Password, users::FlagChanges};
use tenantry_console::{
    Face,
    master::{Field, Kind, Note},
};

fn adding() -> Ask {
    Ask {
        title: "Add a person".into(),
        face: Face::Staff,
        back: (PATH.into(), "People".into()),
        lead: "You vouch for the address. Members of companies are invited by their owners instead.".into(),
        fields: vec![
            Field::new("email", "E-mail", Kind::Email),
            Field::new("name", "Name", Kind::Text),
            Field::new("new_password", "Password of the person", Kind::NewPassword)
                .help("At least 10 characters. The person should change it at once."),
            Field::new("staff", "Staff of the platform", Kind::Check),
            Field::new("superuser", "Superuser, with all rights", Kind::Check),
            own_password().help("Asked again, because rights and passwords are at stake."),
        ],
        button: "Add the person",
        ..Ask::default()
    }
}

/// `GET /admin/users/add/`.
pub(in crate::http) async fn ask_add(Super(of): Super) -> Result<Response> {
    Ok(adding().show(&of))
}

/// `POST /admin/users/add/`.
pub(in crate::http) async fn create(Super(of): Super, client: Client, sent: Sent) -> Result<Response> {
    let fields = of.visit.fields(sent).await?;
    match do_create(&of, &client, &fields).await {
        Ok(to) => Ok(see(&to)),
        Err(problem) => adding().refused(&of, &fields, problem),
    }
}

async fn do_create(of: &Oneself, client: &Client, fields: &Fields) -> Result<String> {
    prove(of, client, fields).await?;
    let (email, name) = (fields.get("email").trim().to_owned(), fields.get("name").trim().to_owned());
    let password = Password::new(fields.get("new_password"));
    let users = platform(of).users();
    let user =
        users.create(&of.actor, email, Some(name), password).await.map_err(|error| of_new(error.into()))?;
    if is_on(fields, "staff") || is_on(fields, "superuser") {
        let rights = FlagChanges {
            staff: Some(is_on(fields, "staff")),
            superuser: Some(is_on(fields, "superuser")),
            active: None,
        };
        users.change(&of.actor, user.id, rights).await?;
    }
    Ok(format!("{PATH}{}/?_done=added", user.id))
}

/// On these forms `password` is the superuser's own one.
fn of_new(problem: Problem) -> Problem {
    let mut wrong = problem.wrong_fields().to_vec();
    for field in &mut wrong {
        if field.field == "password" {
            field.field = "new_password".into();
        }
    }
    let detail = problem.detail().to_owned();
    if wrong.is_empty() { problem } else { Problem::new(problem.code(), detail).fields(wrong) }
}

keyed! {
    Super ask_rights rights: giving do_give;
    Super ask_password password: setting do_set;
}

async fn giving(of: &Oneself, key: &str) -> Result<Ask> {
    let lead = "Rights on the platform. Roles in companies are given by their owners.";
    let (mut ask, user) = about(of, key, "Rights of {}", lead, "Save the rights").await?;
    let value = |is: bool| if is { "yes" } else { "" };
    ask.fields = vec![
        Field::new("active", "May sign in", Kind::Check).value(value(user.is_active)),
        Field::new("staff", "Staff: companies, plans, people, shared data", Kind::Check)
            .value(value(user.is_staff)),
        Field::new("superuser", "Superuser: all rights, in every company", Kind::Check)
            .value(value(user.is_superuser)),
        own_password().help("Asked again, because rights and passwords are at stake."),
    ];
    ask.notes =
        vec![Note::says("The last superuser, and the last owner of an open company, keep their account.")];
    Ok(ask)
}

async fn do_give(of: &Oneself, client: &Client, key: &str, fields: &Fields) -> Result<String> {
    prove(of, client, fields).await?;
    let changes = FlagChanges {
        superuser: Some(is_on(fields, "superuser")),
        staff: Some(is_on(fields, "staff")),
        active: Some(is_on(fields, "active")),
    };
    platform(of).users().change(&of.actor, id_of(key)?, changes).await?;
    Ok(format!("{PATH}{key}/?_done=rights"))
}

async fn setting(of: &Oneself, key: &str) -> Result<Ask> {
    let lead = "For people who cannot read their mail. All their sessions end.";
    let (mut ask, _) = about(of, key, "Set the password of {}", lead, "Set the password").await?;
    ask.fields = vec![
        Field::new("new_password", "New password of the person", Kind::NewPassword)
            .help("At least 10 characters. Tell it by a safe way."),
        own_password().help("Asked again, because rights and passwords are at stake."),
    ];
    ask.notes = vec![Note::warns("Who knows this password can act as that person.")];
    ask.danger = true;
    Ok(ask)
}

async fn do_set(of: &Oneself, client: &Client, key: &str, fields: &Fields) -> Result<String> {
    prove(of, client, fields).await?;
    let password = Password::new(fields.get("new_password"));
    let done = platform(of).access().set_password(&of.actor, id_of(key)?, password).await;
    done.map_err(|error| of_new(error.into()))?;
    Ok(format!("{PATH}{key}/?_done=password"))
}
