//! `/master-admin/backups/`: schedules, drills, runs, and the newest backups of all companies.

mod acts;

pub(in crate::http) use acts::{
    ask_drill, ask_import, ask_prune, ask_rescan, ask_restore_as, ask_run, drill, import, prune, rescan,
    restore_as, run,
};

use super::{people::People, words};
use crate::http::{
    App,
    pages::{answer::page, frame, visit::Staffed, words::Words},
    problem::Result,
};
use axum::response::Response;
use http::StatusCode;
use tenantry::backups::{
    catalog::{Filter, Listed, State},
    drills::DrillStatus,
    runs::Run,
    status::{ScheduleStatus, Status},
};
use tenantry_console::master::{Body, Button, Cell, Figure, Section, Sheet, Table, Tone};

/// Number of backups and of runs that are shown.
const SHOWN: u32 = 25;

/// `GET /master-admin/backups/`.
pub(in crate::http) async fn show(app: App, Staffed(of): Staffed) -> Result<Response> {
    let (backups, words) = (app.platform().backups(), &of.visit.words);
    let (status, runs) = (backups.status().await?, backups.runs(SHOWN).await?);
    let newest = backups.list(&Filter { limit: SHOWN, ..Filter::default() }).await?;
    let people = People::of(&of, &newest.iter().map(|backup| backup.by.as_str()).collect::<Vec<_>>()).await?;
    let frame = frame::of_operator(&of, words.say("backups"));
    let place = match status.inside_data_dir {
        true => words.say("backups-inside-data-dir"),
        false => "",
    };
    let lead = words.text("backups-stored-in").with("target", &status.target);
    let oldest = Button::new(
        words.say("companies-by-last-backup"),
        "/master-admin/companies/?sort=backup",
        "building-2",
    );
    let sheet = Sheet {
        frame: &frame,
        back: None,
        lead: format!("{lead} {place}"),
        tags: vec![],
        buttons: buttons(words, of.actor.is_superuser(), oldest),
        sections: vec![
            Section::new("figures", "", Body::Figures(figures(words, &status))),
            Section::new("schedules", words.say("schedules"), schedules(words, &status.schedules)),
            Section::new("drill", words.say("restore-drill"), Body::Facts(drill_facts(words, &status.drill))),
            Section::new("newest", words.say("newest-backups"), newest_of(words, &people, newest)),
            Section::new("runs", words.say("backup-runs"), runs_of(words, runs)),
        ],
    };
    Ok(page(StatusCode::OK, &sheet))
}

/// Returns the actions on all backups.
fn buttons(words: &Words, is_superuser: bool, oldest: Button) -> Vec<Button> {
    let to = |text: &'static str, act: &str, icon| {
        Button::new(words.say(text), format!("/master-admin/backups/{act}/"), icon)
    };
    let mut all = vec![to("back-up-all", "run", "archive").primary()];
    if is_superuser {
        all.push(to("restore-drill", "drill", "rotate-ccw"));
    }
    all.extend([to("prune", "prune", "trash-2"), to("rescan", "rescan", "search"), oldest]);
    all
}

fn figures(words: &Words, status: &Status) -> Vec<Figure> {
    let figure = |number: String, label: &str, href: &str, tone| Figure {
        number,
        label: label.to_owned(),
        href: href.to_owned(),
        tone,
    };
    let bad = |count: u64, tone| if count > 0 { tone } else { Tone::Plain };
    vec![
        figure(words.number(status.good), words.say("good-backups"), "", Tone::Plain),
        figure(words.bytes(status.stored_bytes), words.say("stored"), "", Tone::Plain),
        figure(
            words.number(status.tenants_without),
            words.say("without-a-backup"),
            "/master-admin/companies/?without_backup=true",
            bad(status.tenants_without, Tone::Warn),
        ),
        figure(
            words.number(status.failed_day),
            words.say("failed-last-day"),
            "",
            bad(status.failed_day, Tone::Warn),
        ),
        figure(words.number(status.damaged), words.say("backup-damaged"), "", bad(status.damaged, Tone::Bad)),
    ]
}

fn schedules(words: &Words, schedules: &[ScheduleStatus]) -> Body {
    if schedules.is_empty() {
        let text = words.say("schedules-add").into();
        return Body::Nothing("clock", words.say("no-schedule").into(), text);
    }
    let row = |schedule: &ScheduleStatus| {
        vec![
            Cell::text(&schedule.name),
            match schedule.overdue {
                true => Cell::tag(words.say("overdue"), Tone::Bad),
                false => Cell::tag(words.say("on-time"), Tone::Good),
            },
            Cell::text(&schedule.cron),
            words::maybe_at(words, schedule.good_us),
            words::maybe_at(words, schedule.next_us),
        ]
    };
    let head = words.each(["schedule", "state", "times", "last-complete", "next"]);
    Body::Table(Table::new(&head, schedules.iter().map(row).collect()))
}

fn drill_facts(words: &Words, drill: &DrillStatus) -> Vec<(String, Cell)> {
    let state = match (&drill.error, drill.overdue, drill.good_us) {
        (Some(error), ..) => Cell::tag(words.say("backup-failed"), Tone::Bad).small(error),
        (None, true, _) => Cell::tag(words.say("overdue"), Tone::Warn),
        (None, false, Some(_)) => Cell::tag(words.say("drill-succeeded"), Tone::Good),
        (None, false, None) => Cell::text(words.say("no-drill-yet")),
    };
    let facts = [
        (words.say("state"), state),
        (words.say("times"), Cell::text(drill.cron.clone().unwrap_or_default())),
        (words.say("last-success"), words::maybe_at(words, drill.good_us)),
        (words.say("next"), words::maybe_at(words, drill.next_us)),
    ];
    facts.into_iter().map(|(name, cell)| (name.to_owned(), cell)).collect()
}

fn newest_of(words: &Words, people: &People, listed: Vec<Listed>) -> Body {
    if listed.is_empty() {
        return Body::Nothing(
            "archive",
            words.say("no-backup-yet").into(),
            words.say("backups-open-one").into(),
        );
    }
    let row = |backup: Listed| {
        let company = backup.slug.as_ref().map_or_else(
            || Cell::text(words.say("the-platform-itself")),
            |slug| Cell::link(slug.as_str(), format!("/master-admin/companies/{slug}/")),
        );
        let is_whole = backup.state == State::Good && backup.slug.is_some();
        let new = match is_whole {
            true => Cell::link(
                words.say("as-a-new-company"),
                format!("/master-admin/backups/{}/restore-as/", backup.id),
            ),
            false => Cell::default(),
        };
        vec![
            company,
            words::backup(words, backup.state).small(backup.error.unwrap_or_default()),
            words::at(words, backup.at_us),
            Cell::number(words.number(backup.rows)),
            Cell::number(words.bytes(backup.stored_bytes)),
            words::maybe_at(words, backup.verified_at_us),
            new,
            Cell::text(people.name(&backup.by)),
        ]
    };
    let head = words.each(["company", "state", "taken", "rows", "size", "verified", "api-restore", "by"]);
    Body::Table(Table::new(&head, listed.into_iter().map(row).collect()))
}

fn runs_of(words: &Words, runs: Vec<Run>) -> Body {
    if runs.is_empty() {
        return Body::Nothing(
            "clock",
            words.say("no-run-yet").into(),
            words.say("schedules-start-them").into(),
        );
    }
    let row = |run: Run| {
        vec![
            words::at(words, run.started_at_us),
            Cell::text(run.schedule.unwrap_or_else(|| words.say("backup-by-hand").into())),
            words::maybe_at(words, run.finished_at_us),
            Cell::number(words.number(run.good)),
            match run.failed {
                0 => Cell::number("0"),
                failed => Cell::tag(words.number(failed), Tone::Bad),
            },
        ]
    };
    let head = words.each(["started", "schedule", "ended", "backup-good", "backup-failed"]);
    Body::Table(Table::new(&head, runs.into_iter().map(row).collect()))
}
