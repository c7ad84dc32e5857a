//! `/admin/users/`: users with their companies, rights and sessions; letters, sign-out, locks.

use super::{PAGE, keyed, listed, platform};
use crate::{
    http::{
        App, admin,
        pages::{
            answer::page,
            frame,
            master::{form::Ask, words},
            visit::{Fields, Oneself, Staffed, query},
            words::{Words, human},
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
    let (query, words) = (query(&of.visit.query), &of.visit.words);
    let filter = admin::users_filter(UsersQuery {
        q: query.filled("q").map(str::to_owned),
        only: query.filled("only").map(str::to_owned),
        after: query.filled("after").and_then(|id| id.parse().ok()).map(Id),
        limit: Limit(PAGE + 1),
    })?;
    let found = app.platform().users().list(&of.actor, &filter).await?;
    let kinds = [
        ("", "all-people"),
        ("staff", "only-staff"),
        ("superusers", "superusers"),
        ("closed", "only-closed"),
        ("unconfirmed", "only-unproven"),
        ("locked", "locked-out"),
    ];
    let kinds = kinds.map(|(value, label)| Choice::new(value, words.say(label))).to_vec();
    let search = Filter {
        action: PATH,
        q: Some(query.get("q").to_owned()),
        fields: vec![Field::new("only", words.say("which"), Kind::Select(kinds)).value(query.get("only"))],
    };
    let table = listed(
        (PATH, &query),
        &words.each(["name", "e-mail", "rights", "state", "last-sign-in"]),
        found,
        (|user: &User| user.id.to_string(), |user: &User| row(words, user)),
        ("users", words.say("nobody-fits"), words.say("tenants-none")),
    );
    let buttons = match of.actor.is_superuser() {
        true => vec![Button::new(words.say("add-a-person"), "/admin/users/add/", "user-plus").primary()],
        false => vec![],
    };
    let frame = frame::of_staff(&of, words.say("people"));
    let sheet = Sheet {
        frame: &frame,
        back: None,
        lead: words.say("people-lead").into(),
        tags: vec![],
        buttons,
        sections: vec![Section::new("search", "", Body::Filter(search)), table],
    };
    Ok(page(StatusCode::OK, &sheet))
}

fn row(words: &Words, user: &User) -> Vec<Cell> {
    let name = if user.name.trim().is_empty() { &user.email } else { &user.name };
    vec![
        Cell::link(name, format!("{PATH}{}/", user.id)),
        Cell::text(&user.email).small(if user.is_confirmed() { "" } else { words.say("not-proven") }),
        Cell::text(rights(words, user)),
        state(words, user),
        user.last_login_at_us.map_or_else(|| Cell::text(words.say("never")), |us| words::at(words, us)),
    ]
}

fn rights(words: &Words, user: &User) -> &'static str {
    match (user.is_superuser, user.is_staff) {
        (true, _) => words.say("superuser"),
        (false, true) => words.say("nav-staff"),
        (false, false) => "",
    }
}

fn state(words: &Words, user: &User) -> Cell {
    match (user.is_active, user.locked_until_us) {
        (false, _) => Cell::tag(words.say("closed"), Tone::Bad),
        (true, Some(until)) => Cell::tag(words.say("locked-out"), Tone::Warn)
            .small(words.text("invitation-until").with("until", words.instant(until))),
        (true, None) => Cell::tag(words.say("open"), Tone::Good),
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
    let words = &of.visit.words;
    let profile = found(&of, &key).await?;
    let user = &profile.user;
    let facts = [
        (words.say("e-mail"), Cell::text(&user.email)),
        (
            words.say("address"),
            Cell::text(words.say(if user.is_confirmed() { "proven" } else { "not-proven" })),
        ),
        (
            words.say("rights-on-the-platform"),
            Cell::text(match rights(words, user) {
                "" => words.say("value-none"),
                rights => rights,
            }),
        ),
        (words.say("wrong-passwords"), Cell::text(user.failed_logins.to_string())),
        (
            words.say("last-sign-in"),
            user.last_login_at_us.map_or_else(|| Cell::text(words.say("never")), |us| words::at(words, us)),
        ),
        (words.say("created"), words::at(words, user.created_at_us)),
        (words.say("id"), Cell::text(user.id.to_string())),
    ];
    let facts = facts.map(|(name, cell)| (name.to_owned(), cell)).to_vec();
    let mut frame =
        frame::of_staff(&of, if user.name.trim().is_empty() { &user.email } else { &user.name }.as_str());
    frame.notice = done(words, query(&of.visit.query).get("_done"));
    let sheet = Sheet {
        frame: &frame,
        back: Some((PATH.into(), words.say("people").into())),
        lead: String::new(),
        tags: vec![state(words, user)],
        buttons: vec![],
        sections: vec![
            Section::new("profile", words.say("account"), Body::Facts(facts)),
            Section::new("memberships", words.say("companies"), memberships(words, &profile)),
            Section::new("sessions", words.say("signed-in-on"), sessions(words, &profile)),
            Section::new("actions", words.say("actions"), Body::Links(actions(&of, user))).side(),
        ],
    };
    Ok(page(StatusCode::OK, &sheet))
}

fn done(words: &Words, what: &str) -> Option<Notice> {
    Some(Notice::done(words.say(match what {
        "added" => "done-person-added",
        "letter" => "done-letter",
        "waiting" => "done-letter-waits",
        "signed-out" => "done-person-signed-out",
        "unlocked" => "done-unlocked",
        "rights" => "done-rights",
        "password" => "done-password-set",
        _ => return None,
    })))
}

fn memberships(words: &Words, profile: &Profile) -> Body {
    if profile.memberships.is_empty() {
        return Body::Nothing(
            "building-2",
            words.say("in-no-company").into(),
            words.say("memberships-none").into(),
        );
    }
    let row = |of: &tenantry::users::Membership| {
        vec![
            Cell::link(&of.name, format!("/admin/companies/{}/", of.slug)).small(of.slug.to_string()),
            Cell::text(human(&words.role(of.role.as_str()))),
            Cell::text(words.say(words::state_name(of.state))),
            words::at(words, of.since_us),
        ]
    };
    let rows = profile.memberships.iter().map(row).collect();
    Body::Table(Table::new(&words.each(["company", "role", "companys-state", "since"]), rows))
}

fn sessions(words: &Words, profile: &Profile) -> Body {
    if profile.sessions.is_empty() {
        return Body::Nothing(
            "log-in",
            words.say("signed-in-nowhere").into(),
            words.say("sessions-none").into(),
        );
    }
    let row = |session: &tenantry::access::sessions::SessionInfo| {
        let visit = if session.impersonated { words.say("support-visit") } else { "" };
        vec![
            Cell::text(words.agent(session)).small(visit),
            Cell::text(session.address.clone().unwrap_or_default()),
            words::at(words, session.created_us),
            words::at(words, session.seen_us),
        ]
    };
    let rows = profile.sessions.iter().map(row).collect();
    Body::Table(Table::new(&words.each(["browser", "address", "since", "last-seen"]), rows))
}

/// Returns the actions that this staff member may take on the account.
fn actions(of: &Oneself, user: &User) -> Vec<Group> {
    let words = &of.visit.words;
    let at =
        |text: &'static str, act: &str, icon| Button::new(text, format!("{PATH}{}/{act}/", user.id), icon);
    let mut access = vec![];
    if user.is_active {
        access.push(at(words.say("send-reset"), "reset", "mail"));
    }
    access.push(at(words.say("sign-out-everywhere"), "sign-out", "log-out"));
    if user.locked_until_us.is_some() || user.failed_logins > 0 {
        access.push(at(words.say("unlock"), "unlock", "key"));
    }
    let mut groups = vec![Group { label: words.say("access"), links: access }];
    if of.actor.is_superuser() {
        let links = vec![
            at(words.say("rights-and-closing-the-account"), "rights", "shield"),
            at(words.say("set-a-password"), "password", "lock"),
        ];
        groups.push(Group { label: words.say("superusers"), links });
    }
    groups
}

keyed! {
    Staffed ask_reset send_reset: resetting do_reset;
    Staffed ask_sign_out sign_out: signing_out do_sign_out;
    Staffed ask_unlock unlock: unlocking do_unlock;
}

/// Returns the common part of the forms about a user.
pub(super) async fn about(
    of: &Oneself,
    key: &str,
    title: &'static str,
    lead: &str,
    button: &'static str,
) -> Result<(Ask, User)> {
    let user = found(of, key).await?.user;
    let name = if user.name.trim().is_empty() { user.email.clone() } else { user.name.clone() };
    let ask = Ask {
        title: of.visit.text(title).with("name", &name).into(),
        face: Face::Staff,
        back: (format!("{PATH}{}/", user.id), name),
        lead: lead.to_owned(),
        facts: vec![(of.visit.say("e-mail").into(), user.email.clone())],
        button,
        ..Ask::default()
    };
    Ok((ask, user))
}

async fn resetting(of: &Oneself, key: &str) -> Result<Ask> {
    let words = &of.visit.words;
    let lead = words.say("send-reset-lead");
    Ok(about(of, key, "send-reset-title", lead, words.say("send-the-letter")).await?.0)
}

async fn do_reset(of: &Oneself, _: &Client, key: &str, _: &Fields) -> Result<String> {
    let sent = platform(of).accounts().send_reset_to(&of.actor, id_of(key)?).await?;
    Ok(format!("{PATH}{key}/?_done={}", if sent { "letter" } else { "waiting" }))
}

async fn signing_out(of: &Oneself, key: &str) -> Result<Ask> {
    let words = &of.visit.words;
    let lead = words.say("sign-out-lead");
    Ok(about(of, key, "sign-out-title", lead, words.say("sign-out-everywhere")).await?.0)
}

async fn do_sign_out(of: &Oneself, _: &Client, key: &str, _: &Fields) -> Result<String> {
    platform(of).access().sessions().revoke_all(&of.actor, id_of(key)?).await?;
    Ok(format!("{PATH}{key}/?_done=signed-out"))
}

async fn unlocking(of: &Oneself, key: &str) -> Result<Ask> {
    let words = &of.visit.words;
    let lead = words.say("unlock-lead");
    Ok(about(of, key, "unlock-title", lead, words.say("unlock")).await?.0)
}

async fn do_unlock(of: &Oneself, _: &Client, key: &str, _: &Fields) -> Result<String> {
    platform(of).users().unlock(&of.actor, id_of(key)?).await?;
    Ok(format!("{PATH}{key}/?_done=unlocked"))
}
