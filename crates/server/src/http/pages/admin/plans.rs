//! `/admin/plans/`: plans with their limits and companies; add, change, archive.

use super::{is_on, keyed, platform};
use crate::http::{
    admin,
    pages::{
        answer::{page, see},
        frame,
        master::form::Ask,
        visit::{Fields, Oneself, Sent, Staffed, query},
        words::{bytes, number},
    },
    problem::{FieldProblem, Problem, Result},
    scope::Client,
};
use axum::{extract::Path, response::Response};
use http::StatusCode;
use std::collections::BTreeSet;
use tenantry::{
    Error,
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
    let plans = platform(&of).plans().list().await?;
    let plans = admin::counted_plans(&of.visit.app, &of.actor, plans).await?;
    let row = |of: &crate::wire::plan::StaffPlan| {
        let plan = &of.plan;
        vec![
            Cell::link(&plan.name, format!("{PATH}{}/", plan.code)).small(plan.code.clone()),
            Cell::text(&plan.price),
            Cell::text(if plan.trial_days == 0 {
                "none".into()
            } else {
                format!("{} days", plan.trial_days)
            }),
            Cell {
                is_number: true,
                ..Cell::link(number(of.tenants), format!("/admin/companies/?plan={}", plan.code))
            },
            tag(of.archived, plan.self_service),
            Cell::text(if of.kept { "Staff" } else { "Configuration" }),
        ]
    };
    let body = match plans.is_empty() {
        true => Body::Nothing(
            "credit-card",
            "There is no plan yet".into(),
            "Add one, or take those of the configuration: tenantry plan init".into(),
        ),
        false => Body::Table(Table::new(
            &["Plan", "Price", "Trial", "Companies", "State", "Set by"],
            plans.iter().map(row).collect(),
        )),
    };
    let mut frame = frame::of_staff(&of, "Plans");
    frame.notice = done(query(&of.visit.query).get("_done"));
    let sheet = Sheet {
        frame: &frame,
        back: None,
        lead: "What companies may use, and how much of it. The platform does not bill.".into(),
        tags: vec![],
        buttons: vec![Button::new("Add a plan", "/admin/plans/add/", "plus").primary()],
        sections: vec![Section::new("list", "", body)],
    };
    Ok(page(StatusCode::OK, &sheet))
}

fn done(what: &str) -> Option<Notice> {
    Some(Notice::done(match what {
        "added" => "The plan is added.",
        "changed" => "The plan is changed. Companies on it have the new limits now.",
        "archived" => "The plan is archived. Companies on it keep it.",
        "offered" => "The plan is on offer again.",
        "reset" => "The plan is as the configuration says.",
        _ => return None,
    }))
}

fn tag(archived: bool, self_service: bool) -> Cell {
    match (archived, self_service) {
        (true, _) => Cell::tag("Archived", Tone::Warn),
        (false, true) => Cell::tag("On offer", Tone::Good),
        (false, false) => Cell::tag("Given by staff", Tone::Plain),
    }
}

async fn found(of: &Oneself, code: &str) -> Result<Plan> {
    let plans = platform(of).plans().list().await?;
    plans.into_iter().find(|plan| plan.spec.code == code).ok_or_else(|| Error::NotFound("plan").into())
}

/// `GET /admin/plans/{code}/`.
pub(in crate::http) async fn show(Staffed(of): Staffed, Path(code): Path<String>) -> Result<Response> {
    let plan = found(&of, &code).await?;
    let counts = platform(&of).plans().counts(&of.actor).await?;
    let companies = counts.iter().find(|(known, _)| *known == code).map_or(0, |(_, n)| *n);
    let spec = &plan.spec;
    let limit = |value: Option<u64>| Cell::text(value.map_or_else(|| "no limit".into(), number));
    let size = |value: Option<u64>| Cell::text(value.map_or_else(|| "no limit".into(), bytes));
    let facts = [
        ("Price", Cell::text(&spec.price)),
        (
            "Trial",
            Cell::text(if spec.trial_days == 0 {
                "none".into()
            } else {
                format!("{} days", spec.trial_days)
            }),
        ),
        ("Companies on it", Cell::link(number(companies), format!("/admin/companies/?plan={code}"))),
        ("Set by", Cell::text(if plan.kept { "Staff" } else { "Configuration" })),
        ("Features", Cell::text(spec.features.iter().cloned().collect::<Vec<_>>().join(", "))),
    ];
    let limits = [
        ("People", limit(spec.limits.users)),
        ("Records", limit(spec.limits.rows)),
        ("Database", size(spec.limits.bytes)),
        ("Files", size(spec.limits.file_bytes)),
        ("Requests per second", limit(spec.limits.requests_per_second)),
        ("Requests at the same time", limit(spec.limits.concurrency)),
    ];
    let named = |facts: &[(&str, Cell)]| -> Vec<(String, Cell)> {
        facts.iter().map(|(name, cell)| ((*name).to_owned(), cell.clone())).collect()
    };
    let at = |text: &str, act: &str, icon| Button::new(text, format!("{PATH}{code}/{act}/"), icon);
    let mut buttons = vec![at("Change", "edit", "pencil").primary()];
    buttons.push(match plan.archived {
        true => at("Offer again", "archive", "undo-2"),
        false => at("Archive", "archive", "archive"),
    });
    if plan.kept && platform(&of).config().plan(&code).is_some() {
        buttons.push(at("Return to the configuration", "reset", "rotate-ccw"));
    }
    let mut frame = frame::of_staff(&of, &spec.name);
    frame.notice = done(query(&of.visit.query).get("_done"));
    let sheet = Sheet {
        frame: &frame,
        back: Some((PATH.into(), "Plans".into())),
        lead: code.clone(),
        tags: vec![tag(plan.archived, spec.self_service)],
        buttons,
        sections: vec![
            Section::new("plan", "Plan", Body::Facts(named(&facts))),
            Section::new("limits", "Limits", Body::Facts(named(&limits))),
        ],
    };
    Ok(page(StatusCode::OK, &sheet))
}

/// Returns the fields of a plan.
fn fields(spec: Option<&PlanSpec>) -> Vec<Field> {
    let limits = spec.map(|spec| spec.limits).unwrap_or_default();
    let number = |name, label, value: Option<u64>| {
        Field::new(name, label, Kind::Number)
            .optional()
            .value(value.map(|n| n.to_string()).unwrap_or_default())
    };
    let size = |name, label, value: Option<u64>| {
        number(name, label, value.map(|bytes| bytes / MIB)).help("In MiB. Empty: no limit.")
    };
    let text = |of: fn(&PlanSpec) -> String| spec.map(of).unwrap_or_default();
    let features = spec.map(|spec| spec.features.iter().cloned().collect::<Vec<_>>().join(", "));
    let is_offered = spec.is_none_or(|spec| spec.self_service);
    let mut all = vec![
        Field::new("name", "Name", Kind::Text).value(text(|spec| spec.name.clone())),
        Field::new("price", "Price", Kind::Text)
            .optional()
            .value(text(|spec| spec.price.clone()))
            .help("As people read it, for example 49 € a month."),
        Field::new("trial_days", "Days of trial", Kind::Number)
            .value(spec.map_or(14, |spec| spec.trial_days).to_string())
            .help("0: companies pay from the first day."),
        number("users", "People", limits.users).help("Empty: no limit."),
        number("rows", "Records", limits.rows).help("Empty: no limit."),
        size("bytes", "Database", limits.bytes),
        size("file_bytes", "Files", limits.file_bytes),
        number("requests_per_second", "Requests per second", limits.requests_per_second)
            .help("Empty: no limit."),
        number("concurrency", "Requests at the same time", limits.concurrency).help("Empty: no limit."),
        Field::new("features", "Features", Kind::Text)
            .optional()
            .value(features.unwrap_or_default())
            .help("Names that the apps know, separated by commas."),
        Field::new("self_service", "Companies may choose it when they register", Kind::Check)
            .value(if is_offered { "yes" } else { "" }),
    ];
    if spec.is_none() {
        let code = Field::new("code", "Code", Kind::Text)
            .help("Small letters, digits and _, for example team_plus. It cannot be changed later.");
        all.insert(1, code);
    }
    all
}

/// Reads the fields of a plan. Sizes are in MiB on the page; a size that was not changed keeps its bytes.
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
    let features = sent.get("features").split(',').map(str::trim).filter(|name| !name.is_empty());
    Ok(PlanSpec {
        code: code.to_owned(),
        name: sent.get("name").trim().to_owned(),
        trial_days,
        price: sent.get("price").trim().to_owned(),
        limits,
        features: features.map(str::to_owned).collect::<BTreeSet<_>>(),
        self_service: is_on(sent, "self_service"),
    })
}

fn adding() -> Ask {
    Ask {
        title: "Add a plan".into(),
        face: Face::Staff,
        back: (PATH.into(), "Plans".into()),
        lead: "What companies on it may use. Empty limits do not limit.".into(),
        fields: fields(None),
        button: "Add the plan",
        ..Ask::default()
    }
}

/// `GET /admin/plans/add/`.
pub(in crate::http) async fn add(Staffed(of): Staffed) -> Result<Response> {
    Ok(adding().show(&of))
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
        Err(problem) => adding().refused(&of, &sent, problem),
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
    title: &str,
    lead: &str,
    button: &'static str,
) -> Result<(Ask, Plan)> {
    let plan = found(of, code).await?;
    let ask = Ask {
        title: title.replace("{}", &plan.spec.name),
        face: Face::Staff,
        back: (format!("{PATH}{code}/"), plan.spec.name.clone()),
        lead: lead.to_owned(),
        button,
        ..Ask::default()
    };
    Ok((ask, plan))
}

async fn editing(of: &Oneself, code: &str) -> Result<Ask> {
    let lead = "Companies on it have the new limits at once. What they hold already stays.";
    let (ask, plan) = about(of, code, "Change {}", lead, "Save the plan").await?;
    let from_file = (!plan.kept)
        .then(|| Note::says("The configuration sets this plan now. Once you save, only staff change it."));
    Ok(Ask { fields: fields(Some(&plan.spec)), notes: from_file.into_iter().collect(), ..ask })
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
        archived: None,
    };
    platform(of).plans().change(&of.actor, code, change).await?;
    Ok(format!("{PATH}{code}/?_done=changed"))
}

async fn archiving(of: &Oneself, code: &str) -> Result<Ask> {
    let lead = "No company can begin on it any more. Companies on it keep it.";
    let (ask, plan) = about(of, code, "Archive {}", lead, "Archive the plan").await?;
    Ok(match plan.archived {
        true => Ask {
            title: format!("Offer {} again", plan.spec.name),
            lead: "Companies can begin on it again.".into(),
            button: "Offer it again",
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
    let lead = "Its name, price, limits and features are those of tenantry.toml again.";
    Ok(about(of, code, "Return {} to the configuration", lead, "Return it").await?.0)
}

async fn do_reset(of: &Oneself, _: &Client, code: &str, _: &Fields) -> Result<String> {
    platform(of).plans().reset(&of.actor, code).await?;
    Ok(format!("{PATH}{code}/?_done=reset"))
}
