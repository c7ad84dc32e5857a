//! `/admin/`: what the installation lacks, and how companies and people stand.

use super::{days, platform, state_of};
use crate::http::{
    pages::{
        answer::page,
        frame,
        master::words,
        visit::{Oneself, Staffed},
        words::{many, number},
    },
    problem::Result,
};
use axum::response::Response;
use http::StatusCode;
use tenantry::{
    Check, ChecklistItem, Level,
    plans::{State, SubscriptionFilter},
    tenants,
    users::Only,
};
use tenantry_console::master::{Body, Button, Cell, Figure, Item, Section, Sheet, Table, Tone};

/// Renewals that are shown.
const RENEWALS: u32 = 8;
/// Days within which a renewal is soon.
const SOON_DAYS: u32 = 14;

/// `GET /admin/`.
pub(in crate::http) async fn show(Staffed(of): Staffed) -> Result<Response> {
    let mut items = platform(&of).checklist().list(&of.actor).await?;
    items.sort_by_key(|item| item.level);
    let line = |item: &ChecklistItem| line(&of, item);
    let open: Vec<_> = items.iter().filter(|item| !item.done).map(line).collect();
    let done: Vec<_> = items.iter().filter(|item| item.done).map(line).collect();
    let lead = match open.len() {
        0 => "Nothing is missing.".to_owned(),
        n => format!(
            "{} before people work with it.",
            many(n as u64, "thing is missing", "things are missing")
        ),
    };
    let checklist = match open.is_empty() {
        true => Body::Nothing(
            "circle-check",
            "Everything is set up".into(),
            "Plans, shared data, mail, backups and accounts are as they should be.".into(),
        ),
        false => Body::List(open),
    };
    let mut sections = vec![
        Section::new("figures", "", Body::Figures(figures(&of).await?)),
        Section::new("checklist", "What is missing", checklist),
        renewals(&of).await?,
    ];
    if !done.is_empty() {
        sections.push(Section::new("done", "Done", Body::List(done)).side());
    }
    let frame = frame::of_staff(&of, "Overview");
    let sheet = Sheet {
        frame: &frame,
        back: None,
        lead,
        tags: vec![],
        buttons: vec![Button::new("Create a company", "/master-admin/companies/create/", "plus").primary()],
        sections,
    };
    Ok(page(StatusCode::OK, &sheet))
}

async fn figures(of: &Oneself) -> Result<Vec<Figure>> {
    let figures = platform(of).tenants().figures().await?;
    let of_state =
        |state: State| figures.subscriptions.iter().find(|(s, _)| *s == state).map_or(0, |(_, n)| *n);
    let figure = |count: u64, label: &str, href: &str, tone| Figure {
        number: number(count),
        label: label.to_owned(),
        href: href.to_owned(),
        tone,
    };
    let warn = |count: u64| if count > 0 { Tone::Warn } else { Tone::Plain };
    let active = figures.in_state(tenants::State::Active);
    let late = of_state(State::PastDue);
    let ended = of_state(State::Expired);
    let locked = platform(of).users().count(&of.actor, Only::Locked).await?;
    Ok(vec![
        figure(active, "Active companies", "/admin/companies/?state=active", Tone::Plain),
        figure(of_state(State::Trial), "In their trial", "/admin/subscriptions/?state=trial", Tone::Plain),
        figure(late, "Payments late", "/admin/subscriptions/?state=past_due", warn(late)),
        figure(ended, "Subscriptions ended", "/admin/subscriptions/?state=expired", warn(ended)),
        figure(figures.users, "People", "/admin/users/", Tone::Plain),
        figure(locked, "Locked out", "/admin/users/?only=locked", warn(locked)),
    ])
}

/// Returns the subscriptions that end next.
async fn renewals(of: &Oneself) -> Result<Section> {
    let filter = SubscriptionFilter {
        within_days: Some(SOON_DAYS),
        live: true,
        limit: RENEWALS,
        ..SubscriptionFilter::default()
    };
    let soon = platform(of).plans().subscriptions(&of.actor, &filter).await?;
    let row = |one: tenantry::plans::ListedSubscription| {
        vec![
            Cell::link(&one.name, format!("/admin/subscriptions/{}/", one.slug)),
            Cell::text(&one.plan),
            state_of(one.state),
            words::maybe_at(one.ends_at_us).small(days(one.days_remaining)),
        ]
    };
    let rows: Vec<_> = soon.into_iter().map(row).collect();
    let body = match rows.is_empty() {
        true => Body::Nothing(
            "calendar",
            "Nothing ends soon".into(),
            "No trial or paid period ends within two weeks.".into(),
        ),
        false => Body::Table(Table::new(&["Company", "Plan", "State", "Ends"], rows)),
    };
    let all = Button::new("All", "/admin/subscriptions/", "arrow-right");
    Ok(Section::new("renewals", "Ending soon", body).buttons(vec![all]))
}

fn line(of: &Oneself, item: &ChecklistItem) -> Item {
    let (text, small, button) = said(of, item);
    let tone = match (item.done, item.level) {
        (true, _) => Tone::Good,
        (false, Level::Bad) => Tone::Bad,
        (false, Level::Warn) => Tone::Warn,
        (false, Level::Note) => Tone::Plain,
    };
    let button = button.filter(|_| !item.done);
    let small = if item.done { String::new() } else { small };
    let button = button.map(|(text, href)| Button::new(text, href, "arrow-right"));
    Item { tone, text, href: String::new(), small, button }
}

type Said = (String, String, Option<(&'static str, String)>);

/// Returns what a line says, what it means, and where it is mended.
fn said(of: &Oneself, item: &ChecklistItem) -> Said {
    match item.check {
        Check::Plans | Check::DefaultPlan | Check::SharedData | Check::FirstTenant => said_of_offer(of, item),
        _ => said_of_operation(item),
    }
}

fn pick(item: &ChecklistItem, yes: &str, no: &str) -> String {
    if item.done { yes.to_owned() } else { no.to_owned() }
}

fn setting(name: &str) -> String {
    format!("Set {name} in tenantry.toml, then restart the servers.")
}

/// Says what companies need before they come: plans, shared data.
fn said_of_offer(of: &Oneself, item: &ChecklistItem) -> Said {
    let detail = item.detail.as_deref().unwrap_or_default();
    let label = || {
        let models = platform(of).models();
        models.iter().find(|model| model.name.as_str() == detail).map_or(detail.into(), |m| m.label.clone())
    };
    match item.check {
        Check::Plans => (
            pick(item, "There are plans on offer", "There is no plan"),
            "Nobody can register without one. Add a plan, or run: tenantry plan init".into(),
            Some(("Add a plan", "/admin/plans/add/".into())),
        ),
        Check::DefaultPlan => (
            pick(
                item,
                "New companies have a plan to begin on",
                &format!("The plan {detail} of new companies is not on offer"),
            ),
            setting("registration.default_plan") + " Or offer the plan again.",
            Some(("Plans", "/admin/plans/".into())),
        ),
        Check::SharedData if detail.contains(':') => (
            format!("Shared records cannot be read: {detail}"),
            item.remedy.clone().unwrap_or_default(),
            None,
        ),
        Check::SharedData => (
            pick(
                item,
                &format!("{}: there are records", label()),
                &format!("{}: no shared records yet", label()),
            ),
            "Companies cannot choose any. Add them, or import a CSV file.".into(),
            Some(("Import", format!("/admin/data/{detail}/import/"))),
        ),
        _ => (
            pick(item, "There are companies", "There is no company yet"),
            "Create the first one, or let it register.".into(),
            Some(("Create a company", "/master-admin/companies/create/".into())),
        ),
    }
}

/// Says what the servers and the accounts of staff need.
fn said_of_operation(item: &ChecklistItem) -> Said {
    let n = item.count;
    match item.check {
        Check::Mail => (
            pick(item, "Letters go to a mail server", "Letters are only written to files"),
            setting("mail.smtp"),
            Some(("Letters", "/admin/letters/".into())),
        ),
        Check::BackupSchedule => (
            pick(item, "Backups have a schedule", "No backup is made by itself"),
            setting("[[backups.schedules]]"),
            Some(("Backups", "/master-admin/backups/".into())),
        ),
        Check::Https => (
            pick(item, "Browsers use https, or are on this host", "Browsers use plain http"),
            setting("platform.https = true"),
            None,
        ),
        Check::DemoPasswords => (
            pick(
                item,
                "No account has the password of the demo",
                &format!("{} the password of the demo", many(n, "account has", "accounts have")),
            ),
            "Anybody can read it. Set other passwords, or close these accounts.".into(),
            Some(("People", "/admin/users/?only=staff".into())),
        ),
        Check::SecondSuperuser => (
            pick(item, "More than one superuser can sign in", "Only one superuser can sign in"),
            "If that person loses access, nobody can give it back here.".into(),
            Some(("Add a person", "/admin/users/add/".into())),
        ),
        _ => (
            pick(
                item,
                "The addresses of all people are proven",
                &format!("{} not proven", many(n, "address is", "addresses are")),
            ),
            "Letters to them may reach another person. Each person confirms their own on the account page."
                .into(),
            Some(("Show them", "/admin/users/?only=unconfirmed".into())),
        ),
    }
}
