//! `/admin/letters/`: letters that were sent, are waiting or have failed; a button sends one again.

use super::{PAGE, address, keyed, platform};
use crate::{
    http::{
        App, admin,
        pages::{
            answer::page,
            frame,
            master::{form::Ask, words},
            visit::{Fields, Oneself, Staffed, query},
            words::Words,
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
    let (query, words) = (query(&of.visit.query), &of.visit.words);
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
        ("all", "all-letters"),
        ("failed", "backup-failed"),
        ("waiting", "letter-waiting"),
        ("sent", "letter-is-sent"),
        ("dropped", "letter-dropped"),
    ];
    let states = states.map(|(value, label)| Choice::new(value, words.say(label))).to_vec();
    let search = Filter {
        action: PATH,
        q: None,
        fields: vec![Field::new("state", words.say("state"), Kind::Select(states)).value(query.get("state"))],
    };
    let body = match letters.is_empty() {
        true => Body::Nothing("mail", words.say("no-letter-here").into(), words.say("letters-none").into()),
        false => Body::Table(Table {
            first: query.filled("before").map(|_| address(PATH, &query, "before", "")),
            next,
            ..Table::new(
                &words.each(["letter-to", "purpose", "state", "written", "send-again"]),
                letters.iter().map(|letter| row(words, letter)).collect(),
            )
        }),
    };
    let mut frame = frame::of_staff(&of, words.say("letters"));
    frame.notice = (query.get("_done") == "again").then(|| Notice::done(words.say("done-letter-again")));
    let lead = match app.platform().config().mail.smtp.is_some() {
        true => words.say("letters-lead"),
        false => words.say("letters-lead-files"),
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
        "invitation" => "invitation",
        "verify" => "purpose-verify",
        _ => "new-password",
    }
}

fn can_go_again(letter: &Letter) -> bool {
    matches!(letter.state, LetterState::Sent | LetterState::Failed) && !letter.is_used
}

fn row(words: &Words, letter: &Letter) -> Vec<Cell> {
    let (text, tone) = match letter.state {
        LetterState::Waiting => ("letter-waiting", Tone::Warn),
        LetterState::Sent => ("letter-is-sent", Tone::Good),
        LetterState::Failed => ("backup-failed", Tone::Bad),
        LetterState::Dropped => ("letter-dropped", Tone::Plain),
    };
    let why = match (&letter.error, letter.next_at_us) {
        (Some(error), _) => error.clone(),
        (None, Some(next)) => words.text("letter-next-try").with("at", words.instant(next)).into(),
        (None, None) if letter.is_used => words.say("letter-used").into(),
        (None, None) => String::new(),
    };
    let again = match can_go_again(letter) {
        true => Cell::link(words.say("send-again"), format!("{PATH}{}/send/", letter.id)),
        false => Cell::default(),
    };
    let to = match letter.user {
        Some(user) => Cell::link(&letter.address, format!("/admin/users/{user}/")),
        None => Cell::text(&letter.address),
    };
    vec![
        to,
        Cell::text(words.say(purpose(&letter.kind))),
        Cell::tag(words.say(text), tone).small(why),
        words::at(words, letter.created_at_us).small(match letter.attempts {
            0 => String::new(),
            n => words.text("letter-attempts").with("count", n).into(),
        }),
        again,
    ]
}

keyed! {
    Staffed ask send: sending do_send;
}

async fn sending(of: &Oneself, key: &str) -> Result<Ask> {
    let words = &of.visit.words;
    let id = key.parse().map_err(|_| Problem::absent())?;
    let letter = platform(of).letters().show(&of.actor, id).await?;
    let is_possible = can_go_again(&letter);
    Ok(Ask {
        title: words.text("send-again-title").with("address", &letter.address).into(),
        face: Face::Staff,
        back: (PATH.into(), words.say("sent-letters").into()),
        lead: match is_possible {
            true => words.say("send-again-lead").into(),
            false => words.say("send-again-not").into(),
        },
        facts: vec![
            (words.say("purpose").into(), words.say(purpose(&letter.kind)).into()),
            (words.say("written").into(), words.instant(letter.created_at_us)),
            (
                words.say("last-failure").into(),
                letter.error.unwrap_or_else(|| words.say("value-none").into()),
            ),
        ],
        button: if is_possible { words.say("send-it-again") } else { "" },
        ..Ask::default()
    })
}

async fn do_send(of: &Oneself, _: &Client, key: &str, _: &Fields) -> Result<String> {
    let id = key.parse().map_err(|_| Problem::absent())?;
    platform(of).letters().send_again(&of.actor, id).await?;
    Ok(format!("{PATH}?_done=again"))
}
