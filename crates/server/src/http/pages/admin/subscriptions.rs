//! `/admin/subscriptions/`: the plan of each tenant and the end of its subscription; change the plan, extend, cancel,
//! reactivate.

use super::{PAGE, days, is_on, keyed, listed, plan_choices, platform, state_of};
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
    wire::{Id, Limit, plan::SubscriptionsQuery},
};
use axum::{extract::Path, response::Response};
use http::StatusCode;
use jiff::{ToSpan, civil::Date, tz::TimeZone};
use tenantry::{
    Error,
    name::Slug,
    plans::{ListedSubscription, State, SubscriptionChange},
};
use tenantry_console::{
    Face, Notice,
    master::{Body, Button, Cell, Choice, Field, Filter, Kind, Note, Section, Sheet},
};

const PATH: &str = "/admin/subscriptions/";
const STATES: [State; 5] = [State::Trial, State::Active, State::PastDue, State::Cancelled, State::Expired];

/// `GET /admin/subscriptions/`.
pub(in crate::http) async fn list(app: App, Staffed(of): Staffed) -> Result<Response> {
    let (query, words) = (query(&of.visit.query), &of.visit.words);
    let filter = admin::subscriptions_filter(SubscriptionsQuery {
        q: query.filled("q").map(str::to_owned),
        plan: query.filled("plan").map(str::to_owned),
        state: query.filled("state").map(str::to_owned),
        within_days: query.filled("within_days").and_then(|days| days.parse().ok()),
        live: query.filled("live").is_some(),
        after: query.filled("after").and_then(|id| id.parse().ok()).map(Id),
        limit: Limit(PAGE + 1),
    })?;
    let found = app.platform().plans().subscriptions(&of.actor, &filter).await?;
    let mut states = vec![Choice::new("", words.say("all-states"))];
    states.extend(STATES.map(|state| Choice::new(state.as_str(), state_of(words, state).text)));
    let within =
        [("", "any-end"), ("7", "ends-within-week"), ("30", "ends-within-30"), ("90", "ends-within-90")];
    let within = within.map(|(days, label)| Choice::new(days, words.say(label))).to_vec();
    let field = |name, label: &'static str, kind| Field::new(name, label, kind).value(query.get(name));
    let plans = plan_choices(&app, Choice::new("", words.say("all-plans")), true).await?;
    let search = Filter {
        action: PATH,
        q: Some(query.get("q").to_owned()),
        fields: vec![
            field("state", words.say("state"), Kind::Select(states)),
            field("plan", words.say("plan"), Kind::Select(plans)),
            field("within_days", words.say("end"), Kind::Select(within)),
        ],
    };
    let table = listed(
        (PATH, &query),
        &words.each(["company", "plan", "state", "ends-at", "began"]),
        found,
        (|one: &ListedSubscription| one.tenant.to_string(), |one: &ListedSubscription| row(words, one)),
        ("credit-card", words.say("no-subscription-fits"), words.say("tenants-none")),
    );
    let frame = frame::of_staff(&of, words.say("subscriptions"));
    let sheet = Sheet {
        frame: &frame,
        back: None,
        lead: words.say("subscriptions-lead").into(),
        tags: vec![],
        buttons: vec![],
        sections: vec![Section::new("search", "", Body::Filter(search)), table],
    };
    Ok(page(StatusCode::OK, &sheet))
}

fn row(words: &Words, one: &ListedSubscription) -> Vec<Cell> {
    vec![
        Cell::link(&one.name, format!("{PATH}{}/", one.slug)).small(one.slug.to_string()),
        Cell::text(words.plan(&one.plan, &one.plan)),
        state_of(words, one.state),
        words::maybe_at(words, one.ends_at_us).small(days(words, one.days_remaining)),
        words::at(words, one.started_at_us),
    ]
}

async fn found(of: &Oneself, slug: &str) -> Result<(Slug, ListedSubscription)> {
    let slug = Slug::parse(slug).map_err(|_| Problem::absent())?;
    let one = platform(of).plans().subscription(&of.actor, &slug).await?;
    Ok((slug, one))
}

/// `GET /admin/subscriptions/{slug}/`.
pub(in crate::http) async fn show(Staffed(of): Staffed, Path(slug): Path<String>) -> Result<Response> {
    let words = &of.visit.words;
    let (slug, one) = found(&of, &slug).await?;
    let at = |text: &'static str, act: &str, icon| Button::new(text, format!("{PATH}{slug}/{act}/"), icon);
    let mut buttons = vec![at(words.say("change-the-plan"), "plan", "credit-card").primary()];
    if one.ends_at_us.is_some() {
        buttons.push(at(words.say("extend"), "extend", "calendar"));
    }
    match one.state {
        State::Cancelled | State::Expired => {
            buttons.push(at(words.say("reactivate"), "reactivate", "undo-2"))
        }
        _ => buttons.push(at(words.say("cancel"), "cancel", "x")),
    }
    let facts = [
        (words.say("company"), Cell::link(&one.name, format!("/admin/companies/{slug}/"))),
        (
            words.say("plan"),
            Cell::link(words.plan(&one.plan, &one.plan), format!("/admin/plans/{}/", one.plan)),
        ),
        (words.say("began"), words::at(words, one.started_at_us)),
        (words.say("ends"), words::maybe_at(words, one.ends_at_us).small(days(words, one.days_remaining))),
        (words.say("companys-state"), Cell::text(words.say(words::state_name(one.tenant_state)))),
    ];
    let mut frame = frame::of_staff(&of, words.text("subscription-of").with("name", &one.name));
    let done = match query(&of.visit.query).get("_done") {
        "plan" => Some("done-subscription-plan"),
        "extended" => Some("done-extended"),
        "cancelled" => Some("done-subscription-cancelled"),
        "reactivated" => Some("done-reactivated"),
        _ => None,
    };
    frame.notice = done.map(|id| Notice::done(words.say(id)));
    let sheet = Sheet {
        frame: &frame,
        back: Some((PATH.into(), words.say("subscriptions").into())),
        lead: String::new(),
        tags: vec![state_of(words, one.state)],
        buttons,
        sections: vec![Section::new(
            "subscription",
            "",
            Body::Facts(facts.map(|(name, cell)| (name.to_owned(), cell)).to_vec()),
        )],
    };
    Ok(page(StatusCode::OK, &sheet))
}

keyed! {
    Staffed ask_change change: changing do_change;
    Staffed ask_extend extend: extending do_extend;
    Staffed ask_cancel cancel: cancelling do_cancel;
    Staffed ask_reactivate reactivate: reactivating do_reactivate;
}

async fn about(
    of: &Oneself,
    slug: &str,
    title: &'static str,
    lead: &str,
    button: &'static str,
) -> Result<(Ask, ListedSubscription)> {
    let words = &of.visit.words;
    let (slug, one) = found(of, slug).await?;
    let ends = one.ends_at_us.map_or_else(|| words.say("days-open-ended").into(), |us| words.instant(us));
    let ask = Ask {
        title: words.text(title).with("name", &one.name).into(),
        face: Face::Staff,
        back: (format!("{PATH}{slug}/"), words.say("subscription").into()),
        lead: lead.to_owned(),
        facts: vec![
            (words.say("plan-now").into(), one.plan.clone()),
            (words.say("state-now").into(), state_of(words, one.state).text),
            (words.say("ends-at").into(), ends),
        ],
        button,
        ..Ask::default()
    };
    Ok((ask, one))
}

/// Changes a subscription and returns the address of its page.
async fn set(of: &Oneself, slug: &str, state: Option<(State, Option<i64>)>, done: &str) -> Result<String> {
    let slug = Slug::parse(slug).map_err(|_| Problem::absent())?;
    let change = SubscriptionChange { state, ..SubscriptionChange::default() };
    platform(of).plans().change_subscription(&of.actor, &slug, change).await?;
    Ok(format!("{PATH}{slug}/?_done={done}"))
}

/// Returns the instant at which the entered day ends, UTC.
fn end_of(sent: &Fields, name: &'static str) -> Result<Option<i64>> {
    let Some(text) = sent.filled(name) else { return Ok(None) };
    let after = text.parse::<Date>().ok().and_then(|day| day.tomorrow().ok());
    let after = after.and_then(|day| day.to_zoned(TimeZone::UTC).ok());
    let after = after.ok_or_else(|| Problem::field(name, "is no date"))?;
    Ok(Some(after.timestamp().as_microsecond()))
}

async fn changing(of: &Oneself, slug: &str) -> Result<Ask> {
    let words = &of.visit.words;
    let lead = words.say("change-plan-lead");
    let (ask, one) = about(of, slug, "change-plan-title", lead, words.say("change-the-plan")).await?;
    let mut plans = plan_choices(&of.visit.app, Choice::new("", words.say("choose")), false).await?;
    plans.retain(|plan| plan.value != one.plan);
    let moves =
        Field::new("move", words.say("plan-move"), Kind::Check).optional().help(words.say("plan-move-help"));
    Ok(Ask { fields: vec![Field::new("plan", words.say("plan"), Kind::Select(plans)), moves], ..ask })
}

async fn do_change(of: &Oneself, _: &Client, slug: &str, sent: &Fields) -> Result<String> {
    let plan = sent.filled("plan").ok_or_else(|| Problem::field("plan", "choose a plan"))?;
    let change = SubscriptionChange { plan: Some(plan.to_owned()), state: None, moves: is_on(sent, "move") };
    let slug = Slug::parse(slug).map_err(|_| Problem::absent())?;
    let changed = platform(of).plans().change_subscription(&of.actor, &slug, change).await?;
    Ok(match changed.operation {
        Some(id) => format!("/master-admin/operations/{id}/"),
        None => format!("{PATH}{slug}/?_done=plan"),
    })
}

async fn extending(of: &Oneself, slug: &str) -> Result<Ask> {
    let words = &of.visit.words;
    let lead = words.say("extend-lead");
    let (ask, one) = about(of, slug, "extend-title", lead, words.say("extend")).await?;
    let now_us = platform(of).now_us();
    let from = jiff::Timestamp::from_microsecond(one.ends_at_us.unwrap_or(now_us).max(now_us)).ok();
    let day = from.and_then(|at| at.to_zoned(TimeZone::UTC).date().checked_add(30.days()).ok());
    let day = day.map(|day| day.to_string()).unwrap_or_default();
    Ok(Ask { fields: vec![Field::new("until", words.say("last-day"), Kind::Date).value(day)], ..ask })
}

async fn do_extend(of: &Oneself, _: &Client, slug: &str, sent: &Fields) -> Result<String> {
    let (_, one) = found(of, slug).await?;
    let until = end_of(sent, "until")?.ok_or_else(|| Problem::field("until", "choose a day"))?;
    if until <= one.ends_at_us.unwrap_or(0).max(platform(of).now_us()) {
        return Err(Problem::field("until", "must be after the present end, and not over yet"));
    }
    let state = match one.state {
        State::Expired if one.was_trial() => State::Trial,
        State::Expired => State::Active,
        state => state,
    };
    set(of, slug, Some((state, Some(until))), "extended").await
}

async fn cancelling(of: &Oneself, slug: &str) -> Result<Ask> {
    let words = &of.visit.words;
    let lead = words.say("cancel-subscription-lead");
    let (mut ask, one) = about(of, slug, "cancel-subscription-title", lead, words.say("cancel-it")).await?;
    if one.ends_at_us.is_none() {
        ask.notes = vec![Note::warns(words.say("cancel-open-ended"))];
    }
    let day = one.ends_at_us.and_then(|at| jiff::Timestamp::from_microsecond(at - 1).ok());
    let day = day.map(|at| at.to_zoned(TimeZone::UTC).date().to_string()).unwrap_or_default();
    ask.fields = vec![Field::new("until", words.say("last-day"), Kind::Date).optional().value(day)];
    ask.danger = true;
    Ok(ask)
}

async fn do_cancel(of: &Oneself, _: &Client, slug: &str, sent: &Fields) -> Result<String> {
    let until = end_of(sent, "until")?;
    set(of, slug, Some((State::Cancelled, until)), "cancelled").await
}

async fn reactivating(of: &Oneself, slug: &str) -> Result<Ask> {
    let words = &of.visit.words;
    let lead = words.say("reactivate-lead");
    let (ask, _) = about(of, slug, "reactivate-title", lead, words.say("reactivate")).await?;
    let until =
        Field::new("until", words.say("last-day"), Kind::Date).optional().help(words.say("empty-open-ended"));
    Ok(Ask { fields: vec![until], ..ask })
}

async fn do_reactivate(of: &Oneself, _: &Client, slug: &str, sent: &Fields) -> Result<String> {
    let until = end_of(sent, "until")?;
    if until.is_some_and(|until| until <= platform(of).now_us()) {
        return Err(Error::invalid("until", "is over already").into());
    }
    set(of, slug, Some((State::Active, until)), "reactivated").await
}
