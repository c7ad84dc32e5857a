//! `/admin/`: setup that the installation still needs, and figures of companies and users.

use super::{days, platform, state_of};
use crate::http::{
    pages::{
        answer::page,
        frame,
        master::words,
        visit::{Oneself, Staffed},
        words::Words,
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

/// Largest number of renewals on the page.
const RENEWALS: u32 = 8;
/// Number of days before the end of a subscription from which its renewal counts as soon.
const SOON_DAYS: u32 = 14;

/// `GET /admin/`.
pub(in crate::http) async fn show(Staffed(of): Staffed) -> Result<Response> {
    let words = &of.visit.words;
    let mut items = platform(&of).checklist().list(&of.actor).await?;
    items.sort_by_key(|item| item.level);
    let line = |item: &ChecklistItem| line(&of, item);
    let open: Vec<_> = items.iter().filter(|item| !item.done).map(line).collect();
    let done: Vec<_> = items.iter().filter(|item| item.done).map(line).collect();
    let lead = match open.len() {
        0 => words.say("admin-nothing-missing").to_owned(),
        count => words.text("admin-missing").with("count", count).into(),
    };
    let checklist = match open.is_empty() {
        true => Body::Nothing(
            "circle-check",
            words.say("everything-is-set-up").into(),
            words.say("checklist-done-help").into(),
        ),
        false => Body::List(open),
    };
    let mut sections = vec![
        Section::new("figures", "", Body::Figures(figures(&of).await?)),
        Section::new("checklist", words.say("what-is-missing"), checklist),
        renewals(&of).await?,
    ];
    if !done.is_empty() {
        sections.push(Section::new("done", words.say("done"), Body::List(done)).side());
    }
    let frame = frame::of_staff(&of, words.say("overview"));
    let sheet = Sheet {
        frame: &frame,
        back: None,
        lead,
        tags: vec![],
        buttons: vec![
            Button::new(words.say("create-a-company"), "/master-admin/companies/create/", "plus").primary(),
        ],
        sections,
    };
    Ok(page(StatusCode::OK, &sheet))
}

async fn figures(of: &Oneself) -> Result<Vec<Figure>> {
    let words = &of.visit.words;
    let figures = platform(of).tenants().figures().await?;
    let of_state =
        |state: State| figures.subscriptions.iter().find(|(s, _)| *s == state).map_or(0, |(_, n)| *n);
    let figure = |count: u64, label: &'static str, href: &str, tone| Figure {
        number: words.number(count),
        label: words.say(label).to_owned(),
        href: href.to_owned(),
        tone,
    };
    let warn = |count: u64| if count > 0 { Tone::Warn } else { Tone::Plain };
    let active = figures.in_state(tenants::State::Active);
    let late = of_state(State::PastDue);
    let ended = of_state(State::Expired);
    let locked = platform(of).users().count(&of.actor, Only::Locked).await?;
    Ok(vec![
        figure(active, "active-companies", "/admin/companies/?state=active", Tone::Plain),
        figure(of_state(State::Trial), "in-their-trial", "/admin/subscriptions/?state=trial", Tone::Plain),
        figure(late, "payments-late", "/admin/subscriptions/?state=past_due", warn(late)),
        figure(ended, "subscriptions-ended", "/admin/subscriptions/?state=expired", warn(ended)),
        figure(figures.users, "people", "/admin/users/", Tone::Plain),
        figure(locked, "locked-out", "/admin/users/?only=locked", warn(locked)),
    ])
}

/// Returns the section of the subscriptions that end next.
async fn renewals(of: &Oneself) -> Result<Section> {
    let words = &of.visit.words;
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
            Cell::text(words.plan(&one.plan, &one.plan)),
            state_of(words, one.state),
            words::maybe_at(words, one.ends_at_us).small(days(words, one.days_remaining)),
        ]
    };
    let rows: Vec<_> = soon.into_iter().map(row).collect();
    let body = match rows.is_empty() {
        true => Body::Nothing(
            "calendar",
            words.say("nothing-ends-soon").into(),
            words.say("renewals-none").into(),
        ),
        false => Body::Table(Table::new(&words.each(["company", "plan", "state", "ends"]), rows)),
    };
    let all = Button::new(words.say("all"), "/admin/subscriptions/", "arrow-right");
    Ok(Section::new("renewals", words.say("ending-soon"), body).buttons(vec![all]))
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
    let button = button.map(|(id, href)| Button::new(of.visit.say(id), href, "arrow-right"));
    Item { tone, text, href: String::new(), small, button }
}

/// What an item of the checklist says, what it means, and where it is mended: id of the link's text, and address.
type Said = (String, String, Option<(&'static str, String)>);

/// Returns what an item of the checklist says, what it means, and where it is mended.
fn said(of: &Oneself, item: &ChecklistItem) -> Said {
    match item.check {
        Check::Plans | Check::DefaultPlan | Check::SharedData | Check::FirstTenant => said_of_offer(of, item),
        _ => said_of_operation(&of.visit.words, item),
    }
}

fn pick(words: &Words, item: &ChecklistItem, yes: &'static str, no: &'static str) -> String {
    words.say(if item.done { yes } else { no }).to_owned()
}

fn setting(words: &Words, name: &str) -> String {
    words.text("check-setting").with("name", name).into()
}

/// Describes the items that companies need before they register: plans, shared data.
fn said_of_offer(of: &Oneself, item: &ChecklistItem) -> Said {
    let words = &of.visit.words;
    let detail = item.detail.as_deref().unwrap_or_default();
    let label = || words.model(detail);
    match item.check {
        Check::Plans => (
            pick(words, item, "check-plans", "check-no-plan"),
            words.text("check-no-plan-help").with("command", "tenantry plan init").into(),
            Some(("add-a-plan", "/admin/plans/add/".into())),
        ),
        Check::DefaultPlan => (
            match item.done {
                true => words.say("check-default-plan").into(),
                false => words.text("check-no-default-plan").with("plan", detail).into(),
            },
            format!(
                "{} {}",
                setting(words, "registration.default_plan"),
                words.say("check-no-default-plan-help")
            ),
            Some(("plans", "/admin/plans/".into())),
        ),
        Check::SharedData if detail.contains(':') => (
            words.text("check-shared-unreadable").with("detail", detail).into(),
            item.remedy.as_deref().map(|remedy| words.known(remedy)).unwrap_or_default(),
            None,
        ),
        Check::SharedData => (
            match item.done {
                true => words.text("check-shared").with("label", label()).into(),
                false => words.text("check-no-shared").with("label", label()).into(),
            },
            words.say("check-no-shared-help").into(),
            Some(("import", format!("/admin/data/{detail}/import/"))),
        ),
        _ => (
            pick(words, item, "check-companies", "check-no-company"),
            words.say("check-no-company-help").into(),
            Some(("create-a-company", "/master-admin/companies/create/".into())),
        ),
    }
}

/// Describes the items about servers and the accounts of staff.
fn said_of_operation(words: &Words, item: &ChecklistItem) -> Said {
    let n = item.count;
    match item.check {
        Check::Mail => (
            pick(words, item, "check-mail", "check-no-mail"),
            setting(words, "mail.smtp"),
            Some(("sent-letters", "/admin/letters/".into())),
        ),
        Check::BackupSchedule => (
            pick(words, item, "check-backups", "check-no-backups"),
            setting(words, "[[backups.schedules]]"),
            Some(("backups", "/master-admin/backups/".into())),
        ),
        Check::Https => (
            pick(words, item, "check-https", "check-no-https"),
            setting(words, "platform.https = true"),
            None,
        ),
        Check::DemoPasswords => (
            match item.done {
                true => words.say("check-passwords").into(),
                false => words.text("check-demo-passwords").with("count", n).into(),
            },
            words.say("check-demo-passwords-help").into(),
            Some(("people", "/admin/users/?only=staff".into())),
        ),
        Check::SecondSuperuser => (
            pick(words, item, "check-superusers", "check-one-superuser"),
            words.say("check-one-superuser-help").into(),
            Some(("add-a-person", "/admin/users/add/".into())),
        ),
        _ => (
            match item.done {
                true => words.say("check-addresses").into(),
                false => words.text("check-unproven").with("count", n).into(),
            },
            words.say("check-unproven-help").into(),
            Some(("show-them", "/admin/users/?only=unconfirmed".into())),
        ),
    }
}
