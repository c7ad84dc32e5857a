//! `/master-admin/proof/`: proofs of isolation, the form that starts one, and each result as a page to print.

use crate::{
    http::{
        App, admin,
        body::Json,
        names::PathId,
        pages::{
            answer::{page, see},
            frame,
            master::{form::Ask, people::People, words},
            visit::{Fields, Oneself, Sent, Staffed, query},
            words::Words,
        },
        problem::{Problem, Result},
        query::QueryParams,
        scope::Staff,
    },
    wire::{operation::Wait, proof::ProofForm},
};
use axum::response::Response;
use http::StatusCode;
use tenantry::{
    Error,
    proofs::{Kept, Listed, ProofOptions, Report, Rule},
};
use tenantry_console::master::{Body, Button, Cell, Field, Kind, Note, Printed, Section, Sheet, Table, Tone};

/// Address of the page.
const HERE: &str = "/master-admin/proof/";

/// `GET /master-admin/proof/`.
pub(in crate::http) async fn list(app: App, Staffed(of): Staffed) -> Result<Response> {
    let words = &of.visit.words;
    let listed = app.platform().proofs().list(&of.actor, None).await?;
    let people = People::of(&of, &listed.iter().map(|one| one.by.as_str()).collect::<Vec<_>>()).await?;
    let body = match listed.is_empty() {
        true => {
            Body::Nothing("shield", words.say("no-proof-yet").into(), words.say("no-proof-yet-help").into())
        }
        false => Body::Table(table(words, &people, &listed)),
    };
    let frame = frame::of_operator(&of, words.say("proofs"));
    let sheet = Sheet {
        frame: &frame,
        back: None,
        lead: words.say("proofs-lead").into(),
        tags: vec![],
        buttons: vec![Button::new(words.say("prove-it"), format!("{HERE}run/"), "shield").primary()],
        sections: vec![Section::new("proofs", words.say("proofs-kept"), body)],
    };
    Ok(page(StatusCode::OK, &sheet))
}

fn table(words: &Words, people: &People, listed: &[Listed]) -> Table {
    let row = |one: &Listed| {
        let all = words.say("all-companies");
        vec![
            Cell::link(words.instant(one.at_us), format!("{HERE}{}/", one.id)),
            verdict(words, one.findings, one.unchecked),
            Cell::text(one.tenant.as_deref().unwrap_or(all)),
            Cell::number(words.number(one.findings)),
            Cell::number(words.number(one.unchecked)),
            Cell::text(people.name(&one.by)),
        ]
    };
    let head = words.each(["when", "result", "company", "violations", "not-checked", "by"]);
    Table::new(&head, listed.iter().map(row).collect())
}

/// Returns the result of a proof as a tag.
fn verdict(words: &Words, findings: u64, unchecked: u64) -> Cell {
    match (findings, unchecked) {
        (0, 0) => Cell::tag(words.say("isolation-holds"), Tone::Good),
        (0, _) => Cell::tag(words.say("isolation-holds-partly"), Tone::Warn),
        _ => Cell::tag(words.say("isolation-broken"), Tone::Bad),
    }
}

/// `GET /master-admin/proof/{id}/`.
pub(in crate::http) async fn show(app: App, Staffed(of): Staffed, PathId(id): PathId) -> Result<Response> {
    let words = &of.visit.words;
    let kept = app.platform().proofs().get(&of.actor, id).await?;
    let report = &kept.report;
    let people = People::of(&of, &[report.by.as_str()]).await?;
    let title = match &report.tenant {
        Some(slug) => words.text("proof-of").with("company", slug.as_str()).to_string(),
        None => words.say("proof-of-all").to_owned(),
    };
    let mut sections =
        vec![Section::new("rules", words.say("what-was-checked"), Body::Table(rules(words, report)))];
    if !report.findings.is_empty() {
        let help = more(words, report.violated, report.findings.len());
        let table = Body::Table(findings(words, report));
        sections.insert(0, Section::new("findings", words.say("violations"), table).help(help));
    }
    sections.push(missed(words, report));
    let log = [
        (words.say("digest").to_owned(), kept.listed.digest.clone()),
        (words.say("certificate-row").to_owned(), kept.listed.audit.to_string()),
    ];
    let frame = frame::of_operator(&of, title);
    let view = Printed {
        frame: &frame,
        back: (HERE, words.say("proofs")),
        lead: words.say("proof-lead"),
        facts: &facts(words, &people, &kept),
        sections: &sections,
        proof: &log,
    };
    Ok(page(StatusCode::OK, &view))
}

fn facts(words: &Words, people: &People, kept: &Kept) -> Vec<(String, Cell)> {
    let report = &kept.report;
    let verified = match kept.verified {
        true => Cell::tag(words.say("digest-agrees"), Tone::Good),
        false => Cell::tag(words.say("digest-differs"), Tone::Bad).small(words.say("digest-differs-help")),
    };
    let places = words
        .text("proof-amounts")
        .with("companies", words.number(report.tenants))
        .with("places", words.number(report.places))
        .with("pools", words.number(report.pools));
    let took_ms = u64::try_from((report.ended_at_us - report.started_at_us) / 1000).unwrap_or(0);
    [
        ("result", verdict(words, report.violated, report.missed)),
        ("checked-of", Cell::text(places)),
        ("when", words::at(words, report.ended_at_us).small(words.text("proof-took").with("ms", took_ms))),
        ("by", Cell::text(people.name(&report.by))),
        ("installation", Cell::text(&report.installation)),
        ("version", Cell::text(&report.version)),
        ("audit-log", verified),
    ]
    .into_iter()
    .map(|(name, cell)| (words.say(name).to_owned(), cell))
    .collect()
}

fn rules(words: &Words, report: &Report) -> Table {
    let row = |rule: &Rule| {
        let ruled = report.rules.iter().find(|ruled| ruled.rule == *rule);
        let (checked, violated) = ruled.map_or((0, 0), |ruled| (ruled.checked, ruled.violated));
        let result = match (checked, violated) {
            (_, 1..) => Cell::tag(words.text("violated-times").with("count", violated), Tone::Bad),
            (0, _) => Cell::tag(words.say("nothing-to-check"), Tone::Plain),
            _ => Cell::tag(words.say("holds"), Tone::Good),
        };
        vec![Cell::text(words.known(rule.says())), Cell::number(words.number(checked)), result]
    };
    let head = words.each(["rule", "checked-times", "result"]);
    Table::new(&head, Rule::ALL.iter().map(row).collect())
}

fn findings(words: &Words, report: &Report) -> Table {
    let rows = report.findings.iter().map(|one| {
        let company = match &one.tenant {
            Some(slug) => Cell::link(slug.as_str(), format!("/master-admin/companies/{slug}/")),
            None => Cell::text(words.say("shared-by-companies")),
        };
        vec![
            company,
            Cell::text(&one.place).small(&one.store),
            Cell::text(words.known(one.rule.says())).small(&one.detail),
            Cell::text(words.known(&one.remedy)),
        ]
    });
    let head = words.each(["company", "where", "what", "remedy"]);
    Table::new(&head, rows.collect())
}

/// Returns the section about everything that was not checked.
fn missed(words: &Words, report: &Report) -> Section {
    let mut help = more(words, report.missed, report.unchecked.len());
    if report.brought > 0 {
        help = format!("{help} {}", words.text("brought-not-proven").with("count", report.brought));
    }
    if !report.unchecked.is_empty() {
        help = format!("{} {help}", words.say("never-proven"));
    }
    let body = match report.unchecked.is_empty() {
        true => Body::Nothing(
            "circle-check",
            words.say("nothing-left-out").into(),
            words.say("never-proven").into(),
        ),
        false => {
            let rows = report.unchecked.iter().map(|one| {
                let all = words.say("shared-by-companies");
                vec![
                    Cell::text(one.tenant.as_ref().map_or(all, |slug| slug.as_str())),
                    Cell::text(&one.place).small(&one.store),
                    Cell::text(words.known(&one.reason)),
                ]
            });
            Body::Table(Table::new(&words.each(["company", "where", "why"]), rows.collect()))
        }
    };
    Section::new("unchecked", words.say("not-checked"), body).help(help)
}

/// Returns the text about entries that are counted but not listed; empty if all are listed.
fn more(words: &Words, count: u64, listed: usize) -> String {
    let more = count.saturating_sub(listed as u64);
    if more == 0 { String::new() } else { words.text("and-more").with("count", more).into() }
}

/// `GET /master-admin/proof/run/`.
pub(in crate::http) async fn ask(Staffed(of): Staffed) -> Result<Response> {
    let company = query(&of.visit.query).get("company").to_owned();
    Ok(asking(&of, company).show(&of))
}

fn asking(of: &Oneself, company: String) -> Ask {
    let (words, usual) = (&of.visit.words, ProofOptions::default());
    Ask {
        title: words.say("prove-it").into(),
        back: (HERE.into(), words.say("proofs").into()),
        lead: words.say("prove-it-lead").into(),
        notes: vec![Note::says(words.say("prove-it-note"))],
        fields: vec![
            Field::new("tenant", words.say("company"), Kind::Text)
                .value(company)
                .help(words.say("prove-company-help"))
                .optional(),
            Field::new("parallel", words.say("at-the-same-time"), Kind::Number)
                .value(usual.parallel.to_string()),
            Field::new("per_second", words.say("begun-per-second"), Kind::Number)
                .value(usual.per_second.to_string())
                .help(words.say("per-second-help")),
        ],
        button: words.say("prove-it"),
        ..Ask::default()
    }
}

/// `POST /master-admin/proof/run/`.
pub(in crate::http) async fn run(app: App, Staffed(of): Staffed, sent: Sent) -> Result<Response> {
    let fields = of.visit.fields(sent).await?;
    let ask = || asking(&of, fields.get("tenant").to_owned());
    let form = match wanted(&fields) {
        Ok(form) => form,
        Err(problem) => return ask().refused(&of, &fields, problem),
    };
    let (staff, wait) = (Staff(of.actor.clone()), QueryParams(Wait { wait: None }));
    match admin::start_proof(app, staff, wait, Json(form)).await {
        Ok(started) => Ok(see(&format!("/master-admin/operations/{}/", started.id()))),
        Err(problem) => ask().refused(&of, &fields, problem),
    }
}

fn wanted(fields: &Fields) -> Result<ProofForm> {
    let number = |name: &'static str| {
        let number = fields.filled(name).map(str::parse::<u32>).transpose();
        number.map_err(|_| Problem::from(Error::invalid(name, "must be a number")))
    };
    Ok(ProofForm {
        tenant: fields.filled("tenant").map(|slug| crate::wire::Slug(slug.to_owned())),
        parallel: number("parallel")?.map(|number| number as usize),
        per_second: number("per_second")?,
    })
}
