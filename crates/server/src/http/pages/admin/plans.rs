//! `/admin/plans/`: plans with their limits and the number of their companies; add, change, archive.

use super::{is_on, keyed, platform};
use crate::http::{
    admin,
    pages::{
        answer::{page, see},
        frame,
        master::form::Ask,
        visit::{Fields, Oneself, Sent, Staffed, query},
        words::Words,
    },
    problem::{FieldProblem, Problem, Result},
    scope::Client,
};
use axum::{extract::Path, response::Response};
use http::StatusCode;
use std::collections::BTreeSet;
use tenantry::{
    Error,
    config::ServerLabels,
    plans::{Limits, Plan, PlanChange, PlanSpec},
};
use tenantry_console::{
    Face, Notice,
    master::{Body, Button, Cell, Field, Kind, Note, Section, Sheet, Table, Tone},
};

const PATH: &str = "/admin/plans/";
const MIB: u64 = 1 << 20;

/// `GET /admin/plans/`.
pub(in crate::http) async fn list(Staffed(of): Staffed) -> Result<Response> {
    let words = &of.visit.words;
    let plans = platform(&of).plans().list().await?;
    let plans = admin::counted_plans(&of.visit.app, &of.actor, plans).await?;
    let row = |of: &crate::wire::plan::StaffPlan| {
        let plan = &of.plan;
        vec![
            Cell::link(&plan.name, format!("{PATH}{}/", plan.code)).small(plan.code.clone()),
            Cell::text(&plan.price),
            Cell::text(trial(words, plan.trial_days)),
            Cell {
                is_number: true,
                ..Cell::link(words.number(of.tenants), format!("/admin/companies/?plan={}", plan.code))
            },
            tag(words, of.archived, plan.self_service),
            Cell::text(words.say(if of.kept { "nav-staff" } else { "configuration" })),
        ]
    };
    let body = match plans.is_empty() {
        true => Body::Nothing(
            "credit-card",
            words.say("plans-none").into(),
            words.text("plans-none-help").with("command", "tenantry plan init").into(),
        ),
        false => Body::Table(Table::new(
            &words.each(["plan", "price", "trial", "companies", "state", "set-by"]),
            plans.iter().map(row).collect(),
        )),
    };
    let mut frame = frame::of_staff(&of, words.say("plans"));
    frame.notice = done(words, query(&of.visit.query).get("_done"));
    let sheet = Sheet {
        frame: &frame,
        back: None,
        lead: words.say("plans-lead").into(),
        tags: vec![],
        buttons: vec![Button::new(words.say("add-a-plan"), "/admin/plans/add/", "plus").primary()],
        sections: vec![Section::new("list", "", body)],
    };
    Ok(page(StatusCode::OK, &sheet))
}

fn done(words: &Words, what: &str) -> Option<Notice> {
    Some(Notice::done(words.say(match what {
        "added" => "done-plan-added",
        "changed" => "done-plan-changed",
        "archived" => "done-plan-archived",
        "offered" => "done-plan-offered",
        "reset" => "done-plan-reset",
        _ => return None,
    })))
}

/// Returns the length of a trial in words.
fn trial(words: &Words, days: u32) -> String {
    match days {
        0 => words.say("value-none").into(),
        days => words.text("days-count").with("count", days).into(),
    }
}

fn tag(words: &Words, archived: bool, self_service: bool) -> Cell {
    match (archived, self_service) {
        (true, _) => Cell::tag(words.say("archived"), Tone::Warn),
        (false, true) => Cell::tag(words.say("on-offer"), Tone::Good),
        (false, false) => Cell::tag(words.say("given-by-staff"), Tone::Plain),
    }
}

pub(super) async fn found(of: &Oneself, code: &str) -> Result<Plan> {
    let plans = platform(of).plans().list().await?;
    plans.into_iter().find(|plan| plan.spec.code == code).ok_or_else(|| Error::NotFound("plan").into())
}

/// `GET /admin/plans/{code}/`.
pub(in crate::http) async fn show(Staffed(of): Staffed, Path(code): Path<String>) -> Result<Response> {
    let words = &of.visit.words;
    let plan = found(&of, &code).await?;
    let counts = platform(&of).plans().counts(&of.actor).await?;
    let companies = counts.iter().find(|(known, _)| *known == code).map_or(0, |(_, n)| *n);
    let misplaced = platform(&of).moves().misplaced_on(&of.actor, &code).await?;
    let spec = &plan.spec;
    let limit = |value: Option<u64>| {
        Cell::text(value.map_or_else(|| words.say("no-limit").into(), |n| words.number(n)))
    };
    let size = |value: Option<u64>| {
        Cell::text(value.map_or_else(|| words.say("no-limit").into(), |n| words.bytes(n)))
    };
    let facts = [
        (words.say("price"), Cell::text(&spec.price)),
        (words.say("trial"), Cell::text(trial(words, spec.trial_days))),
        (
            words.say("companies-on-it"),
            Cell::link(words.number(companies), format!("/admin/companies/?plan={code}")),
        ),
        (words.say("set-by"), Cell::text(words.say(if plan.kept { "nav-staff" } else { "configuration" }))),
        (words.say("features"), Cell::text(spec.features.iter().cloned().collect::<Vec<_>>().join(", "))),
        (words.say("plan-servers"), Cell::text(spec.servers.to_string())),
        (
            words.say("plan-misplaced"),
            Cell::link(
                words.number(misplaced),
                format!("/master-admin/companies/?misplaced=true&plan={code}"),
            ),
        ),
    ];
    let limits = [
        (words.say("people"), limit(spec.limits.users)),
        (words.say("records"), limit(spec.limits.rows)),
        (words.say("database"), size(spec.limits.bytes)),
        (words.say("files"), size(spec.limits.file_bytes)),
        (words.say("requests-per-second"), limit(spec.limits.requests_per_second)),
        (words.say("requests-at-once"), limit(spec.limits.concurrency)),
    ];
    let named = |facts: &[(&str, Cell)]| -> Vec<(String, Cell)> {
        facts.iter().map(|(name, cell)| ((*name).to_owned(), cell.clone())).collect()
    };
    let at = |text: &'static str, act: &str, icon| Button::new(text, format!("{PATH}{code}/{act}/"), icon);
    let mut buttons = vec![at(words.say("change"), "edit", "pencil").primary()];
    buttons.push(match plan.archived {
        true => at(words.say("offer-again"), "archive", "undo-2"),
        false => at(words.say("archive"), "archive", "archive"),
    });
    if misplaced > 0 {
        buttons.push(at(words.say("plan-place"), "place", "truck"));
    }
    if plan.kept && platform(&of).config().plan(&code).is_some() {
        buttons.push(at(words.say("return-to-the-configuration"), "reset", "rotate-ccw"));
    }
    let mut frame = frame::of_staff(&of, &spec.name);
    frame.notice = done(words, query(&of.visit.query).get("_done"));
    let sheet = Sheet {
        frame: &frame,
        back: Some((PATH.into(), words.say("plans").into())),
        lead: code.clone(),
        tags: vec![tag(words, plan.archived, spec.self_service)],
        buttons,
        sections: vec![
            Section::new("plan", words.say("plan"), Body::Facts(named(&facts))),
            Section::new("limits", words.say("limits"), Body::Facts(named(&limits))),
        ],
    };
    Ok(page(StatusCode::OK, &sheet))
}

/// Returns the fields of a plan's form.
fn fields(words: &Words, spec: Option<&PlanSpec>) -> Vec<Field> {
    let limits = spec.map(|spec| spec.limits).unwrap_or_default();
    let number = |name, label: &'static str, value: Option<u64>| {
        Field::new(name, label, Kind::Number)
            .optional()
            .value(value.map(|n| n.to_string()).unwrap_or_default())
    };
    let size = |name, label: &'static str, value: Option<u64>| {
        number(name, label, value.map(|bytes| bytes / MIB)).help(words.say("in-mib-empty-no-limit"))
    };
    let text = |of: fn(&PlanSpec) -> String| spec.map(of).unwrap_or_default();
    let features = spec.map(|spec| spec.features.iter().cloned().collect::<Vec<_>>().join(", "));
    let is_offered = spec.is_none_or(|spec| spec.self_service);
    let mut all = vec![
        Field::new("name", words.say("name"), Kind::Text).value(text(|spec| spec.name.clone())),
        Field::new("price", words.say("price"), Kind::Text)
            .optional()
            .value(text(|spec| spec.price.clone()))
            .help(words.say("plan-price-help")),
        Field::new("trial_days", words.say("days-of-trial"), Kind::Number)
            .value(spec.map_or(14, |spec| spec.trial_days).to_string())
            .help(words.say("plan-trial-help")),
        number("users", words.say("people"), limits.users).help(words.say("empty-no-limit")),
        number("rows", words.say("records"), limits.rows).help(words.say("empty-no-limit")),
        size("bytes", words.say("database"), limits.bytes),
        size("file_bytes", words.say("files"), limits.file_bytes),
        number("requests_per_second", words.say("requests-per-second"), limits.requests_per_second)
            .help(words.say("empty-no-limit")),
        number("concurrency", words.say("requests-at-once"), limits.concurrency)
            .help(words.say("empty-no-limit")),
        Field::new("features", words.say("features"), Kind::Text)
            .optional()
            .value(features.unwrap_or_default())
            .help(words.say("plan-features-help")),
        Field::new("servers", words.say("plan-servers"), Kind::Text)
            .optional()
            .value(text(|spec| spec.servers.to_string()))
            .help(words.say("plan-servers-help")),
        Field::new("self_service", words.say("plan-self-service"), Kind::Check).value(if is_offered {
            "yes"
        } else {
            ""
        }),
    ];
    if spec.is_none() {
        let code = Field::new("code", words.say("code"), Kind::Text).help(words.say("plan-code-help"));
        all.insert(1, code);
    }
    all
}

/// Reads the fields of a plan. The form has sizes in MiB; a size that was not changed keeps its bytes.
fn read(sent: &Fields, code: &str, before: Limits) -> Result<PlanSpec> {
    let mut wrong = vec![];
    let mut number = |name: &'static str| match sent.filled(name).map(str::parse::<u64>) {
        None => None,
        Some(Ok(number)) => Some(number),
        Some(Err(_)) => {
            wrong.push(FieldProblem::new(name, "is no whole number"));
            None
        }
    };
    let size = |shown: Option<u64>, before: Option<u64>| match before {
        Some(bytes) if shown == Some(bytes / MIB) => Some(bytes),
        _ => shown.map(|mib| mib.saturating_mul(MIB)),
    };
    let limits = Limits {
        users: number("users"),
        rows: number("rows"),
        bytes: size(number("bytes"), before.bytes),
        file_bytes: size(number("file_bytes"), before.file_bytes),
        requests_per_second: number("requests_per_second"),
        concurrency: number("concurrency"),
    };
    let trial_days = number("trial_days").map_or(0, |days| u32::try_from(days).unwrap_or(u32::MAX));
    if !wrong.is_empty() {
        return Err(
            Problem::new(crate::http::problem::Code::Invalid, "A value is not allowed.").fields(wrong)
        );
    }
    let servers =
        sent.get("servers").parse::<ServerLabels>().map_err(|reason| Problem::field("servers", reason))?;
    let features = sent.get("features").split(',').map(str::trim).filter(|name| !name.is_empty());
    Ok(PlanSpec {
        code: code.to_owned(),
        name: sent.get("name").trim().to_owned(),
        trial_days,
        price: sent.get("price").trim().to_owned(),
        limits,
        features: features.map(str::to_owned).collect::<BTreeSet<_>>(),
        self_service: is_on(sent, "self_service"),
        servers,
    })
}

fn adding(words: &Words) -> Ask {
    Ask {
        title: words.say("add-a-plan").into(),
        face: Face::Staff,
        back: (PATH.into(), words.say("plans").into()),
        lead: words.say("plan-add-lead").into(),
        fields: fields(words, None),
        button: words.say("add-the-plan"),
        ..Ask::default()
    }
}

/// `GET /admin/plans/add/`.
pub(in crate::http) async fn add(Staffed(of): Staffed) -> Result<Response> {
    Ok(adding(&of.visit.words).show(&of))
}

/// `POST /admin/plans/add/`.
pub(in crate::http) async fn create(Staffed(of): Staffed, sent: Sent) -> Result<Response> {
    let sent = of.visit.fields(sent).await?;
    let code = sent.get("code").trim().to_owned();
    let created = match read(&sent, &code, Limits::default()) {
        Ok(spec) => platform(&of).plans().create(&of.actor, spec).await.map_err(Problem::from),
        Err(problem) => Err(problem),
    };
    match created {
        Ok(plan) => Ok(see(&format!("{PATH}{}/?_done=added", plan.spec.code))),
        Err(problem) => adding(&of.visit.words).refused(&of, &sent, problem),
    }
}

keyed! {
    Staffed ask_edit edit: editing do_edit;
    Staffed ask_archive archive: archiving do_archive;
    Staffed ask_reset reset: resetting do_reset;
}

async fn about(
    of: &Oneself,
    code: &str,
    title: &'static str,
    lead: &str,
    button: &'static str,
) -> Result<(Ask, Plan)> {
    let plan = found(of, code).await?;
    let ask = Ask {
        title: of.visit.text(title).with("name", &plan.spec.name).into(),
        face: Face::Staff,
        back: (format!("{PATH}{code}/"), plan.spec.name.clone()),
        lead: lead.to_owned(),
        button,
        ..Ask::default()
    };
    Ok((ask, plan))
}

async fn editing(of: &Oneself, code: &str) -> Result<Ask> {
    let words = &of.visit.words;
    let lead = words.say("plan-edit-lead");
    let (ask, plan) = about(of, code, "plan-edit-title", lead, words.say("save-the-plan")).await?;
    let from_file = (!plan.kept).then(|| Note::says(words.say("plan-from-configuration")));
    Ok(Ask { fields: fields(words, Some(&plan.spec)), notes: from_file.into_iter().collect(), ..ask })
}

async fn do_edit(of: &Oneself, _: &Client, code: &str, sent: &Fields) -> Result<String> {
    let before = found(of, code).await?.spec.limits;
    let spec = read(sent, code, before)?;
    let change = PlanChange {
        name: Some(spec.name),
        trial_days: Some(spec.trial_days),
        price: Some(spec.price),
        limits: Some(spec.limits),
        features: Some(spec.features),
        self_service: Some(spec.self_service),
        servers: Some(spec.servers),
        archived: None,
    };
    platform(of).plans().change(&of.actor, code, change).await?;
    Ok(format!("{PATH}{code}/?_done=changed"))
}

async fn archiving(of: &Oneself, code: &str) -> Result<Ask> {
    let words = &of.visit.words;
    let lead = words.say("plan-archive-lead");
    let (ask, plan) = about(of, code, "plan-archive-title", lead, words.say("archive-the-plan")).await?;
    Ok(match plan.archived {
        true => Ask {
            title: words.text("offer-again-title").with("name", &plan.spec.name).into(),
            lead: words.say("plan-offer-lead").into(),
            button: words.say("offer-it-again"),
            fields: vec![Field::new("archived", "", Kind::Hidden).value("no")],
            ..ask
        },
        false => Ask { fields: vec![Field::new("archived", "", Kind::Hidden).value("yes")], ..ask },
    })
}

async fn do_archive(of: &Oneself, _: &Client, code: &str, sent: &Fields) -> Result<String> {
    let archived = sent.get("archived") == "yes";
    let change = PlanChange { archived: Some(archived), ..PlanChange::default() };
    platform(of).plans().change(&of.actor, code, change).await?;
    Ok(format!("{PATH}{code}/?_done={}", if archived { "archived" } else { "offered" }))
}

async fn resetting(of: &Oneself, code: &str) -> Result<Ask> {
    let words = &of.visit.words;
    let lead = words.say("plan-reset-lead");
    Ok(about(of, code, "plan-reset-title", lead, words.say("return-it")).await?.0)
}

async fn do_reset(of: &Oneself, _: &Client, code: &str, _: &Fields) -> Result<String> {
    platform(of).plans().reset(&of.actor, code).await?;
    Ok(format!("{PATH}{code}/?_done=reset"))
}
