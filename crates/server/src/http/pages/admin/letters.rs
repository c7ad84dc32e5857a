//! `/admin/letters/`: letters that were sent, wait, or failed; send one again.

use super::{PAGE, address, keyed, platform};
use crate::{
    http::{
        App, admin,
        pages::{
            answer::page,
            frame,
            master::{form::Ask, words},
            visit::{Fields, Oneself, Staffed, query},
            words::instant,
        },
        problem::{Problem, Result},
        scope::Client,
    },
    wire::{Id, Limit, user::LettersQuery},
};
use axum::response::Response;
use http::StatusCode;
use tenantry::mail::{Letter, LetterState};
use tenantry_console::{
    Face, Notice,
    master::{Body, Cell, Choice, Field, Filter, Kind, Section, Sheet, Table, Tone},
};

const PATH: &str = "/admin/letters/";

/// `GET /admin/letters/`.
pub(in crate::http) async fn list(app: App, Staffed(of): Staffed) -> Result<Response> {
    let query = query(&of.visit.query);
    let filter = admin::letters_filter(LettersQuery {
        state: Some(query.filled("state").unwrap_or("all").to_owned()),
        before: query.filled("before").and_then(|id| id.parse().ok()).map(Id),
        limit: Limit(PAGE + 1),
    })?;
    let mut letters = app.platform().letters().list(&of.actor, &filter).await?;
    let is_more = letters.len() > PAGE as usize;
    letters.truncate(PAGE as usize);
    let next =
        letters.last().filter(|_| is_more).map(|last| address(PATH, &query, "before", &last.id.to_string()));
    let states = [
        ("all", "All letters"),
        ("failed", "Failed"),
        ("waiting", "Waiting"),
        ("sent", "Sent"),
        ("dropped", "Not needed any more"),
    ];
    let states = states.map(|(value, label)| Choice::new(value, label)).to_vec();
    let search = Filter {
        action: PATH,
        q: None,
        fields: vec![Field::new("state", "State", Kind::Select(states)).value(query.get("state"))],
    };
    let body = match letters.is_empty() {
        true => Body::Nothing(
            "mail",
            "No letter here".into(),
            "Invitations, confirmations and resets are listed for 90 days.".into(),
        ),
        false => Body::Table(Table {
            first: query.filled("before").map(|_| address(PATH, &query, "before", "")),
            next,
            ..Table::new(
                &["To", "Purpose", "State", "Written", "Send again"],
                letters.iter().map(row).collect(),
            )
        }),
    };
    let mut frame = frame::of_staff(&of, "Letters");
    frame.notice = (query.get("_done") == "again").then(|| Notice::done("The letter is on its way again."));
    let lead = match app.platform().config().mail.smtp.is_some() {
        true => "What the platform wrote to people. Texts and links are not shown.",
        false => "Written to files in the data directory: no mail server is set (mail.smtp).",
    };
    let sheet = Sheet {
        frame: &frame,
        back: None,
        lead: lead.into(),
        tags: vec![],
        buttons: vec![],
        sections: vec![Section::new("search", "", Body::Filter(search)), Section::new("list", "", body)],
    };
    Ok(page(StatusCode::OK, &sheet))
}

fn purpose(kind: &str) -> &'static str {
    match kind {
        "invitation" => "Invitation",
        "verify" => "Confirm the address",
        _ => "New password",
    }
}

fn can_go_again(letter: &Letter) -> bool {
    matches!(letter.state, LetterState::Sent | LetterState::Failed) && !letter.is_used
}

fn row(letter: &Letter) -> Vec<Cell> {
    let (text, tone) = match letter.state {
        LetterState::Waiting => ("Waits", Tone::Warn),
        LetterState::Sent => ("Sent", Tone::Good),
        LetterState::Failed => ("Failed", Tone::Bad),
        LetterState::Dropped => ("Not needed", Tone::Plain),
    };
    let why = match (&letter.error, letter.next_at_us) {
        (Some(error), _) => error.clone(),
        (None, Some(next)) => format!("next try {}", instant(next)),
        (None, None) if letter.is_used => "its link was used".into(),
        (None, None) => String::new(),
    };
    let again = match can_go_again(letter) {
        true => Cell::link("Send again", format!("{PATH}{}/send/", letter.id)),
        false => Cell::default(),
    };
    let to = match letter.user {
        Some(user) => Cell::link(&letter.address, format!("/admin/users/{user}/")),
        None => Cell::text(&letter.address),
    };
    vec![
        to,
        Cell::text(purpose(&letter.kind)),
        Cell::tag(text, tone).small(why),
        words::at(letter.created_at_us).small(match letter.attempts {
            0 => String::new(),
            1 => "1 attempt".into(),
            n => format!("{n} attempts"),
        }),
        again,
    ]
}

keyed! {
    Staffed ask send: sending do_send;
}

async fn sending(of: &Oneself, key: &str) -> Result<Ask> {
    let id = key.parse().map_err(|_| Problem::absent())?;
    let letter = platform(of).letters().show(&of.actor, id).await?;
    let is_possible = can_go_again(&letter);
    Ok(Ask {
        title: format!("Send the letter to {} again", letter.address),
        face: Face::Staff,
        back: (PATH.into(), "Letters".into()),
        lead: match is_possible {
            true => "It gets a new link, and the link of the former letter stops working.".into(),
            false => "It waits to be sent, its link was used, or what it was about is gone.".into(),
        },
        facts: vec![
            ("Purpose".into(), purpose(&letter.kind).into()),
            ("Written".into(), instant(letter.created_at_us)),
            ("Last failure".into(), letter.error.unwrap_or_else(|| "none".into())),
        ],
        button: if is_possible { "Send it again" } else { "" },
        ..Ask::default()
    })
}

async fn do_send(of: &Oneself, _: &Client, key: &str, _: &Fields) -> Result<String> {
    let id = key.parse().map_err(|_| Problem::absent())?;
    platform(of).letters().send_again(&of.actor, id).await?;
    Ok(format!("{PATH}?_done=again"))
}
