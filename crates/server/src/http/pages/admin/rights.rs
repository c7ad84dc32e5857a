//! `/admin/users/add/`, `rights/` and `password/`: changes of accounts that only superusers may make. Each form asks
//! for the superuser's own password.

use super::{
    is_on, keyed, platform,
    users::{PATH, about, id_of},
};
use crate::http::{
    pages::{
        answer::see,
        master::form::{Ask, own_password, prove},
        visit::{Fields, Oneself, Sent, Super},
        words::Words,
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

fn adding(words: &Words) -> Ask {
    Ask {
        title: words.say("add-a-person").into(),
        face: Face::Staff,
        back: (PATH.into(), words.say("people").into()),
        lead: words.say("person-lead").into(),
        fields: vec![
            Field::new("email", words.say("e-mail"), Kind::Email),
            Field::new("name", words.say("name"), Kind::Text),
            Field::new("new_password", words.say("password-of-the-person"), Kind::NewPassword)
                .help(words.say("person-password-help")),
            Field::new("staff", words.say("staff-of-the-platform"), Kind::Check),
            Field::new("superuser", words.say("superuser-with-all-rights"), Kind::Check),
            own_password(words).help(words.say("rights-password-help")),
        ],
        button: words.say("add-the-person"),
        ..Ask::default()
    }
}

/// `GET /admin/users/add/`.
pub(in crate::http) async fn ask_add(Super(of): Super) -> Result<Response> {
    Ok(adding(&of.visit.words).show(&of))
}

/// `POST /admin/users/add/`.
pub(in crate::http) async fn create(Super(of): Super, client: Client, sent: Sent) -> Result<Response> {
    let fields = of.visit.fields(sent).await?;
    match do_create(&of, &client, &fields).await {
        Ok(to) => Ok(see(&to)),
        Err(problem) => adding(&of.visit.words).refused(&of, &fields, problem),
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

/// Moves a problem of `password` to the field of the new user's password: on this form, `password` is the superuser's
/// own.
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
    let words = &of.visit.words;
    let lead = words.say("rights-lead");
    let (mut ask, user) = about(of, key, "rights-title", lead, words.say("save-the-rights")).await?;
    let value = |is: bool| if is { "yes" } else { "" };
    ask.fields = vec![
        Field::new("active", words.say("may-sign-in"), Kind::Check).value(value(user.is_active)),
        Field::new("staff", words.say("right-staff"), Kind::Check).value(value(user.is_staff)),
        Field::new("superuser", words.say("right-superuser"), Kind::Check).value(value(user.is_superuser)),
        own_password(words).help(words.say("rights-password-help")),
    ];
    ask.notes = vec![Note::says(words.say("rights-last"))];
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
    let words = &of.visit.words;
    let lead = words.say("set-password-lead");
    let (mut ask, _) = about(of, key, "set-password-title", lead, words.say("set-the-password")).await?;
    ask.fields = vec![
        Field::new("new_password", words.say("new-password-of-the-person"), Kind::NewPassword)
            .help(words.say("set-password-help")),
        own_password(words).help(words.say("rights-password-help")),
    ];
    ask.notes = vec![Note::warns(words.say("set-password-warning"))];
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
