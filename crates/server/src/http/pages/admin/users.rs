//! `/admin/users/`: people with their companies, rights and sessions; letters, sign-out, locks.

use super::{PAGE, keyed, listed, platform};
use crate::{
    http::{
        App, admin,
        pages::{
            answer::page,
            frame,
            master::{form::Ask, words},
            visit::{Fields, Oneself, Staffed, query},
            words::{agent, human, instant},
        },
        problem::{Problem, Result},
        scope::Client,
    },
    wire::{Id, Limit, user::UsersQuery},
};
use axum::{extract::Path, response::Response};
use http::StatusCode;
use tenantry::{
    name::UserId,
    users::{Profile, User},
};
use tenantry_console::{
    Face, Notice,
    master::{Body, Button, Cell, Choice, Field, Filter, Group, Kind, Section, Sheet, Table, Tone},
};

pub(super) const PATH: &str = "/admin/users/";

/// `GET /admin/users/`.
pub(in crate::http) async fn list(app: App, Staffed(of): Staffed) -> Result<Response> {
    let query = query(&of.visit.query);
    let filter = admin::users_filter(UsersQuery {
        q: query.filled("q").map(str::to_owned),
        only: query.filled("only").map(str::to_owned),
        after: query.filled("after").and_then(|id| id.parse().ok()).map(Id),
        limit: Limit(PAGE + 1),
    })?;
    let found = app.platform().users().list(&of.actor, &filter).await?;
    let kinds = [
        ("", "All people"),
        ("staff", "Staff and superusers"),
        ("superusers", "Superusers"),
        ("closed", "Closed accounts"),
        ("unconfirmed", "Addresses not proven"),
        ("locked", "Locked out"),
    ];
    let kinds = kinds.map(|(value, label)| Choice::new(value, label)).to_vec();
    let search = Filter {
        action: PATH,
        q: Some(query.get("q").to_owned()),
        fields: vec![Field::new("only", "Which", Kind::Select(kinds)).value(query.get("only"))],
    };
    let table = listed(
        (PATH, &query),
        &["Name", "E-mail", "Rights", "State", "Last sign-in"],
        found,
        (|user: &User| user.id.to_string(), row),
        ("users", "Nobody fits", "Search for something else, or show all."),
    );
    let buttons = match of.actor.is_superuser() {
        true => vec![Button::new("Add a person", "/admin/users/add/", "user-plus").primary()],
        false => vec![],
    };
    let frame = frame::of_staff(&of, "People");
    let sheet = Sheet {
        frame: &frame,
        back: None,
        lead: "Everybody with an account, in companies or on the platform.".into(),
        tags: vec![],
        buttons,
        sections: vec![Section::new("search", "", Body::Filter(search)), table],
    };
    Ok(page(StatusCode::OK, &sheet))
}

fn row(user: &User) -> Vec<Cell> {
    let name = if user.name.trim().is_empty() { &user.email } else { &user.name };
    vec![
        Cell::link(name, format!("{PATH}{}/", user.id)),
        Cell::text(&user.email).small(if user.is_confirmed() { "" } else { "not proven" }),
        Cell::text(rights(user)),
        state(user),
        user.last_login_at_us.map_or_else(|| Cell::text("never"), words::at),
    ]
}

fn rights(user: &User) -> &'static str {
    match (user.is_superuser, user.is_staff) {
        (true, _) => "Superuser",
        (false, true) => "Staff",
        (false, false) => "",
    }
}

fn state(user: &User) -> Cell {
    match (user.is_active, user.locked_until_us) {
        (false, _) => Cell::tag("Closed", Tone::Bad),
        (true, Some(until)) => Cell::tag("Locked out", Tone::Warn).small(format!("until {}", instant(until))),
        (true, None) => Cell::tag("Open", Tone::Good),
    }
}

pub(super) fn id_of(key: &str) -> Result<UserId> {
    Ok(UserId::from_raw(key.parse().map_err(|_| Problem::absent())?))
}

pub(super) async fn found(of: &Oneself, key: &str) -> Result<Profile> {
    Ok(platform(of).users().show(&of.actor, id_of(key)?).await?)
}

/// `GET /admin/users/{id}/`.
pub(in crate::http) async fn show(Staffed(of): Staffed, Path(key): Path<String>) -> Result<Response> {
    let profile = found(&of, &key).await?;
    let user = &profile.user;
    let facts = [
        ("E-mail", Cell::text(&user.email)),
        ("Address", Cell::text(if user.is_confirmed() { "proven" } else { "not proven" })),
        ("Rights on the platform", Cell::text(if rights(user).is_empty() { "none" } else { rights(user) })),
        ("Wrong passwords since the last sign-in", Cell::text(user.failed_logins.to_string())),
        ("Last sign-in", user.last_login_at_us.map_or_else(|| Cell::text("never"), words::at)),
        ("Created", words::at(user.created_at_us)),
        ("Id", Cell::text(user.id.to_string())),
    ];
    let facts = facts.map(|(name, cell)| (name.to_owned(), cell)).to_vec();
    let mut frame = frame::of_staff(&of, if user.name.trim().is_empty() { &user.email } else { &user.name });
    frame.notice = done(query(&of.visit.query).get("_done"));
    let sheet = Sheet {
        frame: &frame,
        back: Some((PATH.into(), "People".into())),
        lead: String::new(),
        tags: vec![state(user)],
        buttons: vec![],
        sections: vec![
            Section::new("profile", "Account", Body::Facts(facts)),
            Section::new("memberships", "Companies", memberships(&profile)),
            Section::new("sessions", "Signed in on", sessions(&profile)),
            Section::new("actions", "Actions", Body::Links(actions(&of, user))).side(),
        ],
    };
    Ok(page(StatusCode::OK, &sheet))
}

fn done(what: &str) -> Option<Notice> {
    Some(Notice::done(match what {
        "added" => "The person is added. Tell them the password by a safe way.",
        "letter" => "The letter is on its way.",
        "waiting" => "Such a letter waits to be sent already.",
        "signed-out" => "The person is signed out everywhere.",
        "unlocked" => "The person can sign in again.",
        "rights" => "The rights are changed.",
        "password" => "The password is set, and the person is signed out everywhere.",
        _ => return None,
    }))
}

fn memberships(profile: &Profile) -> Body {
    if profile.memberships.is_empty() {
        return Body::Nothing(
            "building-2",
            "In no company".into(),
            "An owner of a company can invite this person.".into(),
        );
    }
    let row = |of: &tenantry::users::Membership| {
        vec![
            Cell::link(&of.name, format!("/admin/companies/{}/", of.slug)).small(of.slug.to_string()),
            Cell::text(human(of.role.as_str())),
            Cell::text(human(of.state.as_str())),
            words::at(of.since_us),
        ]
    };
    let rows = profile.memberships.iter().map(row).collect();
    Body::Table(Table::new(&["Company", "Role", "Company's state", "Since"], rows))
}

fn sessions(profile: &Profile) -> Body {
    if profile.sessions.is_empty() {
        return Body::Nothing(
            "log-in",
            "Signed in nowhere".into(),
            "No session of this person is open.".into(),
        );
    }
    let row = |session: &tenantry::access::sessions::SessionInfo| {
        let visit = if session.impersonated { "support visit" } else { "" };
        vec![
            Cell::text(agent(session)).small(visit),
            Cell::text(session.address.clone().unwrap_or_default()),
            words::at(session.created_us),
            words::at(session.seen_us),
        ]
    };
    let rows = profile.sessions.iter().map(row).collect();
    Body::Table(Table::new(&["Browser", "Address", "Since", "Last seen"], rows))
}

/// Returns what this staff member may do with the account.
fn actions(of: &Oneself, user: &User) -> Vec<Group> {
    let at = |text: &str, act: &str, icon| Button::new(text, format!("{PATH}{}/{act}/", user.id), icon);
    let mut access = vec![];
    if user.is_active {
        access.push(at("Send a link to choose a new password", "reset", "mail"));
    }
    access.push(at("Sign out everywhere", "sign-out", "log-out"));
    if user.locked_until_us.is_some() || user.failed_logins > 0 {
        access.push(at("Unlock", "unlock", "key"));
    }
    let mut groups = vec![Group { label: "Sign-in", links: access }];
    if of.actor.is_superuser() {
        let links = vec![
            at("Rights, and closing the account", "rights", "shield"),
            at("Set a password", "password", "lock"),
        ];
        groups.push(Group { label: "Superusers", links });
    }
    groups
}

keyed! {
    Staffed ask_reset send_reset: resetting do_reset;
    Staffed ask_sign_out sign_out: signing_out do_sign_out;
    Staffed ask_unlock unlock: unlocking do_unlock;
}

/// Returns the beginning of a form about a person.
pub(super) async fn about(
    of: &Oneself,
    key: &str,
    title: &str,
    lead: &str,
    button: &'static str,
) -> Result<(Ask, User)> {
    let user = found(of, key).await?.user;
    let name = if user.name.trim().is_empty() { user.email.clone() } else { user.name.clone() };
    let ask = Ask {
        title: title.replace("{}", &name),
        face: Face::Staff,
        back: (format!("{PATH}{}/", user.id), name),
        lead: lead.to_owned(),
        facts: vec![("E-mail".into(), user.email.clone())],
        button,
        ..Ask::default()
    };
    Ok((ask, user))
}

async fn resetting(of: &Oneself, key: &str) -> Result<Ask> {
    let lead =
        "A letter with a link goes to the address of the account. The password stays until the link is used.";
    Ok(about(of, key, "Send {} a link to choose a new password", lead, "Send the letter").await?.0)
}

async fn do_reset(of: &Oneself, _: &Client, key: &str, _: &Fields) -> Result<String> {
    let sent = platform(of).accounts().send_reset_to(&of.actor, id_of(key)?).await?;
    Ok(format!("{PATH}{key}/?_done={}", if sent { "letter" } else { "waiting" }))
}

async fn signing_out(of: &Oneself, key: &str) -> Result<Ask> {
    let lead = "Ends every session of this person, and support visits as this person.";
    Ok(about(of, key, "Sign {} out everywhere", lead, "Sign out everywhere").await?.0)
}

async fn do_sign_out(of: &Oneself, _: &Client, key: &str, _: &Fields) -> Result<String> {
    platform(of).access().sessions().revoke_all(&of.actor, id_of(key)?).await?;
    Ok(format!("{PATH}{key}/?_done=signed-out"))
}

async fn unlocking(of: &Oneself, key: &str) -> Result<Ask> {
    let lead = "Forgets the wrong passwords of all networks, so that the person can sign in again.";
    Ok(about(of, key, "Unlock {}", lead, "Unlock").await?.0)
}

async fn do_unlock(of: &Oneself, _: &Client, key: &str, _: &Fields) -> Result<String> {
    platform(of).users().unlock(&of.actor, id_of(key)?).await?;
    Ok(format!("{PATH}{key}/?_done=unlocked"))
}
