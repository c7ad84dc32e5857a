//! `/master-admin/backups/`: schedules, drills, runs, and the newest backups of all companies.

use super::words;
use crate::http::{
    App,
    pages::{
        answer::page,
        frame,
        visit::Staffed,
        words::{bytes, number},
    },
    problem::Result,
};
use axum::response::Response;
use http::StatusCode;
use tenantry::backups::{
    catalog::{Filter, Listed},
    drills::DrillStatus,
    runs::Run,
    status::{ScheduleStatus, Status},
};
use tenantry_console::master::{Body, Button, Cell, Figure, Section, Sheet, Table, Tone};

/// Backups and runs that are shown.
const SHOWN: u32 = 25;

/// `GET /master-admin/backups/`.
pub(in crate::http) async fn show(app: App, Staffed(of): Staffed) -> Result<Response> {
    let backups = app.platform().backups();
    let (status, runs) = (backups.status().await?, backups.runs(SHOWN).await?);
    let newest = backups.list(&Filter { limit: SHOWN, ..Filter::default() }).await?;
    let frame = frame::of_operator(&of, "Backups");
    let place = match status.inside_data_dir {
        true => "They are inside the data directory: a lost disk takes them with it.",
        false => "",
    };
    let oldest =
        Button::new("Companies by last backup", "/master-admin/companies/?sort=backup", "building-2");
    let sheet = Sheet {
        frame: &frame,
        back: None,
        lead: format!("Stored in {}. {place}", status.target),
        tags: vec![],
        buttons: vec![oldest],
        sections: vec![
            Section::new("figures", "", Body::Figures(figures(&status))),
            Section::new("schedules", "Schedules", schedules(&status.schedules)),
            Section::new("drill", "Restore drill", Body::Facts(drill(&status.drill))),
            Section::new("newest", "Newest backups", newest_of(newest)),
            Section::new("runs", "Runs over many companies", runs_of(runs)),
        ],
    };
    Ok(page(StatusCode::OK, &sheet))
}

fn figures(status: &Status) -> Vec<Figure> {
    let figure = |number: String, label: &str, href: &str, tone| Figure {
        number,
        label: label.to_owned(),
        href: href.to_owned(),
        tone,
    };
    let bad = |count: u64, tone| if count > 0 { tone } else { Tone::Plain };
    vec![
        figure(number(status.good), "Good backups", "", Tone::Plain),
        figure(bytes(status.stored_bytes), "Stored", "", Tone::Plain),
        figure(
            number(status.tenants_without),
            "Companies without one",
            "/master-admin/companies/?without_backup=true",
            bad(status.tenants_without, Tone::Warn),
        ),
        figure(number(status.failed_day), "Failed in the last day", "", bad(status.failed_day, Tone::Warn)),
        figure(number(status.damaged), "Damaged", "", bad(status.damaged, Tone::Bad)),
    ]
}

fn schedules(schedules: &[ScheduleStatus]) -> Body {
    if schedules.is_empty() {
        let text = "Add [[backups.schedules]] to the configuration.".into();
        return Body::Nothing("clock", "No schedule".into(), text);
    }
    let row = |schedule: &ScheduleStatus| {
        vec![
            Cell::text(&schedule.name),
            match schedule.overdue {
                true => Cell::tag("Overdue", Tone::Bad),
                false => Cell::tag("On time", Tone::Good),
            },
            Cell::text(&schedule.cron),
            words::maybe_at(schedule.good_us),
            words::maybe_at(schedule.next_us),
        ]
    };
    let head = ["Schedule", "State", "Times", "Last complete", "Next"];
    Body::Table(Table::new(&head, schedules.iter().map(row).collect()))
}

fn drill(drill: &DrillStatus) -> Vec<(String, Cell)> {
    let state = match (&drill.error, drill.overdue, drill.good_us) {
        (Some(error), ..) => Cell::tag("Failed", Tone::Bad).small(error),
        (None, true, _) => Cell::tag("Overdue", Tone::Warn),
        (None, false, Some(_)) => Cell::tag("The last one succeeded", Tone::Good),
        (None, false, None) => Cell::text("No drill yet"),
    };
    let facts = [
        ("State", state),
        ("Times", Cell::text(drill.cron.clone().unwrap_or_default())),
        ("Last success", words::maybe_at(drill.good_us)),
        ("Next", words::maybe_at(drill.next_us)),
    ];
    facts.into_iter().map(|(name, cell)| (name.to_owned(), cell)).collect()
}

fn newest_of(listed: Vec<Listed>) -> Body {
    if listed.is_empty() {
        return Body::Nothing("archive", "No backup yet".into(), "Open a company and back it up.".into());
    }
    let row = |backup: Listed| {
        let company = backup.slug.as_ref().map_or_else(
            || Cell::text("The platform itself"),
            |slug| Cell::link(slug.as_str(), format!("/master-admin/companies/{slug}/")),
        );
        vec![
            company,
            words::backup(backup.state).small(backup.error.unwrap_or_default()),
            words::at(backup.at_us),
            Cell::number(number(backup.rows)),
            Cell::number(bytes(backup.stored_bytes)),
            words::maybe_at(backup.verified_at_us),
            Cell::text(backup.by),
        ]
    };
    let head = ["Company", "State", "Taken", "Rows", "Size", "Verified", "By"];
    Body::Table(Table::new(&head, listed.into_iter().map(row).collect()))
}

fn runs_of(runs: Vec<Run>) -> Body {
    if runs.is_empty() {
        return Body::Nothing("clock", "No run yet".into(), "Schedules start them.".into());
    }
    let row = |run: Run| {
        vec![
            words::at(run.started_at_us),
            Cell::text(run.schedule.unwrap_or_else(|| "By hand".into())),
            words::maybe_at(run.finished_at_us),
            Cell::number(number(run.good)),
            match run.failed {
                0 => Cell::number("0"),
                failed => Cell::tag(number(failed), Tone::Bad),
            },
        ]
    };
    let head = ["Started", "Schedule", "Ended", "Good", "Failed"];
    Body::Table(Table::new(&head, runs.into_iter().map(row).collect()))
}
