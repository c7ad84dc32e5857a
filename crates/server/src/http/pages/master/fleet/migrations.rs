//! `/master-admin/migrations/`: the databases that are behind, the reasons of failures, the newest run, and the form
//! that starts the next run.

use crate::{
    http::{
        App, admin,
        body::Json,
        pages::{
            answer::{page, see},
            frame,
            master::{
                form::{Ask, Found},
                words,
            },
            visit::{Fields, Oneself, Sent, Staffed, query},
            words::Words,
        },
        problem::{Problem, Result},
        query::QueryParams,
        scope::Staff,
    },
    wire::{
        migrations::{MigrationFailures, MigrationOptions, MigrationRehearsal, StoreMigrations},
        operation::Wait,
    },
};
use axum::response::Response;
use http::StatusCode;
use tenantry::{Error, migrations::RunOptions, operations::Listed};
use tenantry_console::{
    Notice,
    master::{Body, Button, Cell, Field, Figure, Item, Kind, Note, Section, Sheet, Table, Tone},
};

/// Address of the page.
const HERE: &str = "/master-admin/migrations/";

/// `GET /master-admin/migrations/`.
pub(in crate::http) async fn show(app: App, Staffed(of): Staffed) -> Result<Response> {
    let (migrations, words) = (app.platform().migrations(), &of.visit.words);
    let run = migrations.newest_run(false).await?;
    let Json(standing) = admin::migrations(app.clone(), Staff(of.actor.clone())).await?;
    let behind: u64 = standing.stores.iter().map(|store| store.behind).sum();
    let failed: u64 = standing.stores.iter().map(|store| store.failed).sum();
    let is_running = run.as_ref().is_some_and(|run| !run.state.is_over());
    let mut buttons = vec![];
    if !is_running && behind > 0 {
        buttons.push(Button::new(words.say("migrate-all"), format!("{HERE}run/"), "play").primary());
    }
    if !is_running && failed > 0 {
        buttons.push(Button::new(
            words.say("migrate-failed"),
            format!("{HERE}run/?failed=true"),
            "rotate-ccw",
        ));
    }
    let mut sections = vec![
        Section::new("figures", "", Body::Figures(figures(words, &standing.stores))),
        Section::new("stores", words.say("stores"), stores(words, &standing.stores)),
    ];
    if !standing.failures.is_empty() {
        let items = standing.failures.iter().map(|group| failure(words, group)).collect();
        sections.push(Section::new("failures", words.say("not-migrated"), Body::List(items)));
    }
    if let Some(run) = &run {
        sections.push(newest(words, run));
    }
    let frame = frame::of_operator(&of, words.say("migrations"));
    let sheet = Sheet {
        frame: &frame,
        back: None,
        lead: words.say("migrations-lead").into(),
        tags: vec![],
        buttons,
        sections,
    };
    Ok(page(StatusCode::OK, &sheet))
}

fn figures(words: &Words, stores: &[StoreMigrations]) -> Vec<Figure> {
    let sum = |of: fn(&StoreMigrations) -> u64| stores.iter().map(of).sum::<u64>();
    let figure = |count: u64, label: &str, href: &str, tone| Figure {
        number: words.number(count),
        label: words.known(label),
        href: href.to_owned(),
        tone: if count > 0 { tone } else { Tone::Plain },
    };
    let behind = "/master-admin/companies/?behind=true";
    vec![
        figure(sum(|of| of.behind), words.say("databases-behind"), behind, Tone::Warn),
        figure(sum(|of| of.failed), words.say("databases-refused"), "", Tone::Bad),
        figure(sum(|of| of.ahead), words.say("databases-ahead"), "", Tone::Bad),
    ]
}

fn stores(words: &Words, stores: &[StoreMigrations]) -> Body {
    let row = |of: &StoreMigrations| {
        vec![
            Cell::text(of.store.0.as_str()),
            Cell::number(words.number(of.migrations as u64)),
            Cell::number(words.number(of.behind)),
            Cell::number(words.number(of.failed)),
            Cell::number(words.number(of.ahead)),
            Cell::text(of.version.chars().take(12).collect::<String>()),
        ]
    };
    let head = words.each([
        "store",
        "migrations",
        "databases-behind",
        "databases-refused",
        "databases-ahead",
        "schema",
    ]);
    Body::Table(Table::new(&head, stores.iter().map(row).collect()))
}

fn failure(words: &Words, group: &MigrationFailures) -> Item {
    let named = group.tenants.join(", ");
    let more = group.count.saturating_sub(group.tenants.len() as u64);
    let first = group.tenants.first().map(|slug| format!("/master-admin/companies/{slug}/"));
    Item {
        tone: Tone::Bad,
        text: words.known(&group.reason),
        href: first.unwrap_or_default(),
        small: words
            .text("failure-of")
            .with("store", &group.store)
            .with("tenants", named)
            .with("more", more)
            .into(),
        button: None,
    }
}

/// Returns the section about the newest run: its progress or its result.
fn newest(words: &Words, run: &Listed) -> Section {
    let count = |store: &serde_json::Value, of: &str| words.number(store[of].as_u64().unwrap_or(0));
    let told = run.result.as_ref().and_then(|result| result["stores"].as_array());
    let result = told.into_iter().flatten().map(|store| {
        let halted = if store["halted"] == true { words.say("run-halted") } else { "" };
        let text = words
            .text("run-of-store")
            .with("migrated", count(store, "migrated"))
            .with("total", count(store, "total"))
            .with("failed", count(store, "failed"));
        let name = words.text("result-of").with("store", store["store"].as_str().unwrap_or_default());
        (name.into(), Cell::text(text).small(halted))
    });
    let progress = run.progress.as_ref().filter(|_| !run.state.is_over());
    let progress = progress
        .map(|of| (words.say("progress").to_owned(), Cell::text(words.amount(&of.unit, of.done, of.total))));
    let facts = [
        (words.say("state").to_owned(), words::operation(words, run)),
        (words.say("what").to_owned(), Cell::text(words.known(&run.what))),
        (words.say("by").to_owned(), Cell::text(&run.actor)),
        (words.say("started").to_owned(), words::at(words, run.started_at_us)),
    ];
    let facts = facts.into_iter().chain(progress).chain(result).collect();
    let open = Button::new(
        words.say("see-its-steps"),
        format!("/master-admin/operations/{}/", run.id),
        "list-checks",
    );
    Section::new("run", words.say("newest-run"), Body::Facts(facts)).buttons(vec![open])
}

/// `GET /master-admin/migrations/run/`.
pub(in crate::http) async fn ask(Staffed(of): Staffed) -> Result<Response> {
    let failed = query(&of.visit.query).get("failed") == "true";
    Ok(asking(&of, failed).show(&of))
}

fn asking(of: &Oneself, failed: bool) -> Ask {
    let (words, usual) = (&of.visit.words, RunOptions::default());
    let is = |on: bool| if on { "yes" } else { "" };
    Ask {
        title: words.say("migrate-all").into(),
        back: (HERE.into(), words.say("migrations").into()),
        lead: words.say("migrate-all-lead").into(),
        notes: vec![Note::says(words.say("migrate-all-note"))],
        fields: vec![
            Field::new("canaries", words.say("tried-first"), Kind::Number)
                .value(usual.canaries.to_string())
                .help(words.say("tried-first-help")),
            Field::new("parallel", words.say("at-the-same-time"), Kind::Number)
                .value(usual.parallel.to_string()),
            Field::new("failed", words.say("only-failed"), Kind::Check).value(is(failed)).optional(),
            Field::new("external", words.say("brought-too"), Kind::Check).optional(),
        ],
        check: words.say("try-without-a-change"),
        button: words.say("migrate"),
        ..Ask::default()
    }
}

/// `POST /master-admin/migrations/run/`.
pub(in crate::http) async fn run(app: App, Staffed(of): Staffed, sent: Sent) -> Result<Response> {
    let fields = of.visit.fields(sent).await?;
    let form = match wanted(&fields) {
        Ok(form) => form,
        Err(problem) => return asking(&of, false).refused(&of, &fields, problem),
    };
    let staff = Staff(of.actor.clone());
    if fields.filled("_check").is_some() {
        return match admin::check_migrations(app, staff, Json(form)).await {
            Ok(Json(found)) => {
                Ok(asking(&of, false).looked(&of, &fields, tried(&of.visit.words, &found.items)))
            }
            Err(problem) => asking(&of, false).refused(&of, &fields, problem),
        };
    }
    match admin::start_migrations(app, staff, QueryParams(Wait { wait: None }), Json(form)).await {
        Ok(started) => Ok(see(&format!("/master-admin/operations/{}/", started.id()))),
        Err(problem) => asking(&of, false).refused(&of, &fields, problem),
    }
}

fn wanted(fields: &Fields) -> Result<MigrationOptions> {
    let number = |name: &'static str| {
        let text = fields.filled(name);
        let number = text.map(str::parse::<u32>).transpose();
        number.map_err(|_| Problem::from(Error::invalid(name, "must be a number")))
    };
    Ok(MigrationOptions {
        parallel: number("parallel")?.map(|number| number as usize),
        canaries: number("canaries")?,
        external: Some(fields.filled("external").is_some()),
        failed: Some(fields.filled("failed").is_some()),
    })
}

/// Returns the parts of the page that show the result of a dry run.
fn tried(words: &Words, found: &[MigrationRehearsal]) -> Found {
    let total: u64 = found.iter().map(|store| store.total).sum();
    let all = || found.iter().flat_map(|store| &store.tried);
    let refused = all().filter(|tried| tried.reason.is_some()).count();
    let notice = match (total, refused) {
        (0, _) => Notice::done(words.say("tried-nothing-behind")),
        (_, 0) => Notice::done(words.text("tried-well").with("count", all().count()).with("total", total)),
        _ => Notice::wrong(words.text("tried-refused").with("refused", refused).with("count", all().count())),
    };
    let rows = found.iter().flat_map(|store| {
        store.tried.iter().map(|tried| {
            let state = match &tried.reason {
                Some(reason) => Cell::tag(words.say("refused"), Tone::Bad).small(words.known(reason)),
                None => Cell::tag(words.say("fits"), Tone::Good),
            };
            let company = Cell::link(&tried.tenant, format!("/master-admin/companies/{}/", tried.tenant));
            vec![company, Cell::text(store.store.0.as_str()), state]
        })
    });
    let rows: Vec<_> = rows.collect();
    let head = words.each(["company", "store", "result"]);
    let sections = match rows.is_empty() {
        true => vec![],
        false => vec![Section::new(
            "tried",
            words.say("tried-and-rolled-back"),
            Body::Table(Table::new(&head, rows)),
        )],
    };
    Found { notice, sections }
}
