//! `/master-admin/`: what needs an operator, and the fleet in figures.

use super::words;
use crate::http::{
    App,
    pages::{
        answer::page,
        frame,
        visit::Staffed,
        words::{bytes, instant, many, number},
    },
    problem::Result,
};
use axum::response::Response;
use http::StatusCode;
use tenantry::{
    Level, Need, Trouble, counted,
    operations::Filter,
    tenants::{Figures, State},
};
use tenantry_console::master::{Body, Button, Cell, Figure, Item, Section, Sheet, Tone};

/// `GET /master-admin/`.
pub(in crate::http) async fn show(app: App, Staffed(of): Staffed) -> Result<Response> {
    let platform = app.platform();
    let figures = platform.tenants().figures().await?;
    let needs = platform.attention().list(&of.actor).await?;
    let running = platform.operations().list(&Filter { open: true, limit: 20, ..Filter::default() }).await?;
    let urgent = needs.iter().filter(|need| need.level != Level::Note).count();
    let needs: Vec<_> = needs.iter().map(item).collect();
    let attention = match needs.is_empty() {
        true => Body::Nothing(
            "circle-check",
            "All is well".into(),
            "Backups, schemas, operations, disks and servers are as they should be.".into(),
        ),
        false => Body::List(needs),
    };
    let running: Vec<_> = running
        .iter()
        .map(|one| Item {
            tone: if one.stuck { Tone::Bad } else { Tone::Plain },
            text: one.what.clone(),
            href: format!("/master-admin/operations/{}/", one.id),
            small: words::operation(one).text,
            button: None,
        })
        .collect();
    let mut sections = vec![
        Section::new("figures", "", Body::Figures(counts(&figures))),
        Section::new("attention", "Needs attention", attention),
    ];
    if !running.is_empty() {
        sections.push(Section::new("running", "Running now", Body::List(running)).side());
    }
    sections.push(Section::new("servers", "Servers", Body::Facts(servers(&app, &figures))).side());
    let frame = frame::of_operator(&of, "Overview");
    let sheet = Sheet {
        frame: &frame,
        back: None,
        lead: match urgent {
            0 => "Nothing waits for an operator.".into(),
            n => format!("{} for an operator.", many(n as u64, "thing waits", "things wait")),
        },
        tags: vec![],
        buttons: vec![Button::new("Create a company", "/master-admin/companies/create/", "plus").primary()],
        sections,
    };
    Ok(page(StatusCode::OK, &sheet))
}

fn counts(figures: &Figures) -> Vec<Figure> {
    let of = |state: State, label: &str, tone| Figure {
        number: number(figures.in_state(state)),
        label: label.to_owned(),
        href: format!("/master-admin/companies/?state={}", state.as_str()),
        tone,
    };
    let mut all = vec![of(State::Active, "Active companies", Tone::Plain)];
    for (state, label) in [
        (State::Creating, "Being created"),
        (State::Suspended, "Suspended"),
        (State::Cancelled, "Closed"),
        (State::Purging, "Being purged"),
    ] {
        if figures.in_state(state) > 0 {
            all.push(of(state, label, Tone::Warn));
        }
    }
    let users = number(figures.users);
    all.push(Figure { number: users, label: "Accounts".into(), href: String::new(), tone: Tone::Plain });
    for (plan, count) in &figures.plans {
        all.push(Figure {
            number: number(*count),
            label: format!("On plan {plan}"),
            href: format!("/master-admin/companies/?plan={plan}"),
            tone: Tone::Plain,
        });
    }
    all
}

fn servers(app: &App, figures: &Figures) -> Vec<(String, Cell)> {
    let platform = app.platform();
    let (disks, reachable) = (platform.disks(), platform.reachable());
    let describe = |name: &str| {
        let databases = figures.servers.iter().find(|(known, _)| known == name).map_or(0, |(_, n)| *n);
        let free = disks.iter().find(|(known, ..)| known.as_str() == name);
        let free = free.map(|(_, free, _)| format!(", {} free", bytes(*free))).unwrap_or_default();
        let silent = reachable.iter().any(|(known, answers)| known.as_str() == name && !answers);
        let silent = if silent { ", does not answer" } else { "" };
        let href = format!("/master-admin/companies/?server={name}");
        Cell::link(counted(databases, "place"), href)
            .small(format!("{free}{silent}").trim_start_matches(", ").to_owned())
    };
    let servers = &platform.config().servers;
    servers.iter().map(|server| (server.name.to_string(), describe(server.name.as_str()))).collect()
}

/// Returns what is wrong in words, with the button that leads to the remedy.
fn item(need: &Need) -> Item {
    let (detail, n) = (need.detail.as_deref().unwrap_or_default(), need.count);
    let tenant = need.tenant.as_deref().unwrap_or_default();
    let since = need.at_us.map(|at| format!("last on {}", instant(at))).unwrap_or_else(|| "never yet".into());
    let at = need.at_us.map(instant).unwrap_or_default();
    let companies = |query: &str| format!("/master-admin/companies/?{query}");
    let of_tenant = |path: &str| format!("/master-admin/companies/{tenant}/{path}");
    let operation = format!("/master-admin/operations/{}/", need.operation.unwrap_or_default());
    let backups = || "/master-admin/companies/?sort=backup".to_owned();
    let (text, small, href, label): (String, String, String, &str) = match need.problem {
        Trouble::BackupOverdue => {
            (format!("Backups of schedule {detail} are overdue"), since, backups(), "Oldest backups")
        }
        Trouble::BackupsFailed => (
            format!("{} failed in the last day", counted(n, "backup")),
            String::new(),
            backups(),
            "Oldest backups",
        ),
        Trouble::BackupsDamaged => (
            format!("{} damaged", counted(n, "backup")),
            "Take new ones.".into(),
            backups(),
            "Oldest backups",
        ),
        Trouble::WithoutBackup => {
            let text = format!("{} no good backup", many(n, "company has", "companies have"));
            (text, String::new(), companies("without_backup=true"), "Show them")
        }
        Trouble::Drill if detail.is_empty() => {
            ("The restore drill is overdue".into(), since, backups(), "Oldest backups")
        }
        Trouble::Drill => {
            ("The last restore drill failed".into(), detail.into(), backups(), "Oldest backups")
        }
        Trouble::SchemaBehind => (
            format!("{} behind the apps", many(n, "database is", "databases are")),
            "Their requests are refused until they are migrated.".into(),
            companies("behind=true"),
            "Show them",
        ),
        Trouble::SchemaAhead => (
            format!("{} migrated by newer apps", many(n, "database was", "databases were")),
            "Update the apps of this server.".into(),
            companies("behind=true"),
            "Show them",
        ),
        Trouble::SchemaRefused => (
            format!("A migration of store {detail} is refused"),
            format!("{} do not fit it. Run: tenantry check", counted(n, "row")),
            String::new(),
            "",
        ),
        Trouble::OperationStuck => (format!("Stuck: {detail}"), at, operation, "Decide"),
        Trouble::OperationFailed => (format!("Failed and undone: {detail}"), at, operation, "See why"),
        Trouble::Maintenance => (
            format!("{tenant} is closed for maintenance"),
            detail.into(),
            of_tenant("maintenance/"),
            "Open it",
        ),
        Trouble::Suspended => (
            format!("{} suspended", many(n, "company is", "companies are")),
            String::new(),
            companies("state=suspended"),
            "Show them",
        ),
        Trouble::ClosingSoon => (format!("{tenant} closes soon"), format!("on {at}"), of_tenant(""), "Look"),
        Trouble::PurgeDue => (
            format!("The retention of {} is over", many(n, "company", "companies")),
            String::new(),
            companies("state=cancelled"),
            "Show them",
        ),
        Trouble::Orphans => (
            format!("{} without a counterpart", many(n, "file or place is", "files or places are")),
            "Run: tenantry check".into(),
            String::new(),
            "",
        ),
        Trouble::DiskLow => (
            format!("The disk of server {detail} is nearly full"),
            format!("{} free", bytes(n)),
            String::new(),
            "",
        ),
        Trouble::Unreachable => (
            format!("Server {detail} does not answer"),
            "Requests of its companies are refused.".into(),
            companies(&format!("server={detail}")),
            "Show them",
        ),
        Trouble::Background => (
            format!("Background work fails: {detail}"),
            format!("{} in a row; see the log", counted(n, "time")),
            String::new(),
            "",
        ),
        Trouble::LettersFailed => (
            format!("{} could not be sent", counted(n, "letter")),
            "See GET /api/admin/mail?state=failed".into(),
            String::new(),
            "",
        ),
    };
    let button = (!href.is_empty()).then(|| Button::new(label, href, "arrow-right"));
    let tone = match need.level {
        Level::Bad => Tone::Bad,
        Level::Warn => Tone::Warn,
        Level::Note => Tone::Plain,
    };
    Item { tone, text, href: String::new(), small, button }
}
